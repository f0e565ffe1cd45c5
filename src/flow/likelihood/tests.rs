//! Likelihoods against closed forms and SciPy, and the counts and units around them.

use burn::tensor::Device;
use futures_lite::future::block_on;

use super::*;
use crate::{
    flow::tests::{Mixture, SUB_VP, VE, VP, fixture, rows},
    score::{Density, Gaussian},
};

const EXACT: Method = Method::Exact;

fn settings(tolerance: f64, method: Method) -> LikelihoodSettings {
    LikelihoodSettings {
        tolerance: Tolerance { rtol: tolerance, atol: tolerance },
        method,
        ..LikelihoodSettings::default()
    }
}

fn log_p(score: &dyn Score, process: &Process, x: Tensor<2>, settings: &LikelihoodSettings) -> Vec<f64> {
    block_on(log_likelihood(score, process, x, settings)).unwrap().log_p
}

#[test]
fn a_gaussians_likelihood_is_the_closed_form() {
    // N(0, 0.5²) at 0.3 by the flow with the exact score (its analytic log-density is −0.40579135): eight decimals.
    let score = Gaussian::new(vec![0.0], vec![0.5]).unwrap();
    for (process, t_end, exact) in
        [(VP, 1e-5, -0.405_802_68), (VP, 1e-3, -0.405_907_26), (SUB_VP, 1e-5, -0.405_815_22), (VE, 1e-5, -0.405_887_36)]
    {
        let settings = LikelihoodSettings { t_end, ..settings(1e-10, EXACT) };
        let ours = log_p(&score, &process, rows(&[[0.3]]), &settings)[0];
        assert!((ours - exact).abs() < 0.6e-8, "{} {t_end}: {ours}", process.name());
        assert!((ours + 0.405_791_35).abs() < 2e-4, "t_end and the prior, no more");
    }
}

#[test]
fn standard_normal_data_has_its_entropy_in_bits() {
    // ½·log₂(2πe) = 2.047096 before an offset, in the mean over x² = 1.
    let score = Gaussian::new(vec![0.0; 3], vec![1.0; 3]).unwrap();
    let ours = log_p(&score, &VP, rows(&[[1.0, -1.0, 1.0]]), &settings(1e-9, EXACT))[0];
    assert!((bits_per_dim(ours, 3, 0.0) - 2.047_096).abs() < 0.6e-6, "{ours}");
    assert!((bits_per_dim(ours, 3, OFFSET) - 9.047_096).abs() < 0.6e-6);
}

#[test]
fn a_density_without_a_closed_form_is_differentiated() {
    struct Opaque(Gaussian);
    impl Score for Opaque {
        fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
            self.0.score(x, level)
        }

        fn density(&self) -> Option<&dyn Density> {
            Some(self)
        }
    }
    impl Density for Opaque {
        fn log_density(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
            self.0.log_density(x, level)
        }
    }
    let gaussian = || Gaussian::new(vec![0.1, -0.4, 0.0], vec![0.5, 1.5, 0.2]).unwrap();
    let x = rows(&[[0.3, -1.0, 0.2], [0.9, 0.4, -0.1]]);
    let run =
        |score: &dyn Score, method| block_on(log_likelihood(score, &VP, x.clone(), &settings(1e-6, method))).unwrap();
    let (known, opaque) = (run(&gaussian(), EXACT), run(&Opaque(gaussian()), EXACT));
    assert!(known.closed_form && !opaque.closed_form);
    // The order in which three terms are summed.
    let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
    assert!(close(&known.log_p, &opaque.log_p), "{:?} {:?}", known.log_p, opaque.log_p);
    assert_eq!(opaque.nfe, 3 * known.nfe, "one pass per dimension in place of the closed form");
    // A diagonal Jacobian has no variance under a Rademacher probe.
    let probe = run(&Opaque(gaussian()), Method::Hutchinson { probe: Probe::Rademacher, probes: 1 });
    assert!(close(&known.log_p, &probe.log_p) && probe.nfe == known.nfe && !probe.closed_form);
}

#[test]
fn one_rademacher_probe_is_exact_where_the_jacobian_is_diagonal() {
    let score = Gaussian::new(vec![0.1, -0.4, 0.0], vec![0.5, 1.5, 0.2]).unwrap();
    let x = [[0.3, -1.0, 0.2], [0.9, 0.4, -0.1]];
    let exact = log_p(&score, &VP, rows(&x), &settings(1e-6, EXACT));
    let probe = Method::Hutchinson { probe: Probe::Rademacher, probes: 1 };
    let ours = log_p(&score, &VP, rows(&x), &settings(1e-6, probe));
    // The order in which three terms are summed.
    assert!(exact.iter().zip(&ours).all(|(a, b)| (a - b).abs() < 1e-12), "{exact:?} {ours:?}");
    let gaussian = Method::Hutchinson { probe: Probe::Gaussian, probes: 1 };
    let other = log_p(&score, &VP, rows(&x), &settings(1e-6, gaussian));
    assert!((exact[0] - other[0]).abs() > 1e-3, "a Gaussian probe has a variance");
}

