//! Against SciPy and mpmath (`tests/reference/mixture.py`), finite differences and closed forms.

use std::sync::Arc;

use burn::tensor::TensorData;
use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::{
    score::{Gaussian, divergence::Divergence},
    sde::Process,
};

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    toml: String,
    mean: Vec<f64>,
    covariance: Vec<f64>,
    levels: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    alpha: f64,
    sigma: f64,
    x: Vec<Vec<f64>>,
    log_density: Vec<f64>,
    score: Vec<Vec<f64>>,
    posterior_mean: Vec<Vec<f64>>,
}

fn fixture() -> Vec<Case> {
    serde_json::from_str::<Fixture>(include_str!("../../../tests/reference/mixture.json")).unwrap().cases
}

impl Case {
    fn mixture(&self) -> Mixture {
        MixtureConfig::parse(&self.name, self.toml.as_bytes()).unwrap().1
    }
}

impl Expected {
    fn level(&self) -> Level {
        Level { t: 0.5, alpha: self.alpha, sigma: self.sigma }
    }
}

fn tensor(rows: &[Vec<f64>], dtype: DType) -> Tensor<2> {
    let data = TensorData::new(rows.concat(), [rows.len(), rows[0].len()]).convert_dtype(dtype);
    Tensor::from_data(data, (&Device::flex(), dtype))
}

fn values(x: Tensor<2>) -> Vec<f64> {
    x.into_data().iter().collect()
}

/// On the host, rows at different levels in one call, as mpmath has them.
#[test]
fn rows_at_a_level_each_have_their_scores() {
    for case in fixture() {
        let rows = |of: fn(&Expected) -> Vec<f64>| case.levels.iter().flat_map(of).collect::<Vec<_>>();
        let (x, expected) = (rows(|e| e.x.concat()), rows(|e| e.score.concat()));
        let levels: Vec<_> = case.levels.iter().flat_map(|e| vec![e.level(); e.x.len()]).collect();
        let ours = case.mixture().score_rows(&x, &levels);
        // Responsibilities of logarithms of up to thousands, in f64.
        let close = |(ours, expected): (&f64, &f64)| (ours - expected).abs() <= 1e-9 * (1.0 + expected.abs());
        assert!(ours.len() == expected.len() && ours.iter().zip(&expected).all(close), "{}", case.name);
    }
}

#[test]
fn the_log_density_is_scipys_and_the_score_its_gradient() {
    for case in fixture() {
        let mixture = case.mixture();
        for expected in &case.levels {
            let (x, level) = (tensor(&expected.x, DType::F64), expected.level());
            let logs = values(mixture.log_density(x.clone(), &level));
            let scores = values(mixture.score(x.clone(), &level));
            let denoised = values(level.denoised(x, mixture.score(tensor(&expected.x, DType::F64), &level)));
            let place = format!("{} at σ = {}", case.name, level.sigma);
            for (ours, scipy) in logs.iter().zip(&expected.log_density) {
                // Rounding of f64, through conditions of up to 1e3 and sums of a dozen terms.
                assert!((ours - scipy).abs() <= 1e-12 * scipy.abs().max(1.0), "{place}: log p {ours} {scipy}");
            }
            for (ours, mpmath) in scores.iter().zip(expected.score.iter().flatten()) {
                assert!((ours - mpmath).abs() <= 1e-12 * mpmath.abs().max(1.0), "{place}: s {ours} {mpmath}");
            }
            // Tweedie's sum cancels to x₀'s size, and is then divided by α.
            let size = expected.x.iter().flatten().fold(1.0, |most: f64, x| most.max(x.abs())) / level.alpha;
            for (ours, exact) in denoised.iter().zip(expected.posterior_mean.iter().flatten()) {
                assert!((ours - exact).abs() <= 1e-12 * size, "{place}: E[x₀ | x] {ours} {exact}");
            }
        }
    }
}

