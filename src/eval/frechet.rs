//! The Fréchet distance between two Gaussians, fitted to features.
//!
//! d² = |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2·(Σ₁Σ₂)^½)
//!
//! (Dowson & Landau 1982; Heusel et al. 2017, <https://arxiv.org/abs/1706.08500>, who call it FID when the
//! features are Inception's, which these are not.) It is quoted squared, as there. Since Σ₁Σ₂ is similar to the
//! symmetric Σ₁^½·Σ₂·Σ₁^½, tr (Σ₁Σ₂)^½ is the sum of the square roots of that matrix's eigenvalues: two symmetric
//! eigendecompositions, no complex square root, and singular covariances do no harm.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use crate::{Error, Result};

/// Mean and unbiased covariance of a set of features, in f64.
#[derive(Clone, Debug)]
pub struct Gaussian {
    /// μ.
    pub mean: DVector<f64>,
    /// Σ, with n − 1 in the denominator.
    pub covariance: DMatrix<f64>,
}

impl Gaussian {
    /// Fits n rows of `d` features.
    ///
    /// # Errors
    /// When there are fewer than two rows, or a feature is not finite.
    pub fn fit(features: &[f32], d: usize) -> Result<Self> {
        let n = features.len() / d.max(1);
        if n < 2 {
            return Err(Error::setting("n", n, "at least 2 samples, for a covariance"));
        }
        if let Some(at) = features.iter().position(|value| !value.is_finite()) {
            let remedy = "its image is not one: look at the samples".to_owned();
            return Err(Error::NotFinite { what: format!("a feature of sample {}", at / d), step: 0, remedy });
        }
        let mut rows = DMatrix::from_row_iterator(n, d, features.iter().map(|&value| f64::from(value)));
        let mean = rows.row_mean().transpose();
        for (mut column, &mean) in rows.column_iter_mut().zip(&mean) {
            column.add_scalar_mut(-mean);
        }
        let covariance = rows.tr_mul(&rows) / (n - 1) as f64;
        Ok(Self { mean, covariance })
    }
}

/// d² between two Gaussians of the same dimension.
#[must_use]
pub fn distance(a: &Gaussian, b: &Gaussian) -> f64 {
    let root = square_root(&a.covariance);
    let product = &root * &b.covariance * &root;
    // Rounding leaves it a little asymmetric.
    let symmetric = (&product + product.transpose()) * 0.5;
    let cross: f64 = symmetric.symmetric_eigenvalues().iter().map(|&value| value.max(0.0).sqrt()).sum();
    (&a.mean - &b.mean).norm_squared() + a.covariance.trace() + b.covariance.trace() - 2.0 * cross
}

/// Σ^½ of a symmetric matrix; eigenvalues that rounding made negative count as 0.
fn square_root(matrix: &DMatrix<f64>) -> DMatrix<f64> {
    let SymmetricEigen { eigenvectors, eigenvalues } = SymmetricEigen::new(matrix.clone());
    let roots = eigenvalues.map(|value| value.max(0.0).sqrt());
    &eigenvectors * DMatrix::from_diagonal(&roots) * eigenvectors.transpose()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// `tests/reference/frechet.py`: SciPy's sqrtm on features that both sides compute.
    #[derive(Deserialize)]
    struct Case {
        seeds: [u64; 2],
        rows: [usize; 2],
        d: usize,
        /// Columns are multiplied by this power of their index plus one, to spread the eigenvalues.
        power: i32,
        distance: f64,
        tolerance: f64,
    }

    /// Integers below 2¹⁶ over 2¹⁶, times a power: exact in f32, the same in both languages.
    fn features(seed: u64, rows: usize, d: usize, power: i32) -> Vec<f32> {
        let key = |i: u64, j: u64| (i * 7919 + j * 104_729 + seed * 1_299_709) % 1_000_003;
        let hash = |i, j| (key(i, j).pow(3) % 1_000_003) >> 4;
        (0..rows as u64)
            .flat_map(|i| (0..d as u64).map(move |j| hash(i, j) as f32 / 65_536.0 * ((j + 1) as f32).powi(power)))
            .collect()
    }

    #[test]
    fn agrees_with_scipy() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/reference/frechet.json")).unwrap();
        assert!(cases.len() >= 3, "the fixture holds several cases");
        for Case { seeds, rows, d, power, distance: expected, tolerance } in cases {
            let fit = |k: usize| Gaussian::fit(&features(seeds[k], rows[k], d, power), d).unwrap();
            let (a, b) = (fit(0), fit(1));
            let found = distance(&a, &b);
            assert!((found - expected).abs() <= tolerance * expected, "d = {d}: {found}, SciPy {expected}");
            // It is a distance: symmetric, and nothing to itself (of the size of the rounding in the traces).
            assert!((distance(&b, &a) - found).abs() <= tolerance * found);
            assert!(distance(&a, &a).abs() < 1e-6 * a.covariance.trace());
        }
    }

    #[test]
    fn commuting_covariances_have_a_closed_form() {
        // |μ₁ − μ₂|² + Σ (√a − √b)²: 9 + (1 − 3)² + (2 − 2)² + (0 − 1)² = 14.
        let gaussian = |mean: [f64; 3], variances: [f64; 3]| Gaussian {
            mean: DVector::from_row_slice(&mean),
            covariance: DMatrix::from_diagonal(&DVector::from_row_slice(&variances)),
        };
        let a = gaussian([1.0, 0.0, 2.0], [1.0, 4.0, 0.0]);
        let b = gaussian([1.0, 3.0, 2.0], [9.0, 4.0, 1.0]);
        // A dozen roundings of numbers of order ten.
        assert!((distance(&a, &b) - 14.0).abs() < 1e-13, "{}", distance(&a, &b));
    }

    #[test]
    fn the_covariance_is_unbiased() {
        // Two points, (0, 0) and (2, 4): mean (1, 2), covariance ((2, 4), (4, 8)).
        let fit = Gaussian::fit(&[0.0, 0.0, 2.0, 4.0], 2).unwrap();
        assert_eq!(fit.mean, DVector::from_row_slice(&[1.0, 2.0]));
        assert_eq!(fit.covariance, DMatrix::from_row_slice(2, 2, &[2.0, 4.0, 4.0, 8.0]));
        assert!(Gaussian::fit(&[0.0, 0.0], 2).is_err());
        assert!(Gaussian::fit(&[0.0, f32::NAN, 1.0, 2.0], 2).is_err());
    }
}
