//! Implicit score matching (Hyvärinen 2005, <https://jmlr.org/papers/v6/hyvarinen05a.html>, eq. 4):
//!
//! E[tr ∂s/∂x + ½·|s|²],
//!
//! the explicit objective by integration by parts, without the score to be learned and less the constant ½·E|∇log q|².
//! The trace is exact: as many derivatives as there are dimensions, in forward mode. Data N(0, I) have the value −d/2.

use burn::Tensor;
use serde::{Deserialize, Serialize};

use super::{
    Needs, RowScore, Samples, Times,
    matching::{Criterion, Matching, check_times},
};
use crate::{Result, noise::Noise, sde::Process};

/// Configuration of [`Implicit`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImplicitConfig {
    /// How times are drawn, where the process has noise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
}

impl ImplicitConfig {
    /// # Errors
    /// When a number is out of its range.
    pub fn validate(&self, process: &Process) -> Result<()> {
        check_times(self.times.as_ref(), process)
    }

    /// The objective for `process` and data of standard deviation `sigma_data`.
    #[must_use]
    pub fn init(self, process: &Process, sigma_data: f64) -> Matching<Implicit> {
        Matching::new(Implicit, process, self.times, sigma_data)
    }
}

impl Needs for ImplicitConfig {
    fn noise(&self) -> bool {
        false
    }

    fn jvp(&self) -> bool {
        true
    }
}

/// Hyvärinen's objective.
#[derive(Clone, Copy, Debug)]
pub struct Implicit;

impl Criterion for Implicit {
    fn terms(&self, score: &dyn RowScore, samples: &Samples, _noise: &Noise, _step: u64) -> Tensor<2> {
        let (n, d) = (samples.rows(), samples.dim);
        let axis = |i| samples.tensor((0..n * d).map(|at| f64::from(u8::from(at % d == i))).collect(), d);
        let axes: Vec<_> = (0..d).map(axis).collect();
        let (s, columns) = score.jvp(samples.tensor_of_x(), &axes);
        let diagonal = columns.into_iter().enumerate().map(|(i, column)| column.narrow(1, i, 1));
        let trace = diagonal.reduce(|sum, entry| sum + entry).expect("a point has a dimension");
        trace + s.square().sum_dim(1) * 0.5
    }
}