#[test]
fn the_divergence_is_that_of_differentiation() {
    for case in fixture() {
        let mixture = Arc::new(case.mixture());
        for expected in &case.levels {
            let (x, level) = (tensor(&expected.x, DType::F64), expected.level());
            let labels: Vec<_> = (0..expected.x.len()).map(|row| (row % 2 == 0).then_some(0)).collect();
            let scores: [Box<dyn Density>; 3] = [
                Box::new(mixture.as_ref().clone()),
                Box::new(MixtureScore::new(mixture.clone(), &labels, 1.0)),
                Box::new(MixtureScore::new(mixture.clone(), &labels, 2.5)),
            ];
            for score in scores {
                let closed = values(score.divergence(x.clone(), &level).unwrap());
                let (s, trace) = Divergence::Exact.evaluate(&score.as_ref(), &x, &level);
                let sizes = values(s.square().sum_dim(1));
                for ((closed, trace), size) in closed.iter().zip(values(trace)).zip(sizes) {
                    // The gradient's terms are of the score's square, or of the precisions; f64 through conditions of up to
                    // 1e3 and sums of a dozen terms.
                    let size = size.max(trace.abs()).max(1.0);
                    assert!((closed - trace).abs() <= 1e-11 * size, "{} {closed} {trace} of {size}", case.name);
                }
            }
        }
    }
}

#[test]
fn single_precision_is_good_to_its_rounding() {
    for case in fixture() {
        // Held on the device, as a model holds it.
        let mixture = case.mixture().on(&Device::flex(), DType::F32);
        for expected in &case.levels {
            let (x, level) = (tensor(&expected.x, DType::F32), expected.level());
            let logs = values(mixture.log_density(x.clone(), &level));
            let scores = values(mixture.score(x, &level));
            let (d, std) = (mixture.dim(), mixture.variances.iter().copied().fold(f64::INFINITY, f64::min));
            let std = (level.alpha * level.alpha * std + level.sigma * level.sigma).sqrt();
            for (row, x) in expected.x.iter().enumerate() {
                // x itself is rounded, which moves Λ^(−½)Qᵀ(x − αm) by ε|x|/S and the log-density by that times its size,
                // at most √(2|log p| + const). A component's gradient moves by ε|x|/S², and its share by the log-density's
                // error: both times a few operations.
                let size = x.iter().fold(1.0, |most: f64, x| most.max(x.abs()));
                let log = expected.log_density[row];
                let unit = (2.0 * log.abs() + 10.0).sqrt();
                let error = 4.0 * f64::from(f32::EPSILON) * (unit * size / std + log.abs() + 10.0);
                assert!((logs[row] - log).abs() <= error, "{} {} {log} ± {error}", case.name, logs[row]);
                for i in 0..d {
                    let (ours, exact) = (scores[row * d + i], expected.score[row][i]);
                    let error = error * unit / std;
                    assert!((ours - exact).abs() <= error, "{} {ours} {exact} ± {error}", case.name);
                }
            }
        }
    }
}

#[test]
fn samples_have_the_mixtures_moments() {
    const N: usize = 20_000;
    for case in fixture() {
        let mixture = case.mixture();
        let close = |ours: &[f64], exact: &[f64]| ours.iter().zip(exact).all(|(a, b)| (a - b).abs() < 1e-12);
        // Sums of a few products in another order.
        assert!(close(&mixture.mean(), &case.mean), "{:?}", mixture.mean());
        assert!(close(&mixture.covariance(), &case.covariance), "{:?}", mixture.covariance());
        let (d, samples) = (mixture.dim(), mixture.sample(7, 0, N));
        for i in 0..d {
            let column = || samples.iter().skip(i).step_by(d);
            let error = column().sum::<f64>() / N as f64 - case.mean[i];
            // Four standard errors of a mean.
            assert!(error.abs() < 4.0 * (case.covariance[i * d + i] / N as f64).sqrt(), "{} {error}", case.name);
            for j in 0..d {
                let products = column().zip(samples.iter().skip(j).step_by(d));
                let products: Vec<f64> = products.map(|(a, b)| (a - case.mean[i]) * (b - case.mean[j])).collect();
                let covariance = products.iter().sum::<f64>() / N as f64;
                let spread = products.iter().map(|p| (p - covariance).powi(2)).sum::<f64>() / N as f64;
                let error = (covariance - case.covariance[i * d + j]).abs();
                assert!(error < 4.0 * (spread / N as f64).sqrt(), "{}: {i}, {j} off by {error}", case.name);
            }
        }
        // A sample does not depend on its neighbours.
        assert_eq!(mixture.sample(7, 10, 3), samples[10 * d..13 * d]);
    }
}

