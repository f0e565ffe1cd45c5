//! NCSN's loss (Song & Ermon 2019, <https://arxiv.org/abs/1907.05600>, eqs. 5 and 6) on a ladder of L noise levels,
//!
//! (1/L)·Σᵢ λ(σᵢ)·½·E|s(x + σᵢ·ε, σᵢ) + ε/σᵢ|², λ(σ) = σ²,
//!
//! as an expectation over levels that are drawn alike. The network's output is divided by σ, as NCSNv2's is (Song &
//! Ermon 2020, <https://arxiv.org/abs/2006.09011>, technique 3), here with the sign of ε: s = −F/σ, so that a term is
//! ½·|F − ε|².

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

/// Configuration of [`Ncsn`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NcsnConfig {
    /// What the network is told of the noise level.
    pub conditioning: Conditioning,
}

impl NcsnConfig {
    /// # Errors
    /// For another process than SMLD's.
    pub fn validate(&self, process: &Process) -> Result<()> {
        match process {
            Process::Smld(_) => Ok(()),
            other => Err(Error::setting("process.kind", other.name(), "smld, on whose levels objective ncsn is a sum")),
        }
    }

    /// The objective for `process`, whose levels are those of its ladder; the data's standard deviation does not enter
    /// it.
    #[must_use]
    pub fn init(self, process: &Process, _sigma_data: f64) -> Ncsn {
        Ncsn { config: self, process: process.clone() }
    }
}

impl Needs for NcsnConfig {}

/// NCSN's loss on one ladder.
#[derive(Clone, Debug)]
pub struct Ncsn {
    config: NcsnConfig,
    process: Process,
}

impl Ncsn {
    /// Perturbs one batch. Levels and noise are a function of (seed, step, row) alone.
    ///
    /// # Shapes
    /// `clean`: n rows of d numbers.
    #[must_use]
    pub fn batch(&self, clean: &[f32], d: usize, noise: &Noise, step: u64, device: &Device) -> Regression {
        let parameterisation = self.parameterisation();
        let last = self.process.ladder().unwrap_or(1);
        Regression::draw(clean, d, (noise, step), device, |row| {
            let mut u = [0.0];
            noise.fill_uniform(row, Purpose::Time, step, &mut u);
            // A u below 1 can round to L.
            let i = ((u[0] * (last + 1) as f64) as usize).min(last);
            let level = self.process.level(i as f64 / last as f64);
            let coefficients = parameterisation.at(&level);
            Row {
                input: [coefficients.input * level.alpha, coefficients.input * level.sigma],
                c_noise: coefficients.c_noise,
                target: [0.0, 1.0],
                // Half the sum over dimensions, of which the loss takes the mean.
                weight: 0.5 * d as f64,
            }
        })
    }
}

impl Objective for Ncsn {
    fn parameterisation(&self) -> Parameterisation {
        Parameterisation::Prediction { prediction: Prediction::Epsilon, conditioning: self.config.conditioning }
    }

    fn loss(&self, denoiser: &Denoiser, batch: &Batch, noise: &Noise, step: u64) -> Tensor<1> {
        self.batch(&batch.clean, batch.dim, noise, step, &batch.device()).loss(denoiser, &batch.class)
    }
}
