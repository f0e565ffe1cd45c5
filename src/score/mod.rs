//! The score, which is all that a sampler sees.
//!
//! A score is s(x, t) = ∇ₓ log pₜ(x), over tensors `[n, d]` on any device. A network, an analytic
//! mixture, an energy model or a guided score are scores, and wrap one another.

mod clipped;
pub mod divergence;
mod gaussian;
mod mixture;
pub mod network;
mod parameterisation;

use burn::{
    Tensor,
    tensor::{DType, TensorData},
};

pub use self::{
    clipped::{Clipped, Limits},
    gaussian::Gaussian,
    mixture::{Mixture, MixtureConfig, MixtureScore},
    parameterisation::{Predicted, Prediction},
};
use crate::vectors::{Sum, of};

/// Where on the forward process xₜ = α·x₀ + σ·ε a score is evaluated. Host scalars, in f64.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Time, from 0 (data) to 1 (noise).
    pub t: f64,
    /// Scale α(t) of the data.
    pub alpha: f64,
    /// Standard deviation σ(t) of the noise.
    pub sigma: f64,
}

impl Level {
    /// σ/α, the noise level of x/α: the one number that a process-independent denoiser needs.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.sigma / self.alpha
    }

    /// Signal-to-noise ratio α²/σ².
    #[must_use]
    pub fn snr(&self) -> f64 {
        self.ratio().powi(-2)
    }

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
        (of(x) + of(score) * (self.sigma * self.sigma)) / self.alpha
    }

    /// The score that belongs to a denoised estimate: s = (α·x̂₀ − xₜ)/σ².
    ///
    /// # Shapes
    /// `x`, `denoised` and the result: `[n, d]`.
    #[must_use]
    pub fn score_of(&self, x: Tensor<2>, denoised: Tensor<2>) -> Tensor<2> {
        ((of(&denoised) * self.alpha - of(&x)) / (self.sigma * self.sigma)).value()
    }
}

/// s(x, t) = ∇ₓ log pₜ(x).
pub trait Score {
    /// The score of every row of `x` at one level.
    ///
    /// # Shapes
    /// `x` and the result: `[n, d]`.
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2>;

    /// Network evaluations that one call costs: 2 under classifier-free guidance.
    fn evaluations(&self) -> u64 {
        1
    }

    /// The log-density whose gradient this is, where it can be had: an analytic mixture's, an energy model's.
    fn density(&self) -> Option<&dyn Density> {
        None
    }
}

/// A score whose log-density is known.
pub trait Density: Score {
    /// log pₜ(x), in nats, of every row of `x`.
    ///
    /// # Shapes
    /// `x`: `[n, d]`; result: `[n, 1]`.
    fn log_density(&self, x: Tensor<2>, level: &Level) -> Tensor<2>;

    /// The score's divergence ∇·s = Δ log pₜ(x) in closed form, at every row of `x`.
    ///
    /// # Shapes
    /// `x`: `[n, d]`; result: `[n, 1]`.
    fn divergence(&self, x: Tensor<2>, level: &Level) -> Tensor<2>;
}

/// Host numbers on `x`'s device and in its precision.
fn constant<const D: usize>(values: Vec<f64>, shape: [usize; D], x: &Tensor<2>) -> Tensor<D> {
    let data = TensorData::new(values, shape);
    // Not every device has f64: the host rounds.
    let data = if x.dtype() == DType::F64 { data } else { data.convert::<f32>() };
    Tensor::from_data(data, (&x.device(), x.dtype()))
}

impl<S: Score + ?Sized> Score for &S {
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        (**self).score(x, level)
    }

    fn evaluations(&self) -> u64 {
        (**self).evaluations()
    }

    fn density(&self) -> Option<&dyn Density> {
        (**self).density()
    }
}

impl<S: Score + ?Sized> Score for Box<S> {
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        (**self).score(x, level)
    }

    fn evaluations(&self) -> u64 {
        (**self).evaluations()
    }

    fn density(&self) -> Option<&dyn Density> {
        (**self).density()
    }
}