#[test]
fn points_are_denoised_to_their_weighted_mean() {
    // x₀ = ∓1 with equal weights: E[x₀ | x] = tanh(α·x/σ²).
    let mixture = Mixture::diagonal(&[1.0, 1.0], &[vec![-1.0], vec![1.0]], &[vec![0.0], vec![0.0]]).unwrap();
    let level = Level { t: 0.5, alpha: 0.8, sigma: 0.6 };
    let x = [-2.0, -0.3, 0.0, 0.1, 1.5];
    let column = tensor(&x.map(|x| vec![x]), DType::F64);
    let denoised = values(level.denoised(column.clone(), mixture.score(column, &level)));
    for (ours, x) in denoised.iter().zip(x) {
        // Rounding of f64.
        assert!((ours - (0.8 * x / 0.36).tanh()).abs() < 1e-14, "{denoised:?}");
    }
}

#[test]
fn a_label_is_a_component_and_guidance_is_exact() {
    let mixture = Arc::new(fixture()[1].mixture());
    let level = Level { t: 0.5, alpha: 0.8, sigma: 0.6 };
    let gaussians = [
        Gaussian::new(vec![2.0, 0.0], vec![0.5, 0.5]).unwrap(),
        Gaussian::new(vec![-2.0, 1.0], vec![0.2, 0.4]).unwrap(),
    ];
    let labels = [Some(1), None, Some(0), Some(1)];
    let x = tensor(&[vec![0.3, -1.0], vec![0.1, 0.2], vec![-1.5, 2.0], vec![4.0, 0.0]], DType::F64);
    for guidance in [0.0, 0.5, 1.0, 3.0] {
        let guided = MixtureScore::new(mixture.clone(), &labels, guidance);
        let density = guided.density().unwrap();
        let (score, log) = (values(guided.score(x.clone(), &level)), values(density.log_density(x.clone(), &level)));
        let (plain, plain_log) =
            (values(mixture.score(x.clone(), &level)), values(mixture.log_density(x.clone(), &level)));
        for (row, label) in labels.iter().enumerate() {
            let at = 2 * row..2 * row + 2;
            let (mut expected, mut expected_log) = (plain[at.clone()].to_vec(), plain_log[row]);
            if let Some(k) = *label {
                let own = values(gaussians[k].score(x.clone(), &level));
                expected.iter_mut().zip(&own[at.clone()]).for_each(|(s, c)| *s += guidance * (c - *s));
                expected_log += guidance * (values(gaussians[k].log_density(x.clone(), &level))[row] - expected_log);
            }
            // Rounding of f64, at sizes of up to 100.
            assert!(score[at].iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12), "{guidance} {row}");
            assert!((log[row] - expected_log).abs() < 1e-12, "{guidance} {row}: {} {expected_log}", log[row]);
        }
        assert_eq!(guided.evaluations(), if guidance == 0.5 || guidance == 3.0 { 2 } else { 1 });
    }
}

#[test]
fn rows_in_parts_are_the_same_rows() {
    // 2¹⁸ numbers of means leave 16 rows a part.
    let (count, d) = (64, 4096);
    let means: Vec<Vec<f64>> = (0..count).map(|k| (0..d).map(|i| f64::from((k * i) % 7)).collect()).collect();
    let stds = vec![vec![1.0; d as usize]; count as usize];
    let mixture = Arc::new(Mixture::diagonal(&vec![1.0; count as usize], &means, &stds).unwrap());
    let level = Level { t: 0.5, alpha: 0.8, sigma: 0.6 };
    let x = tensor(&means[..40], DType::F32);
    let labels: Vec<_> = (0..40).map(|row| (row % 3 == 0).then_some(row)).collect();
    let guided = MixtureScore::new(mixture.clone(), &labels, 2.0);
    let whole = values(guided.score(x.clone(), &level));
    let log = values(guided.log_density(x.clone(), &level));
    for row in [0, 15, 16, 17, 39] {
        let alone = x.clone().slice([row..row + 1, 0..d as usize]);
        let single = MixtureScore::new(mixture.clone(), &labels[row..=row], 2.0);
        assert_eq!(values(single.score(alone.clone(), &level)), whole[row * d as usize..][..d as usize]);
        assert_eq!(values(single.log_density(alone, &level)), log[row..=row]);
    }
}

