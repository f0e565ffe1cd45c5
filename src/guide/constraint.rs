//! What holds samples to something known.

use burn::Tensor;

use crate::sde::Level;

/// What overwrites the samples after every update.
pub trait Constraint {
    /// The samples that satisfy the constraint at `level`; after the final denoising that is α = 1, σ = 0.
    /// `noise` draws standard normal noise of `x`'s shape: another one in every call, so that a projection may draw as
    /// often as it needs.
    ///
    /// # Shapes
    /// `x` and the result: `[n, d]`.
    fn project(&self, x: Tensor<2>, level: &Level, noise: &dyn Fn() -> Tensor<2>) -> Tensor<2>;
}
