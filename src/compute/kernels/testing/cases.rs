//! Every kernel beside burn's own operators (`reference`), at random sizes, strides and offsets: one list for the native
//! tests and for a browser's.
//!
//! A case is a pure function of (seed, index): one that fails in a browser is the same numbers natively.

use super::{layers, reference};
use crate::{
    compute::{
        kernels::{
            composed,
            cpu::shape::Shape,
            extension::{KernelGradients, Kernels},
            options::{Norm, Shuffle},
        },
        ops, vectors,
    },
    noise::{Noise, Purpose},
};
use burn::{
    Tensor,
    backend::{Dispatch, DispatchTensor},
    tensor::{Device, Int, TensorData, activation},
};
use burn_flex::{Flex, FlexTensor};
use std::{f64::consts::FRAC_1_SQRT_2, fmt::Debug, ops::RangeInclusive};

/// Makes a kernel's next case.
pub type Kernel = fn(&mut Draw) -> Case;

/// The kernels that a device has, by their names. A GPU's gradients are composed of burn's operators, and the CPU takes
/// an embedding's layers step by step.
pub fn kernels(gpu: bool) -> Vec<(&'static str, Kernel)> {
    let both: [(_, Kernel); 8] = [
        ("conv2d", conv2d),
        ("conv2d_add", conv2d_add),
        ("conv2d_shuffle", conv2d_shuffle),
        ("group_norm", group_norm),
        ("group_norm_film", group_norm_film),
        ("attention", attention),
        ("join", join),
        ("sum", sum),
    ];
    let cpu: [(_, Kernel); 9] = [
        ("waves", layers::waves),
        ("dense_layer", layers::linear),
        ("activation", layers::activated),
        ("modulated", layers::modulated),
        ("dense_layer_backward", layers::linear_gradients),
        ("modulated_backward", layers::modulated_gradients),
        ("conv2d_same_backward", conv2d_gradients),
        ("conv2d_same_input_backward", conv2d_input_gradient),
        ("group_norm_backward", group_norm_gradients),
    ];
    let gpus: [(_, Kernel); 3] = [("waves_layer", waves_layer), ("class_layer", class_layer), ("product", product)];
    let own: &[(_, Kernel)] = if gpu { &gpus } else { &cpu };
    both.iter().chain(own).copied().collect()
}

/// What a kernel gives, and what burn's operators give for the same numbers.
pub struct Case {
    /// For whoever reads of a failure.
    pub sizes: String,
    /// Inputs that are views. A GPU may copy each, in a dispatch of its own.
    pub views: usize,
    /// On the device; none where no kernel takes these sizes.
    pub ours: Box<dyn FnOnce() -> Option<Vec<Output>>>,
    /// On the CPU.
    pub theirs: Vec<Output>,
}

/// A result's shape and values.
pub struct Output {
    dims: Vec<usize>,
    values: Tensor<1>,
}

impl<const D: usize> From<Tensor<D>> for Output {
    fn from(tensor: Tensor<D>) -> Self {
        let dims = tensor.dims();
        Self { dims: dims.into(), values: tensor.reshape([dims.iter().product::<usize>()]) }
    }
}

/// The largest difference, relative to the largest of burn's values, or to 1 where all are smaller: gradients and sums
/// cancel. Infinite where results differ in shape or aren't numbers.
pub async fn distance(ours: Vec<Output>, theirs: Vec<Output>) -> f64 {
    if !ours.iter().map(|output| &output.dims).eq(theirs.iter().map(|output| &output.dims)) {
        return f64::INFINITY;
    }
    let mut worst: f64 = 0.0;
    for (ours, theirs) in ours.into_iter().zip(theirs) {
        let (ours, theirs) = (read(ours).await, read(theirs).await);
        let scale = theirs.iter().fold(1.0, |scale: f64, value| scale.max(value.abs()));
        for (a, b) in ours.into_iter().zip(theirs) {
            let apart = (a - b).abs() / scale;
            worst = if apart.is_nan() { f64::INFINITY } else { worst.max(apart) };
        }
    }
    worst
}

async fn read(output: Output) -> Vec<f64> {
    let data = output.values.into_data_async().await.expect("a result can be read");
    data.iter::<f64>().collect()
}

