//! A score of one's own, followed by a sampler: `cargo run --release --example own_score`.
//!
//! Of N(m, s²I) the forward process makes N(α·m, (α²s² + σ²)·I), so that s(x, t) = −(x − α·m)/(α²s² + σ²).

use burn::{Tensor, tensor::Device};
use scorefield::{
    sampler::{Sampler, SamplerKind, Settings},
    score::Score,
    sde::{Level, Process, Vp},
};

struct Gaussian {
    mean: [f32; 2],
    std: f64,
}

impl Score for Gaussian {
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        let mean = Tensor::<2>::from_data([self.mean], &x.device()) * level.alpha;
        let variance = (level.alpha * self.std).powi(2) + level.sigma.powi(2);
        (mean - x) / variance
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (device, process) = (Device::flex(), Process::Vp(Vp::default()));
    let settings = Settings { sampler: SamplerKind::Heun, n: 10_000, steps: Some(40), ..Settings::default() };
    let score = Gaussian { mean: [1.0, -2.0], std: 0.5 };

    let mut sampler = Sampler::new(&settings.plan(&process, 2)?, &device)?;
    while sampler.step(&score)?.is_some() {}

    let samples = sampler.x();
    let mean = samples.clone().mean_dim(0);
    let variance = (samples - mean.clone()).square().mean_dim(0);
    eprintln!("mean {} for (1, −2), variance {} for (0.25, 0.25)", mean.into_data(), variance.into_data());
    Ok(())
}
