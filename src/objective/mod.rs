//! Denoising score matching over continuous time (Vincent 2011; Song et al. 2021, eq. 7), on F.
//!
//! With x = α·x₀ + σ·ε and σ̂ = σ/α the score s = −x/V + (α·σ_d)/(σ√V)·F matches −ε/σ where F is
//!
//! F* = (σ̂·x₀ − σ_d²·ε)/(σ_d√(σ̂² + σ_d²)),
//!
//! and |F − F*|² = σ²V/(α²σ_d²)·|s + ε/σ|²: EDM's weighting, under which every level starts with loss 1
//! when the data's standard deviation is σ_d. Levels are drawn either uniformly in t or log-normally in
//! σ̂ (Karras et al. 2022, section 5), clamped to the process's own range.

use burn::{
    Tensor,
    tensor::{Device, TensorData},
};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    noise::{Noise, Purpose},
    sde::Process,
};

/// How training times are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Times {
    /// t uniform on [t_min, 1].
    Uniform {
        /// The smallest time.
        t_min: f64,
    },
    /// ln(σ/α) ~ N(mean, std²).
    LogNormal {
        /// Mean of ln(σ/α).
        mean: f64,
        /// Standard deviation of ln(σ/α).
        std: f64,
    },
}

impl Default for Times {
    fn default() -> Self {
        Self::LogNormal { mean: -1.2, std: 1.2 }
    }
}

/// Configuration of [`Denoising`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DenoisingConfig {
    /// How times are drawn.
    pub times: Times,
}

impl DenoisingConfig {
    /// # Errors
    /// When a number is out of its range.
    pub fn validate(&self) -> Result<()> {
        match self.times {
            Times::Uniform { t_min } if !(t_min > 0.0 && t_min < 1.0) => {
                Err(Error::setting("objective.times.t_min", t_min, "a number in (0, 1), such as 1e-5"))
            }
            Times::LogNormal { mean, std } if !(mean.is_finite() && std > 0.0 && std.is_finite()) => {
                Err(Error::setting(
                    "objective.times",
                    format!("mean {mean}, std {std}"),
                    "a finite mean and a positive std",
                ))
            }
            _ => Ok(()),
        }
    }
}

/// A batch for the network: what it sees and what it should say.
#[derive(Clone, Debug)]
pub struct Batch {
    /// x/√V, `[n, d]`.
    pub input: Tensor<2>,
    /// c_noise = ¼ ln(σ/α), `[n, 1]`.
    pub c_noise: Tensor<2>,
    /// F*, `[n, d]`.
    pub target: Tensor<2>,
}

/// Denoising score matching of one process.
#[derive(Clone, Debug)]
pub struct Denoising {
    config: DenoisingConfig,
    process: Process,
    sigma_data: f64,
}

impl Denoising {
    /// The objective for `process` and data of standard deviation `sigma_data`.
    #[must_use]
    pub fn new(config: DenoisingConfig, process: Process, sigma_data: f64) -> Self {
        Self { config, process, sigma_data }
    }

    /// Perturbs one batch. Times and noise are a function of (seed, step, row) alone.
    ///
    /// # Shapes
    /// `clean`: n rows of d numbers.
    #[must_use]
    pub fn batch(&self, clean: &[f32], d: usize, noise: &Noise, step: u64, device: &Device) -> Batch {
        let n = clean.len() / d;
        let (mut input, mut target) = (vec![0.0f32; n * d], vec![0.0f32; n * d]);
        let mut c_noise = vec![0.0f32; n];
        let mut epsilon = vec![0.0f32; d];
        let rows = clean.chunks(d).zip(input.chunks_mut(d)).zip(target.chunks_mut(d)).zip(&mut c_noise);
        for (row, (((clean, input), target), c_noise)) in rows.enumerate() {
            let ratio = self.ratio(noise, step, row as u64);
            *c_noise = (0.25 * libm::log(ratio)) as f32;
            noise.fill_normal(row as u64, Purpose::Perturbation, step, &mut epsilon);
            // Everything over α: x/√V = (x₀ + σ̂ε)/√(σ̂² + σ_d²).
            let norm = libm::sqrt(ratio * ratio + self.sigma_data * self.sigma_data);
            let (keep, add) = (1.0 / norm, ratio / norm);
            let (of_data, of_noise) = (ratio / (self.sigma_data * norm), self.sigma_data / norm);
            for (((x0, e), input), target) in clean.iter().zip(&epsilon).zip(input).zip(target) {
                let (x0, e) = (f64::from(*x0), f64::from(*e));
                *input = (keep * x0 + add * e) as f32;
                *target = (of_data * x0 - of_noise * e) as f32;
            }
        }
        let tensor = |values: Vec<f32>, d| Tensor::from_data(TensorData::new(values, [n, d]), device);
        Batch { input: tensor(input, d), c_noise: tensor(c_noise, 1), target: tensor(target, d) }
    }

    /// σ/α of one row.
    fn ratio(&self, noise: &Noise, step: u64, row: u64) -> f64 {
        match self.config.times {
            Times::Uniform { t_min } => {
                let mut u = [0.0];
                noise.fill_uniform(row, Purpose::Time, step, &mut u);
                self.process.level(t_min + (1.0 - t_min) * u[0]).ratio()
            }
            Times::LogNormal { mean, std } => {
                let mut z = [0.0];
                noise.fill_normal(row, Purpose::Time, step, &mut z);
                let ratio = libm::exp(mean + std * f64::from(z[0]));
                let bounds = (self.process.level(1e-5).ratio(), self.process.level(1.0).ratio());
                ratio.clamp(bounds.0, bounds.1)
            }
        }
    }
}
