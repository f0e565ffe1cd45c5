//! Sliced score matching (SSM: Song et al. 2019, <https://arxiv.org/abs/1905.07088>, eqs. 5 and 8): the implicit
//! objective along random directions v with `E[v·vᵀ] = I`, of which m are drawn at every point,
//!
//! `E[vᵀ(∂s/∂x)v + ½·(vᵀs)²]`, or with `variance_reduced` (SSM-VR) `E[vᵀ(∂s/∂x)v] + ½·E|s|²`.
//!
//! Both have the implicit objective's expectation: one derivative a projection in place of one a dimension.

use burn::Tensor;
use serde::{Deserialize, Serialize};

use super::{
    Directions, Needs, RowScore, Samples, Times,
    matching::{Criterion, Matching, check_times},
};
use crate::{Result, checks::range, noise::Noise, sde::Process};

/// Configuration of [`Sliced`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SlicedConfig {
    /// m, projections of a point.
    pub projections: usize,
    /// Their law.
    pub directions: Directions,
    /// The square of the whole score in place of the projected one's: SSM-VR.
    pub variance_reduced: bool,
    /// How times are drawn, where the process has noise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
}

impl Default for SlicedConfig {
    fn default() -> Self {
        Self { projections: 1, directions: Directions::default(), variance_reduced: true, times: None }
    }
}

impl SlicedConfig {
    /// # Errors
    /// When a number is out of its range.
    pub fn validate(&self, process: &Process) -> Result<()> {
        range("objective.projections", self.projections, 1, 1024)?;
        check_times(self.times.as_ref(), process)
    }

    /// The objective for `process` and data of standard deviation `sigma_data`.
    #[must_use]
    pub fn init(self, process: &Process, sigma_data: f64) -> Matching<Sliced> {
        let Self { projections, directions, variance_reduced, times } = self;
        Matching::new(Sliced { projections, directions, variance_reduced }, process, times, sigma_data)
    }
}

impl Needs for SlicedConfig {
    fn noise(&self) -> bool {
        false
    }

    fn jvp(&self) -> bool {
        true
    }
}

/// SSM and SSM-VR.
#[derive(Clone, Copy, Debug)]
pub struct Sliced {
    /// m, projections of a point.
    pub projections: usize,
    /// Their law.
    pub directions: Directions,
    /// Whether the square is of the whole score.
    pub variance_reduced: bool,
}

impl Criterion for Sliced {
    fn terms(&self, score: &dyn RowScore, samples: &Samples, noise: &Noise, step: u64) -> Tensor<2> {
        let (n, d, m) = (samples.rows(), samples.dim, self.projections);
        let v = self.directions.of_rows(noise, [n, d], step, m);
        let v: Vec<_> = v.chunks(n * d).map(|v| samples.tensor(v.to_vec(), d)).collect();
        let (s, derivatives) = score.jvp(samples.tensor_of_x(), &v);
        let whole = s.clone().square().sum_dim(1);
        let terms = derivatives.into_iter().zip(v).map(|(derivative, v)| {
            let along = (derivative * v.clone()).sum_dim(1);
            let square = if self.variance_reduced { whole.clone() } else { (s.clone() * v).sum_dim(1).square() };
            along + square * 0.5
        });
        let sum = terms.reduce(|sum, term| sum + term).expect("at least one projection");
        sum * (1.0 / m as f64)
    }
}
