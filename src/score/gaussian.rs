//! The exact score of Gaussian data: x₀ ~ N(m, diag(σ₀²)) under xₜ = α·x₀ + σ·ε has
//!
//! pₜ = N(α·m, α²σ₀² + σ²) and s(x, t) = −(x − α·m)/(α²σ₀² + σ²), a coordinate at a time.
//!
//! Every sampler has a closed form on it: the probability flow scales each coordinate's deviation by
//! [`Gaussian::std_at`], and a linear SDE step maps variances to variances.

use burn::Tensor;

use super::{Density, Score, constant};
use crate::{Error, Result, sde::Level};

/// The exact score of Gaussian data with a diagonal covariance.
#[derive(Clone, Debug, PartialEq)]
pub struct Gaussian {
    mean: Vec<f64>,
    std: Vec<f64>,
}

impl Gaussian {
    /// Data with these means and standard deviations, one a dimension. A standard deviation of 0 is a
    /// point: x̂₀ is then its mean, everywhere.
    ///
    /// # Errors
    /// When there is no dimension, the lengths differ, a number is not finite or a deviation is negative.
    pub fn new(mean: Vec<f64>, std: Vec<f64>) -> Result<Self> {
        if mean.is_empty() || mean.len() != std.len() {
            return Err(Error::shape(
                "std",
                format!("{} numbers", std.len()),
                format!("as many as mean: {}, at least 1", mean.len()),
            ));
        }
        if let Some(bad) = mean.iter().find(|m| !m.is_finite()) {
            return Err(Error::setting("mean", bad, "finite numbers"));
        }
        if let Some(bad) = std.iter().find(|s| !(0.0..f64::INFINITY).contains(*s)) {
            return Err(Error::setting("std", bad, "finite numbers, 0 or more"));
        }
        Ok(Self { mean, std })
    }

    /// The standard deviations √(α²σ₀² + σ²) of xₜ, one a dimension.
    #[must_use]
    pub fn std_at(&self, level: &Level) -> Vec<f64> {
        self.std.iter().map(|std| libm::hypot(level.alpha * std, level.sigma)).collect()
    }
}

/// One row of host numbers on `x`'s device and in its precision.
fn row(values: Vec<f64>, x: &Tensor<2>) -> Tensor<2> {
    let shape = [1, values.len()];
    constant(values, shape, x)
}

impl Gaussian {
    /// x − α·m.
    fn deviation(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        let mean = row(self.mean.iter().map(|mean| level.alpha * mean).collect(), &x);
        x - mean
    }
}

impl Score for Gaussian {
    /// # Panics
    /// When `x` has not as many columns as the Gaussian has dimensions.
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        let precision = row(self.std_at(level).into_iter().map(|std| -1.0 / (std * std)).collect(), &x);
        self.deviation(x, level) * precision
    }

    fn density(&self) -> Option<&dyn Density> {
        Some(self)
    }
}

impl Density for Gaussian {
    /// log pₜ(x) = −½·Σᵢ ((xᵢ − α·mᵢ)²/Sᵢ² + ln 2πSᵢ²) with S of [`Gaussian::std_at`].
    ///
    /// # Panics
    /// When `x` has not as many columns as the Gaussian has dimensions.
    fn log_density(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        let std = self.std_at(level);
        let constant: f64 = std.iter().map(|std| 0.5 * libm::log(std::f64::consts::TAU * std * std)).sum();
        let precision = row(std.into_iter().map(|std| -0.5 / (std * std)).collect(), &x);
        (self.deviation(x, level).square() * precision).sum_dim(1) - constant
    }

    /// −Σᵢ 1/Sᵢ², whatever x.
    fn divergence(&self, x: Tensor<2>, level: &Level) -> Option<Tensor<2>> {
        let sum: f64 = self.std_at(level).into_iter().map(|std| -1.0 / (std * std)).sum();
        Some(Tensor::full([x.dims()[0], 1], sum, (&x.device(), x.dtype())))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, TensorData};

    use super::*;
    use crate::sde::{Process, Ve};

    #[test]
    fn the_score_is_the_log_densitys_gradient() {
        // d/dx of −(x − αm)²/(2S²), by hand at VE's t = 1: S² = 3² + 50² = 2509 and 0.25 + 2500.
        let level = Process::Ve(Ve::default()).level(1.0);
        let gaussian = Gaussian::new(vec![1.0, -2.0], vec![3.0, 0.5]).unwrap();
        let x = Tensor::from_data(
            TensorData::from([[2510.0f64, -2.0], [1.0, 2498.25]]),
            (&burn::tensor::Device::flex(), DType::F64),
        );
        let score = gaussian.score(x.clone(), &level);
        let values: Vec<f64> = score.clone().into_data().try_to_vec().unwrap();
        for (ours, exact) in values.iter().zip([-1.0, 0.0, 0.0, -2500.25 / 2500.25]) {
            assert!((ours - exact).abs() < 1e-12, "{values:?}");
        }
        // Tweedie: E[x₀ | x] = (σ₀²x + σ²m)/(σ₀² + σ²).
        let denoised: Vec<f64> = level.denoised(x, score).into_data().try_to_vec().unwrap();
        assert!((denoised[0] - (9.0 * 2510.0 + 2500.0) / 2509.0).abs() < 1e-10, "{denoised:?}");
    }

    #[test]
    fn the_log_density_is_scipys() {
        // scipy.stats.norm.logpdf at α = 1, σ = 0: N(1, 3²) at 4 and N(−2, 0.5²) at −2, summed.
        let gaussian = Gaussian::new(vec![1.0, -2.0], vec![3.0, 0.5]).unwrap();
        let x = Tensor::from_data(TensorData::from([[4.0f64, -2.0]]), (&burn::tensor::Device::flex(), DType::F64));
        let level = Level { t: 0.0, alpha: 1.0, sigma: 0.0 };
        let value: Vec<f64> = gaussian.log_density(x, &level).into_data().try_to_vec().unwrap();
        // −2.517550821872782 − 0.225791352644727: f64 rounding.
        assert!((value[0] + 2.743_342_174_517_509).abs() < 1e-13, "{value:?}");
    }

    #[test]
    fn what_is_no_gaussian_is_refused() {
        let error = |mean: &[f64], std: &[f64]| Gaussian::new(mean.to_vec(), std.to_vec()).unwrap_err().to_string();
        assert!(error(&[], &[]).starts_with("std has 0 numbers"));
        assert!(error(&[0.0], &[1.0, 1.0]).starts_with("std has 2 numbers; give as many as mean: 1"));
        assert!(error(&[f64::NAN], &[1.0]).starts_with("mean = NaN"));
        assert!(error(&[0.0], &[-1.0]).starts_with("std = -1"));
    }
}
