//! Denoising score matching over continuous time (Vincent 2011; Song et al. 2021, eq. 7), on EDM's F.
//!
//! With x = α·x₀ + σ·ε and σ̂ = σ/α the score s = −x/V + (α·σ_d)/(σ√V)·F matches −ε/σ where F is
//!
//! F* = (σ̂·x₀ − σ_d²·ε)/(σ_d√(σ̂² + σ_d²)),
//!
//! and |F − F*|² = σ²V/(α²σ_d²)·|s + ε/σ|²: EDM's weighting (Karras et al. 2022, table 1), under which every level
//! starts with loss 1 when the data's standard deviation is σ_d.

use burn::{Tensor, tensor::Device};
use serde::{Deserialize, Serialize};

use super::{
    Batch, Needs, Objective, Times,
    regression::{Regression, Row},
};
use crate::{
    Result,
    noise::Noise,
    score::{Parameterisation, network::Denoiser},
    sde::Process,
};

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
    pub fn validate(&self, _process: &Process) -> Result<()> {
        self.times.validate()
    }

    /// The objective for `process` and data of standard deviation `sigma_data`.
    #[must_use]
    pub fn init(self, process: &Process, sigma_data: f64) -> Denoising {
        Denoising { config: self, process: process.clone(), sigma_data }
    }
}

impl Needs for DenoisingConfig {}

/// Denoising score matching of one process.
#[derive(Clone, Debug)]
pub struct Denoising {
    config: DenoisingConfig,
    process: Process,
    sigma_data: f64,
}

impl Denoising {
    /// Perturbs one batch: input x/√V, target F*. Times and noise are a function of (seed, step, row) alone.
    ///
    /// # Shapes
    /// `clean`: n rows of d numbers.
    #[must_use]
    pub fn batch(&self, clean: &[f32], d: usize, noise: &Noise, step: u64, device: &Device) -> Regression {
        Regression::draw(clean, d, (noise, step), device, |row| {
            let ratio = self.config.times.ratio(&self.process, noise, step, row);
            // Everything over α: x/√V = (x₀ + σ̂ε)/√(σ̂² + σ_d²).
            let norm = libm::sqrt(ratio * ratio + self.sigma_data * self.sigma_data);
            Row {
                input: [1.0 / norm, ratio / norm],
                c_noise: 0.25 * libm::log(ratio),
                target: [ratio / (self.sigma_data * norm), -(self.sigma_data / norm)],
                weight: 1.0,
            }
        })
    }
}

impl Objective for Denoising {
    fn parameterisation(&self) -> Parameterisation {
        Parameterisation::Edm { sigma_data: self.sigma_data }
    }

    fn loss(&self, denoiser: &Denoiser, batch: &Batch, noise: &Noise, step: u64) -> Tensor<1> {
        self.batch(&batch.clean, batch.dim, noise, step, &batch.device()).loss(denoiser, &batch.class)
    }
}
