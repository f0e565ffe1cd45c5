//! The kernels against burn's own operators, and their gradients against burn's automatic differentiation.

use super::math;
use crate::net::ops;
use burn::{
    Tensor,
    tensor::{DType, Device, Distribution, activation, module, ops::ConvOptions},
};
use proptest::prelude::*;

/// Rounding of f32: sums of up to a few thousand products of order one, in another order than burn's, come out up to
/// about √terms·2⁻²⁴·size apart. Relative to the largest value: gradients of the statistics cancel.
const TOLERANCE: f32 = 2e-5;

#[track_caller]
fn assert_close<const D: usize>(ours: Tensor<D>, theirs: Tensor<D>) {
    assert_eq!(ours.dims(), theirs.dims());
    let scale = theirs.clone().abs().max().into_scalar::<f32>().max(1.0);
    let worst = (ours - theirs).abs().max().into_scalar::<f32>();
    assert!(worst <= TOLERANCE * scale, "{worst} apart, of {scale}");
}

fn random<const D: usize>(dims: [usize; D]) -> Tensor<D> {
    Tensor::random(dims, Distribution::Normal(0.0, 1.0), &Device::flex().autodiff())
}

pub(super) fn composed_conv(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>) -> Tensor<4> {
    let pad = (weight.dims()[0] - 1) / 2;
    let options = ConvOptions::new([1, 1], [pad, pad], [1, 1], 1);
    let y = module::conv2d(x.permute([0, 3, 1, 2]), weight.permute([3, 2, 0, 1]), Some(bias), options);
    y.permute([0, 2, 3, 1])
}

pub(super) fn composed_norm(x: Tensor<4>, gamma: Tensor<2>, beta: Tensor<2>, groups: usize) -> Tensor<4> {
    let [n, h, w, c] = x.dims();
    let x = x.reshape([n, h * w, groups, c / groups]);
    let mean = x.clone().mean_dim(1).mean_dim(3);
    let x = x - mean;
    let variance = x.clone().square().mean_dim(1).mean_dim(3);
    let x = (x / (variance + ops::EPSILON).sqrt()).reshape([n, h, w, c]);
    x * gamma.clone().reshape([gamma.dims()[0], 1, 1, c]) + beta.clone().reshape([beta.dims()[0], 1, 1, c])
}

pub(super) fn composed_film(
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
    activation::silu(composed_norm(x, gamma, beta, groups))
}

pub(super) fn composed_attention(qkv: Tensor<4>, heads: usize) -> Tensor<4> {
    let [n, h, w, c] = qkv.dims();
    let (tokens, c) = (h * w, c / 3);
    let width = c / heads;
    let qkv = qkv.reshape([n, tokens, 3, heads, width]).permute([2, 0, 3, 1, 4]);
    let [q, k, v] = [0, 1, 2].map(|i| qkv.clone().narrow(0, i, 1).reshape([n, heads, tokens, width]));
    let logits = q.matmul(k.swap_dims(2, 3)) / (width as f64).sqrt();
    activation::softmax(logits, 3).matmul(v).swap_dims(1, 2).reshape([n, h, w, c])
}

/// A value and the gradients by three arguments.
type Results<const A: usize, const B: usize, const C: usize> = (Tensor<4>, Tensor<A>, Tensor<B>, Tensor<C>);

/// f's value, and the gradients of Σ f·direction.
fn with_gradients<const A: usize, const B: usize, const C: usize>(
    f: impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<4>,
    (a, b, c): (&Tensor<A>, &Tensor<B>, &Tensor<C>),
    direction: &Tensor<4>,
) -> Results<A, B, C> {
    let (a, b, c) = (a.clone().require_grad(), b.clone().require_grad(), c.clone().require_grad());
    let y = f(a.clone(), b.clone(), c.clone());
    let gradients = (y.clone() * direction.clone()).sum().backward();
    let da = a.grad(&gradients).unwrap();
    (y.inner(), da, b.grad(&gradients).unwrap(), c.grad(&gradients).unwrap())
}

/// The same in double precision, which the operators composed of the backend's (a GPU's path) compute.
fn with_gradients_f64<const A: usize, const B: usize, const C: usize>(
    f: impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<4>,
    (a, b, c): (&Tensor<A>, &Tensor<B>, &Tensor<C>),
    direction: &Tensor<4>,
) -> Results<A, B, C> {
    let (a, b, c) = (a.clone().cast(DType::F64), b.clone().cast(DType::F64), c.clone().cast(DType::F64));
    let (y, da, db, dc) =
        with_gradients(f, (&a.detach(), &b.detach(), &c.detach()), &direction.clone().cast(DType::F64));
    assert_eq!(y.dtype(), DType::F64);
    (y.cast(DType::F32), da.cast(DType::F32), db.cast(DType::F32), dc.cast(DType::F32))
}

