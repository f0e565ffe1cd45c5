//! The exact score of data from a mixture of Gaussians, x₀ ~ Σₖ wₖ·N(mₖ, Cₖ). Under xₜ = α·x₀ + σ·ε
//!
//! pₜ = Σₖ wₖ·N(α·mₖ, Sₖ), Sₖ = α²Cₖ + σ²·1, and s(x, t) = −Σₖ rₖ·Sₖ⁻¹(x − α·mₖ)
//!
//! with the responsibilities rₖ = wₖ·N(x; α·mₖ, Sₖ)/pₜ(x), a softmax over components. With gₖ = −Sₖ⁻¹(x − α·mₖ), component
//! k's own score, ∇·s = Σₖ rₖ·(|gₖ − s|² − tr Sₖ⁻¹), since ∇rₖ = rₖ·(gₖ − s). Covariances are turned into their axes once (`axes.rs`), Cₖ = QₖΛₖQₖᵀ: Sₖ⁻¹ = Qₖ(α²Λₖ + σ²)⁻¹Qₖᵀ at any level.
//!
//! A component is a class: with label k the score is component k's own, and guidance is exact.

mod axes;
mod config;
mod guided;
mod rows;

use std::ops::Range;

pub use self::{
    config::{MixtureConfig, Std},
    guided::MixtureScore,
};
use super::{Density, Score, constant};
use crate::{
    Error, Result,
    compute::ops,
    noise::{Noise, Purpose},
    sde::Level,
};
use burn::{
    Tensor,
    tensor::{DType, Device},
};

/// Numbers of one intermediate tensor, at most (where one row does not take more): rows are evaluated in parts.
const BUDGET: usize = 1 << 22;

/// A mixture of Gaussians, and its exact score.
#[derive(Clone, Debug)]
pub struct Mixture {
    dim: usize,
    /// wₖ, summing to 1.
    weights: Vec<f64>,
    /// mₖ, `[components, d]`.
    means: Vec<f64>,
    /// The diagonals of Λₖ, `[components, d]`.
    variances: Vec<f64>,
    /// Without them every Qₖ is the identity.
    axes: Option<Axes>,
}

/// Qₖ, `[components, d, d]`: the columns are the eigenvectors.
#[derive(Clone, Debug)]
struct Axes {
    host: Vec<f64>,
    device: Option<Tensor<3>>,
}

impl Mixture {
    /// Components with diagonal covariances: a mean and standard deviations each, one a dimension. A deviation of 0 is
    /// a point, which has a density only where there is noise. The weights are normalised to sum to 1.
    ///
    /// # Errors
    /// When there is no component or no dimension, the lengths differ, a weight is not positive and finite, a
    /// mean is not finite or a deviation is negative or not finite.
    pub fn diagonal(weights: &[f64], means: &[Vec<f64>], stds: &[Vec<f64>]) -> Result<Self> {
        let mut mixture = Self::new(weights, means)?;
        same_number("stds", stds.len(), weights.len())?;
        for (k, stds) in stds.iter().enumerate() {
            let field = format!("stds[{k}]");
            same_dimension(&field, stds.len(), mixture.dim)?;
            if let Some(bad) = stds.iter().find(|std| !(0.0..=1e6).contains(*std)) {
                return Err(Error::setting(field, bad, "numbers from 0 to 1e6"));
            }
            mixture.variances.extend(stds.iter().map(|std| std * std));
        }
        Ok(mixture)
    }

    /// Components with full covariances, `[d, d]` each. The weights are normalised to sum to 1.
    ///
    /// # Errors
    /// Those of [`Mixture::diagonal`], and when a covariance is not symmetric and positive definite.
    pub fn full(weights: &[f64], means: &[Vec<f64>], covariances: &[Vec<Vec<f64>>]) -> Result<Self> {
        let mut mixture = Self::new(weights, means)?;
        same_number("covariances", covariances.len(), weights.len())?;
        let mut host = Vec::new();
        for (k, covariance) in covariances.iter().enumerate() {
            let (variances, axes) = axes::principal_axes(&format!("covariances[{k}]"), covariance, mixture.dim)?;
            mixture.variances.extend(variances);
            host.extend(axes);
        }
        mixture.axes = Some(Axes { host, device: None });
        Ok(mixture)
    }

