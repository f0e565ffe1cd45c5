//! The kernels against burn's own operators on the CPU, at odd sizes, each in one dispatch.

use burn::{
    Tensor,
    tensor::{Device, Int},
};
use futures_lite::future::block_on;
use proptest::prelude::*;

use crate::{
    compute::{
        kernels::testing::{cases, cases::Draw, reference},
        launch::testing::{TOLERANCE, assert_is, gpu, launches, random},
        ops,
    },
    noise::MAX_SEED,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_kernel_is_burns(seed in 0..=MAX_SEED, index in 0u64..4) {
        let Some(gpu) = gpu() else { return Ok(()) };
        for (name, kernel) in cases::kernels(true) {
            let case = kernel(&mut Draw::new(seed, index, gpu.clone()));
            let (ours, dispatches) = launches(case.ours);
            // A view is one more, which copies.
            prop_assert!((1..=1 + case.views).contains(&dispatches), "{name}, {}: {dispatches} dispatches", case.sizes);
            let worst = block_on(cases::distance(ours.expect("a kernel"), case.theirs));
            prop_assert!(worst <= TOLERANCE.into(), "{name}, {}: {worst}", case.sizes);
        }
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

/// The labels of a model are checked where they are set; a kernel of a public function reads inside of its table whatever
/// they are.
#[test]
fn a_class_that_no_row_has_is_the_last_row() {
    let Some(gpu) = gpu() else { return };
    let (x, weight, bias, table) = (random([1, 5]), random([5, 9]), random([9]), random([4, 9]));
    let class = |numbers: [i32; 6]| Tensor::<1, Int>::from_data(numbers, &Device::flex());
    let theirs = reference::class_layer(
        x.clone().expand([6, 5]),
        weight.clone(),
        bias.clone(),
        table.clone(),
        class([0, 3, 3, 3, 3, 3]),
    );
    let [x, weight, table] = [x, weight, table].map(|tensor| tensor.to_device(gpu));
    let (bias, beyond) = (bias.to_device(gpu), class([0, 3, 4, -1, i32::MAX, i32::MIN]).to_device(gpu));
    assert_is(|| ops::class_layer(x, weight, bias, Some(table), beyond), theirs);
}

#[test]
fn what_no_kernel_takes_falls_back_to_burns_operators() {
    let Some(gpu) = gpu() else { return };
    // A group of more channels than a small workgroup has units, and more tokens than logits fit.
    let x = random([1, 3, 3, 100]);
    let (gamma, beta) = (random([1, 100]), random([1, 100]));
    let theirs = reference::group_norm(x.clone(), gamma.clone(), beta.clone(), 1);
    let ours = ops::group_norm(x.to_device(gpu), gamma.to_device(gpu), beta.to_device(gpu), 1);
    let worst = (ours.to_device(&Device::flex()) - theirs).abs().max().into_scalar::<f32>();
    assert!(worst <= TOLERANCE * 4.0, "{worst} apart");
    let qkv = random([1, 23, 23, 6]);
    let theirs = reference::attention(qkv.clone(), 1);
    let ours = ops::attention(qkv.to_device(gpu), 1).to_device(&Device::flex());
    let worst = (ours - theirs).abs().max().into_scalar::<f32>();
    assert!(worst <= TOLERANCE, "{worst} apart");
}
