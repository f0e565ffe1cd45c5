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

use super::{Level, Score};

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
    pub fn of(clip: Option<f64>, threshold: Option<f64>) -> Option<Self> {
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