/// The same numbers on the device and on the CPU.
pub(super) type Both<const D: usize> = [Tensor<D>; 2];

/// A source of sizes and numbers.
pub struct Draw {
    noise: Noise,
    index: u64,
    device: Device,
    draws: u64,
    pub(super) views: usize,
}

impl Draw {
    /// For the case `index` of `seed`.
    pub fn new(seed: u64, index: u64, device: Device) -> Self {
        Self { noise: Noise::new(seed), index, device, draws: 0, views: 0 }
    }

    fn next(&mut self) -> u64 {
        self.draws += 1;
        self.draws
    }

    pub(super) fn size(&mut self, sizes: RangeInclusive<usize>) -> usize {
        let (mut unit, draw) = ([0.0], self.next());
        self.noise.fill_uniform(self.index, Purpose::Data, draw, &mut unit);
        sizes.start() + (unit[0] * (sizes.end() - sizes.start() + 1) as f64) as usize
    }

    pub(super) fn yes(&mut self) -> bool {
        self.size(0..=1) == 1
    }

    /// N(mean, deviation²).
    fn normal<const D: usize>(&mut self, dims: [usize; D], mean: f32, deviation: f64) -> Both<D> {
        let (mut values, draw) = (vec![0.0; dims.iter().product()], self.next());
        self.noise.fill_normal(self.index, Purpose::Data, draw, &mut values);
        values.iter_mut().for_each(|value| *value = *value * deviation as f32 + mean);
        [&self.device, &Device::flex()].map(|on| Tensor::from_data(TensorData::new(values.clone(), dims), on))
    }

    /// N(0, deviation²).
    pub(super) fn tensor<const D: usize>(&mut self, dims: [usize; D], deviation: f64) -> Both<D> {
        self.normal(dims, 0.0, deviation)
    }

    /// As [`normal`](Self::normal), in half of all cases a view: channels first, or a part of more samples or channels.
    fn image(&mut self, dims: [usize; 4], mean: f32, deviation: f64) -> Both<4> {
        let ([n, h, w, c], kind) = (dims, self.size(0..=5));
        self.views += usize::from(kind < 3);
        match kind {
            0 => self.normal([n, c, h, w], mean, deviation).map(|x| x.permute([0, 2, 3, 1])),
            1 => self.normal([n + 1, h, w, c], mean, deviation).map(|x| x.narrow(0, 1, n)),
            2 => self.normal([n, h, w, c + 1], mean, deviation).map(|x| x.narrow(3, 1, c)),
            _ => self.normal(dims, mean, deviation),
        }
    }

    /// A convolution's sizes: every second one is what the CPU takes by Winograd's transforms, and two in four have the
    /// pixels for a GPU's larger tile.
    fn shape(&mut self, fold: Shuffle) -> Shape {
        let many = self.index % 4 >= 2;
        loop {
            let [h, w] = [0; 2].map(|_| self.size(if many { 5..=8 } else { 1..=8 }));
            let n = self.size(if many { 20..=29 } else { 1..=4 });
            let [c, o] = [(40, fold.input), (60, fold.output)].map(|(most, side)| {
                let block = side * side;
                self.size(1..=most / block) * block
            });
            let shape = Shape { n, h, w, c, o, k: 2 * self.size(0..=2) + 1 };
            if shape.winograd() == self.index.is_multiple_of(2) {
                return shape;
            }
        }
    }

    /// A weight that keeps the result's values of order one, and a bias.
    fn filter(&mut self, Shape { c, o, k, .. }: Shape) -> (Both<4>, Both<1>) {
        (self.image([k, k, c, o], 0.0, 1.0 / ((k * k * c) as f64).sqrt()), self.tensor([o], 1.0))
    }

    /// A layer likewise.
    fn layer(&mut self, inputs: usize, outputs: usize) -> (Both<2>, Both<1>) {
        (self.tensor([inputs, outputs], 1.0 / (inputs as f64).sqrt()), self.tensor([outputs], 1.0))
    }

    pub(super) fn case(
        &self,
        sizes: impl Debug,
        ours: impl FnOnce() -> Option<Vec<Output>> + 'static,
        theirs: Vec<Output>,
    ) -> Case {
        Case { sizes: format!("{sizes:?}"), views: self.views, ours: Box::new(ours), theirs }
    }
}

