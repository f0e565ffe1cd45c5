//! Sliced score matching by finite differences (FD-SSM: Pang et al. 2020, <https://arxiv.org/abs/2007.03317>). With
//! s± = s(x ± h·v) the derivative along v is a difference and the score a mean, both up to O(h²):
//!
//! `E[vᵀ(s₊ − s₋)/(2h) + ½·(vᵀ(s₊ + s₋)/2)²]`, or with `variance_reduced` `… + ½·|(s₊ + s₋)/2|²`.
//!
//! Two evaluations of the score a projection and no derivative: for any network. The step along v, whose length is
//! about √d, is ε of the length over which the score changes: h = ε·σ/√d, or ε·σ_d/√d of data without noise.

use burn::Tensor;
use serde::{Deserialize, Serialize};

use super::{
    Directions, Needs, RowScore, Samples, Times,
    matching::{Criterion, Matching, check_times},
};
use crate::{
    Result,
    checks::{number, range},
    noise::Noise,
    sde::Process,
};

/// Configuration of [`FiniteDifference`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FiniteDifferenceConfig {
    /// Projections of a point.
    pub projections: usize,
    /// Their law.
    pub directions: Directions,
    /// The square of the whole score in place of the projected one's, which has its expectation.
    pub variance_reduced: bool,
    /// ε, the step as a fraction of the length over which the score changes.
    pub epsilon: f64,
    /// How times are drawn, where the process has noise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
}

impl Default for FiniteDifferenceConfig {
    fn default() -> Self {
        let directions = Directions::default();
        Self { projections: 1, directions, variance_reduced: true, epsilon: 0.1, times: None }
    }
}

impl FiniteDifferenceConfig {
    /// # Errors
    /// When a number is out of its range.
    pub fn validate(&self, process: &Process) -> Result<()> {
        range("objective.projections", self.projections, 1, 1024)?;
        // In f32 a smaller step would leave the difference no digits.
        number("objective.epsilon", self.epsilon, 1e-3, 1.0)?;
        check_times(self.times.as_ref(), process)
    }

    /// The objective for `process` and data of standard deviation `sigma_data`.
    #[must_use]
    pub fn init(self, process: &Process, sigma_data: f64) -> Matching<FiniteDifference> {
        let Self { projections, directions, variance_reduced, epsilon, times } = self;
        let criterion = FiniteDifference { projections, directions, variance_reduced, epsilon };
        Matching::new(criterion, process, times, sigma_data)
    }
}

impl Needs for FiniteDifferenceConfig {
    fn noise(&self) -> bool {
        false
    }
}

/// FD-SSM.
#[derive(Clone, Copy, Debug)]
pub struct FiniteDifference {
    /// Projections of a point.
    pub projections: usize,
    /// Their law.
    pub directions: Directions,
    /// Whether the square is of the whole score.
    pub variance_reduced: bool,
    /// ε.
    pub epsilon: f64,
}

impl Criterion for FiniteDifference {
    fn terms(&self, score: &dyn RowScore, samples: &Samples, noise: &Noise, step: u64) -> Tensor<2> {
        let (n, d, m) = (samples.rows(), samples.dim, self.projections);
        let steps: Vec<_> = samples.scales.iter().map(|scale| self.epsilon * scale / libm::sqrt(d as f64)).collect();
        let v = self.directions.of_rows(noise, [n, d], step, m);
        // All forward, then all back: 2m copies of the batch.
        let mut moved = Vec::with_capacity(2 * m * n * d);
        for sign in [1.0, -1.0] {
            for (at, v) in v.chunks(d).enumerate() {
                let (x, h) = (&samples.x[at % n * d..][..d], steps[at % n]);
                moved.extend(x.iter().zip(v).map(|(x, v)| x + sign * h * v));
            }
        }
        let s = score.score(samples.tensor(moved, d));
        let (forward, back) = (s.clone().narrow(0, 0, m * n), s.narrow(0, m * n, m * n));
        let v = samples.tensor(v, d);
        let inverse = samples.tensor(steps.iter().map(|h| 0.5 / h).collect(), 1).repeat_dim(0, m);
        let derivative = ((forward.clone() - back.clone()) * v.clone()).sum_dim(1) * inverse;
        let mean = (forward + back) * 0.5;
        let square = if self.variance_reduced { mean.square().sum_dim(1) } else { (mean * v).sum_dim(1).square() };
        // [m·n, 1], the rows of a projection one below the other.
        (derivative + square * 0.5).reshape([m, n]).mean_dim(0).reshape([n, 1])
    }
}
