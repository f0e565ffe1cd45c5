//! The operators and their gradients out of a backend's own: for other types than f32, and where there is no kernel.
//!
//! The backends convolve NCHW; the notation of the normalisation's gradients is that of `norm`.

use super::{
    extension::Kernels,
    options::{Activation, Norm},
};
use burn::{
    backend::{Backend, TensorMetadata, tensor::FloatTensor},
    tensor::{Shape, ops::ConvOptions},
};

const TO_NCHW: [usize; 4] = [0, 3, 1, 2];
const TO_NHWC: [usize; 4] = [0, 2, 3, 1];
/// [k, k, c, o] to [o, c, k, k] and back.
const TO_OIHW: [usize; 4] = [3, 2, 0, 1];
const TO_HWIO: [usize; 4] = [2, 3, 1, 0];

fn same(k: usize) -> ConvOptions<2> {
    let padding = (k - 1) / 2;
    ConvOptions::new([1, 1], [padding, padding], [1, 1], 1)
}

pub fn conv2d<B: Backend>(x: FloatTensor<B>, weight: FloatTensor<B>, bias: FloatTensor<B>) -> FloatTensor<B> {
    let options = same(weight.shape()[0]);
    let (x, weight) = (B::float_permute(x, &TO_NCHW), B::float_permute(weight, &TO_OIHW));
    B::float_permute(B::conv2d(x, weight, Some(bias), options), &TO_NHWC)
}

pub fn conv2d_backward<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    grad: FloatTensor<B>,
    want_x: bool,
) -> (Option<FloatTensor<B>>, [FloatTensor<B>; 2]) {
    let options = same(weight.shape()[0]);
    let [n, h, w, o] = grad.shape().dims();
    let rows = B::float_reshape(grad.clone(), Shape::from([n * h * w, o]));
    let db = B::float_reshape(B::float_sum_dim(rows, 0), Shape::from([o]));
    let (x, grad) = (B::float_permute(x, &TO_NCHW), B::float_permute(grad, &TO_NCHW));
    let weight = B::float_permute(weight, &TO_OIHW);
    let dx = want_x.then(|| {
        let dx = B::conv2d_x_backward(x.clone(), weight.clone(), grad.clone(), options.clone());
        B::float_permute(dx, &TO_NHWC)
    });
    let dw = B::float_permute(B::conv2d_weight_backward(x, weight, grad, options), &TO_HWIO);
    (dx, [dw, db])
}

pub fn conv2d_input_backward<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    grad: FloatTensor<B>,
) -> FloatTensor<B> {
    let options = same(weight.shape()[0]);
    let (x, grad) = (B::float_permute(x, &TO_NCHW), B::float_permute(grad, &TO_NCHW));
    B::float_permute(B::conv2d_x_backward(x, B::float_permute(weight, &TO_OIHW), grad, options), &TO_NHWC)
}

/// x̂ and r, as [n, pixels, groups, c/groups] and [n, 1, groups, 1].
fn normalise<B: Backend>(x: FloatTensor<B>, norm: Norm) -> [FloatTensor<B>; 2] {
    let [n, h, w, c] = x.shape().dims();
    let x = B::float_reshape(x, Shape::from([n, h * w, norm.groups, c / norm.groups]));
    let x = B::float_sub(x.clone(), mean::<B>(x));
    let variance = mean::<B>(B::float_mul(x.clone(), x.clone()));
    let rate = B::float_recip(B::float_sqrt(B::float_add_scalar(variance, norm.epsilon.into())));
    [B::float_mul(x, rate.clone()), rate]
}

/// Over a group.
fn mean<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::float_mean_dim(B::float_mean_dim(x, 1), 3)
}

/// [n|1, c] to [n|1, 1, groups, c/groups].
fn spread<B: Backend>(parameters: FloatTensor<B>, groups: usize) -> FloatTensor<B> {
    let [rows, c] = parameters.shape().dims();
    B::float_reshape(parameters, Shape::from([rows, 1, groups, c / groups]))
}

pub fn group_norm<B: Backend>(
    x: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    norm: Norm,
) -> FloatTensor<B> {
    let size = x.shape();
    let [unit, _] = normalise::<B>(x, norm);
    let scaled = B::float_mul(unit, spread::<B>(gamma, norm.groups));
    let z = B::float_reshape(B::float_add(scaled, spread::<B>(beta, norm.groups)), size);
    if norm.silu { B::float_mul(z.clone(), B::sigmoid(z)) } else { z }
}

pub fn group_norm_backward<B: Backend>(
    x: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    grad: FloatTensor<B>,
    norm: Norm,
) -> [FloatTensor<B>; 3] {
    let (size, gamma_size, beta_size) = (x.shape(), gamma.shape(), beta.shape());
    let [unit, rate] = normalise::<B>(x, norm);
    let (gamma, beta) = (spread::<B>(gamma, norm.groups), spread::<B>(beta, norm.groups));
    let mut grad = B::float_reshape(grad, unit.shape());
    if norm.silu {
        let z = B::float_add(B::float_mul(unit.clone(), gamma.clone()), beta);
        let s = B::sigmoid(z.clone());
        let rest = B::float_add_scalar(B::float_neg(s.clone()), 1.0.into());
        let slope = B::float_mul(s, B::float_add_scalar(B::float_mul(z, rest), 1.0.into()));
        grad = B::float_mul(grad, slope);
    }
    let sum = |values: FloatTensor<B>, size: Shape| {
        let by_sample = B::float_sum_dim(values, 1);
        B::float_reshape(if size[0] == 1 { B::float_sum_dim(by_sample, 0) } else { by_sample }, size)
    };
    let dgamma = sum(B::float_mul(grad.clone(), unit.clone()), gamma_size);
    let dbeta = sum(grad.clone(), beta_size);
    let grad = B::float_mul(grad, gamma);
    let along = mean::<B>(B::float_mul(grad.clone(), unit.clone()));
    let grad = B::float_sub(B::float_sub(grad.clone(), mean::<B>(grad)), B::float_mul(unit, along));
    [B::float_reshape(B::float_mul(grad, rate), size), dgamma, dbeta]
}

