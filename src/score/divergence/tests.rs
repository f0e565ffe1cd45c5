//! Divergences where they are known.

use burn::tensor::DType;

use super::*;
use crate::{
    flow::tests::{Mixture, VP, read, rows},
    score::{Density as _, Gaussian},
};

#[test]
fn a_gaussians_divergence_is_its_precision() {
    // ∇·s = −Σ 1/(α²σ₀² + σ²), whatever x.
    let gaussian = Gaussian::new(vec![0.3, -1.0], vec![0.5, 2.0]).unwrap();
    let level = VP.level(0.3);
    let exact: f64 = gaussian.std_at(&level).into_iter().map(|std| -std.powi(-2)).sum();
    let x = rows(&[[0.7, -0.2], [3.0, 1.0]]);
    assert!(
        read(&gaussian.divergence(x.clone(), &level).unwrap()).into_iter().all(|closed| (closed - exact).abs() < 1e-14)
    );
    let (s, trace) = Divergence::Exact.evaluate(&gaussian, &x, &level);
    assert_eq!(read(&s), read(&gaussian.score(x.clone(), &level)), "the score itself, too");
    // f64's rounding of two terms.
    assert!(read(&trace).into_iter().all(|trace| (trace - exact).abs() < 1e-14));
    let probe = Probe::Rademacher.draw(&Noise::new(0), 0, [2, 2], 0, &x.device()).cast(DType::F64);
    let (_, trace) = Divergence::Hutchinson(vec![probe]).evaluate(&gaussian, &x, &level);
    assert!(read(&trace).into_iter().all(|trace| (trace - exact).abs() < 1e-14), "diagonal: no variance");
}

#[test]
fn a_mixtures_divergence_is_that_of_differences() {
    let level = VP.level(0.2);
    let (x, h) = ([[0.3, 0.4], [-1.5, 0.9]], 1e-5);
    let (_, trace) = Divergence::Exact.evaluate(&Mixture, &rows(&x), &level);
    for (row, trace) in x.into_iter().zip(read(&trace)) {
        let slope = |i: usize| {
            let at = |h: f64| {
                let mut row = row;
                row[i] += h;
                read(&Mixture.score(rows(&[row]), &level))[i]
            };
            (at(h) - at(-h)) / (2.0 * h)
        };
        // Central differences: h² times a third derivative of some hundreds, and rounding of 1e-15/h.
        let difference = slope(0) + slope(1);
        assert!((trace - difference).abs() < 1e-6, "{trace} {difference}");
    }
}

#[test]
fn probes_have_unit_covariance() {
    let (n, d) = (2000, 5);
    for (probe, fourth) in [(Probe::Rademacher, 1.0), (Probe::Gaussian, 3.0)] {
        let values = read(&probe.draw(&Noise::new(2), 0, [n, d], 0, &Device::flex()));
        let mean = |f: &dyn Fn(f64) -> f64| values.iter().map(|&v| f(v)).sum::<f64>() / values.len() as f64;
        // Four standard errors of ten thousand draws; the variance of v² is the fourth moment less 1.
        let error = |variance: f64| 4.0 * (variance / values.len() as f64).sqrt() + 1e-12;
        assert!(mean(&|v| v).abs() < error(1.0), "{probe:?}");
        assert!((mean(&|v| v * v) - 1.0).abs() < error(fourth - 1.0), "{probe:?}");
        let products: f64 = values.chunks(d).map(|row| row[0] * row[1]).sum::<f64>() / n as f64;
        assert!(products.abs() < 4.0 / (n as f64).sqrt(), "{probe:?} {products}");
    }
}

#[test]
fn a_constant_score_has_none() {
    struct Constant;
    impl Score for Constant {
        fn score(&self, x: Tensor<2>, _: &Level) -> Tensor<2> {
            x.inner().ones_like()
        }
    }
    let (s, trace) = Divergence::Exact.evaluate(&Constant, &rows(&[[1.0, 2.0]]), &VP.level(0.5));
    assert_eq!((read(&s), read(&trace)), (vec![1.0, 1.0], vec![0.0]));
}
