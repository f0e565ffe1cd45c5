//! The operators that every network is made of. All convolutions and normalisations go through here.
//!
//! Activations are NHWC: a 1×1 convolution is a matrix product, attention needs no transposition, and
//! an im2col row is a few contiguous copies.

use burn::{
    Tensor,
    tensor::{activation, module, ops::ConvOptions},
};

/// Convolution with stride 1 and zero padding that keeps the size ("same"), for odd kernels.
///
/// y[n, i, j, o] = b[o] + Σ x[n, i + u − p, j + v − p, c]·w[u, v, c, o], p = (k − 1)/2.
///
/// # Shapes
/// `x`: `[n, h, w, c]`, `weight`: `[k, k, c, o]`, `bias`: `[o]`; result: `[n, h, w, o]`.
#[must_use]
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>) -> Tensor<4> {
    let pad = (weight.dims()[0] - 1) / 2;
    let options = ConvOptions::new([1, 1], [pad, pad], [1, 1], 1);
    let y = module::conv2d(x.permute([0, 3, 1, 2]), weight.permute([3, 2, 0, 1]), Some(bias), options);
    y.permute([0, 2, 3, 1])
}

/// Group normalisation, affine, then SiLU: y = silu(γ·(x − μ)/√(v + ε) + β), μ and v over each
/// sample's group of channels and all pixels. γ and β may differ by sample (FiLM).
///
/// # Shapes
/// `x`: `[n, h, w, c]`; `gamma`, `beta`: `[1, c]` or `[n, c]`; result: `[n, h, w, c]`.
#[must_use]
pub fn group_norm_silu(x: Tensor<4>, gamma: Tensor<2>, beta: Tensor<2>, groups: usize) -> Tensor<4> {
    activation::silu(group_norm(x, gamma, beta, groups))
}

/// [`group_norm_silu`] without the activation.
///
/// # Shapes
/// As there.
#[must_use]
pub fn group_norm(x: Tensor<4>, gamma: Tensor<2>, beta: Tensor<2>, groups: usize) -> Tensor<4> {
    let [n, h, w, c] = x.dims();
    let x = x.reshape([n, h * w, groups, c / groups]);
    let mean = x.clone().mean_dim(1).mean_dim(3);
    let x = x - mean;
    let variance = x.clone().square().mean_dim(1).mean_dim(3);
    let x = (x / (variance + EPSILON).sqrt()).reshape([n, h, w, c]);
    let rows = gamma.dims()[0];
    x * gamma.reshape([rows, 1, 1, c]) + beta.reshape([rows, 1, 1, c])
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
