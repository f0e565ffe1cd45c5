//! Explicit score matching (Hyvärinen 2005, <https://jmlr.org/papers/v6/hyvarinen05a.html>, eq. 2), where the score to
//! be learned is known:
//!
//! ½·E|s(x) − ∇log q(x)|²,
//!
//! with q a kernel density estimate of the data, (1/N)·Σᵢ N(x; xᵢ, h²·I) over N of them, or a density in closed form.
//! It differs from the implicit objective by a constant, and is 0 where s = ∇log q. With a process that has noise it is
//! compared with the score of q at that level, which is known, too.

use burn::Tensor;
use serde::{Deserialize, Serialize};

use super::{
    Needs, RowScore, Samples, Times,
    matching::{Criterion, Matching, check_times},
};
use crate::{
    Error, Result,
    checks::{number, range},
    data::Source,
    noise::Noise,
    score::{Mixture, MixtureConfig},
    sde::Process,
};

/// Data points of a kernel density estimate, where a config does not say.
const POINTS: usize = 500;

/// The density whose score is to be learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected \"kernel\", \"known\" or a mixture's weights, means and stds or covariances")]
pub enum ExplicitDensity {
    /// One that the data are asked for.
    Of(DensityOfData),
    /// This mixture; the data are to be drawn from it.
    Mixture(MixtureConfig),
}

/// A density that the data are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DensityOfData {
    /// A kernel density estimate of them.
    Kernel,
    /// The one that they are drawn from, where it has a closed form.
    Known,
}

/// Configuration of [`Explicit`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExplicitConfig {
    /// The kernel's standard deviation h, in the data's units; Scott's rule σ_d·N^(−1/(d + 4)) where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<f64>,
    /// N, the first data points that the estimate is of; all of them where there are fewer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<usize>,
    /// q: `kernel`, `known`, or a mixture.
    pub density: ExplicitDensity,
    /// How times are drawn, where the process has noise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
}

impl Default for ExplicitConfig {
    fn default() -> Self {
        Self { bandwidth: None, points: None, density: ExplicitDensity::Of(DensityOfData::Kernel), times: None }
    }
}

impl ExplicitConfig {
    /// # Errors
    /// When a number is out of its range, the mixture is none, or a density in closed form has a bandwidth.
    pub fn validate(&self, process: &Process) -> Result<()> {
        let kernel = self.density == ExplicitDensity::Of(DensityOfData::Kernel);
        for (field, given) in
            [("objective.bandwidth", self.bandwidth.is_some()), ("objective.points", self.points.is_some())]
        {
            if given && !kernel {
                return Err(Error::setting(field, "given", "objective.density = kernel beside it, or neither"));
            }
        }
        self.bandwidth.map_or(Ok(()), |h| number("objective.bandwidth", h, 1e-6, 1e6))?;
        self.points.map_or(Ok(()), |n| range("objective.points", n, 1, 100_000))?;
        if let ExplicitDensity::Mixture(mixture) = &self.density {
            if mixture.process != Process::None {
                let expected = "none: the run's own [process] holds for the density, too";
                return Err(Error::setting("objective.density.process", mixture.process.name(), expected));
            }
            mixture.init().map_err(|error| match error {
                Error::Setting { field, value, expected } => {
                    Error::Setting { field: format!("objective.density.{field}"), value, expected }
                }
                other => other,
            })?;
        }
        check_times(self.times.as_ref(), process)
    }

    /// The objective for `process` and data of standard deviation `sigma_data`.
    #[must_use]
    pub fn init(&self, process: &Process, sigma_data: f64) -> Matching<Explicit> {
        let noisy = *process != Process::None;
        let criterion = Explicit { config: self.clone(), noisy, sigma_data, density: None };
        Matching::new(criterion, process, self.times, sigma_data)
    }
}

impl Needs for ExplicitConfig {
    fn noise(&self) -> bool {
        false
    }
}

/// The distance from a known score.
#[derive(Clone, Debug)]
pub struct Explicit {
    config: ExplicitConfig,
    noisy: bool,
    sigma_data: f64,
    /// q, once the data have been seen.
    density: Option<Mixture>,
}

impl Explicit {
    /// q of these data.
    fn density_of(&self, data: &dyn Source) -> Result<Mixture> {
        let d = data.space().dim();
        let mixture = match &self.config.density {
            ExplicitDensity::Mixture(config) => config.init()?,
            ExplicitDensity::Of(DensityOfData::Known) => data.mixture().ok_or_else(|| {
                let expected = "kernel, or a mixture: these data have no density in closed form";
                Error::setting("objective.density", "known", expected)
            })?,
            ExplicitDensity::Of(DensityOfData::Kernel) => self.estimate(data)?,
        };
        if mixture.dim() != d {
            let given = format!("{} dimensions", mixture.dim());
            return Err(Error::setting("objective.density.means", given, format!("{d}, as the data have")));
        }
        if mixture.has_points() && !self.noisy {
            let expected = "kernel, or a process with noise: without, data with a deviation of 0 have no density";
            return Err(Error::setting("objective.density", "known", expected));
        }
        Ok(mixture)
    }

    /// The kernel density estimate.
    fn estimate(&self, data: &dyn Source) -> Result<Mixture> {
        let (d, n) = (data.space().dim(), self.config.points.unwrap_or(POINTS).min(data.len()));
        let scott = || self.sigma_data * libm::pow(n as f64, -1.0 / (d + 4) as f64);
        let bandwidth = self.config.bandwidth.unwrap_or_else(scott);
        let mut row = vec![0.0f32; d];
        let points: Vec<Vec<f64>> = (0..n)
            .map(|index| {
                data.fill(index, &mut row);
                row.iter().map(|x| f64::from(*x)).collect()
            })
            .collect();
        Mixture::diagonal(&vec![1.0; n], &points, &vec![vec![bandwidth; d]; n])
    }
}

impl Criterion for Explicit {
    fn prepare(&mut self, data: &dyn Source) -> Result<()> {
        self.density = Some(self.density_of(data)?);
        Ok(())
    }

    /// # Panics
    /// Before [`Criterion::prepare`].
    fn terms(&self, score: &dyn RowScore, samples: &Samples, _noise: &Noise, _step: u64) -> Tensor<2> {
        let density = self.density.as_ref().expect("a trainer prepares its objective before the first step");
        let target = samples.tensor(density.score_rows(&samples.x, &samples.levels), samples.dim);
        let error = score.score(samples.tensor_of_x()) - target;
        error.square().sum_dim(1) * 0.5
    }
}
