//! The optimiser against PyTorch's Adam and clipping and `torch_ema`'s average, float64:
//! `tests/reference/training.py`.

use burn::{Tensor, tensor::Device};
use scorefield::train::optimiser::{Decay, Optimiser, OptimiserConfig};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    lr: f64,
    clip: f64,
    ema: f64,
    initial: Vec<f32>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    gradient: Vec<f32>,
    norm: f64,
    parameters: Vec<f64>,
    average: Vec<f64>,
    moment1: Vec<f64>,
    moment2: Vec<f64>,
}

#[test]
fn adam_clipping_and_average_agree_with_pytorch() {
    let fixture: Fixture = serde_json::from_str(include_str!("../reference/training.json")).unwrap();
    let device = Device::flex();
    for Run { lr, clip, ema, initial, steps } in &fixture.runs {
        let (beta1, beta2, epsilon) = (0.9, 0.999, 1e-8);
        let config = OptimiserConfig {
            lr: *lr,
            warmup: 0,
            decay: Decay::Constant,
            beta1,
            beta2,
            epsilon,
            clip: *clip,
            ema: *ema,
        };
        let tensor = |values: &[f32]| Tensor::<1>::from_data(values, &device);
        let mut optimiser = Optimiser::new(config, tensor(initial), &device);
        let count = steps.len() as u64;
        for (k, step) in (0..).zip(steps) {
            optimiser.step(tensor(&step.gradient), step.norm, k, count);
            let close = |what: &str, actual: &Tensor<1>, expected: &[f64], relative: f64, absolute: f64| {
                let actual = actual.clone().into_data();
                for (i, (a, e)) in actual.iter::<f64>().zip(expected).enumerate() {
                    let bound = relative * e.abs() + absolute;
                    assert!((a - e).abs() <= bound, "lr {lr}, step {k}: {what}[{i}] is {a:e}, not {e:e}");
                }
            };
            // Five steps of a few operations, each off by at most f32's unit, 6e-8. The numbers themselves are
            // at most 2: each step's rounding is at most 1.2e-7, while a step moves most of them by lr ≥ 1e-3.
            close("moment1", &optimiser.moment1, &step.moment1, 1e-6, 1e-8);
            close("moment2", &optimiser.moment2, &step.moment2, 2e-6, 0.0);
            close("parameters", &optimiser.parameters, &step.parameters, 0.0, 6e-7);
            close("average", &optimiser.average, &step.average, 0.0, 6e-7);
        }
    }
}
