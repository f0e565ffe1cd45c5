//! The kernels against burn's own operators on the CPU, at odd sizes, each in one dispatch.

use burn::{
    Tensor,
    tensor::{Device, Int, activation},
};
use proptest::prelude::*;

use crate::{
    cube::testing::{TOLERANCE, assert_is, gpu, random},
    net::{
        kernel::tests::{composed_attention, composed_conv, composed_film, composed_norm},
        ops,
    },
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn convolution_is_burns(
        n in 1usize..30, h in 1usize..9, w in 1usize..9, c in 1usize..30, o in 1usize..60, p in 0usize..3, view in any::<bool>(),
    ) {
        let Some(gpu) = gpu() else { return Ok(()) };
        let k = 2 * p + 1;
        let weight = random([k, k, c, o]) * (1.0 / ((k * k * c) as f64).sqrt());
        let (x, bias, residual) = (random([n, h, w, c]), random([o]), random([n, h, w, o]));
        let theirs = composed_conv(x.clone(), weight.clone(), bias.clone());
        let [on_gpu, weight, residual_on_gpu] = [&x, &weight, &residual].map(|tensor| tensor.clone().to_device(gpu));
        let bias = bias.to_device(gpu);
        assert_is(|| ops::conv2d(on_gpu.clone(), weight.clone(), bias.clone()), theirs.clone());
        let sum = (residual + theirs.clone()) * std::f64::consts::FRAC_1_SQRT_2;
        assert_is(|| ops::conv2d_add(on_gpu, weight.clone(), bias.clone(), residual_on_gpu), sum);
        if view {
            // Channels first, seen as channels last: one more dispatch, which copies.
            let x = x.permute([0, 3, 1, 2]).to_device(gpu).permute([0, 2, 3, 1]);
            let y = ops::conv2d(x, weight, bias).to_device(&Device::flex());
            prop_assert!((y - theirs).abs().max().into_scalar::<f32>() <= TOLERANCE * 8.0);
        }
    }

    #[test]
    fn folded_convolution_is_burns(
        n in 1usize..4, h in 1usize..6, w in 1usize..6, c in 1usize..7, o in 1usize..14, p in 0usize..2,
        input in 1usize..4, output in 1usize..4,
    ) {
        let Some(gpu) = gpu() else { return Ok(()) };
        let (k, inputs, outputs) = (2 * p + 1, input * input * c, output * output * o);
        let x = random([n, h * input, w * input, c]);
        let weight = random([k, k, inputs, outputs]) * (1.0 / ((k * k * inputs) as f64).sqrt());
        let bias = random([outputs]);
        let y = composed_conv(ops::space_to_depth(x.clone(), input), weight.clone(), bias.clone());
        let (x, weight, bias) = (x.to_device(gpu), weight.to_device(gpu), bias.to_device(gpu));
        assert_is(|| ops::conv2d_fold(x, weight, bias, input, output), ops::depth_to_space(y, output));
    }

    #[test]
    fn normalisation_is_burns(
        n in 1usize..4, h in 3usize..12, w in 2usize..12, groups in 1usize..9, size in 1usize..40,
        gamma_rows in any::<bool>(), beta_rows in any::<bool>(), silu in any::<bool>(), e in 1usize..40, shared in any::<bool>(),
    ) {
        let Some(gpu) = gpu() else { return Ok(()) };
        let c = groups * size;
        let x = random([n, h, w, c]) * 3.0 + 0.5;
        let gamma = random([if gamma_rows { n } else { 1 }, c]);
        let beta = random([if beta_rows { n } else { 1 }, c]);
        let theirs = composed_norm(x.clone(), gamma.clone(), beta.clone(), groups);
        let theirs = if silu { activation::silu(theirs) } else { theirs };
        let on_gpu = x.clone().to_device(gpu);
        let [gamma, beta] = [gamma, beta].map(|tensor| tensor.to_device(gpu));
        let ours = if silu { ops::group_norm_silu } else { ops::group_norm };
        assert_is(|| ours(on_gpu.clone(), gamma, beta, groups), theirs);

        let (gamma, beta) = (random([1, c]), random([1, c]));
let embedding = random([if shared { 1 } else { n }, e]);
        let (weight, bias) = (random([e, 2 * c]) * (1.0 / (e as f64).sqrt()), random([2 * c]));
        let affine = [gamma.clone(), beta.clone()];
        let theirs = composed_film(x, affine, embedding.clone(), (weight.clone(), bias.clone()), groups);
        let affine = [gamma, beta].map(|tensor| tensor.to_device(gpu));
        let (embedding, layer) = (embedding.to_device(gpu), (weight.to_device(gpu), bias.to_device(gpu)));
        assert_is(|| ops::group_norm_film(on_gpu, affine, embedding, layer, groups), theirs);
    }

    #[test]
    fn attention_is_burns(n in 1usize..4, h in 1usize..8, w in 1usize..8, heads in 1usize..5, width in 1usize..14) {
        let Some(gpu) = gpu() else { return Ok(()) };
        let qkv = random([n, h, w, 3 * heads * width]) * 2.0;
        let theirs = composed_attention(qkv.clone(), heads);
        let qkv = qkv.to_device(gpu);
        assert_is(|| ops::attention(qkv, heads), theirs);
    }

    #[test]
    fn layers_and_joins_are_burns(
        n in 1usize..5, waves in 1usize..40, o in 1usize..150, classes in 1usize..12, c in 1usize..20, d in 1usize..20, shared in any::<bool>(),
    ) {
        let Some(gpu) = gpu() else { return Ok(()) };
        // c_noise is within ±2, the frequencies N(0, (2π)²): angles up to about 40.
        let (level, frequencies) = (random([n, 1]), random([waves]) * std::f64::consts::TAU);
        let weight = random([2 * waves, o]) * (1.0 / (waves as f64).sqrt());
        let bias = random([o]);
        let theirs = ops::waves_layer(level.clone(), frequencies.clone(), weight.clone(), bias.clone());
        let on_gpu = (level.to_device(gpu), frequencies.to_device(gpu), weight.clone().to_device(gpu), bias.clone().to_device(gpu));
        assert_is(|| ops::waves_layer(on_gpu.0, on_gpu.1, on_gpu.2, on_gpu.3), theirs);

        let (x, rows) = (random([if shared { 1 } else { n }, 2 * waves]), random([classes, o]));
        let class: Vec<i32> = (0..n).map(|i| (7 * i % classes) as i32).collect();
        let on = |device: &Device| Tensor::<1, Int>::from_data(class.as_slice(), device);
        let z = x.clone().matmul(weight.clone()) + bias.clone().unsqueeze() + rows.clone().select(0, on(&Device::flex()));
        let on_gpu = (x.to_device(gpu), weight.to_device(gpu), bias.to_device(gpu), Some(rows.to_device(gpu)), on(gpu));
        assert_is(|| ops::class_layer(on_gpu.0, on_gpu.1, on_gpu.2, on_gpu.3, on_gpu.4), activation::silu(z));

        let (a, b) = (random([n, 3, 5, c]), random([n, 3, 5, d]));
        let theirs = Tensor::cat(vec![a.clone(), b.clone()], 3);
        let [a, b] = [a, b].map(|tensor| tensor.to_device(gpu));
        assert_is(|| ops::join(a, b), theirs);
    }

    #[test]
    fn products_are_burns(batch in 1usize..4, heads in 1usize..4, m in 1usize..30, k in 1usize..40, n in 1usize..150) {
        let Some(gpu) = gpu() else { return Ok(()) };
        let (a, b) = (random([batch, heads, m, k]) * (1.0 / (k as f64).sqrt()), random([batch, heads, k, n]));
        let theirs = a.clone().matmul(b.clone());
        let [a, b] = [a, b].map(|tensor| tensor.to_device(gpu));
        assert_is(|| ops::product(a, b), theirs);
    }
}