#[track_caller]
fn assert_all_close<const A: usize, const B: usize, const C: usize>(ours: Results<A, B, C>, theirs: Results<A, B, C>) {
    assert_close(ours.0, theirs.0);
    assert_close(ours.1, theirs.1);
    assert_close(ours.2, theirs.2);
    assert_close(ours.3, theirs.3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn convolution_is_burns(
        n in 1usize..5, h in 1usize..9, w in 1usize..9, c in 1usize..40, o in 1usize..40, p in 0usize..3, x_last in any::<bool>(),
    ) {
        let k = 2 * p + 1;
        // Tensors that are views too: channels first, seen as channels last.
        let x = if x_last { random([n, h, w, c]) } else { random([n, c, h, w]).permute([0, 2, 3, 1]) }.detach();
        // Weights of the size that keeps the result's of order one.
        let weight = random([k, k, c, o]) * (1.0 / ((k * k * c) as f64).sqrt());
        let (weight, bias, direction) = (weight.detach(), random([o]), random([n, h, w, o]));
        let ours = with_gradients(ops::conv2d, (&x, &weight, &bias), &direction);
        let theirs = with_gradients(composed_conv, (&x, &weight, &bias), &direction);
        assert_all_close(ours, theirs.clone());
        assert_all_close(with_gradients_f64(ops::conv2d, (&x, &weight, &bias), &direction), theirs.clone());

        // Where only the input's gradient is wanted, that alone is computed.
        for dtype in [DType::F32, DType::F64] {
            let [x, weight, direction] =
                [&x, &weight, &direction].map(|tensor| tensor.clone().inner().cast(dtype));
            let x = x.autodiff().require_grad();
            let gradients = (ops::conv2d(x.clone(), weight, bias.clone().inner().cast(dtype)) * direction).sum().backward();
            assert_close(x.grad(&gradients).unwrap().cast(DType::F32), theirs.1.clone());
        }

        // Where the input's gradient isn't wanted, another path computes the weight's.
        let (weight, bias) = (weight.require_grad(), bias.require_grad());
        let y = ops::conv2d(x, weight.clone(), bias.clone());
        let gradients = (y * direction).sum().backward();
        assert_close(weight.grad(&gradients).unwrap(), theirs.2);
        assert_close(bias.grad(&gradients).unwrap(), theirs.3);
    }

    #[test]
    fn normalisation_is_burns(
        n in 1usize..5, h in 3usize..9, w in 2usize..9, groups in 1usize..9, size in 1usize..6,
        gamma_rows in any::<bool>(), beta_rows in any::<bool>(), silu in any::<bool>(),
    ) {
        let c = groups * size;
        let x = (random([n, h, w, c]) * 3.0 + 0.5).detach();
        let gamma = random([if gamma_rows { n } else { 1 }, c]);
        let beta = random([if beta_rows { n } else { 1 }, c]);
        let direction = random([n, h, w, c]);
        let ours = |x, gamma, beta| match silu {
            true => ops::group_norm_silu(x, gamma, beta, groups),
            false => ops::group_norm(x, gamma, beta, groups),
        };
        let theirs = |x, gamma, beta| match silu {
            true => activation::silu(composed_norm(x, gamma, beta, groups)),
            false => composed_norm(x, gamma, beta, groups),
        };
        let theirs = with_gradients(theirs, (&x, &gamma, &beta), &direction);
        assert_all_close(with_gradients(ours, (&x, &gamma, &beta), &direction), theirs.clone());
        assert_all_close(with_gradients_f64(ours, (&x, &gamma, &beta), &direction), theirs);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The kernels that take several steps at once, without automatic differentiation.
    #[test]
    fn joined_steps_are_burns(
        n in 1usize..4, h in 1usize..9, w in 1usize..9, c in 1usize..20, o in 1usize..30, p in 0usize..2,
        input in 1usize..4, output in 1usize..4,
    ) {
        let random = |dims: [usize; 4]| random(dims).inner();
        let k = 2 * p + 1;
        let weight = |inputs: usize, outputs: usize| {
            random([k, k, inputs, outputs]) * (1.0 / ((k * k * inputs) as f64).sqrt())
        };
        let bias = |outputs: usize| random([1, 1, 1, outputs]).reshape([outputs]);
        let (x, kernel, b, residual) = (random([n, h, w, c]), weight(c, o), bias(o), random([n, h, w, o]));
        let theirs = (residual.clone() + composed_conv(x.clone(), kernel.clone(), b.clone())) * std::f64::consts::FRAC_1_SQRT_2;
        assert_close(ops::conv2d_add(x, kernel, b, residual), theirs);

        let (inputs, outputs) = (input * input * c, output * output * o);
        let (x, kernel, b) = (random([n, h * input, w * input, c]), weight(inputs, outputs), bias(outputs));
        let theirs = composed_conv(ops::space_to_depth(x.clone(), input), kernel.clone(), b.clone());
        assert_close(ops::conv2d_fold(x, kernel, b, input, output), ops::depth_to_space(theirs, output));

        let (a, b) = (random([n, h, w, c]), random([n, h, w, o]));
        assert_close(ops::join(a.clone(), b.clone()), Tensor::cat(vec![a, b], 3));
    }

    #[test]
    fn attention_and_film_are_burns(
        n in 1usize..4, h in 1usize..8, w in 1usize..8, heads in 1usize..5, width in 1usize..14, groups in 1usize..9, e in 1usize..40,
        one in any::<bool>(),
    ) {
        let qkv = random([n, h, w, 3 * heads * width]).inner() * 2.0;
        assert_close(ops::attention(qkv.clone(), heads), composed_attention(qkv, heads));

        let c = groups * width;
        let two = |a: usize, b: usize| random([a, b]).inner();
        let (x, affine) = (random([n, h + 1, w, c]).inner() * 3.0 + 0.5, [two(1, c), two(1, c)]);
        let film = || (two(e, 2 * c) * (1.0 / (e as f64).sqrt()), random([2 * c]).inner());
        let (embedding, film) = (two(if one { 1 } else { n }, e), film());
        let theirs = composed_film(x.clone(), affine.clone(), embedding.clone(), film.clone(), groups);
        assert_close(ops::group_norm_film(x, affine, embedding, film, groups), theirs);
    }
}

/// A weight's transform is kept; one that has changed, in place or not, is made anew.
#[test]
fn a_changed_weight_is_another_weight() {
    let (x, bias) = (random([1, 6, 6, 8]).inner(), random([8]).inner());
    let mut weight = random([3, 3, 8, 8]).inner() * 0.1;
    for _ in 0..3 {
        let theirs = composed_conv(x.clone(), weight.clone(), bias.clone());
        assert_close(ops::conv2d(x.clone(), weight.clone(), bias.clone()), theirs.clone());
        assert_close(ops::conv2d(x.clone(), weight.clone(), bias.clone()), theirs);
        // The only owner: burn may write into the same memory.
        weight = weight * 1.5 + 0.01;
    }
}

#[test]
fn equal_inputs_give_equal_bits() {
    let (x, weight, bias) = (random([9, 14, 14, 24]), random([3, 3, 24, 32]), random([32]));
    let (gamma, beta) = (random([1, 32]), random([9, 32]));
    let direction = random([9, 14, 14, 32]);
    let run = || {
        let inputs = (x.clone().require_grad(), weight.clone().require_grad(), gamma.clone().require_grad());
        let y = ops::conv2d(inputs.0.clone(), inputs.1.clone(), bias.clone());
        let y = ops::group_norm_silu(y, inputs.2.clone(), beta.clone(), 8);
        let gradients = (y.clone() * direction.clone()).sum().backward();
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        [
            bits(y.into_data().try_into_vec().unwrap()),
            bits(inputs.0.grad(&gradients).unwrap().into_data().try_into_vec().unwrap()),
            bits(inputs.1.grad(&gradients).unwrap().into_data().try_into_vec().unwrap()),
            bits(inputs.2.grad(&gradients).unwrap().into_data().try_into_vec().unwrap()),
        ]
    };
    let first = run();
    for threads in [1, 2, 3, 7, 7, 7] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert!(pool.install(run) == first, "{threads} threads");
    }
}

#[test]
fn exponential_is_right_to_two_units_in_the_last_place() {
    // Every 1000th float of [−87, 88], both signs.
    for bits in (0..=88.0f32.to_bits()).step_by(1000) {
        for x in [f32::from_bits(bits), -f32::from_bits(bits).min(87.0)] {
            let exact = f64::from(x).exp();
            for ours in [math::exp::<true>(x), math::exp::<false>(x)] {
                assert!(
                    (f64::from(ours) / exact - 1.0).abs() < 2.0 * f64::from(f32::EPSILON),
                    "exp({x}) = {ours}, {exact}"
                );
            }
        }
    }
}
