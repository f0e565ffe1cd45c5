//! The cases of layers of rows, of activations and of a noise level's waves, in the list of [`cases`](super::cases).

use super::cases::{Both, Case, Draw, flex, only, unflex};
use crate::compute::{
    kernels::{composed, extension::KernelGradients, options::Activation},
    ops,
};
use burn::Tensor;
use burn_flex::{Flex, FlexTensor};

/// c_noise is within ±2, the frequencies N(0, (2π)²): angles up to about 40.
pub fn waves(draw: &mut Draw) -> Case {
    let [n, count] = [40, 39].map(|most| draw.size(1..=most));
    let ([level, level0], [f, f0]) = (draw.tensor([n, 1], 1.0), draw.tensor([count], std::f64::consts::TAU));
    let angle = level0 * f0.unsqueeze();
    let theirs = Tensor::cat(vec![angle.clone().cos(), angle.sin()], 1);
    draw.case([n, count], move || Some(only(ops::waves(level, f))), only(theirs))
}

/// Rows, inputs and outputs of a layer: few, or more than a core takes at once.
fn layer_sizes(draw: &mut Draw) -> [usize; 3] {
    if draw.yes() {
        [9, 39, 149].map(|most| draw.size(1..=most))
    } else {
        [draw.size(60..=149), 128, draw.size(1..=149)]
    }
}

/// A matrix, in half of all cases a view: transposed, or a part of more rows.
fn matrix(draw: &mut Draw, [rows, columns]: [usize; 2], deviation: f64) -> Both<2> {
    let kind = draw.size(0..=3);
    draw.views += usize::from(kind < 2);
    match kind {
        0 => draw.tensor([columns, rows], deviation).map(Tensor::transpose),
        1 => draw.tensor([rows + 2, columns], deviation).map(|x| x.narrow(0, 1, rows)),
        _ => draw.tensor([rows, columns], deviation),
    }
}

pub fn linear(draw: &mut Draw) -> Case {
    let sizes @ [n, i, o] = layer_sizes(draw);
    let ([x, x0], [weight, weight0]) = (matrix(draw, [n, i], 1.0), matrix(draw, [i, o], 1.0 / (i as f64).sqrt()));
    let [bias, bias0] = draw.tensor([o], 1.0);
    draw.case(sizes, move || Some(only(ops::linear(x, weight, bias))), only(x0.matmul(weight0) + bias0.unsqueeze()))
}

pub fn linear_gradients(draw: &mut Draw) -> Case {
    let (sizes @ [n, i, o], want_x) = (layer_sizes(draw), draw.yes());
    let x = flex(matrix(draw, [n, i], 1.0 / (n as f64).sqrt()));
    let weight = flex(matrix(draw, [i, o], 1.0 / (o as f64).sqrt()));
    let grad = flex(matrix(draw, [n, o], 1.0));
    let outputs = |(dx, [dw, db]): (Option<FlexTensor>, [FlexTensor; 2])| -> Vec<_> {
        [unflex::<2>(dw), unflex::<1>(db)].into_iter().chain(dx.map(unflex::<2>)).collect()
    };
    let theirs = outputs(composed::linear_backward::<Flex>(x.clone(), weight.clone(), grad.clone(), want_x));
    draw.case((sizes, want_x), move || Some(outputs(Flex::dense_layer_backward(x, weight, grad, want_x))), theirs)
}

/// A function with the order of its derivative, below `orders`; pre-activations; and as many blocks of tangents.
fn tangents(draw: &mut Draw, orders: usize) -> ((Activation, u8), [usize; 3], Both<2>, Both<2>) {
    let function = [Activation::Silu, Activation::Softplus, Activation::Tanh][draw.size(0..=2)];
    let (order, [n, w, m]) = (draw.size(0..=orders - 1) as u8, [60, 149, 3].map(|most| draw.size(1..=most)));
    let (z, t) = (matrix(draw, [n, w], 3.0), matrix(draw, [m * n, w], 1.0));
    ((function, order), [n, w, m], z, t)
}

pub fn activated(draw: &mut Draw) -> Case {
    let ((function, order), sizes, [z, _], _) = tangents(draw, 4);
    let theirs = unflex::<2>(composed::activation::<Flex>(flex([z.clone(), z.clone()]), function, order));
    draw.case((sizes, function, order), move || Some(only(ops::activation(z, function, order))), vec![theirs])
}

pub fn modulated(draw: &mut Draw) -> Case {
    let ((function, order), sizes, z, [t, t0]) = tangents(draw, 4);
    let theirs = unflex::<2>(composed::modulated::<Flex>(flex(z.clone()), flex([t0.clone(), t0]), function, order));
    let [z, _] = z;
    draw.case((sizes, function, order), move || Some(only(ops::modulated(z, t, function, order))), vec![theirs])
}

pub fn modulated_gradients(draw: &mut Draw) -> Case {
    let ((function, order), sizes @ [n, w, m], z, t) = tangents(draw, 3);
    let grad = flex(matrix(draw, [m * n, w], 1.0));
    let (z, t) = (flex(z), flex(t));
    let outputs = |gradients: [FlexTensor; 2]| gradients.map(unflex::<2>).into();
    let theirs = outputs(composed::modulated_backward::<Flex>(z.clone(), t.clone(), grad.clone(), function, order));
    let ours = move || Some(outputs(Flex::modulated_backward(z, t, grad, function, order)));
    draw.case((sizes, function, order), ours, theirs)
}