fn any_mixture() -> impl Strategy<Value = (Mixture, Vec<f64>)> {
    (1usize..4, 1usize..4, any::<bool>()).prop_flat_map(|(count, d, full)| {
        let numbers = |n, range| proptest::collection::vec(range, n);
        let rows = move |n, range: Range<f64>| proptest::collection::vec(numbers(d, range), n);
        let parts =
            (numbers(count, 0.1..1.0), rows(count, -2.0..2.0), rows(count * (d + 1), 0.5..1.5), numbers(d, -2.0..2.0));
        parts.prop_map(move |(weights, means, entries, x)| {
            let mixture = if full {
                // RRᵀ + ½·1.
                let product = |k: usize, i: usize, j: usize| {
                    let row = |i| &entries[k * d + i];
                    row(i).iter().zip(row(j)).map(|(a, b)| (a - 1.0) * (b - 1.0)).sum::<f64>() + 0.5 * f64::from(i == j)
                };
                let matrix = |k| (0..d).map(|i| (0..d).map(|j| product(k, i, j)).collect()).collect();
                Mixture::full(&weights, &means, &(0..count).map(matrix).collect::<Vec<_>>())
            } else {
                Mixture::diagonal(&weights, &means, &entries[..count])
            };
            (mixture.unwrap(), x)
        })
    })
}

proptest! {
    #[test]
    fn the_score_is_the_log_densitys_gradient(
        (mixture, x) in any_mixture(), alpha in 0.1..1.0f64, sigma in 0.1..2.0f64,
        label in proptest::option::of(0usize..1), guidance in 0.0..2.0f64,
    ) {
        const H: f64 = 1e-5;
        let d = x.len();
        let level = Level { t: 0.5, alpha, sigma };
        // Every row a step to one side in one dimension, and x itself last.
        let moved = |i: usize, h: f64| x.iter().enumerate().map(|(j, x)| if i == j { x + h } else { *x }).collect();
        let mut rows: Vec<Vec<f64>> = (0..d).flat_map(|i| [moved(i, H), moved(i, -H)]).collect();
        rows.push(x.clone());
        let score = MixtureScore::new(Arc::new(mixture), &vec![label; 2 * d + 1], guidance);
        let (rows, log) = (tensor(&rows, DType::F64), |rows| values(score.log_density(rows, &level)));
        let (log, exact) = (log(rows.clone()), values(score.score(rows, &level)));
        for i in 0..d {
            let difference = (log[2 * i] - log[2 * i + 1]) / (2.0 * H);
            // H²/6 times the third derivative, which no component's gradient (at most 4/0.25 in each of
            // 3 dimensions) takes beyond 6·28³ here; log p of at most 1e3 rounds to 1e-8 after the division.
            prop_assert!((difference - exact[2 * d * d + i]).abs() < 3e-6, "{difference} {}", exact[2 * d * d + i]);
        }
    }
}

fn refused(toml: &str) -> String {
    MixtureConfig::parse("m.toml", toml.as_bytes()).unwrap_err().to_string()
}