pub(super) fn only<const D: usize>(result: Tensor<D>) -> Vec<Output> {
    vec![result.into()]
}

/// What a kernel gave, if there is one.
fn own<const D: usize>(result: Option<DispatchTensor>) -> Option<Vec<Output>> {
    result.map(|result| only::<D>(Tensor::from_dispatch(result)))
}

fn conv2d(draw: &mut Draw) -> Case {
    let shape = draw.shape(Shuffle::default());
    let [x, x0] = draw.image([shape.n, shape.h, shape.w, shape.c], 0.0, 1.0);
    let ([weight, weight0], [bias, bias0]) = draw.filter(shape);
    let ours = move || Some(only(ops::conv2d(x, weight, bias)));
    draw.case(shape, ours, only(reference::conv2d(x0, weight0, bias0)))
}

fn conv2d_add(draw: &mut Draw) -> Case {
    let shape = draw.shape(Shuffle::default());
    let [x, x0] = draw.image([shape.n, shape.h, shape.w, shape.c], 0.0, 1.0);
    let [residual, residual0] = draw.image([shape.n, shape.h, shape.w, shape.o], 0.0, 1.0);
    let ([weight, weight0], [bias, bias0]) = draw.filter(shape);
    let [x, weight, residual] = [x, weight, residual].map(Tensor::into_dispatch);
    let ours = move || own::<4>(Dispatch::conv2d_add(x, weight, bias.into_dispatch(), residual));
    draw.case(shape, ours, only((residual0 + reference::conv2d(x0, weight0, bias0)) * FRAC_1_SQRT_2))
}

fn conv2d_shuffle(draw: &mut Draw) -> Case {
    let fold = Shuffle { input: draw.size(1..=3), output: draw.size(1..=3) };
    let shape = draw.shape(fold);
    let (p, q) = (fold.input, fold.output);
    let [x, x0] = draw.image([shape.n, shape.h * p, shape.w * p, shape.c / (p * p)], 0.0, 1.0);
    let ([weight, weight0], [bias, bias0]) = draw.filter(shape);
    let [x, weight] = [x, weight].map(Tensor::into_dispatch);
    let ours = move || own::<4>(Dispatch::conv2d_shuffle(x, weight, bias.into_dispatch(), fold));
    let theirs = reference::conv2d(ops::space_to_depth(x0, p), weight0, bias0);
    draw.case((shape, fold), ours, only(ops::depth_to_space(theirs, q)))
}

/// Sizes of a normalisation: n, h, w and channels, and how many groups these are in. A group of very few numbers may
/// happen to have hardly any variance, and then loses its digits in any order of summation.
fn norm_sizes(draw: &mut Draw) -> ([usize; 4], usize) {
    let (groups, size) = (draw.size(1..=8), draw.size(1..=39));
    ([draw.size(1..=4), draw.size(3..=11), draw.size(3..=11), groups * size], groups)
}

fn group_norm(draw: &mut Draw) -> Case {
    let (size, groups) = norm_sizes(draw);
    let [x, x0] = draw.image(size, 0.5, 3.0);
    let [[gamma, gamma0], [beta, beta0]] = [0; 2].map(|_| {
        let rows = if draw.yes() { size[0] } else { 1 };
        draw.tensor([rows, size[3]], 1.0)
    });
    let silu = draw.yes();
    let ours = if silu { ops::group_norm_silu } else { ops::group_norm };
    let theirs = reference::group_norm(x0, gamma0, beta0, groups);
    let theirs = if silu { activation::silu(theirs) } else { theirs };
    draw.case((size, groups, silu), move || Some(only(ours(x, gamma, beta, groups))), only(theirs))
}

