//! Tweedie's formula: the denoised estimate that belongs to a score, and back (Efron 2011).

use burn::Tensor;

use crate::{
    compute::vectors::{Sum, term},
    sde::Level,
};

impl Level {
    /// Tweedie's estimate E[x₀ | xₜ] = (xₜ + σ²·s)/α.
    ///
    /// # Shapes
    /// `x`, `score` and the result: `[n, d]`.
    #[must_use]
    pub fn denoised(&self, x: Tensor<2>, score: Tensor<2>) -> Tensor<2> {
        self.estimate(&x, &score).value()
    }

    /// [`Level::denoised`] as a sum to be computed within another.
    ///
    /// # Shapes
    /// As there.
    #[must_use]
    pub fn estimate<'a>(&self, x: &'a Tensor<2>, score: &'a Tensor<2>) -> Sum<'a> {
        (term(x) + term(score) * (self.sigma * self.sigma)) / self.alpha
    }

    /// The score that belongs to a denoised estimate: s = (α·x̂₀ − xₜ)/σ².
    ///
    /// # Shapes
    /// `x`, `denoised` and the result: `[n, d]`.
    #[must_use]
    pub fn score_of(&self, x: Tensor<2>, denoised: Tensor<2>) -> Tensor<2> {
        ((term(&denoised) * self.alpha - term(&x)) / (self.sigma * self.sigma)).value()
    }
}
