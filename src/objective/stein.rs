//! The kernelised Stein discrepancy ([`crate::score::stein`]) of the data from the model's score, as an objective: the
//! U-statistic over a batch,
//!
//! Σ_{i≠j} u(xᵢ, xⱼ)/(n(n − 1)), quadratic in the scores at the samples and without their derivatives,
//!
//! whose expectation is `E (s − s*)(x)ᵀk(x, y)(s − s*)(y)`: 0 for the data's own score s* alone. A pair must be of one
//! density: with a process that has noise a batch is at one level.

use burn::Tensor;
use serde::{Deserialize, Serialize};

use super::{
    Needs, RowScore, Samples, Times,
    matching::{Criterion, Matching, check_times},
};
use crate::{
    Result,
    checks::number,
    noise::Noise,
    score::stein::{Form, SteinKernel, form, median_distance},
    sde::Process,
};

/// Configuration of [`Stein`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SteinConfig {
    /// The kernel.
    pub kernel: SteinKernel,
    /// Its length, in the data's units; the median distance within a batch where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<f64>,
    /// How times are drawn, where the process has noise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
}

impl SteinConfig {
    /// # Errors
    /// When a number is out of its range.
    pub fn validate(&self, process: &Process) -> Result<()> {
        self.bandwidth.map_or(Ok(()), |h| number("objective.bandwidth", h, 1e-6, 1e6))?;
        check_times(self.times.as_ref(), process)
    }

    /// The objective for `process` and data of standard deviation `sigma_data`.
    #[must_use]
    pub fn init(self, process: &Process, sigma_data: f64) -> Matching<Stein> {
        Matching::new(Stein { kernel: self.kernel, bandwidth: self.bandwidth }, process, self.times, sigma_data)
    }
}

impl Needs for SteinConfig {
    fn noise(&self) -> bool {
        false
    }

    // Of pairs, with a matrix of them on the host.
    fn batch(&self) -> [usize; 2] {
        [2, 4096]
    }
}

/// The discrepancy of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Stein {
    /// The kernel.
    pub kernel: SteinKernel,
    /// Its length; none for the median distance.
    pub bandwidth: Option<f64>,
}

impl Criterion for Stein {
    const ONE_LEVEL: bool = true;

    fn terms(&self, score: &dyn RowScore, samples: &Samples, _noise: &Noise, _step: u64) -> Tensor<2> {
        let (n, d) = (samples.rows(), samples.dim);
        let h = self.bandwidth.unwrap_or_else(|| median_distance(&samples.x, d));
        let Form { kernel, gradient, trace } = form(&samples.x, d, self.kernel, h);
        let s = score.score(samples.tensor_of_x());
        let others = samples.tensor(kernel, n).matmul(s.clone());
        let terms = (s * (others + samples.tensor(gradient, d) * 2.0)).sum_dim(1) + trace / n as f64;
        terms * (1.0 / (n.max(2) - 1) as f64)
    }
}
