//! The kernels against burn's own operators, and their gradients against burn's automatic differentiation.

use super::{
    cpu::math,
    testing::{cases, cases::Draw, reference},
};
use crate::{
    compute::ops::{self, Activation},
    noise::MAX_SEED,
};
use burn::{
    Tensor,
    tensor::{DType, Device, Distribution, activation},
};
use futures_lite::future::block_on;
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
        let theirs = with_gradients(reference::conv2d, (&x, &weight, &bias), &direction);
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
        n in 1usize..5, h in 2usize..9, w in 3usize..9, groups in 1usize..9, size in 1usize..6,
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
            true => activation::silu(reference::group_norm(x, gamma, beta, groups)),
            false => reference::group_norm(x, gamma, beta, groups),
        };
        let theirs = with_gradients(theirs, (&x, &gamma, &beta), &direction);
        assert_all_close(with_gradients(ours, (&x, &gamma, &beta), &direction), theirs.clone());
        assert_all_close(with_gradients_f64(ours, (&x, &gamma, &beta), &direction), theirs);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_kernel_is_burns(seed in 0..=MAX_SEED, index in 0u64..4) {
        for (name, kernel) in cases::kernels(false) {
            let case = kernel(&mut Draw::new(seed, index, Device::flex()));
            let ours = (case.ours)().expect("a kernel");
            let worst = block_on(cases::distance(ours, case.theirs));
            prop_assert!(worst <= TOLERANCE.into(), "{name}, {} with {} views: {worst}", case.sizes, case.views);
        }
    }
}

/// The values are burn's, and each derivative is the slope of the one before by central differences: h² times a fourth
/// derivative of about 1, and 1e-16/h of rounding.
#[test]
fn activations_and_their_derivatives_are_right() {
    const STEP: f64 = 1e-5;
    // −20 to 20, where all of them are flat or straight.
    let z = Tensor::<1>::from_data(
        (0..401).map(|i| f64::from(i) * 0.1 - 20.0).collect::<Vec<_>>().as_slice(),
        (&Device::flex(), DType::F64),
    );
    let z = z.reshape([1, 401]);
    for function in [Activation::Silu, Activation::Softplus, Activation::Tanh] {
        let at = |h: f64, order| ops::activation(z.clone() + h, function, order);
        assert_close(at(0.0, 0).cast(DType::F32), reference::activated(z.clone(), function).cast(DType::F32));
        for order in 0..3 {
            let slope = (at(STEP, order) - at(-STEP, order)) / (2.0 * STEP);
            let worst = (at(0.0, order + 1) - slope).abs().max().into_scalar::<f64>();
            assert!(worst < 1e-9, "{function:?}, derivative {}: {worst}", order + 1);
        }
    }
}

/// The gradients of a product and of what follows a layer, against burn's own differentiation of burn's own operators.
#[test]
fn gradients_of_layers_are_burns() {
    let (x, weight, bias, direction) = (random([7, 5]), random([5, 3]), random([3]), random([14, 3]));
    let tangent = random([14, 3]);
    for function in [Activation::Silu, Activation::Softplus, Activation::Tanh] {
        let gradients = |ours: bool| {
            let [x, weight, tangent] = [&x, &weight, &tangent].map(|tensor| tensor.clone().detach().require_grad());
            let bias = bias.clone().detach().require_grad();
            let (y, gram) = if ours {
                let z = ops::linear(x.clone(), weight.clone(), bias.clone());
                let gram = ops::product(ops::activation(z.clone(), function, 0).transpose(), z.clone());
                (ops::modulated(z, tangent.clone(), function, 0), gram)
            } else {
                let z = x.clone().matmul(weight.clone()) + bias.clone().unsqueeze();
                let a = reference::activated(z.clone(), function);
                (Tensor::cat(vec![a.clone(), a.clone()], 0) * tangent.clone(), a.transpose().matmul(z))
            };
            let all = ((y * direction.clone()).sum() + gram.square().sum() * 0.1).backward();
            let bias: Tensor<2> = bias.grad(&all).unwrap().unsqueeze();
            [x, weight, tangent].map(|tensor| tensor.grad(&all).unwrap()).into_iter().chain([bias]).collect::<Vec<_>>()
        };
        for (ours, theirs) in gradients(true).into_iter().zip(gradients(false)) {
            assert_close(ours, theirs);
        }
    }
}

/// A weight's transform is kept; one that has changed, in place or not, is made anew.
#[test]
fn a_changed_weight_is_another_weight() {
    let (x, bias) = (random([1, 6, 6, 8]).inner(), random([8]).inner());
    let mut weight = random([3, 3, 8, 8]).inner() * 0.1;
    for _ in 0..3 {
        let theirs = reference::conv2d(x.clone(), weight.clone(), bias.clone());
        assert_close(ops::conv2d(x.clone(), weight.clone(), bias.clone()), theirs.clone());
        assert_close(ops::conv2d(x.clone(), weight.clone(), bias.clone()), theirs);
        // The only owner, in burn's eyes: it writes through `Arc::make_mut`.
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

#[test]
fn cosines_and_sines_are_right_to_a_unit_in_the_last_place() {
    // Every 1000th float of [−10⁷, 10⁷], and the multiples of π/4, where a rest changes its sign or its polynomial.
    let floats = (0..=1e7f32.to_bits()).step_by(1000).map(f32::from_bits);
    let eighths = (0..1000).map(|i| i as f32 * std::f32::consts::FRAC_PI_4);
    for x in floats.chain(eighths).flat_map(|x| [x, -x]) {
        let exact = [f64::from(x).cos(), f64::from(x).sin()];
        for ours in [math::cos_sin::<true>(x), math::cos_sin::<false>(x)] {
            for (ours, exact) in ours.into_iter().zip(exact) {
                assert!((f64::from(ours) - exact).abs() < f64::from(f32::EPSILON), "{x}: {ours}, {exact}");
            }
        }
    }
}
