//! Every sampler by its name on the shipped model and on a mixture, at 1, 2 and 50 steps.

use burn::tensor::Device;
use scorefield::{
    model::Model,
    sampler::{Sampler, SamplerKind, Settings},
};

const STEPS: [usize; 3] = [1, 2, 50];

fn model(path: &str) -> Model {
    let bytes = std::fs::read(path).expect("the file is in the repository");
    Model::from_bytes(path, &bytes, &Device::flex()).expect("it is a good file")
}

/// The last samples, or the error that the run ends with.
fn run(model: &Model, settings: &Settings) -> Result<Vec<f32>, String> {
    let device = Device::flex();
    let score = model.score(&vec![settings.label; settings.n], 1.0, &device).expect("label and guidance are good");
    let mut sampler =
        Sampler::new(settings, model.process(), model.dim(), &device).map_err(|error| error.to_string())?;
    while sampler.step(&*score).map_err(|error| error.to_string())?.is_some() {}
    Ok(sampler.x().into_data().iter::<f32>().collect())
}

fn rms(values: impl Iterator<Item = f32>) -> f32 {
    let squares: Vec<f32> = values.map(|value| value * value).collect();
    (squares.iter().sum::<f32>() / squares.len() as f32).sqrt()
}

#[test]
fn on_the_shipped_model() {
    let model = model("web/models/fashion.safetensors");
    let settings = |sampler, steps| Settings { sampler, steps, n: 1, seed: 2, label: Some(1), ..Settings::default() };
    let fine = run(&model, &settings(SamplerKind::Heun, 50)).expect("heun runs");
    for (&kind, steps) in SamplerKind::all().iter().flat_map(|kind| STEPS.map(|steps| (kind, steps))) {
        let result = run(&model, &settings(kind, steps));
        if matches!(kind, SamplerKind::Mala | SamplerKind::Hmc) {
            let error = result.expect_err("a network has no log-density");
            assert!(error.contains(kind.name()) && error.contains("log-density"), "{error}");
            continue;
        }
        let x = result.unwrap_or_else(|error| panic!("{} at {steps} steps: {error}", kind.name()));
        // Noise and its scale, whatever the steps: VP's x has a size of about 1. A ladder in x/α starts at 152.
        if kind != SamplerKind::AnnealedLangevin {
            assert!(rms(x.iter().copied()) < 6.0, "{} at {steps} steps: {}", kind.name(), rms(x.iter().copied()));
        }
        // Solvers of one flow from one start end in one picture; Euler and DDIM are of order 1, an eighth of the
        // range of [−1, 1] off in the mean.
        let solver = match kind {
            SamplerKind::Euler | SamplerKind::Ddim => Some(0.25),
            SamplerKind::Rk4 | SamplerKind::Ode | SamplerKind::DpmSolver | SamplerKind::Dpmpp2m | SamplerKind::Edm => {
                Some(0.1)
            }
            _ => None,
        };
        if let Some(most) = solver.filter(|_| steps == 50) {
            let off = rms(x.iter().zip(&fine).map(|(a, b)| a - b));
            assert!(off < most, "{}: {off} from heun's picture", kind.name());
        }
    }
}

#[test]
fn on_a_mixture() {
    // 0.6·N((2, 0), 0.5²) and 0.4·N((−2, 1), diag(0.2², 0.4²)).
    const N: usize = 2000;
    let model = model("tests/reference/mixture2d.toml");
    for (&kind, steps) in SamplerKind::all().iter().flat_map(|kind| STEPS.map(|steps| (kind, steps))) {
        let settings = Settings { sampler: kind, steps, n: N, seed: 2, ..Settings::default() };
        let x = run(&model, &settings).unwrap_or_else(|error| panic!("{} at {steps} steps: {error}", kind.name()));
        let right = x.chunks_exact(2).filter(|point| point[0] > 0.0).count() as f64 / N as f64;
        // Those that come down from noise find the weights; those that stay at the data's level keep to the basin of
        // their start. √(0.6·0.4/2000) = 0.011; the rest is the bias of 50 steps.
        let finds = !kind.stays() && kind != SamplerKind::AnnealedLangevin;
        if steps == 50 && finds {
            assert!((right - 0.6).abs() < 0.04 + 4.0 * 0.011, "{}: {right} of the mass is right", kind.name());
            let near = x.chunks_exact(2).filter(|p| {
                let (a, b) = ((p[0] - 2.0).hypot(p[1]) / 0.5, ((p[0] + 2.0) / 0.2).hypot((p[1] - 1.0) / 0.4));
                a.min(b) < 4.0
            });
            assert!(near.count() as f64 > 0.95 * N as f64, "{}: stray points", kind.name());
        }
    }
}