    fn new(weights: &[f64], means: &[Vec<f64>]) -> Result<Self> {
        if weights.is_empty() {
            return Err(Error::setting("weights", "[]", "at least one number"));
        }
        if let Some((k, bad)) = weights.iter().enumerate().find(|(_, w)| !(1e-12..=1e12).contains(*w)) {
            return Err(Error::setting(format!("weights[{k}]"), bad, "a positive number, from 1e-12 to 1e12"));
        }
        same_number("means", means.len(), weights.len())?;
        let dim = means[0].len();
        for (k, mean) in means.iter().enumerate() {
            let field = format!("means[{k}]");
            if mean.is_empty() {
                return Err(Error::setting(field, "[]", "at least one number"));
            }
            same_dimension(&field, mean.len(), dim)?;
            if let Some(bad) = mean.iter().find(|m| !(-1e6..=1e6).contains(*m)) {
                return Err(Error::setting(field, bad, "numbers from -1e6 to 1e6"));
            }
        }
        let total: f64 = weights.iter().sum();
        Ok(Self {
            dim,
            weights: weights.iter().map(|w| w / total).collect(),
            means: means.concat(),
            variances: Vec::with_capacity(weights.len() * dim),
            axes: None,
        })
    }

    /// The same mixture with its axes on `device` once and for all, for samples of that device and precision; for
    /// others they go there at every evaluation.
    #[must_use]
    pub fn on(mut self, device: &Device, dtype: DType) -> Self {
        let shape = [self.weights.len(), self.dim, self.dim];
        if let Some(axes) = &mut self.axes {
            let like = Tensor::<2>::zeros([1, 1], (device, dtype));
            axes.device = Some(constant(axes.host.clone(), shape, &like));
        }
        self
    }

    /// Dimensions of a sample.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The weights, which sum to 1: one a component.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Component k's mean.
    ///
    /// # Panics
    /// When there is no such component.
    #[must_use]
    pub fn component_mean(&self, k: usize) -> &[f64] {
        &self.means[k * self.dim..(k + 1) * self.dim]
    }

    /// The smallest standard deviation of a component in any direction.
    #[must_use]
    pub fn narrowest(&self) -> f64 {
        self.variances.iter().copied().fold(f64::INFINITY, f64::min).sqrt()
    }

    /// Whether a component has no width in some direction, so that there is no density without noise.
    #[must_use]
    pub fn has_points(&self) -> bool {
        self.variances.contains(&0.0)
    }

    /// E\[x₀\] = Σₖ wₖ·mₖ.
    #[must_use]
    pub fn mean(&self) -> Vec<f64> {
        let mut mean = vec![0.0; self.dim];
        for (k, weight) in self.weights.iter().enumerate() {
            mean.iter_mut().zip(self.component_mean(k)).for_each(|(sum, m)| *sum += weight * m);
        }
        mean
    }

    /// Cov\[x₀\] = Σₖ wₖ·(Cₖ + (mₖ − m)(mₖ − m)ᵀ), `[d, d]` by rows.
    #[must_use]
    pub fn covariance(&self) -> Vec<f64> {
        let (d, mean) = (self.dim, self.mean());
        let mut sum = vec![0.0; d * d];
        for (k, weight) in self.weights.iter().enumerate() {
            let variances = &self.variances[k * d..(k + 1) * d];
            let away: Vec<f64> = self.component_mean(k).iter().zip(&mean).map(|(m, mean)| m - mean).collect();
            for i in 0..d {
                for j in 0..d {
                    let within = match &self.axes {
                        None if i == j => variances[i],
                        None => 0.0,
                        Some(axes) => {
                            let row = |i| &axes.host[(k * d + i) * d..][..d];
                            row(i).iter().zip(row(j)).zip(variances).map(|((a, b), v)| a * b * v).sum()
                        }
                    };
                    sum[i * d + j] += weight * (within + away[i] * away[j]);
                }
            }
        }
        sum
    }

