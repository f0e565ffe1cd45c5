//! The operations as an extension of burn's backends, which routes a call by the tensors' device.

use burn::backend::{Backend, backend_extension, tensor::FloatTensor};

use super::{Adam, StepRule};

/// A sum's terms, in the order of the tensors.
#[derive(Clone, Debug)]
pub struct Plan {
    /// At most as many as there are tensors.
    pub terms: Vec<PlannedTerm>,
    /// Rows that each term has.
    pub rows: usize,
    /// How often the sum is written, below itself.
    pub times: usize,
}

/// weight·(the tensor's rows from `first` on).
#[derive(Clone, Copy, Debug)]
pub struct PlannedTerm {
    pub weight: f64,
    pub first: usize,
}

/// What a backend may have a kernel for; None stands for "not here", and the caller composes it of burn's operators.
#[backend_extension(
    Flex: cfg(any(not(target_family = "wasm"), feature = "browser-cpu")),
    Cube: cfg(feature = "burn-cubecl"),
    Autodiff: cfg(any(not(target_family = "wasm"), feature = "training")),
)]
pub trait Vectors: Backend {
    /// See [`Sum`](super::Sum).
    ///
    /// # Shapes
    /// Every tensor: `[m, d]` with any m that holds its term's rows; result: `[rows·times, d]`.
    fn sum(
        _a: FloatTensor<Self>,
        _b: FloatTensor<Self>,
        _c: FloatTensor<Self>,
        _d: FloatTensor<Self>,
        _e: FloatTensor<Self>,
        _f: FloatTensor<Self>,
        _plan: Plan,
    ) -> Option<FloatTensor<Self>> {
        None
    }

    /// See [`squared_norms`](super::squared_norms).
    fn squared_norms(_a: FloatTensor<Self>, _b: FloatTensor<Self>, _weights: [f64; 2]) -> Option<FloatTensor<Self>> {
        None
    }

    /// See [`langevin`](super::langevin).
    fn langevin(
        _x: FloatTensor<Self>,
        _s: FloatTensor<Self>,
        _z: FloatTensor<Self>,
        _norms: FloatTensor<Self>,
        _rule: StepRule,
    ) -> Option<FloatTensor<Self>> {
        None
    }

    /// See [`adam`](super::adam()).
    ///
    /// # Shapes
    /// Every tensor: `[p]`; result: the four below each other, `[4, p]`.
    fn adam(
        _parameters: FloatTensor<Self>,
        _average: FloatTensor<Self>,
        _moment1: FloatTensor<Self>,
        _moment2: FloatTensor<Self>,
        _gradient: FloatTensor<Self>,
        _rule: Adam,
    ) -> Option<FloatTensor<Self>> {
        None
    }

    /// See [`scaled_mean_squares`](super::scaled_mean_squares).
    fn scaled_mean_squares(
        _e: FloatTensor<Self>,
        _y: FloatTensor<Self>,
        _next: FloatTensor<Self>,
        _tolerances: [f64; 2],
    ) -> Option<FloatTensor<Self>> {
        None
    }
}

#[cfg(any(not(target_family = "wasm"), feature = "training"))]
impl<B: Backend + Vectors, C: burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy> Vectors
    for burn::backend::Autodiff<B, C>
{
}
