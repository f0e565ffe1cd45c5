//! Adam, global-norm clipping and the exponential moving average, on the parameter vector.
//!
//! Adam (Kingma & Ba 2015, <https://arxiv.org/abs/1412.6980>): m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g²,
//! p ← p − lr·m̂/(√v̂ + ε). Average: p̄ ← p̄ + (1 − d)(p − p̄) with d = min(decay, (1 + n)/(10 + n)), as in
//! `score_sde`'s PyTorch code.

use burn::{Tensor, tensor::Device};
use serde::{Deserialize, Serialize};

use crate::compute::vectors::{Adam, adam};

/// Configuration of [`Optimiser`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimiserConfig {
    /// Learning rate after the warm-up.
    pub lr: f64,
    /// Steps of linear warm-up.
    pub warmup: u64,
    /// What the learning rate does after the warm-up.
    pub decay: Decay,
    /// Adam's β₁.
    pub beta1: f64,
    /// Adam's β₂.
    pub beta2: f64,
    /// Adam's ε.
    pub epsilon: f64,
    /// Largest global norm of the gradient.
    pub clip: f64,
    /// Decay of the moving average, a step.
    pub ema: f64,
}

/// The learning rate after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// Constant.
    #[default]
    Constant,
    /// Half a cosine, to 0 at the last step.
    Cosine,
}

impl Default for OptimiserConfig {
    fn default() -> Self {
        Self {
            lr: 2e-4,
            warmup: 1000,
            decay: Decay::Constant,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            clip: 1.0,
            ema: 0.999,
        }
    }
}

impl OptimiserConfig {
    /// The learning rate of step `step` (from 0) of `steps`.
    #[must_use]
    pub fn rate(&self, step: u64, steps: u64) -> f64 {
        let warm = ((step + 1) as f64 / self.warmup.max(1) as f64).min(1.0);
        let decay = match self.decay {
            Decay::Constant => 1.0,
            Decay::Cosine => {
                let span = steps.saturating_sub(self.warmup).max(1) as f64;
                let done = (step.saturating_sub(self.warmup) as f64 / span).min(1.0);
                0.5 * (1.0 + libm::cos(std::f64::consts::PI * done))
            }
        };
        self.lr * warm * decay
    }
}

/// Parameters, their average, and Adam's moments: four vectors `[p]`.
#[derive(Clone, Debug)]
pub struct Optimiser {
    config: OptimiserConfig,
    /// The parameters.
    pub parameters: Tensor<1>,
    /// Their moving average.
    pub average: Tensor<1>,
    /// Adam's first moment.
    pub moment1: Tensor<1>,
    /// Adam's second moment.
    pub moment2: Tensor<1>,
}

impl Optimiser {
    /// Starts from `parameters`, `[p]`, with zero moments.
    #[must_use]
    pub fn new(config: OptimiserConfig, parameters: Tensor<1>, device: &Device) -> Self {
        let zeros = Tensor::zeros(parameters.dims(), device);
        Self { config, average: parameters.clone(), moment1: zeros.clone(), moment2: zeros, parameters }
    }

    /// One update, the `step`-th (from 0) of `steps`. `norm` is the gradient's norm, clipped here.
    ///
    /// # Shapes
    /// `gradient`: `[p]`.
    pub fn step(&mut self, gradient: Tensor<1>, norm: f64, step: u64, steps: u64) {
        let OptimiserConfig { beta1, beta2, epsilon, clip, ema, .. } = self.config;
        let count = (step + 1) as f64;
        let rule = Adam {
            // As torch.nn.utils.clip_grad_norm_.
            scale: (clip / (norm + 1e-6)).min(1.0),
            beta1,
            beta2,
            correction: libm::sqrt(1.0 - libm::pow(beta2, count)),
            epsilon,
            rate: self.config.rate(step, steps) / (1.0 - libm::pow(beta1, count)),
            approach: 1.0 - ema.min((1.0 + count) / (10.0 + count)),
        };
        let state = [&self.parameters, &self.average, &self.moment1, &self.moment2].map(Clone::clone);
        [self.parameters, self.average, self.moment1, self.moment2] = adam(state, gradient, rule);
    }
}
