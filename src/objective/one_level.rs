//! Denoising score matching at one noise level (Vincent 2011, eq. 9):
//!
//! ½·σ²·E|s(x + σ·ε) + ε/σ|²,
//!
//! which the score of q_σ = p ∗ N(0, σ²) makes smallest; σ² takes the size of ε/σ out of it. Data N(0, s²·I) have the
//! smallest value ½·d·s²/(s² + σ²). With a process that has noise, p is its pₜ.

use burn::Tensor;
use serde::{Deserialize, Serialize};

use super::{
    Needs, RowScore, Samples, Times,
    matching::{Criterion, Matching, check_times},
};
use crate::{
    Result,
    checks::number,
    noise::{Noise, Purpose},
    sde::Process,
};

/// Configuration of [`OneLevel`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OneLevelConfig {
    /// σ, in the data's units.
    pub sigma: f64,
    /// How times are drawn, where the process has noise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
}

impl Default for OneLevelConfig {
    fn default() -> Self {
        Self { sigma: 0.1, times: None }
    }
}

impl OneLevelConfig {
    /// # Errors
    /// When a number is out of its range.
    pub fn validate(&self, process: &Process) -> Result<()> {
        number("objective.sigma", self.sigma, 1e-6, 1e6)?;
        check_times(self.times.as_ref(), process)
    }

    /// The objective for `process` and data of standard deviation `sigma_data`.
    #[must_use]
    pub fn init(self, process: &Process, sigma_data: f64) -> Matching<OneLevel> {
        Matching::new(OneLevel { sigma: self.sigma }, process, self.times, sigma_data)
    }
}

impl Needs for OneLevelConfig {
    fn noise(&self) -> bool {
        false
    }
}

/// Denoising at one σ.
#[derive(Clone, Copy, Debug)]
pub struct OneLevel {
    /// σ.
    pub sigma: f64,
}

impl Criterion for OneLevel {
    fn terms(&self, score: &dyn RowScore, samples: &Samples, noise: &Noise, step: u64) -> Tensor<2> {
        let mut epsilon = vec![0.0f32; samples.dim];
        let (mut x, mut noises) = (samples.x.clone(), Vec::with_capacity(samples.x.len()));
        for (row, x) in (0..).zip(x.chunks_mut(samples.dim)) {
            noise.fill_normal(row, Purpose::Smoothing, step, &mut epsilon);
            x.iter_mut().zip(&epsilon).for_each(|(x, e)| *x += self.sigma * f64::from(*e));
            noises.extend(epsilon.iter().map(|e| f64::from(*e)));
        }
        let s = score.score(samples.tensor(x, samples.dim));
        let error = s * self.sigma + samples.tensor(noises, samples.dim);
        error.square().sum_dim(1) * 0.5
    }
}