    /// Data: samples `first … first + n − 1` of x₀ itself, `[n, d]` by rows. A component by its weight, then a point of
    /// it. Sample i is a function of (seed, i) alone.
    #[must_use]
    pub fn sample(&self, seed: u64, first: u64, n: usize) -> Vec<f64> {
        let (d, noise) = (self.dim, Noise::new(seed));
        let (mut uniform, mut normal) = ([0.0], vec![0.0f32; d]);
        let mut samples = Vec::with_capacity(n * d);
        for sample in (first..).take(n) {
            noise.fill_uniform(sample, Purpose::Data, 0, &mut uniform);
            noise.fill_normal(sample, Purpose::Data, 1, &mut normal);
            let k = self.component_at(uniform[0]);
            let variances = &self.variances[k * d..(k + 1) * d];
            let scaled: Vec<f64> = variances.iter().zip(&normal).map(|(v, z)| libm::sqrt(*v) * f64::from(*z)).collect();
            samples.extend(self.component_mean(k).iter().enumerate().map(|(i, mean)| match &self.axes {
                None => mean + scaled[i],
                Some(axes) => {
                    let row = &axes.host[(k * d + i) * d..][..d];
                    mean + row.iter().zip(&scaled).map(|(q, z)| q * z).sum::<f64>()
                }
            }));
        }
        samples
    }

    /// The component whose share of [0, 1) holds `u`.
    fn component_at(&self, u: f64) -> usize {
        let mut end = 0.0;
        let ends = self.weights.iter().position(|weight| {
            end += weight;
            u < end
        });
        // The shares add up to 1 but for rounding.
        ends.unwrap_or(self.weights.len() - 1)
    }

    /// Every component of pₜ at the rows of `x`.
    fn components(&self, x: Tensor<2>, level: &Level) -> Components {
        let (count, d) = (self.weights.len(), self.dim);
        let (a, s) = (level.alpha, level.sigma);
        let std: Vec<f64> = self.variances.iter().map(|v| libm::sqrt(a * a * v + s * s)).collect();
        let logs = self.weights.iter().zip(std.chunks_exact(d)).map(|(weight, std)| {
            let scale: f64 = std.iter().map(|std| libm::log(*std)).sum();
            libm::log(*weight) - scale - 0.5 * d as f64 * libm::log(std::f64::consts::TAU)
        });
        let log_scale = constant(logs.collect(), [count, 1, 1], &x);
        let inverse_std = constant(std.into_iter().map(f64::recip).collect(), [count, 1, d], &x);
        let mean = constant(self.means.iter().map(|mean| a * mean).collect(), [count, 1, d], &x);
        let axes = self.axes.as_ref().map(|axes| match &axes.device {
            Some(tensor) if tensor.device() == x.device() && tensor.dtype() == x.dtype() => tensor.clone(),
            _ => constant(axes.host.clone(), [count, d, d], &x),
        });
        let away = x.unsqueeze_dim::<3>(0) - mean;
        let along = match &axes {
            Some(axes) => ops::product(away, axes.clone()),
            None => away,
        };
        let unit = along * inverse_std.clone();
        let log = log_scale - unit.clone().square().sum_dim(2) * 0.5;
        Components { log, unit, inverse_std, axes }
    }

    /// `each` of all rows, in parts of at most [`BUDGET`] numbers.
    fn in_parts(&self, x: Tensor<2>, each: impl Fn(Tensor<2>, Range<usize>) -> Tensor<2>) -> Tensor<2> {
        let [n, d] = x.dims();
        assert_eq!(d, self.dim, "a row must have the mixture's dimensions");
        let rows = (BUDGET / (self.weights.len() * d)).max(1);
        if n <= rows {
            return each(x, 0..n);
        }
        let parts = (0..n).step_by(rows).map(|first| {
            let range = first..n.min(first + rows);
            each(x.clone().slice([range.clone(), 0..d]), range)
        });
        Tensor::cat(parts.collect(), 0)
    }
}

