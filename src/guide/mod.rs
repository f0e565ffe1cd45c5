//! Guides: what holds samples to something known while a sampler draws them.
//!
//! A [`Constraint`] overwrites the samples after every update: inpainting, colorization, clipping. It is no score:
//! classifier-free guidance, which changes the score, is [`crate::score`]'s. A sampler is given one by
//! [`crate::sampler::Sampler::with_constraint`].
//!
//! What a guide knows (a picture, a mask) are numbers, one row per sample or one for all, and no settings: settings are
//! text, the same on the command line and in JavaScript, and go with a run's seed into what is reported.

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