#[test]
fn a_product_has_more_rows_than_a_dispatch() {
    let Some(gpu) = gpu() else { return };
    let (a, b) = (random([70_000, 3]), random([3, 5]));
    let theirs = a.clone().matmul(b.clone());
    let [a, b] = [a, b].map(|tensor| tensor.to_device(gpu));
    assert_is(|| ops::product(a, b), theirs);
}

#[test]
fn what_no_kernel_takes_falls_back_to_burns_operators() {
    let Some(gpu) = gpu() else { return };
    // A group of more channels than a small workgroup has units, and more tokens than logits fit.
    let x = random([1, 3, 3, 100]);
    let (gamma, beta) = (random([1, 100]), random([1, 100]));
    let theirs = composed_norm(x.clone(), gamma.clone(), beta.clone(), 1);
    let ours = ops::group_norm(x.to_device(gpu), gamma.to_device(gpu), beta.to_device(gpu), 1);
    let worst = (ours.to_device(&Device::flex()) - theirs).abs().max().into_scalar::<f32>();
    assert!(worst <= TOLERANCE * 4.0, "{worst} apart");
    let qkv = random([1, 23, 23, 6]);
    let theirs = composed_attention(qkv.clone(), 1);
    let ours = ops::attention(qkv.to_device(gpu), 1).to_device(&Device::flex());
    let worst = (ours - theirs).abs().max().into_scalar::<f32>();
    assert!(worst <= TOLERANCE, "{worst} apart");
}
