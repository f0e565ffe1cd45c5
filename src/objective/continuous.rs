//! The continuous denoising loss of Song et al. 2021 (<https://arxiv.org/abs/2011.13456>, eq. 7) with λ(t) = σ(t)²,
//! which is `score_sde`'s where `likelihood_weighting = False`:
//!
//! E λ·|s(x, t) + ε/σ|² = E |ε̂(x, t) − ε|², x = α·x₀ + σ·ε, t uniform on [1e-5, 1].
//!
//! With F an ε-prediction the error is F's own. Another prediction has ε̂ = a·x + b·F, so that its target is
//! F* = (ε − a·x)/b at the weight b²: the loss is the same function of the score. Here it is the mean over dimensions
//! (`reduce_mean = True`); the code's half of the sum is d/2 times that.

use burn::{Tensor, tensor::Device};
use serde::{Deserialize, Serialize};

use super::{
    Batch, Objective, Times,
    regression::{Regression, Row},
};
use crate::{
    Result,
    noise::Noise,
    score::{Affine, Conditioning, Parameterisation, Prediction, network::Denoiser},
    sde::Process,
};

/// Configuration of [`Continuous`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContinuousConfig {
    /// How times are drawn.
    pub times: Times,
    /// What the network predicts.
    pub prediction: Prediction,
    /// What it is told of the noise level.
    pub conditioning: Conditioning,
}

impl Default for ContinuousConfig {
    fn default() -> Self {
        Self {
            times: Times::Uniform { t_min: 1e-5 },
            prediction: Prediction::Epsilon,
            conditioning: Conditioning::default(),
        }
    }
}

impl ContinuousConfig {
    /// # Errors
    /// When a number is out of its range.
    pub fn validate(&self) -> Result<()> {
        self.times.validate()
    }

    /// The objective for `process`; the data's standard deviation does not enter it.
    #[must_use]
    pub fn init(self, process: &Process, _sigma_data: f64) -> Continuous {
        Continuous { config: self, process: process.clone() }
    }
}

/// The continuous denoising loss of one process.
#[derive(Clone, Debug)]
pub struct Continuous {
    config: ContinuousConfig,
    process: Process,
}

impl Continuous {
    /// Perturbs one batch. Times and noise are a function of (seed, step, row) alone.
    ///
    /// # Shapes
    /// `clean`: n rows of d numbers.
    #[must_use]
    pub fn batch(&self, clean: &[f32], d: usize, noise: &Noise, step: u64, device: &Device) -> Regression {
        let parameterisation = self.parameterisation();
        Regression::draw(clean, d, (noise, step), device, |row| {
            let level = self.config.times.level(&self.process, noise, step, row);
            let coefficients = parameterisation.at(&level);
            let Affine { x, prediction } = self.config.prediction.as_a(Prediction::Epsilon, &level);
            Row {
                input: [coefficients.input * level.alpha, coefficients.input * level.sigma],
                c_noise: coefficients.c_noise,
                target: [-x * level.alpha / prediction, (1.0 - x * level.sigma) / prediction],
                weight: prediction * prediction,
            }
        })
    }
}

impl Objective for Continuous {
    fn parameterisation(&self) -> Parameterisation {
        let ContinuousConfig { prediction, conditioning, .. } = self.config;
        Parameterisation::Prediction { prediction, conditioning }
    }

    fn loss(&self, denoiser: &Denoiser, batch: &Batch, noise: &Noise, step: u64) -> Tensor<1> {
        self.batch(&batch.clean, batch.dim, noise, step, &batch.device()).loss(denoiser, &batch.class)
    }
}