pub fn linear<B: Kernels>(x: FloatTensor<B>, weight: FloatTensor<B>, bias: FloatTensor<B>) -> FloatTensor<B> {
    let outputs = weight.shape()[1];
    B::float_add(B::product(x, weight), B::float_reshape(bias, Shape::from([1, outputs])))
}

pub fn linear_backward<B: Kernels>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    grad: FloatTensor<B>,
    want_x: bool,
) -> (Option<FloatTensor<B>>, [FloatTensor<B>; 2]) {
    let [_, outputs] = grad.shape().dims();
    let db = B::float_reshape(B::float_sum_dim(grad.clone(), 0), Shape::from([outputs]));
    let dx = want_x.then(|| B::product(grad.clone(), B::float_transpose(weight)));
    (dx, [B::product(B::float_transpose(x), grad), db])
}

pub fn waves<B: Backend>(level: FloatTensor<B>, frequencies: FloatTensor<B>) -> FloatTensor<B> {
    let count = frequencies.shape()[0];
    let angle = B::float_mul(level, B::float_reshape(frequencies, Shape::from([1, count])));
    B::float_cat(vec![B::float_cos(angle.clone()), B::float_sin(angle)], 1)
}

/// a·z + b.
fn affine<B: Backend>(z: FloatTensor<B>, a: f64, b: f64) -> FloatTensor<B> {
    B::float_add_scalar(B::float_mul_scalar(z, a.into()), b.into())
}

pub fn activation<B: Backend>(z: FloatTensor<B>, activation: Activation, order: u8) -> FloatTensor<B> {
    if activation == Activation::Tanh {
        let t = B::float_tanh(z);
        if order == 0 {
            return t;
        }
        let squares = B::float_mul(t.clone(), t.clone());
        let slope = affine::<B>(squares.clone(), -1.0, 1.0);
        return match order {
            1 => slope,
            2 => B::float_mul(affine::<B>(t, -2.0, 0.0), slope),
            _ => B::float_mul(affine::<B>(squares, 6.0, -2.0), slope),
        };
    }
    let s = B::sigmoid(z.clone());
    // s′ = s·(1 − s), s″ = s′·(1 − 2s)
    let slope = B::float_mul(s.clone(), affine::<B>(s.clone(), -1.0, 1.0));
    let rest = affine::<B>(s.clone(), -2.0, 1.0);
    match (activation, order) {
        (Activation::Softplus, 0) => {
            // max(z, 0) + ln(1 + e^−|z|)
            let small = B::float_log1p(B::float_exp(B::float_neg(B::float_abs(z.clone()))));
            B::float_add(B::float_clamp_min(z, 0.0.into()), small)
        }
        (Activation::Softplus, 1) => s,
        (Activation::Softplus, 2) => slope,
        (Activation::Softplus, _) => B::float_mul(slope, rest),
        (_, 0) => B::float_mul(z, s),
        // s + z·s′
        (_, 1) => B::float_add(s, B::float_mul(z, slope)),
        // s′·(2 + z·(1 − 2s))
        (_, 2) => B::float_mul(slope, affine::<B>(B::float_mul(z, rest), 1.0, 2.0)),
        // s′·((1 − 2s)·(3 + z·(1 − 2s)) − 2z·s′)
        (_, _) => {
            let first = B::float_mul(rest.clone(), affine::<B>(B::float_mul(z.clone(), rest), 1.0, 3.0));
            let second = affine::<B>(B::float_mul(z, slope.clone()), 2.0, 0.0);
            B::float_mul(slope, B::float_sub(first, second))
        }
    }
}

/// `[m·n, w]` to `[m, n, w]`, for z's n rows.
fn stacked<B: Backend>(t: FloatTensor<B>, n: usize) -> FloatTensor<B> {
    let [rows, w] = t.shape().dims();
    B::float_reshape(t, Shape::from([rows / n, n, w]))
}

pub fn modulated<B: Backend>(
    z: FloatTensor<B>,
    t: FloatTensor<B>,
    activation: Activation,
    order: u8,
) -> FloatTensor<B> {
    let (n, size) = (z.shape()[0], t.shape());
    let factor = stacked::<B>(self::activation::<B>(z, activation, order), n);
    B::float_reshape(B::float_mul(stacked::<B>(t, n), factor), size)
}

pub fn modulated_backward<B: Kernels>(
    z: FloatTensor<B>,
    t: FloatTensor<B>,
    grad: FloatTensor<B>,
    activation: Activation,
    order: u8,
) -> [FloatTensor<B>; 2] {
    let (n, size) = (z.shape()[0], z.shape());
    let both = B::float_sum_dim(stacked::<B>(B::float_mul(t, grad.clone()), n), 0);
    let dz = B::modulated(z.clone(), B::float_reshape(both, size), activation, order + 1);
    [dz, B::modulated(z, grad, activation, order)]
}
