//! The operators as an extension of burn's backends.
//!
//! burn routes a call by the tensors' device: to the CPU kernels, to a GPU's, or through automatic differentiation to
//! either.

use super::{
    composed,
    options::{Activation, Norm, Shuffle},
};
use burn::backend::{
    Backend, backend_extension,
    tensor::{FloatTensor, IntTensor},
};

/// Operators that are worth a kernel of their own; by default composed of the backend's.
///
/// Those that give an option join several of [`ops`](crate::compute::ops)' steps in one, on backends where that saves
/// something. None stands for "no such kernel here", or none for these sizes; the caller then takes the steps.
#[backend_extension(
    Flex: cfg(any(not(target_family = "wasm"), feature = "browser-cpu")),
    Cube: cfg(feature = "burn-cubecl"),
    Autodiff: cfg(any(not(target_family = "wasm"), feature = "training")),
)]
pub trait Kernels: Backend {
    /// See [`conv2d`](crate::compute::ops::conv2d).
    fn conv2d_same(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        composed::conv2d::<Self>(x, weight, bias)
    }

    /// See [`product`](crate::compute::ops::product).
    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_matmul(a, b)
    }

    /// See [`linear`](crate::compute::ops::linear).
    fn dense_layer(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        composed::linear::<Self>(x, weight, bias)
    }

    /// See [`waves`](crate::compute::ops::waves).
    fn waves(level: FloatTensor<Self>, frequencies: FloatTensor<Self>) -> FloatTensor<Self> {
        composed::waves::<Self>(level, frequencies)
    }

    /// See [`activation`](crate::compute::ops::activation).
    fn activation(z: FloatTensor<Self>, activation: Activation, order: u8) -> FloatTensor<Self> {
        composed::activation::<Self>(z, activation, order)
    }

    /// See [`modulated`](crate::compute::ops::modulated).
    fn modulated(z: FloatTensor<Self>, t: FloatTensor<Self>, activation: Activation, order: u8) -> FloatTensor<Self> {
        composed::modulated::<Self>(z, t, activation, order)
    }

    /// See [`group_norm`](crate::compute::ops::group_norm).
    fn group_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        norm: Norm,
    ) -> FloatTensor<Self> {
        composed::group_norm::<Self>(x, gamma, beta, norm)
    }

    /// See [`conv2d_shuffle`](crate::compute::ops::conv2d_shuffle).
    fn conv2d_shuffle(
        _x: FloatTensor<Self>,
        _weight: FloatTensor<Self>,
        _bias: FloatTensor<Self>,
        _fold: Shuffle,
    ) -> Option<FloatTensor<Self>> {
        None
    }

    /// See [`conv2d_add`](crate::compute::ops::conv2d_add).
    fn conv2d_add(
        _x: FloatTensor<Self>,
        _weight: FloatTensor<Self>,
        _bias: FloatTensor<Self>,
        _residual: FloatTensor<Self>,
    ) -> Option<FloatTensor<Self>> {
        None
    }

    /// See [`group_norm_film`](crate::compute::ops::group_norm_film).
    fn group_norm_film(
        _x: FloatTensor<Self>,
        _gamma: FloatTensor<Self>,
        _beta: FloatTensor<Self>,
        _embedding: FloatTensor<Self>,
        _weight: FloatTensor<Self>,
        _bias: FloatTensor<Self>,
        _norm: Norm,
    ) -> Option<FloatTensor<Self>> {
        None
    }

    /// See [`attention`](crate::compute::ops::attention).
    fn attention(_qkv: FloatTensor<Self>, _heads: usize) -> Option<FloatTensor<Self>> {
        None
    }

    /// See [`join`](crate::compute::ops::join).
    fn join(_a: FloatTensor<Self>, _b: FloatTensor<Self>) -> Option<FloatTensor<Self>> {
        None
    }

    /// See [`waves_layer`](crate::compute::ops::waves_layer).
    fn waves_layer(
        _level: FloatTensor<Self>,
        _frequencies: FloatTensor<Self>,
        _weight: FloatTensor<Self>,
        _bias: FloatTensor<Self>,
    ) -> Option<FloatTensor<Self>> {
        None
    }

    /// See [`class_layer`](crate::compute::ops::class_layer).
    fn class_layer(
        _x: FloatTensor<Self>,
        _weight: FloatTensor<Self>,
        _bias: FloatTensor<Self>,
        _rows: FloatTensor<Self>,
        _class: IntTensor<Self>,
    ) -> Option<FloatTensor<Self>> {
        None
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

    /// Those of a layer's input (where it is wanted), weight and bias, given its result's.
    fn dense_layer_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        want_x: bool,
    ) -> (Option<FloatTensor<Self>>, [FloatTensor<Self>; 2]) {
        composed::linear_backward::<Self>(x, weight, grad, want_x)
    }

    /// Those of z and t of [`Kernels::modulated`], given its result's.
    fn modulated_backward(
        z: FloatTensor<Self>,
        t: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        activation: Activation,
        order: u8,
    ) -> [FloatTensor<Self>; 2] {
        composed::modulated_backward::<Self>(z, t, grad, activation, order)
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