#[test]
fn a_mixtures_likelihood_is_scipys() {
    let fixture = fixture().likelihood;
    let run = |tolerance| {
        let result = block_on(log_likelihood(&Mixture, &VP, rows(&fixture.x), &settings(tolerance, EXACT))).unwrap();
        let error = |(ours, exact): (&f64, &f64)| (ours - exact).abs();
        (result.log_p.iter().zip(&fixture.dop853).map(error).fold(0.0, f64::max), result)
    };
    // DOP853 at 1e-12 is good to about 1e-10.
    let (error, result) = run(1e-10);
    assert!(error < 1e-8, "{error}: {:?} {:?}", result.log_p, fixture.dop853);
    // The prior at t = 1 is not quite the marginal: its mean is off by α₁·2 = 0.013, and x₁ lies up to 4 from 0.
    assert!(result.log_p.iter().zip(&fixture.density).all(|(ours, density)| (ours - density).abs() < 0.06));
    let (error, result) = run(fixture.rk45.tolerance);
    // Two passes, one per dimension, for each of the flow's evaluations.
    let evaluations = result.nfe / 2;
    let ratio = evaluations as f64 / fixture.rk45.nfe as f64;
    println!(
        "{evaluations} evaluations, SciPy {}: {ratio:.2}; error {error:.1e}, SciPy {:.1e}",
        fixture.rk45.nfe, fixture.rk45.error
    );
    assert!(ratio < 1.1 && error < fixture.rk45.error, "{ratio} {error}");
}

#[test]
fn f32_costs_little_accuracy() {
    let score = Gaussian::new(vec![0.2; 8], vec![0.5; 8]).unwrap();
    let x = Noise::new(1).normal(0, [4, 8], Purpose::Prior, 0, &Device::flex()) * 0.5 + 0.2;
    let level = VP.level(T_END);
    let exact: Vec<f64> = score.log_density(x.clone(), &level).into_data().iter().collect();
    let ours = log_p(&score, &VP, x, &settings(1e-5, EXACT));
    for (ours, exact) in ours.into_iter().zip(exact) {
        // Tolerances of 1e-5 per dimension over some twenty steps, f32's rounding of tan θ = 152 beside them, and the
        // prior's mean, off by α₁·0.2 = 0.0013 in each of 8 dimensions.
        assert!((ours - exact).abs() < 2e-2, "{ours} {exact}");
    }
}

#[test]
fn estimates_are_counted_by_sample_and_repeat() {
    let probe = Method::Hutchinson { probe: Probe::Rademacher, probes: 2 };
    let x = [[2.1, -0.2], [-1.9, 1.5], [0.0, 0.5]];
    let run = |x: &[[f64; 2]], first_sample, repeat| {
        let settings = LikelihoodSettings { first_sample, repeat, ..settings(1e-8, probe) };
        log_p(&Mixture, &VP, rows(x), &settings)
    };
    let whole = run(&x, 0, 0);
    assert_eq!(whole, run(&x, 0, 0), "one seed, one estimate");
    assert_ne!(whole, run(&x, 0, 1));
    // The batch's steps differ, within the tolerances: a thousand times 1e-8.
    let part = run(&x[1..], 1, 0);
    assert!(part.iter().zip(&whole[1..]).all(|(a, b)| (a - b).abs() < 1e-5), "{part:?} {whole:?}");
}

#[test]
fn dequantisation_fills_each_level_evenly() {
    // Levels are 1/128 wide, from −1 up to 1, and the draws uniform on them.
    let (n, d) = (40, 100);
    let pixels: Vec<u8> = (0..n * d).map(|i| [0, 7, 128, 255][i % 4]).collect();
    let noise = Noise::new(5);
    let x = dequantise(&pixels, d, &noise, 0, 0);
    let share: Vec<f64> = x.iter().zip(&pixels).map(|(&x, &p)| (f64::from(x) + 1.0) * 128.0 - f64::from(p)).collect();
    // f32 rounds x by at most 6e-8, 8e-6 of a level.
    assert!(share.iter().all(|u| (-1e-5..1.0 + 1e-5).contains(u)));
    let mean = share.iter().sum::<f64>() / share.len() as f64;
    let square = share.iter().map(|u| u * u).sum::<f64>() / share.len() as f64;
    // Mean ½ and second moment ⅓, with variances 1/12 and 4/45: four standard errors at n = 4000.
    assert!((mean - 0.5).abs() < 4.0 * (1.0 / 12.0_f64 / 4000.0).sqrt(), "{mean}");
    assert!((square - 1.0 / 3.0).abs() < 4.0 * (4.0 / 45.0_f64 / 4000.0).sqrt(), "{square}");
    // Sample i is the same in a part, and another draw in another repeat.
    assert_eq!(dequantise(&pixels[d..2 * d], d, &noise, 1, 0), x[d..2 * d]);
    assert_ne!(dequantise(&pixels, d, &noise, 0, 1), x);
}

#[test]
fn bad_settings_are_refused() {
    let error = |settings: LikelihoodSettings| {
        block_on(log_likelihood(&Mixture, &VP, rows(&[[0.0, 0.0]]), &settings)).unwrap_err().to_string()
    };
    let none = Method::Hutchinson { probe: Probe::Gaussian, probes: 0 };
    assert!(error(settings(1e-5, none)).starts_with("probes = 0: expected 1 to 1000"));
    assert!(error(settings(0.0, EXACT)).starts_with("rtol = 0"));
    assert!(error(LikelihoodSettings { t_end: 1.5, ..LikelihoodSettings::default() }).starts_with("t_end = 1.5"));
}
