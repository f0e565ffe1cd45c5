//! Denoising score matching against EDM's published formulas (Karras et al. 2022, table 1) and the
//! distributions that its inputs, targets and times must have.

use burn::tensor::Device;
use scorefield::{
    noise::{Noise, Purpose},
    objective::{DenoisingConfig, Times, regression::Regression},
    sde::{Process, Ve, Vp},
};

const SIGMA_DATA: f64 = 0.5;
const ROWS: usize = 2000;
const DIM: usize = 12;
const STEP: u64 = 7;

/// Rows of N(0, σ_d²).
fn clean() -> Vec<f32> {
    let mut x = vec![0.0; ROWS * DIM];
    Noise::new(99).fill_normal(0, Purpose::Prior, 0, &mut x);
    x.iter().map(|v| (f64::from(*v) * SIGMA_DATA) as f32).collect()
}

fn batch(times: Times, process: &Process, clean: &[f32]) -> [Vec<f64>; 3] {
    let objective = DenoisingConfig { times }.init(process, SIGMA_DATA);
    let Regression { input, c_noise, target, weight } =
        objective.batch(clean, DIM, &Noise::new(1), STEP, &Device::flex());
    assert!(weight.is_none());
    [input, c_noise, target].map(|t| t.into_data().iter::<f64>().collect())
}

const PROCESSES: [Process; 2] =
    [Process::Vp(Vp { beta_min: 0.1, beta_max: 20.0 }), Process::Ve(Ve { sigma_min: 0.01, sigma_max: 50.0 })];
const TIMES: [Times; 2] = [Times::Uniform { t_min: 1e-3 }, Times::LogNormal { mean: -1.2, std: 1.2 }];

/// The network sees c_in·(x₀ + σε), and with F = F* the denoiser c_skip·(x₀ + σε) + c_out·F is x₀.
#[test]
fn the_perfect_network_denoises_perfectly() {
    let clean = clean();
    for (process, times) in PROCESSES.iter().flat_map(|p| TIMES.map(|t| (p, t))) {
        let [input, c_noise, target] = batch(times, process, &clean);
        let mut epsilon = vec![0.0; DIM];
        for row in 0..ROWS {
            Noise::new(1).fill_normal(row as u64, Purpose::Perturbation, STEP, &mut epsilon);
            let sigma = (4.0 * c_noise[row]).exp();
            let variance = sigma.powi(2) + SIGMA_DATA.powi(2);
            let (c_skip, c_out) = (SIGMA_DATA.powi(2) / variance, sigma * SIGMA_DATA / variance.sqrt());
            for (i, e) in (row * DIM..).zip(&epsilon) {
                let x0 = f64::from(clean[i]);
                let noisy = x0 + sigma * f64::from(*e);
                // c_noise, at most 1.26, is rounded by up to 6e-8: σ by a relative 4·6e-8 and what follows
                // from it likewise; input and target, below 6, by up to 2.4e-7 more.
                assert!((input[i] - noisy / variance.sqrt()).abs() < 2e-6);
                // x₀ is a difference of numbers as large as x₀ + σε is after its scaling, c_skip or c_out ≤ 1.
                assert!((c_skip * noisy + c_out * target[i] - x0).abs() < 2e-6, "{process:?} {times:?} σ = {sigma}");
            }
        }
    }
}

/// |F − F*|² = σ²V/(α²σ_d²)·|s + ε/σ|² for the score that belongs to F, here to F = 0.
#[test]
fn the_loss_is_the_weighted_score_matching_loss() {
    let clean = clean();
    let process = &PROCESSES[0];
    let [_, c_noise, target] = batch(TIMES[0], process, &clean);
    let mut epsilon = vec![0.0; DIM];
    for row in 0..ROWS {
        Noise::new(1).fill_normal(row as u64, Purpose::Perturbation, STEP, &mut epsilon);
        let level = process.level(process.time_of_ratio((4.0 * c_noise[row]).exp()));
        let (alpha, sigma) = (level.alpha, level.sigma);
        let variance = sigma.powi(2) + (alpha * SIGMA_DATA).powi(2);
        let (mut matching, mut loss) = (0.0, 0.0);
        for (i, e) in (row * DIM..).zip(&epsilon) {
            let e = f64::from(*e);
            let score = -(alpha * f64::from(clean[i]) + sigma * e) / variance;
            matching += (score + e / sigma).powi(2);
            loss += target[i].powi(2);
        }
        matching *= sigma.powi(2) * variance / (alpha * SIGMA_DATA).powi(2);
        // Both sums are of squares of numbers that are rounded to a relative 1e-6 or better, see above.
        assert!((matching - loss).abs() <= 1e-5 * loss.max(0.1), "t = {}: {matching} is not {loss}", level.t);
    }
}

/// On Gaussian data of standard deviation σ_d input and target are N(0, 1) at every level, so that an
/// untrained network, F = 0, starts with loss 1.
#[test]
fn input_and_target_have_unit_variance_at_every_level() {
    let clean = clean();
    for (process, times) in PROCESSES.iter().flat_map(|p| TIMES.map(|t| (p, t))) {
        let [input, c_noise, target] = batch(times, process, &clean);
        let mut order: Vec<usize> = (0..ROWS).collect();
        order.sort_by(|a, b| c_noise[*a].total_cmp(&c_noise[*b]));
        // Four bands of noise levels, each of N = 6,000 numbers: z² has variance 2, so that its mean has a
        // standard error of √(2/N) = 0.018; four of them allow for the 16 × 2 looks.
        for band in order.chunks(ROWS / 4) {
            for values in [&input, &target] {
                let squares: f64 = band.iter().flat_map(|row| &values[row * DIM..(row + 1) * DIM]).map(|v| v * v).sum();
                let mean = squares / (band.len() * DIM) as f64;
                assert!((mean - 1.0).abs() < 4.0 * 0.018, "{process:?} {times:?}: mean square {mean}");
            }
        }
    }
}

/// Kolmogorov and Smirnov's distance between draws and the uniform distribution on [0, 1].
fn distance_to_uniform(mut u: Vec<f64>) -> f64 {
    u.sort_by(f64::total_cmp);
    let n = u.len() as f64;
    (0..).zip(&u).map(|(i, u)| (u - f64::from(i) / n).abs().max((f64::from(i + 1) / n - u).abs())).fold(0.0, f64::max)
}

#[test]
fn times_have_the_configured_distribution() {
    let clean = clean();
    // Beyond 1.95/√n lies one in a thousand: the seed is fixed, so that this fails always or never.
    let bound = 1.95 / (ROWS as f64).sqrt();
    for process in PROCESSES {
        let ratios = |times| batch(times, &process, &clean)[1].iter().map(|c| (4.0 * c).exp()).collect::<Vec<_>>();
        let t_min = 1e-3;
        let uniform = ratios(TIMES[0]).iter().map(|r| (process.time_of_ratio(*r) - t_min) / (1.0 - t_min)).collect();
        let distance = distance_to_uniform(uniform);
        assert!(distance < bound, "{process:?}, uniform: {distance}");
        let normal = ratios(TIMES[1]).into_iter().map(|r| {
            let z = (r.ln() + 1.2) / 1.2;
            0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
        });
        let distance = distance_to_uniform(normal.collect());
        assert!(distance < bound, "{process:?}, log-normal: {distance}");
    }
}
