//! The operators that every network is made of. All convolutions and normalisations go through here.
//!
//! Activations are NHWC: a 1×1 convolution is a matrix product, attention needs no transposition, and
//! an im2col row is a few contiguous copies.

use super::kernel::{Kernels, Norm};
use burn::{Tensor, backend::Dispatch};

/// Convolution with stride 1 and zero padding that keeps the size ("same"), for odd kernels.
///
/// `y[n, i, j, o] = b[o] + Σ x[n, i + u − p, j + v − p, c]·w[u, v, c, o]`, p = (k − 1)/2.
///
/// # Shapes
/// `x`: `[n, h, w, c]`, `weight`: `[k, k, c, o]`, `bias`: `[o]`; result: `[n, h, w, o]`.
#[must_use]
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>) -> Tensor<4> {
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::conv2d_same(x, weight, bias))
}

/// Group normalisation, affine, then SiLU: y = silu(γ·(x − μ)/√(v + ε) + β), μ and v over each
/// sample's group of channels and all pixels. γ and β may differ by sample (FiLM).
///
/// # Shapes
/// `x`: `[n, h, w, c]`; `gamma`, `beta`: `[1, c]` or `[n, c]`; result: `[n, h, w, c]`.
#[must_use]
pub fn group_norm_silu(x: Tensor<4>, gamma: Tensor<2>, beta: Tensor<2>, groups: usize) -> Tensor<4> {
    normalise(x, gamma, beta, Norm { groups, epsilon: EPSILON, silu: true })
}

/// [`group_norm_silu`] without the activation.
///
/// # Shapes
/// As there.
#[must_use]
pub fn group_norm(x: Tensor<4>, gamma: Tensor<2>, beta: Tensor<2>, groups: usize) -> Tensor<4> {
    normalise(x, gamma, beta, Norm { groups, epsilon: EPSILON, silu: false })
}

fn normalise(x: Tensor<4>, gamma: Tensor<2>, beta: Tensor<2>, norm: Norm) -> Tensor<4> {
    let (x, gamma, beta) = (x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
    Tensor::from_dispatch(Dispatch::group_norm(x, gamma, beta, norm))
}

/// Group normalisation's ε, as PyTorch's default.
pub const EPSILON: f32 = 1e-5;

/// Space to depth: each `p`×`p` block of pixels becomes one pixel of p²·c channels, ordered
/// (row, column, channel) within the block.
///
/// # Shapes
/// `x`: `[n, h, w, c]`; result: `[n, h/p, w/p, p²·c]`.
#[must_use]
pub fn space_to_depth(x: Tensor<4>, p: usize) -> Tensor<4> {
    let [n, h, w, c] = x.dims();
    x.reshape([n, h / p, p, w / p, p, c]).permute([0, 1, 3, 2, 4, 5]).reshape([n, h / p, w / p, p * p * c])
}

/// Depth to space, the inverse of [`space_to_depth`].
///
/// # Shapes
/// `x`: `[n, h, w, p²·c]`; result: `[n, h·p, w·p, c]`.
#[must_use]
pub fn depth_to_space(x: Tensor<4>, p: usize) -> Tensor<4> {
    let [n, h, w, c] = x.dims();
    let c = c / (p * p);
    x.reshape([n, h, w, p, p, c]).permute([0, 1, 3, 2, 4, 5]).reshape([n, h * p, w * p, c])
}
