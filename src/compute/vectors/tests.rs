//! Sums against burn's own operators, on the CPU and on a GPU.

use burn::tensor::{DType, Device, Distribution};
use proptest::prelude::*;

use super::*;

fn random([n, d]: [usize; 2]) -> Tensor<2> {
    Tensor::random([n, d], Distribution::Normal(0.0, 1.0), &Device::flex())
}

fn apart(ours: &Tensor<2>, theirs: &Tensor<2>) -> f32 {
    assert_eq!(ours.dims(), theirs.dims());
    let ours = ours.clone().to_device(&Device::flex());
    (ours - theirs.clone()).abs().max().into_scalar::<f32>()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_sum_is_burns(
        n in 1usize..6, d in 1usize..2500, first in 0usize..3, times in 1usize..3,
        weights in prop::collection::vec(-2.0f64..2.0, 1..10),
    ) {
        let tensors: Vec<_> = weights.iter().map(|_| random([n + first, d])).collect();
        let sum = |tensors: &[Tensor<2>]| {
            let terms = tensors.iter().zip(&weights).map(|(x, &weight)| term_rows(x, first..first + n) * weight);
            terms.reduce(|sum, term| sum + term).unwrap().stacked(times)
        };
        let terms = tensors.iter().zip(&weights).map(|(x, &weight)| x.clone().narrow(0, first, n) * weight);
        let theirs = terms.reduce(|sum, term| sum + term).unwrap().repeat_dim(0, times);
        // Up to nine products of up to 10 with as many roundings, of 6e-8 each; a GPU may fuse them.
        let tolerance = 1e-5;
        prop_assert!(apart(&sum(&tensors), &theirs) <= tolerance);
        // Views, differentiated tensors and double precision take other paths.
        let views: Vec<_> = tensors.iter().map(|x| x.clone().transpose().mul_scalar(1.0).transpose()).collect();
        prop_assert!(apart(&sum(&views), &theirs) <= tolerance);
        let tracked: Vec<_> = tensors.iter().map(|x| x.clone().autodiff().require_grad()).collect();
        let tracked_sum = sum(&tracked);
        let gradients = tracked_sum.clone().sum().backward();
        for (x, &weight) in tracked.iter().zip(&weights) {
            let slope = x.grad(&gradients).unwrap().narrow(0, first, n).mean().into_scalar::<f32>();
            prop_assert!((slope - (weight * times as f64) as f32).abs() <= tolerance);
        }
        prop_assert!(apart(&tracked_sum.inner(), &theirs) <= tolerance);
        let double: Vec<_> = tensors.iter().map(|x| x.clone().cast(DType::F64)).collect();
        let double = sum(&double);
        prop_assert_eq!(double.dtype(), DType::F64);
        prop_assert!(apart(&double.cast(DType::F32), &theirs) <= tolerance);
    }
}

#[cfg(feature = "gpu")]
mod gpu {
    use super::*;
    use crate::compute::launch::testing::{assert_is, gpu};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_sum_is_one_dispatch_and_the_cpus(
            n in 1usize..6, d in 1usize..900, first in 0usize..3, times in 1usize..3,
            weights in prop::collection::vec(-2.0f64..2.0, 1..7),
        ) {
            let Some(gpu) = gpu() else { return Ok(()) };
            let tensors: Vec<_> = weights.iter().map(|_| random([n + first, d])).collect();
            let sum = |tensors: &[Tensor<2>]| {
                let terms = tensors.iter().zip(&weights).map(|(x, &weight)| term_rows(x, first..first + n) * weight);
                terms.reduce(|sum, term| sum + term).unwrap().stacked(times)
            };
            let theirs = sum(&tensors);
            let on_gpu: Vec<_> = tensors.iter().map(|x| x.clone().to_device(gpu)).collect();
            assert_is(|| sum(&on_gpu), theirs);
        }

        #[test]
        fn steps_and_errors_are_the_cpus(n in 1usize..6, d in 1usize..900, batch in any::<bool>()) {
            let Some(gpu) = gpu() else { return Ok(()) };
            let tensors = [0; 4].map(|_| random([n, d]));
            let [x, s, z, y] = &tensors;
            let [on_x, on_s, on_z, on_y] = tensors.clone().map(|tensor| tensor.to_device(gpu));
            assert_is(|| squared_norms(&on_s, &on_z, [0.5, 1.0]), squared_norms(s, z, [0.5, 1.0]));
            // Steps that reach the limit, and a norm that is too small to count.
            for (factor, size) in [(0.02, 1.0), (20.0, 1.0), (0.02, 1e-12)] {
                let rule = StepRule { factor, most: 1.5, least: 1e-10, batch };
                let (s, on_s) = (s.clone() * size, on_s.clone() * size);
                let norms = squared_norms(&s, z, [1.0, 1.0]);
                let on_norms = norms.clone().to_device(gpu);
                assert_is(|| langevin(&on_x, &on_s, &on_z, &on_norms, rule), langevin(x, &s, z, &norms, rule));
            }
            let theirs = scaled_mean_squares(x, z, y, [0.1, 0.3]);
            assert_is(|| scaled_mean_squares(&on_x, &on_z, &on_y, [0.1, 0.3]), theirs);
        }
    }
}

#[test]
fn coefficients_of_one_tensor_are_added_on_the_host() {
    let (x, y) = (random([2, 3]), random([2, 3]));
    let sum = (term(&x) * 3.0 + term(&y)) / 2.0 - term(&x) * 0.5 - term_rows(&y, 0..2) * 0.5;
    // 1·x + 0·y: x itself, unread.
    assert_eq!(sum.terms.len(), 2);
    assert_eq!(sum.value().into_data(), x.into_data());
}