#[test]
fn what_is_no_mixture_is_refused_by_field() {
    let cases = [
        ("weights = []\nmeans = []\nstds = []", "weights = []: expected at least one number"),
        ("weights = [1, -0.5]\nmeans = [[0.0], [1.0]]\nstds = [1, 1]", "weights[1] = -0.5: expected a positive"),
        ("weights = [inf]\nmeans = [[0.0]]\nstds = [1]", "weights[0] = inf"),
        ("weights = [nan]\nmeans = [[0.0]]\nstds = [1]", "weights[0] = NaN"),
        ("weights = [1, 1]\nmeans = [[0.0]]\nstds = [1, 1]", "means = 1 entries: expected 2, one a weight"),
        ("weights = [1]\nmeans = [[]]\nstds = [1]", "means[0] = []"),
        (
            "weights = [1, 1]\nmeans = [[0.0], [1, 2]]\nstds = [1, 1]",
            "means[1] = 2 numbers: expected 1, as means[0] has",
        ),
        ("weights = [1]\nmeans = [[nan]]\nstds = [1]", "means[0] = NaN"),
        ("weights = [1]\nmeans = [[0, 0]]\nstds = [[1]]", "stds[0] = 1 numbers: expected 2"),
        ("weights = [1]\nmeans = [[0]]\nstds = [1, 2]", "stds (their number) = 2"),
        ("weights = [1]\nmeans = [[0]]\nstds = [-1]", "stds[0] = -1: expected numbers from 0"),
        ("weights = [1]\nmeans = [[0]]\nstds = [0]", "a point has no density of its own"),
        ("weights = [1]\nmeans = [[0]]", "stds = none: expected stds or covariances"),
        (
            "weights = [1]\nmeans = [[0]]\nstds = [1]\ncovariances = [[[1]]]",
            "covariances = beside stds: expected one of",
        ),
        ("weights = [1]\nmeans = [[0, 0]]\ncovariances = [[[1, 0]]]", "covariances[0] (its rows) = 1 numbers"),
        ("weights = [1]\nmeans = [[0, 0]]\ncovariances = [[[1, 0], [0]]]", "covariances[0][1] = 1 numbers"),
        (
            "weights = [1, 1]\nmeans = [[0, 0], [0, 0]]\ncovariances = [[[1, 0], [0, 1]], [[1, 0.5], [0.4, 1]]]",
            "covariances[1][1][0] = 0.4: expected a symmetric matrix: 0.5 stands at [0][1]",
        ),
        (
            "weights = [1, 1]\nmeans = [[0, 0], [0, 0]]\ncovariances = [[[1, 0], [0, 1]], [[1, 2], [2, 1]]]",
            "covariances[1][1][1] = a pivot of -3: expected a positive definite matrix",
        ),
        ("weights = [1]\nmeans = [[0, 0]]\ncovariances = [[[1, 1], [1, 1]]]", "expected a positive definite matrix"),
        ("weights = [1]\nmeans = [[0, 0]]\ncovariances = [[[0, 0], [0, 0]]]", "expected a positive definite matrix"),
        ("weights = [1]\nmeans = [[0]]\nstds = ['wide']", "a number or one number a dimension"),
        ("weights = [1]\nmeans = [[0]]\nstds = [1]\n[process]\nkind = 'vpp'", "sub-vp"),
        ("weights = [1]\nmeans = [[0]]\nstds = [1]\n[process]\nkind = 've'\nsigma_min = -1", "process.sigma_min"),
        ("weights = [1]\nmeans = [[0]]\nstds = [1]\nmeen = 3", "meen"),
        ("weights = [1]\nmeans = [[0]]\nstds = [1", "line 3"),
        ("means = [[0]]\nstds = [1]", "missing field `weights`"),
    ];
    for (toml, problem) in cases {
        let error = refused(toml);
        assert!(error.starts_with("mixture m.toml: ") && error.contains(problem), "{toml}\ngave {error}");
    }
    // Sizes, before anything of that size is allocated.
    let many = |n: usize, what: &str| vec![what; n].join(",");
    let wide = |d| format!("weights = [1]\nmeans = [[{}]]\nstds = [1]", many(d, "0"));
    assert!(refused(&wide(65_537)).contains("means[0] (its dimension) = 65537: expected at most 65536"));
    let full = format!("weights = [1]\nmeans = [[{}]]\ncovariances = [[[1]]]", many(513, "0"));
    assert!(refused(&full).contains("= 513: expected at most 512"));
    let long = |n, d| format!("weights = [{}]\nmeans = [[{}]]\nstds = [{}]", many(n, "1"), many(d, "0"), many(n, "1"));
    assert!(refused(&long(4097, 1)).contains("weights (their number) = 4097"));
    assert!(refused(&long(4096, 60_000)).contains("means (numbers in all)"));
}

#[test]
fn a_file_is_told_from_other_files() {
    let toml = include_bytes!("../../../tests/reference/mixture2d.toml");
    assert!(MixtureConfig::is_meant("m", toml) && MixtureConfig::is_meant("m", b"\xef\xbb\xbf[process]\nkind = 'vp'"));
    assert!(MixtureConfig::is_meant("M.TOML", b""));
    let others: [&[u8]; 6] =
        [b"", b"# A heading\n\nand text", b"[1, 2]", b"{\"a\": 1}", b"version https://git-lfs", b"<html a='1'>"];
    assert!(others.iter().all(|bytes| !MixtureConfig::is_meant("m", bytes)));
    let (config, mixture) = MixtureConfig::parse("mixture2d.toml", toml).unwrap();
    assert_eq!(config.process, Process::Vp(crate::sde::Vp::default()));
    assert_eq!((mixture.dim(), mixture.weights()), (2, [0.6, 0.4].as_slice()));
    assert_eq!(mixture.variances, [0.25, 0.25, 0.2 * 0.2, 0.4 * 0.4]);
    let (clean, _) = MixtureConfig::parse("m", b"weights = [2, 2]\nmeans = [[0], [1]]\nstds = [1, 1]").unwrap();
    assert_eq!(clean.process, Process::None);
}
