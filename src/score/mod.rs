//! The score, which is all that a sampler sees.
//!
//! A score is s(x, t) = ∇ₓ log pₜ(x), over tensors `[n, d]` on any device. A network, an analytic
//! mixture, an energy model or a guided score are scores, and wrap one another.

pub mod account;
mod clipped;
mod conditioning;
pub mod divergence;
mod gaussian;
mod guidance;
mod mixture;
pub mod network;
mod parameterisation;
pub mod preconditioning;
pub mod stein;
mod tweedie;

use burn::{
    Tensor,
    tensor::{DType, TensorData},
};

pub use self::{
    clipped::{Clipped, Limits},
    conditioning::{Coefficients, Conditioning},
    gaussian::Gaussian,
    guidance::{MAX_GUIDANCE, check_guidance},
    mixture::{Mixture, MixtureConfig, MixtureScore, Std},
    parameterisation::{Affine, Parameterisation, Prediction},
};
use crate::sde::Level;

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

    /// The score's derivatives in forward mode, where it has them.
    fn differentiable(&self) -> Option<&dyn Differentiable> {
        None
    }
}

/// A score with derivatives in forward mode, which need no automatic differentiation.
pub trait Differentiable: Score {
    /// The score and (∂s/∂x)·v for each direction v, at one level.
    ///
    /// # Shapes
    /// `x`, each direction and each result: `[n, d]`.
    fn jvp(&self, x: Tensor<2>, level: &Level, directions: &[Tensor<2>]) -> (Tensor<2>, Vec<Tensor<2>>);
}

/// A score whose log-density is known.
pub trait Density: Score {
    /// log pₜ(x), in nats, of every row of `x`.
    ///
    /// # Shapes
    /// `x`: `[n, d]`; result: `[n, 1]`.
    fn log_density(&self, x: Tensor<2>, level: &Level) -> Tensor<2>;

    /// The score's divergence ∇·s = Δ log pₜ(x) in closed form, at every row of `x`; none where it has no closed form, and
    /// then at no x and no level. Likelihoods differentiate such a score (`divergence::Divergence`).
    ///
    /// # Shapes
    /// `x`: `[n, d]`; result: `[n, 1]`.
    fn divergence(&self, x: Tensor<2>, level: &Level) -> Option<Tensor<2>> {
        let _ = (x, level);
        None
    }
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

    fn differentiable(&self) -> Option<&dyn Differentiable> {
        (**self).differentiable()
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

    fn differentiable(&self) -> Option<&dyn Differentiable> {
        (**self).differentiable()
    }
}
