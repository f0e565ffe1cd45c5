//! DDPM's simplified loss (Ho, Jain & Abbeel 2020, <https://arxiv.org/abs/2006.11239>, eq. 14) on its chain of N steps:
//!
//! E|ε̂(√ᾱᵢ·x₀ + √(1 − ᾱᵢ)·ε, i) − ε|², i uniform on 1 … N,
//!
//! the mean over dimensions, as in the code.

use burn::{Tensor, tensor::Device};
use serde::{Deserialize, Serialize};

use super::{
    Batch, Needs, Objective,
    regression::{Regression, Row},
};
use crate::{
    Error, Result,
    noise::{Noise, Purpose},
    score::{Conditioning, Parameterisation, Prediction, network::Denoiser},
    sde::Process,
};

/// Configuration of [`DdpmLoss`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DdpmLossConfig {
    /// What the network is told of the noise level.
    pub conditioning: Conditioning,
}

impl DdpmLossConfig {
    /// # Errors
    /// For another process than DDPM's.
    pub fn validate(&self, process: &Process) -> Result<()> {
        match process {
            Process::Ddpm(_) => Ok(()),
            other => Err(Error::setting("process.kind", other.name(), "ddpm, whose steps objective ddpm draws")),
        }
    }

    /// The objective for `process`, whose steps are those of its ladder; the data's standard deviation does not enter
    /// it.
    #[must_use]
    pub fn init(self, process: &Process, _sigma_data: f64) -> DdpmLoss {
        DdpmLoss { config: self, process: process.clone() }
    }
}

impl Needs for DdpmLossConfig {}

/// DDPM's loss on one chain.
#[derive(Clone, Debug)]
pub struct DdpmLoss {
    config: DdpmLossConfig,
    process: Process,
}

impl DdpmLoss {
    /// Perturbs one batch. Steps of the chain and noise are a function of (seed, step, row) alone.
    ///
    /// # Shapes
    /// `clean`: n rows of d numbers.
    #[must_use]
    pub fn batch(&self, clean: &[f32], d: usize, noise: &Noise, step: u64, device: &Device) -> Regression {
        let parameterisation = self.parameterisation();
        let steps = self.process.ladder().unwrap_or(1);
        Regression::draw(clean, d, (noise, step), device, |row| {
            let mut u = [0.0];
            noise.fill_uniform(row, Purpose::Time, step, &mut u);
            // A u below 1 can round to N.
            let i = ((u[0] * steps as f64) as usize).min(steps - 1) + 1;
            let level = self.process.level(i as f64 / steps as f64);
            let coefficients = parameterisation.at(&level);
            Row {
                input: [coefficients.input * level.alpha, coefficients.input * level.sigma],
                c_noise: coefficients.c_noise,
                target: [0.0, 1.0],
                weight: 1.0,
            }
        })
    }
}

impl Objective for DdpmLoss {
    fn parameterisation(&self) -> Parameterisation {
        Parameterisation::Prediction { prediction: Prediction::Epsilon, conditioning: self.config.conditioning }
    }

    fn loss(&self, denoiser: &Denoiser, batch: &Batch, noise: &Noise, step: u64) -> Tensor<1> {
        self.batch(&batch.clean, batch.dim, noise, step, &batch.device()).loss(denoiser, &batch.class)
    }
}
