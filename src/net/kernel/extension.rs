//! The operators as an extension of burn's backends.
//!
//! burn routes a call by the tensors' device: to the CPU kernels, to a GPU's own operators, or through
//! automatic differentiation to either.

use super::composed;
use burn::backend::{Backend, backend_extension, tensor::FloatTensor};

/// What a group normalisation is besides its tensors.
#[derive(Clone, Copy, Debug)]
pub struct Norm {
    /// Groups that the channels are divided into.
    pub groups: usize,
    /// ε beneath the root.
    pub epsilon: f32,
    /// Whether SiLU follows.
    pub silu: bool,
}

/// Operators that are worth a kernel of their own; by default composed of the backend's.
#[backend_extension(
    Flex,
    Cube: cfg(feature = "burn-cubecl"),
    Autodiff: cfg(not(target_family = "wasm")),
)]
pub trait Kernels: Backend {
    /// See [`conv2d`](crate::net::ops::conv2d).
    fn conv2d_same(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        composed::conv2d::<Self>(x, weight, bias)
    }

    /// See [`group_norm`](crate::net::ops::group_norm).
    fn group_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        norm: Norm,
    ) -> FloatTensor<Self> {
        composed::group_norm::<Self>(x, gamma, beta, norm)
    }
}

/// The gradients of [`Kernels`], by default composed of the backend's operators.
pub trait KernelGradients: Kernels {
    /// Those of a convolution's input (where it is wanted), weight and bias, given its result's.
    fn conv2d_same_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        want_x: bool,
    ) -> (Option<FloatTensor<Self>>, [FloatTensor<Self>; 2]) {
        composed::conv2d_backward::<Self>(x, weight, grad, want_x)
    }

    /// That of a convolution's input alone, where its weight is a constant: a network's gradient by its input.
    fn conv2d_same_input_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        composed::conv2d_input_backward::<Self>(x, weight, grad)
    }

    /// Those of a normalisation's input, γ and β, given its result's.
    fn group_norm_backward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        norm: Norm,
    ) -> [FloatTensor<Self>; 3] {
        composed::group_norm_backward::<Self>(x, gamma, beta, grad, norm)
    }
}

#[cfg(feature = "burn-cubecl")]
impl Kernels for burn_cubecl::CubeBackend {}
#[cfg(feature = "burn-cubecl")]
impl KernelGradients for burn_cubecl::CubeBackend {}
