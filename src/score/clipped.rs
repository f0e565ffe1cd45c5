//! A score whose denoised estimate x̂₀ = (x + σ²·s)/α is held to the range of the data:
//!
//! s′ = s + (α/σ²)·(x̂₀′ − x̂₀), which is s itself wherever x̂₀ is in range.
//!
//! - clipping at c: x̂₀′ = clamp(x̂₀, −c, c), as in DDPM's code (Ho et al. 2020);
//! - dynamic thresholding (Saharia et al. 2022, Imagen, <https://arxiv.org/abs/2205.11487>, appendix C): with r the
//!   q-quantile of a sample's |x̂₀|, but c (1 without a clip) at least, x̂₀′ = clamp(x̂₀, −r, r)·c/r.
//!
//! A sampler that follows s′ takes its noise from the clipped estimate, too: diffusers' `use_clipped_model_output`.

use burn::{Tensor, tensor::Bool};

use super::Score;
use crate::sde::Level;

/// Halvings of the interval that the quantile is sought in: more than f32's mantissa has bits.
const HALVINGS: usize = 26;

/// What the denoised estimate is held to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Largest size of a value.
    clip: Option<f64>,
    /// The quantile of dynamic thresholding.
    threshold: Option<f64>,
}

impl Limits {
    /// The limits, if there are any.
    #[must_use]
    pub fn new(clip: Option<f64>, threshold: Option<f64>) -> Option<Self> {
        (clip.is_some() || threshold.is_some()).then_some(Self { clip, threshold })
    }

    /// x̂₀′.
    ///
    /// # Shapes
    /// `denoised` and the result: `[n, d]`.
    fn hold(&self, denoised: Tensor<2>) -> Tensor<2> {
        match (self.threshold, self.clip) {
            (Some(q), clip) => {
                let clip = clip.unwrap_or(1.0);
                let range = quantile(denoised.clone().abs(), q).clamp_min(clip);
                (denoised / range).clamp(-1.0, 1.0) * clip
            }
            (None, Some(clip)) => denoised.clamp(-clip, clip),
            (None, None) => denoised,
        }
    }
}

/// The q-quantile of every row of `sizes`, linear between neighbours as NumPy's and PyTorch's, for values ≥ 0. By
/// bisection on counts, since burn's sort reads the values back; the order statistics are the row's own values unless
/// others lie within 2⁻²⁶ of its largest.
///
/// # Shapes
/// `sizes`: `[n, d]`; the result: `[n, 1]`.
fn quantile(sizes: Tensor<2>, q: f64) -> Tensor<2> {
    let position = q * (sizes.dims()[1] - 1) as f64;
    let rank = libm::floor(position);
    let at_least = |bound: &Tensor<2>, count: f64| -> Tensor<2, Bool> {
        sizes.clone().lower_equal(bound.clone()).float().sum_dim(1).greater_equal_elem(count)
    };
    let mut high = sizes.clone().max_dim(1);
    let mut low = high.zeros_like();
    for _ in 0..HALVINGS {
        let middle = (low.clone() + high.clone()) * 0.5;
        let enough = at_least(&middle, rank + 1.0);
        high = high.mask_where(enough.clone(), middle.clone());
        low = middle.mask_where(enough, low);
    }
    let above = sizes.clone().greater(high);
    let value = sizes.clone().mask_fill(above, 0.0).max_dim(1);
    let share = position - rank;
    if share == 0.0 {
        return value;
    }
    // The next value, unless the same one occurs again.
    let repeats = at_least(&value, rank + 2.0);
    let below = sizes.clone().lower_equal(value.clone());
    let next = sizes.mask_fill(below, f32::MAX).min_dim(1).mask_where(repeats, value.clone());
    value * (1.0 - share) + next * share
}

/// A score whose denoised estimate stays within [`Limits`].
pub struct Clipped<S> {
    inner: S,
    limits: Limits,
}

impl<S: Score> Clipped<S> {
    /// `inner` held to `limits`.
    pub fn new(inner: S, limits: Limits) -> Self {
        Self { inner, limits }
    }
}

impl<S: Score> Score for Clipped<S> {
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        let s = self.inner.score(x.clone(), level);
        if level.sigma == 0.0 {
            // x is the clean sample: there is no estimate to hold.
            return s;
        }
        let denoised = level.denoised(x, s.clone());
        let change = self.limits.hold(denoised.clone()) - denoised;
        s + change * (level.alpha / (level.sigma * level.sigma))
    }

    fn evaluations(&self) -> u64 {
        self.inner.evaluations()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::score::Gaussian;

    fn rows(values: [[f32; 5]; 2]) -> Tensor<2> {
        Tensor::from_data(values, &Device::flex())
    }

    fn read(x: Tensor<2>) -> Vec<f32> {
        x.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn quantiles_are_numpys() {
        // numpy.quantile(row, q) in float32, with ties and with zeros.
        let sizes = rows([[0.3, 2.5, 0.0, 0.0, 1.0], [7.0, 7.0, 7.0, 1e-3, 5.0]]);
        for (q, expected) in
            [(0.5, [0.3, 7.0]), (0.6, [0.58, 7.0]), (0.9, [1.9, 7.0]), (0.99, [2.44, 7.0]), (1.0, [2.5, 7.0])]
        {
            for (ours, expected) in read(quantile(sizes.clone(), q)).into_iter().zip(expected) {
                // f32: the values are the row's own, and the line between two of them rounds.
                assert!((ours - expected).abs() <= 3e-7, "{q}: {ours} {expected}");
            }
        }
        assert_eq!(read(quantile(rows([[0.0; 5], [0.25; 5]]), 0.7)), [0.0, 0.25]);
        assert_eq!(read(quantile(Tensor::from_data([[0.4f32], [3.0]], &Device::flex()), 0.995)), [0.4, 3.0]);
    }

    #[test]
    fn the_estimate_is_held_and_elsewhere_the_score_is_the_same() {
        let level = Level { t: 0.5, alpha: 0.8, sigma: 0.6 };
        let inner = Gaussian::new(vec![0.0; 5], vec![1.0; 5]).unwrap();
        let x = rows([[0.1, -3.0, 1.0, 2.0, -0.5], [0.0, 0.2, -0.2, 0.3, 0.4]]);
        let held = |clip, threshold| {
            let score = Clipped::new(&inner, Limits::new(clip, threshold).unwrap()).score(x.clone(), &level);
            read(level.denoised(x.clone(), score))
        };
        // x̂₀ = 0.8·x for data of unit variance at α² + σ² = 1.
        let expected = [
            (held(Some(0.5), None), [0.08, -0.5, 0.5, 0.5, -0.4, 0.0, 0.16, -0.16, 0.24, 0.32]),
            // The quantile at 0.75 is 1.6 in the first row; 0.24 < 1 in the second, which stays.
            (held(None, Some(0.75)), [0.05, -1.0, 0.5, 1.0, -0.25, 0.0, 0.16, -0.16, 0.24, 0.32]),
            // Down to the clip.
            (held(Some(0.8), Some(0.75)), [0.04, -0.8, 0.4, 0.8, -0.2, 0.0, 0.16, -0.16, 0.24, 0.32]),
        ];
        for (ours, expected) in expected {
            // f32 through s and back: σ²/α and α/σ² are near 1.
            assert!(ours.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{ours:?} {expected:?}");
        }
        let score = Clipped::new(&inner, Limits::new(Some(3.0), None).unwrap()).score(x.clone(), &level);
        assert_eq!(read(score), read(inner.score(x, &level)), "bit for bit, where nothing is out of range");
        assert!(Limits::new(None, None).is_none());
    }
}
