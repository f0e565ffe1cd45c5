//! Samplers: resumable state machines that see only a score. One call, one [`Step`].

use burn::Tensor;
use serde::{Deserialize, Serialize};

/// What every sampler takes, the same on the command line, in TOML, JSON and JavaScript.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Updates, on `steps` + 1 times from 1 to `t_end`.
    pub steps: usize,
    /// Samples.
    pub n: usize,
    /// Seed, 0 … 2⁵³ − 1.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { steps: 50, n: 16, seed: 0 }
    }
}

/// One step of a sampler. Tensors stay on the device.
#[derive(Clone, Debug)]
pub struct Step {
    /// Updates done, from 1; the final denoising counts as one.
    pub index: usize,
    /// Updates in all, where that is known.
    pub total: Option<usize>,
    /// From 0 to 1.
    pub progress: f64,
    /// Time after the update.
    pub t: f64,
    /// σ(t) after the update.
    pub sigma: f64,
    /// Network evaluations so far.
    pub nfe: u64,
    /// The samples, `[n, d]`.
    pub x: Tensor<2>,
    /// Tweedie's estimate of the clean samples from the last score, `[n, d]`.
    pub denoised: Tensor<2>,
}
