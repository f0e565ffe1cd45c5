//! The operators that every network is made of. All convolutions and normalisations go through here.
//!
//! Some join several steps, which a GPU's kernel takes at once; elsewhere the steps are taken as they stand here.
//!
//! Activations are NHWC: a 1×1 convolution is a matrix product, attention needs no transposition, and
//! an im2col row is a few contiguous copies.

pub use super::kernels::Activation;
use super::kernels::{Kernels, Norm, Shuffle};
use burn::{
    Tensor,
    backend::{Dispatch, DispatchTensor},
    tensor::{Int, activation as burns},
};
use std::f64::consts::FRAC_1_SQRT_2;

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

/// (residual + conv(x))/√2, with [`conv2d`].
///
/// # Shapes
/// As there; `residual` as the result.
#[must_use]
pub fn conv2d_add(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, residual: Tensor<4>) -> Tensor<4> {
    let own = Dispatch::conv2d_add(
        x.clone().into_dispatch(),
        weight.clone().into_dispatch(),
        bias.clone().into_dispatch(),
        residual.clone().into_dispatch(),
    );
    or_steps(own, || (residual + conv2d(x, weight, bias)) * FRAC_1_SQRT_2)
}

/// [`conv2d`] of [`space_to_depth`]`(x, input)`, then [`depth_to_space`] with `output`.
///
/// # Shapes
/// `x`: `[n, h·input, w·input, c]`, `weight`: `[k, k, input²·c, o]`, `bias`: `[o]`; result: `[n, h·output, w·output,
/// o/output²]`.
#[must_use]
pub fn conv2d_shuffle(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, input: usize, output: usize) -> Tensor<4> {
    let own = Dispatch::conv2d_shuffle(
        x.clone().into_dispatch(),
        weight.clone().into_dispatch(),
        bias.clone().into_dispatch(),
        Shuffle { input, output },
    );
    or_steps(own, || depth_to_space(conv2d(space_to_depth(x, input), weight, bias), output))
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

/// silu((1 + s)·GN(x) + b) with [s, b] = W·e + b₀, a scale and a shift for each channel of each sample (FiLM).
///
/// # Shapes
/// `x` and the result: `[n, h, w, c]`; `gamma`, `beta`, of GN: `[1, c]`; `embedding`: `[n, e]` or `[1, e]`; `weight`:
/// `[e, 2·c]`; `bias`: `[2·c]`.
#[must_use]
pub fn group_norm_film(
    x: Tensor<4>,
    [gamma, beta]: [Tensor<2>; 2],
    embedding: Tensor<2>,
    (weight, bias): (Tensor<2>, Tensor<1>),
    groups: usize,
) -> Tensor<4> {
    let own = Dispatch::group_norm_film(
        x.clone().into_dispatch(),
        gamma.clone().into_dispatch(),
        beta.clone().into_dispatch(),
        embedding.clone().into_dispatch(),
        weight.clone().into_dispatch(),
        bias.clone().into_dispatch(),
        Norm { groups, epsilon: EPSILON, silu: true },
    );
    or_steps(own, || {
        let mut film = linear(embedding, weight, bias).chunk(2, 1);
        let (shift, scale) = (film.remove(1), film.remove(0));
        let scale = scale + 1.0;
        let gamma = scale.clone() * gamma;
        let beta = scale * beta + shift;
        group_norm_silu(x, gamma, beta, groups)
    })
}

/// x·W + b.
///
/// # Shapes
/// `x`: `[n, i]`, `weight`: `[i, o]`, `bias`: `[o]`; result: `[n, o]`.
#[must_use]
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::dense_layer(x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch()))
}

/// The `order`-th derivative of the activation, value by value: 0 to 3.
///
/// # Shapes
/// `z` and the result: `[n, w]`.
#[must_use]
pub fn activation(z: Tensor<2>, function: Activation, order: u8) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::activation(z.into_dispatch(), function, order))
}

/// t ⊙ that, for each of m blocks of rows below each other. Its gradient by z takes the next derivative: order 0 to 2 where
/// that is wanted.
///
/// # Shapes
/// `z`: `[n, w]`; `t` and the result: `[m·n, w]`.
#[must_use]
pub fn modulated(z: Tensor<2>, t: Tensor<2>, function: Activation, order: u8) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::modulated(z.into_dispatch(), t.into_dispatch(), function, order))
}