/// The components of pₜ at n rows.
struct Components {
    /// log(wₖ·N(x; α·mₖ, Sₖ)), `[components, n, 1]`.
    log: Tensor<3>,
    /// Λ^(−½)Qᵀ(x − α·mₖ) with Λ that of Sₖ: standard normal where x is from component k. `[components, n, d]`.
    unit: Tensor<3>,
    /// `[components, 1, d]`.
    inverse_std: Tensor<3>,
    axes: Option<Tensor<3>>,
}

impl Components {
    /// log pₜ, `[1, n, 1]`: the largest taken out, so that no exponential overflows.
    fn log_sum(&self) -> Tensor<3> {
        let most = self.log.clone().max_dim(0);
        (self.log.clone() - most.clone()).exp().sum_dim(0).log() + most
    }

    /// rₖ, `[components, n, 1]`.
    fn responsibilities(&self) -> Tensor<3> {
        let likelihood = (self.log.clone() - self.log.clone().max_dim(0)).exp();
        likelihood.clone() / likelihood.sum_dim(0)
    }

    /// Σₖ cₖ·∇log N(x; α·mₖ, Sₖ), `[n, d]`, with c of `[components, n, 1]`.
    fn gradient(self, c: Tensor<3>) -> Tensor<2> {
        self.gradients(c).sum_dim(0).squeeze_dim(0)
    }

    /// cₖ·∇log N(x; α·mₖ, Sₖ), `[components, n, d]`.
    fn gradients(self, c: Tensor<3>) -> Tensor<3> {
        let along = self.unit * self.inverse_std * c.neg();
        match self.axes {
            Some(axes) => ops::product(along, axes.transpose()),
            None => along,
        }
    }

    /// −tr Sₖ⁻¹, the divergence of component k's own score, `[components, 1, 1]`.
    fn traces(&self) -> Tensor<3> {
        self.inverse_std.clone().square().sum_dim(2).neg()
    }

    /// ∇·s, `[1, n, 1]`.
    fn divergence(self) -> Tensor<3> {
        let (shares, traces) = (self.responsibilities(), self.traces());
        let own = self.gradients(shares.ones_like());
        let mean = (own.clone() * shares.clone()).sum_dim(0);
        ((own - mean).square().sum_dim(2) + traces).mul(shares).sum_dim(0)
    }
}

impl Score for Mixture {
    /// # Panics
    /// When `x` has not as many columns as the mixture has dimensions.
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        self.in_parts(x, |x, _| {
            let components = self.components(x, level);
            let responsibilities = components.responsibilities();
            components.gradient(responsibilities)
        })
    }

    fn density(&self) -> Option<&dyn Density> {
        Some(self)
    }
}

impl Density for Mixture {
    /// # Panics
    /// When `x` has not as many columns as the mixture has dimensions.
    fn log_density(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        self.in_parts(x, |x, _| self.components(x, level).log_sum().squeeze_dim(0))
    }

    /// # Panics
    /// When `x` has not as many columns as the mixture has dimensions.
    fn divergence(&self, x: Tensor<2>, level: &Level) -> Option<Tensor<2>> {
        Some(self.in_parts(x, |x, _| self.components(x, level).divergence().squeeze_dim(0)))
    }
}

fn same_number(field: &str, given: usize, components: usize) -> Result<()> {
    let ok = given == components;
    ok.then_some(())
        .ok_or_else(|| Error::setting(field, format!("{given} entries"), format!("{components}, one a weight")))
}

fn same_dimension(field: &str, given: usize, d: usize) -> Result<()> {
    let ok = given == d;
    ok.then_some(()).ok_or_else(|| Error::setting(field, format!("{given} numbers"), format!("{d}, as means[0] has")))
}

#[cfg(test)]
mod tests;