fn group_norm_film(draw: &mut Draw) -> Case {
    let ((size, groups), e) = (norm_sizes(draw), draw.size(1..=39));
    let [x, x0] = draw.image(size, 0.5, 3.0);
    let [[gamma, gamma0], [beta, beta0]] = [0; 2].map(|_| draw.tensor([1, size[3]], 1.0));
    let rows = if draw.yes() { size[0] } else { 1 };
    let [embedding, embedding0] = draw.tensor([rows, e], 1.0);
    let ([weight, weight0], [bias, bias0]) = draw.layer(e, 2 * size[3]);
    let norm = Norm { groups, epsilon: ops::EPSILON, silu: true };
    let [gamma, beta, embedding, weight] = [gamma, beta, embedding, weight].map(Tensor::into_dispatch);
    let (x, bias) = (x.into_dispatch(), bias.into_dispatch());
    let ours = move || own::<4>(Dispatch::group_norm_film(x, gamma, beta, embedding, weight, bias, norm));
    let theirs = reference::group_norm_film(x0, [gamma0, beta0], embedding0, (weight0, bias0), groups);
    draw.case((size, groups, [rows, e]), ours, only(theirs))
}

fn attention(draw: &mut Draw) -> Case {
    let [n, h, w] = [3, 7, 7].map(|most| draw.size(1..=most));
    let (heads, width) = (draw.size(1..=4), draw.size(1..=13));
    let [qkv, qkv0] = draw.image([n, h, w, 3 * heads * width], 0.0, 2.0);
    let ours = move || own::<4>(Dispatch::attention(qkv.into_dispatch(), heads));
    draw.case(([n, h, w], heads, width), ours, only(reference::attention(qkv0, heads)))
}

fn join(draw: &mut Draw) -> Case {
    let [n, h, w, c, d] = [3, 8, 8, 29, 29].map(|most| draw.size(1..=most));
    let [[a, a0], [b, b0]] = [c, d].map(|channels| draw.image([n, h, w, channels], 0.0, 1.0));
    let ours = move || own::<4>(Dispatch::join(a.into_dispatch(), b.into_dispatch()));
    draw.case([n, h, w, c, d], ours, only(Tensor::cat(vec![a0, b0], 3)))
}

/// Sums of as many vectors as one pass reads, at most.
fn sum(draw: &mut Draw) -> Case {
    let [n, d, terms, times] = [5, 900, 6, 2].map(|most| draw.size(1..=most));
    let first = draw.size(0..=2);
    let terms: Vec<_> =
        (0..terms).map(|_| (draw.tensor([n + first, d], 1.0), draw.size(1..=40) as f64 / 10.5 - 2.0)).collect();
    let theirs = terms.iter().map(|([_, x], weight)| x.clone().narrow(0, first, n) * *weight);
    let theirs = theirs.reduce(|sum, term| sum + term).expect("there is one").repeat_dim(0, times);
    let sizes = ([n, d], terms.len(), first, times);
    let ours = move || {
        let terms = terms.iter().map(|([x, _], weight)| vectors::term_rows(x, first..first + n) * *weight);
        terms.reduce(|sum, term| sum + term).map(|sum| only(sum.stacked(times)))
    };
    draw.case(sizes, ours, only(theirs))
}

/// c_noise is within ±2, the frequencies N(0, (2π)²): angles up to about 40.
fn waves_layer(draw: &mut Draw) -> Case {
    let [n, waves, o] = [4, 39, 149].map(|most| draw.size(1..=most));
    let [level, level0] = draw.tensor([n, 1], 1.0);
    let [frequencies, frequencies0] = draw.tensor([waves], std::f64::consts::TAU);
    let ([weight, weight0], [bias, bias0]) = draw.layer(2 * waves, o);
    let [level, weight] = [level, weight].map(Tensor::into_dispatch);
    let [frequencies, bias] = [frequencies, bias].map(Tensor::into_dispatch);
    let ours = move || own::<2>(Dispatch::waves_layer(level, frequencies, weight, bias));
    draw.case([n, waves, o], ours, only(reference::waves_layer(level0, frequencies0, weight0, bias0)))
}

fn class_layer(draw: &mut Draw) -> Case {
    let [n, i, o, classes] = [4, 79, 149, 11].map(|most| draw.size(1..=most));
    let m = if draw.yes() { n } else { 1 };
    let ([x, x0], [rows, rows0]) = (draw.tensor([m, i], 1.0), draw.tensor([classes, o], 1.0));
    let ([weight, weight0], [bias, bias0]) = draw.layer(i, o);
    let labels: Vec<i32> = (0..n).map(|_| draw.size(0..=classes - 1) as i32).collect();
    let [class, class0] = [&draw.device, &Device::flex()].map(|on| Tensor::<1, Int>::from_data(labels.as_slice(), on));
    let [x, weight, rows] = [x, weight, rows].map(Tensor::into_dispatch);
    let (bias, class) = (bias.into_dispatch(), class.into_dispatch());
    let ours = move || own::<2>(Dispatch::class_layer(x, weight, bias, rows, class));
    draw.case([n, m, i, o, classes], ours, only(reference::class_layer(x0, weight0, bias0, rows0, class0)))
}