/// a·b, for each pair of matrices.
///
/// # Shapes
/// `a`: `[…, m, k]`, `b`: `[…, k, n]` with the same dimensions before; result: `[…, m, n]`.
#[must_use]
pub fn product<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::product(a.into_dispatch(), b.into_dispatch()))
}

/// [cos, sin](f·level).
///
/// # Shapes
/// `level`: `[n, 1]`, `frequencies`: `[e]`; result: `[n, 2·e]`.
#[must_use]
pub fn waves(level: Tensor<2>, frequencies: Tensor<1>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::waves(level.into_dispatch(), frequencies.into_dispatch()))
}

/// silu(W·[cos, sin](f·level) + b): the first layer on a noise level's waves.
///
/// # Shapes
/// `level`: `[n, 1]`, `frequencies`: `[e]`, `weight`: `[2·e, o]`, `bias`: `[o]`; result: `[n, o]`.
#[must_use]
pub fn waves_layer(level: Tensor<2>, frequencies: Tensor<1>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    let own = Dispatch::waves_layer(
        level.clone().into_dispatch(),
        frequencies.clone().into_dispatch(),
        weight.clone().into_dispatch(),
        bias.clone().into_dispatch(),
    );
    or_steps(own, || {
        let angle = level * frequencies.unsqueeze();
        let features = Tensor::cat(vec![angle.clone().cos(), angle.sin()], 1);
        burns::silu(linear(features, weight, bias))
    })
}

/// silu(W·x + b + row of the class), without the row where there are no classes.
///
/// # Shapes
/// `x`: `[n, i]` or `[1, i]`, `weight`: `[i, o]`, `bias`: `[o]`, `rows`: `[classes, o]`, `class`: `[n]`; result: `[n, o]`,
/// without classes in as many rows as `x`.
#[must_use]
pub fn class_layer(
    x: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    rows: Option<Tensor<2>>,
    class: Tensor<1, Int>,
) -> Tensor<2> {
    let own = rows.clone().and_then(|rows| {
        Dispatch::class_layer(
            x.clone().into_dispatch(),
            weight.clone().into_dispatch(),
            bias.clone().into_dispatch(),
            rows.into_dispatch(),
            class.clone().into_dispatch(),
        )
    });
    or_steps(own, || {
        let mut z = linear(x, weight, bias);
        if let Some(rows) = rows {
            z = z + rows.select(0, class);
        }
        burns::silu(z)
    })
}

/// softmax(q·kᵀ/√d)·v between all pixels, for each head.
///
/// # Shapes
/// `qkv`: `[n, h, w, 3·c]`, ordered (query, key or value; head; d); result: `[n, h, w, c]`, ordered (head, d).
#[must_use]
pub fn attention(qkv: Tensor<4>, heads: usize) -> Tensor<4> {
    let own = Dispatch::attention(qkv.clone().into_dispatch(), heads);
    or_steps(own, || {
        let [n, h, w, c] = qkv.dims();
        let (tokens, c) = (h * w, c / 3);
        let width = c / heads;
        // [n, h, w, 3c] → 3 × [n, heads, tokens, width]
        let qkv = qkv.reshape([n, tokens, 3, heads, width]).permute([2, 0, 3, 1, 4]);
        let [q, k, v] = [0, 1, 2].map(|i| qkv.clone().narrow(0, i, 1).reshape([n, heads, tokens, width]));
        let logits = product(q, k.swap_dims(2, 3)) * (1.0 / (width as f64).sqrt());
        product(burns::softmax(logits, 3), v).swap_dims(1, 2).reshape([n, h, w, c])
    })
}

fn normalise(x: Tensor<4>, gamma: Tensor<2>, beta: Tensor<2>, norm: Norm) -> Tensor<4> {
    let (x, gamma, beta) = (x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
    Tensor::from_dispatch(Dispatch::group_norm(x, gamma, beta, norm))
}

/// The channels of `a`, then those of `b`.
///
/// # Shapes
/// `a`: `[n, h, w, c]`, `b`: `[n, h, w, d]`; result: `[n, h, w, c + d]`.
#[must_use]
pub fn join(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    let own = Dispatch::join(a.clone().into_dispatch(), b.clone().into_dispatch());
    or_steps(own, || Tensor::cat(vec![a, b], 3))
}

/// What a kernel that joins the steps gave, or else the steps' result.
fn or_steps<const D: usize>(own: Option<DispatchTensor>, steps: impl FnOnce() -> Tensor<D>) -> Tensor<D> {
    own.map_or_else(steps, Tensor::from_dispatch)
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
