//! The operators as one would write them with burn's: what the kernels are compared with.

use crate::compute::ops::{Activation, EPSILON};
use burn::{
    Tensor,
    tensor::{Int, activation, module, ops::ConvOptions},
};

pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>) -> Tensor<4> {
    let pad = (weight.dims()[0] - 1) / 2;
    let options = ConvOptions::new([1, 1], [pad, pad], [1, 1], 1);
    let y = module::conv2d(x.permute([0, 3, 1, 2]), weight.permute([3, 2, 0, 1]), Some(bias), options);
    y.permute([0, 2, 3, 1])
}

pub fn group_norm(x: Tensor<4>, gamma: Tensor<2>, beta: Tensor<2>, groups: usize) -> Tensor<4> {
    let [n, h, w, c] = x.dims();
    let x = x.reshape([n, h * w, groups, c / groups]);
    let mean = x.clone().mean_dim(1).mean_dim(3);
    let x = x - mean;
    let variance = x.clone().square().mean_dim(1).mean_dim(3);
    let x = (x / (variance + EPSILON).sqrt()).reshape([n, h, w, c]);
    x * gamma.clone().reshape([gamma.dims()[0], 1, 1, c]) + beta.clone().reshape([beta.dims()[0], 1, 1, c])
}

pub fn group_norm_film(
    x: Tensor<4>,
    [gamma, beta]: [Tensor<2>; 2],
    embedding: Tensor<2>,
    (weight, bias): (Tensor<2>, Tensor<1>),
    groups: usize,
) -> Tensor<4> {
    let c = x.dims()[3];
    let film = embedding.matmul(weight) + bias.unsqueeze();
    let [scale, shift] = [0, c].map(|start| film.clone().narrow(1, start, c));
    let (gamma, beta) = ((scale.clone() + 1.0) * gamma, (scale + 1.0) * beta + shift);
    activation::silu(group_norm(x, gamma, beta, groups))
}

pub fn attention(qkv: Tensor<4>, heads: usize) -> Tensor<4> {
    let [n, h, w, c] = qkv.dims();
    let (tokens, c) = (h * w, c / 3);
    let width = c / heads;
    let qkv = qkv.reshape([n, tokens, 3, heads, width]).permute([2, 0, 3, 1, 4]);
    let [q, k, v] = [0, 1, 2].map(|i| qkv.clone().narrow(0, i, 1).reshape([n, heads, tokens, width]));
    let logits = q.matmul(k.swap_dims(2, 3)) / (width as f64).sqrt();
    activation::softmax(logits, 3).matmul(v).swap_dims(1, 2).reshape([n, h, w, c])
}

pub fn waves_layer(level: Tensor<2>, frequencies: Tensor<1>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    let angle = level * frequencies.unsqueeze();
    let waves = Tensor::cat(vec![angle.clone().cos(), angle.sin()], 1);
    activation::silu(waves.matmul(weight) + bias.unsqueeze())
}

pub fn class_layer(
    x: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    rows: Tensor<2>,
    class: Tensor<1, Int>,
) -> Tensor<2> {
    activation::silu(x.matmul(weight) + bias.unsqueeze() + rows.select(0, class))
}

pub fn activated(z: Tensor<2>, function: Activation) -> Tensor<2> {
    match function {
        Activation::Silu => activation::silu(z),
        Activation::Softplus => activation::softplus(z, 1.0),
        Activation::Tanh => z.tanh(),
    }
}