/// A browser's matrix product on a GPU; natively it is burn's, but for tests.
fn product(draw: &mut Draw) -> Case {
    let [batch, heads, m, k, n] = [3, 3, 29, 39, 149].map(|most| draw.size(1..=most));
    let [a, a0] = draw.tensor([batch, heads, m, k], 1.0 / (k as f64).sqrt());
    let [b, b0] = draw.tensor([batch, heads, k, n], 1.0);
    draw.case([batch, heads, m, k, n], move || Some(only(ops::product(a, b))), only(a0.matmul(b0)))
}

/// A tensor on the CPU, as its backend has it.
pub(super) fn flex<const D: usize>([_, tensor]: Both<D>) -> FlexTensor {
    tensor.try_into_primitive::<Flex>().expect("it is on the CPU")
}

pub(super) fn unflex<const D: usize>(tensor: FlexTensor) -> Output {
    Tensor::<D>::from_primitive::<Flex>(tensor).into()
}

fn conv2d_gradients(draw: &mut Draw) -> Case {
    let (shape, want_x) = (draw.shape(Shuffle::default()), draw.yes());
    let x = flex(draw.image([shape.n, shape.h, shape.w, shape.c], 0.0, 1.0));
    let grad = flex(draw.image([shape.n, shape.h, shape.w, shape.o], 0.0, 1.0));
    let weight = flex(draw.filter(shape).0);
    let outputs = |(dx, [dw, db]): (Option<FlexTensor>, [FlexTensor; 2])| -> Vec<_> {
        [unflex::<4>(dw), unflex::<1>(db)].into_iter().chain(dx.map(unflex::<4>)).collect()
    };
    let theirs = outputs(composed::conv2d_backward::<Flex>(x.clone(), weight.clone(), grad.clone(), want_x));
    let ours = move || Some(outputs(Flex::conv2d_same_backward(x, weight, grad, want_x)));
    draw.case((shape, want_x), ours, theirs)
}

fn conv2d_input_gradient(draw: &mut Draw) -> Case {
    let shape = draw.shape(Shuffle::default());
    let x = flex(draw.image([shape.n, shape.h, shape.w, shape.c], 0.0, 1.0));
    let grad = flex(draw.image([shape.n, shape.h, shape.w, shape.o], 0.0, 1.0));
    let weight = flex(draw.filter(shape).0);
    let theirs = composed::conv2d_input_backward::<Flex>(x.clone(), weight.clone(), grad.clone());
    let ours = move || Some(vec![unflex::<4>(Flex::conv2d_same_input_backward(x, weight, grad))]);
    draw.case(shape, ours, vec![unflex::<4>(theirs)])
}

fn group_norm_gradients(draw: &mut Draw) -> Case {
    let (size, groups) = norm_sizes(draw);
    let [x, grad] = [(0.5, 3.0), (0.0, 1.0)].map(|(mean, deviation)| flex(draw.image(size, mean, deviation)));
    let [gamma, beta] = [0; 2].map(|_| {
        let rows = if draw.yes() { size[0] } else { 1 };
        flex(draw.tensor([rows, size[3]], 1.0))
    });
    let norm = Norm { groups, epsilon: ops::EPSILON, silu: draw.yes() };
    let outputs = |[dx, dgamma, dbeta]: [FlexTensor; 3]| vec![unflex::<4>(dx), unflex::<2>(dgamma), unflex::<2>(dbeta)];
    let theirs =
        outputs(composed::group_norm_backward::<Flex>(x.clone(), gamma.clone(), beta.clone(), grad.clone(), norm));
    let ours = move || Some(outputs(Flex::group_norm_backward(x, gamma, beta, grad, norm)));
    draw.case((size, norm), ours, theirs)
}
