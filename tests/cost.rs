//! What a sampler costs beside its network evaluations, at batch 16 on the shipped model.

use std::time::{Duration, Instant};

use burn::{Tensor, tensor::Device};
use scorefield::{
    model::Model,
    sampler::{Sampler, SamplerKind, Settings},
    score::Score,
    sde::{Level, Process},
};

const BATCH: usize = 16;

/// N(0, 1)'s score: next to nothing to evaluate.
struct Free;

impl Score for Free {
    fn score(&self, x: Tensor<2>, _: &Level) -> Tensor<2> {
        -x
    }
}

/// Seconds an evaluation of a whole run.
fn per_evaluation(settings: &Settings, process: &Process, d: usize, score: &dyn Score) -> f64 {
    let mut sampler = Sampler::new(settings, process, d, &Device::flex()).expect("the settings are good");
    let begun = Instant::now();
    while sampler.step(score).expect("the sampler runs").is_some() {}
    begun.elapsed().as_secs_f64() / sampler.nfe() as f64
}

#[test]
fn samplers_cost_next_to_nothing() {
    let bytes = std::fs::read("web/models/fashion.safetensors").expect("the shipped model is in the repository");
    let model = Model::from_bytes("fashion", &bytes, &Device::flex()).expect("it is a good file");
    let (process, d) = (model.process(), model.dim());
    let network = model.score(&[Some(3); BATCH], 1.0, &Device::flex()).expect("there is a class 3");
    // The least of three runs each: whatever else the machine does only adds.
    let least = |settings: &Settings, score: &dyn Score| {
        (0..3).map(|_| per_evaluation(settings, process, d, score)).fold(f64::INFINITY, f64::min)
    };
    let settings = |sampler, steps| Settings { sampler, steps, n: BATCH, ..Settings::default() };
    let evaluation = least(&settings(SamplerKind::Euler, 8), &*network);
    for &kind in SamplerKind::all() {
        // They need a log-density, which the network does not have.
        if matches!(kind, SamplerKind::Mala | SamplerKind::Hmc) {
            continue;
        }
        let own = least(&settings(kind, 20), &Free);
        let share = own / evaluation;
        println!("{}: {:?} an evaluation, {:.1} %", kind.name(), Duration::from_secs_f64(own), 100.0 * share);
        assert!(share <= 0.03, "{} adds {:.1} % to {evaluation} s", kind.name(), 100.0 * share);
    }
}
