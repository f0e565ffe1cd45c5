//! The continuous denoising loss of Song et al. 2021 (<https://arxiv.org/abs/2011.13456>, eq. 7) with λ(t) = σ(t)²,
//! which is `score_sde`'s where `likelihood_weighting = False`:
//!
//! E λ·|s(x, t) + ε/σ|² = E |ε̂(x, t) − ε|², x = α·x₀ + σ·ε, t uniform on [1e-5, 1].
//!
//! With F an ε-prediction the error is F's own. Another prediction has ε̂ = a·x + b·F, so that its target is
//! F* = (ε − a·x)/b at the weight b²: the loss is the same function of the score. Here it is the mean over dimensions
//! (`reduce_mean = True`); the code's half of the sum is d/2 times that.
//!
//! With `weighting = "likelihood"` λ = g² (Song et al. 2021, <https://arxiv.org/abs/2101.09258>), and the loss bounds
//! the negative log-likelihood up to a constant. Its terms g²/σ²·|ε̂ − ε|² vary over orders of magnitude, which
//! `times.kind = "importance"` takes out of them: the same expectation of numbers that vary less.

use burn::{Tensor, tensor::Device};
use serde::{Deserialize, Serialize};

use super::{
    Batch, Needs, Objective, Times,
    regression::{Regression, Row},
};
use crate::{
    Error, Result,
    noise::Noise,
    score::{Affine, Conditioning, Parameterisation, Prediction, network::Denoiser},
    sde::{Level, Process},
};

/// What the squared distance between the scores is multiplied by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weighting {
    /// λ = σ²: the error of ε.
    #[default]
    SigmaSquared,
    /// λ = g², the squared diffusion coefficient: a bound of the likelihood.
    Likelihood,
}

impl Weighting {
    /// λ/σ² at `level`, the weight of the error of ε.
    fn of_epsilon(self, process: &Process, level: &Level) -> f64 {
        match self {
            Self::SigmaSquared => 1.0,
            Self::Likelihood => process.diffusion2(level.t) / (level.sigma * level.sigma),
        }
    }
}

/// Configuration of [`Continuous`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContinuousConfig {
    /// How times are drawn.
    pub times: Times,
    /// λ.
    pub weighting: Weighting,
    /// What the network predicts.
    pub prediction: Prediction,
    /// What it is told of the noise level.
    pub conditioning: Conditioning,
}

impl Default for ContinuousConfig {
    fn default() -> Self {
        Self {
            times: Times::Uniform { t_min: 1e-5 },
            weighting: Weighting::default(),
            prediction: Prediction::Epsilon,
            conditioning: Conditioning::default(),
        }
    }
}

impl ContinuousConfig {
    /// # Errors
    /// When a number is out of its range, or the times are log-normal and would be another weighting than likelihood's.
    pub fn validate(&self, _process: &Process) -> Result<()> {
        if self.weighting == Weighting::Likelihood && matches!(self.times, Times::LogNormal { .. }) {
            let expected = "uniform or importance, with objective.weighting = likelihood";
            return Err(Error::setting("objective.times.kind", "log-normal", expected));
        }
        self.times.validate()
    }

    /// The objective for `process`; the data's standard deviation does not enter it.
    #[must_use]
    pub fn init(self, process: &Process, _sigma_data: f64) -> Continuous {
        Continuous { config: self, process: process.clone() }
    }
}

impl Needs for ContinuousConfig {}

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
            let weight = self.config.weighting.of_epsilon(&self.process, &level);
            let correction = self.config.times.correction(&self.process, &level);
            Row {
                input: [coefficients.input * level.alpha, coefficients.input * level.sigma],
                c_noise: coefficients.c_noise,
                target: [-x * level.alpha / prediction, (1.0 - x * level.sigma) / prediction],
                weight: prediction * prediction * weight * correction,
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
