//! Closed forms: gains and orders on Gaussian data, laws of the stochastic samplers, `score_sde`'s rules.

use super::*;

/// The gain x(t_end)/x(1) of a deterministic sampler on N(0, 0.5²), in f64.
pub(super) fn gain(settings: &Settings, process: &Process) -> f64 {
    sample_from(settings, process, &[1.0], &gaussian(1, 0.0, 0.5))[0]
}

/// The probability flow's own gain, the ratio of the marginals' standard deviations.
pub(super) fn exact_gain(process: &Process) -> f64 {
    let std = |t: f64| gaussian(1, 0.0, 0.5).std_at(&process.level(t))[0];
    std(process.default_t_end()) / std(1.0)
}

#[test]
fn ddim_errs_as_published() {
    // Relative error of the gain, &VP, log-SNR grid from 1 to 1e-3: DPM-Solver's order 1 is DDIM.
    // float64; three digits are printed.
    for (steps, published) in [(10, 2.13e-1), (20, 1.13e-1), (40, 5.81e-2), (80, 2.95e-2), (160, 1.49e-2)] {
        let settings = Settings { grid: Some(Grid::LogSnr), denoise: false, ..with(SamplerKind::Ddim, steps) };
        let error = (gain(&settings, &VP) / exact_gain(&VP) - 1.0).abs();
        assert!((error / published - 1.0).abs() < 5e-3, "{steps}: {error}");
    }
}

#[test]
fn euler_and_heun_are_edms() {
    // EDM's algorithm 1, σ from 80 to 0.002 (ρ = 7) and then to 0 by Euler, which Tweedie's estimate is:
    // final over exact gain on data of standard deviation 0.5. float64; five decimals are printed.
    let process = Process::Ve(Ve { sigma_min: 0.002, sigma_max: 80.0 });
    let exact = 0.5 / f64::hypot(0.5, 80.0);
    for (kind, n, published) in [
        (SamplerKind::Euler, 18, 0.84608),
        (SamplerKind::Euler, 40, 0.92972),
        (SamplerKind::Euler, 80, 0.96466),
        (SamplerKind::Heun, 18, 1.05527),
        (SamplerKind::Heun, 40, 1.00977),
        (SamplerKind::Heun, 80, 1.00231),
    ] {
        let settings = Settings { t_end: Some(0.0), grid: Some(Grid::Karras), ..with(kind, n - 1) };
        let ratio = gain(&settings, &process) / exact;
        assert!((ratio - published).abs() < 0.6e-5, "{kind:?} {n}: {ratio}");
    }
}

#[test]
fn solvers_converge_with_their_orders() {
    for process in &PROCESSES {
        for grid in GRIDS {
            for (kind, order) in [(SamplerKind::Euler, 1.0), (SamplerKind::Ddim, 1.0), (SamplerKind::Heun, 2.0)] {
                let error = |steps| {
                    let settings = Settings { grid: Some(grid), denoise: false, ..with(kind, steps) };
                    (gain(&settings, process) / exact_gain(process) - 1.0).abs()
                };
                let slope = (error(320) / error(640)).log2();
                // Next-order terms are a few per cent of the leading one at 320 steps.
                assert!((slope - order).abs() < 0.1, "{} {grid:?} {kind:?}: {slope}", process.name());
            }
        }
    }
}

#[test]
fn euler_on_the_flow_is_ddim() {
    let start = [-2.0, -0.3, 0.8, 1.7];
    for process in &PROCESSES {
        let start = start.map(|x| x * process.prior_std());
        let run = |settings: &Settings| sample_from(settings, process, &start, &gaussian(1, 0.4, 0.5));
        let ddim = run(&with(SamplerKind::Ddim, 12));
        let predictor = Settings {
            predictor: Predictor::Euler,
            corrector: Corrector::None,
            grid: Some((SamplerKind::Ddim.info().grid)(process)),
            ..with(SamplerKind::Pc, 12)
        };
        for other in [run(&with(SamplerKind::Euler, 12)), run(&predictor)] {
            // Rounding of f64 through 12 steps, amplified by 1/α = 152.
            assert!(other.iter().zip(&ddim).all(|(a, b)| (a - b).abs() < 1e-11), "{other:?} {ddim:?}");
        }
    }
}

#[test]
fn data_that_is_a_point_is_reached_in_one_step() {
    // x̂₀ does not change along the flow: it is straight in x/α against σ/α, and DDIM and Heun exact.
    for kind in [SamplerKind::Euler, SamplerKind::Heun, SamplerKind::Ddim] {
        for (process, steps) in PROCESSES.iter().flat_map(|process| [(process, 1), (process, 7)]) {
            let settings = Settings { denoise: false, ..with(kind, steps) };
            let x = sample_from(&settings, process, &[1.3], &gaussian(1, 0.6, 0.0))[0];
            let (from, to) = (process.level(1.0), process.level(process.default_t_end()));
            let exact = to.alpha * 0.6 + to.sigma * (1.3 - from.alpha * 0.6) / from.sigma;
            assert!((x - exact).abs() < 1e-11, "{kind:?} {}: {x} {exact}", process.name());
        }
    }
}

/// 0.6·N(1, 0.3²) + 0.4·N(−1, 0.2²) in every coordinate.
pub(super) struct Mixture;

const PARTS: [(f64, f64, f64); 2] = [(0.6, 1.0, 0.3), (0.4, -1.0, 0.2)];

impl Score for Mixture {
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        let parts = PARTS.map(|(weight, mean, std)| {
            let variance = (level.alpha * std).powi(2) + level.sigma.powi(2);
            let offset = x.clone() - level.alpha * mean;
            (offset.clone().square() * (-0.5 / variance) + (weight / variance.sqrt()).ln(), offset * (-1.0 / variance))
        });
        let [(a, first), (b, second)] = parts;
        let share = burn::tensor::activation::sigmoid(a - b);
        second.clone() + share * (first - second)
    }
}

/// The mixture's distribution function at a level.
fn cdf(x: f64, level: &Level) -> f64 {
    let part = |(weight, mean, std): (f64, f64, f64)| {
        let z = (x - level.alpha * mean) / f64::hypot(level.alpha * std, level.sigma);
        0.5 * weight * libm::erfc(-z / std::f64::consts::SQRT_2)
    };
    PARTS.into_iter().map(part).sum()
}

#[test]
fn the_flow_carries_quantiles_of_a_mixture_to_quantiles() {
    // In one dimension the flow keeps the order of points, so that F₁(x(1)) = F_end(x(t_end)).
    for process in &PROCESSES {
        let start = [-2.0, -1.0, -0.4, 0.0, 0.5, 1.0, 2.0].map(|z| z * process.prior_std());
        let error = |steps| {
            let settings = Settings { denoise: false, grid: Some(Grid::Karras), ..with(SamplerKind::Heun, steps) };
            let x = sample_from(&settings, process, &start, &Mixture);
            let (from, to) = (process.level(1.0), process.level(process.default_t_end()));
            start.iter().zip(x).map(|(&a, b)| (cdf(a, &from) - cdf(b, &to)).abs()).fold(0.0, f64::max)
        };
        let (coarse, fine) = (error(160), error(320));
        // Order 2: a quarter of the error, give or take the next order.
        assert!(fine < 1e-3 && (3.0..5.0).contains(&(coarse / fine)), "{} {coarse} {fine}", process.name());
    }
}

/// The law of a stochastic sampler on N(m, s²) in a large dimension: every step is affine in x with
/// independent noise, so that a mean and a variance follow a recursion in host arithmetic.
pub(super) fn law(settings: &Settings, process: &Process, m: f64, s: f64) -> (f64, f64) {
    let times = times_of(settings, process).unwrap();
    let (mut mean, mut variance) = (0.0, process.prior_std_at(times[0]).powi(2));
    let spread = |level: &Level| (level.alpha * s).powi(2) + level.sigma.powi(2);
    let correct = |mean: &mut f64, variance: &mut f64, i: usize| {
        if settings.sampler != SamplerKind::Pc {
            return;
        }
        let level = process.level(times[i]);
        let below = process.level(times.get(i + 1).copied().unwrap_or(0.0));
        let (target, total) = (level.alpha * m, spread(&level));
        // ‖z‖²/d → 1 and ‖s‖²/d → E s².
        let score2 = (*variance + (*mean - target).powi(2)) / total.powi(2);
        let expected2 = if settings.norms == Norms::Expected { level.sigma.powi(-2) } else { score2 };
        let most = level.alpha.powi(2) + level.sigma.powi(2);
        let step = (2.0 * (level.alpha / below.alpha).powi(2) * settings.snr.powi(2) / expected2).min(most);
        *mean += (target - *mean) * step / total;
        *variance = (1.0 - step / total).powi(2) * *variance + 2.0 * step;
    };
    for (i, pair) in times.windows(2).enumerate() {
        let (from, to) = (process.level(pair[0]), process.level(pair[1]));
        let a = from.alpha / to.alpha;
        let v = from.sigma.powi(2) - (a * to.sigma).powi(2);
        // xₛ = scale·x + drift·score + √noise·z.
        if settings.sampler == SamplerKind::StochasticHeun {
            // In y = x/α, with x̂₀ − m = share·(y − m): the predictor's line and noise, then the corrector's.
            let (high, low) = (from.ratio().powi(2), to.ratio().powi(2));
            let (first, second) = (s * s / (s * s + high), s * s / (s * s + low));
            let kept = low / high;
            let weight = 1.0 - (1.0 - kept) / -kept.ln();
            let grown = 1.0 + weight * second;
            let of_y = grown * (kept + (1.0 - kept) * first) - weight * first;
            mean = to.alpha * (m + of_y * (mean / from.alpha - m));
            variance =
                to.alpha.powi(2) * (of_y.powi(2) * variance / from.alpha.powi(2) + grown.powi(2) * low * (1.0 - kept));
            continue;
        }
        let predictor = match (settings.sampler, settings.predictor) {
            (SamplerKind::Pc, Predictor::Ancestral) => SamplerKind::Ancestral,
            (sampler, _) => sampler,
        };
        let (scale, drift, noise) = match predictor {
            SamplerKind::EulerMaruyama => {
                let g2 = process.diffusion2_integral(to.t, from.t);
                (1.0 - a.ln(), g2, g2)
            }
            SamplerKind::Ddim => {
                // The posterior q(xₛ | xₜ, x̂₀) of a Gaussian bridge: the paper's eq. 7 at η = 1.
                let noise = to.sigma.powi(2) * v / from.sigma.powi(2);
                let of_x = a * to.sigma.powi(2) / from.sigma.powi(2);
                let of_x0 = to.alpha * v / from.sigma.powi(2);
                (of_x + of_x0 / from.alpha, of_x0 * from.sigma.powi(2) / from.alpha, noise)
            }
            // score_sde's `ancestral_sampling`: VE's std² is σₛ²(σₜ² − σₛ²)/σₜ², VP's β.
            SamplerKind::Ancestral if process.drift(0.5) == 0.0 => (1.0, v, v * (to.sigma / from.sigma).powi(2)),
            SamplerKind::Ancestral if to.sigma == 0.0 => (1.0 / a, v / a, 0.0),
            SamplerKind::Ancestral => (1.0 / a, v / a, v),
            // Ho et al.'s eq. 11 in the score, and section 3.2's two variances; algorithm 2 ends without noise.
            SamplerKind::Ddpm => {
                let (bar, below) = (from.alpha.powi(2), to.alpha.powi(2));
                let beta = 1.0 - bar / below;
                let noise = match settings.variance {
                    Variance::Small => (1.0 - below) / (1.0 - bar) * beta,
                    Variance::Large if to.t == 0.0 => 0.0,
                    Variance::Large => beta,
                };
                (1.0 / (1.0 - beta).sqrt(), beta / (1.0 - beta).sqrt(), noise)
            }
            _ => (2.0 - a, v, v),
        };
        if settings.pc_order == PcOrder::ScoreSde {
            correct(&mut mean, &mut variance, i);
        }
        let slope = drift / spread(&from);
        mean = (scale - slope) * mean + slope * from.alpha * m;
        variance = (scale - slope).powi(2) * variance + noise;
        if settings.pc_order == PcOrder::Paper {
            correct(&mut mean, &mut variance, i + 1);
        }
    }
    (mean, variance)
}

fn stochastic(steps: usize) -> Vec<Settings> {
    let mut all = vec![
        with(SamplerKind::EulerMaruyama, steps),
        with(SamplerKind::ReverseDiffusion, steps),
        with(SamplerKind::Ancestral, steps),
        with(SamplerKind::StochasticHeun, steps),
        Settings { eta: 1.0, ..with(SamplerKind::Ddim, steps) },
    ];
    for pc_order in [PcOrder::Paper, PcOrder::ScoreSde] {
        for norms in [Norms::Expected, Norms::Sample, Norms::Batch] {
            all.push(Settings { pc_order, norms, ..with(SamplerKind::Pc, steps) });
        }
        all.push(Settings { pc_order, predictor: Predictor::Ancestral, ..with(SamplerKind::Pc, steps) });
    }
    all
}

#[test]
fn stochastic_samplers_follow_their_laws() {
    let (n, d) = (16, 4096);
    for process in &PROCESSES {
        for settings in stochastic(20) {
            let settings = Settings { n, denoise: false, ..settings };
            let (mean, variance) = law(&settings, process, 0.3, 0.5);
            let x = sample(&settings, process, d, &gaussian(d, 0.3, 0.5));
            let (ours, spread) = moments(&x);
            // Four standard errors at n·d = 65536.
            let count = (n * d) as f64;
            let what = format!("{} {settings:?}", process.name());
            assert!((ours - mean).abs() < 4.0 * (variance / count).sqrt(), "{what}: mean {ours}, not {mean}");
            let deviation = (spread / variance - 1.0).abs();
            assert!(deviation < 4.0 * (2.0 / count).sqrt(), "{what}: variance {spread}, not {variance}");
        }
    }
}

#[test]
fn the_laws_tend_to_the_data() {
    // Weak order 1: the variance's error falls tenfold from 1,000 to 10,000 steps.
    for process in &PROCESSES {
        let first_order = |kind| kind != SamplerKind::Pc && kind != SamplerKind::StochasticHeun;
        for settings in stochastic(1000).into_iter().filter(|settings| first_order(settings.sampler)) {
            let end = process.level(process.default_t_end());
            let exact = (0.5 * end.alpha).powi(2) + end.sigma.powi(2);
            let error = |steps| {
                let (mean, variance) = law(&Settings { steps, ..settings.clone() }, process, 0.3, 0.5);
                ((mean - 0.3 * end.alpha).abs(), (variance / exact - 1.0).abs())
            };
            let (coarse, fine) = (error(Some(1000)), error(Some(10_000)));
            assert!(coarse.1 < 0.03 && coarse.0 < 0.01, "{} {settings:?} {coarse:?}", process.name());
            assert!(fine.1 < 0.15 * coarse.1, "{} {settings:?} {coarse:?} {fine:?}", process.name());
        }
    }
}

/// Asserts that a sampler finds the mixture's law, but for a share `bias` of the variance: weight 0.6 (the tails beyond
/// 0 are below 5e-4), E x = 0.2, Var x = 0.6·0.09 + 0.4·0.04 + 0.96 = 1.03, to four standard errors at n·d = 4096.
pub(super) fn finds_the_mixture(settings: &Settings, process: &Process, bias: f64) {
    let (n, d) = (64, 64);
    let x = sample(&Settings { n, ..settings.clone() }, process, d, &Mixture);
    let count = (n * d) as f64;
    let right = x.iter().filter(|&&x| x > 0.0).count() as f64 / count;
    let (mean, variance) = moments(&x);
    let what = format!("{} {settings:?}", process.name());
    assert!((right - 0.6).abs() < 4.0 * (0.24 / count).sqrt(), "{what}: {right}");
    assert!((mean - 0.2).abs() < 4.0 * (1.03 / count).sqrt(), "{what}: {mean}");
    assert!((variance / 1.03 - 1.0).abs() < bias + 4.0 * (0.5 / count).sqrt(), "{what}: {variance}");
}

#[test]
fn stochastic_samplers_find_a_mixtures_weights() {
    for process in &PROCESSES {
        for settings in stochastic(300).into_iter().filter(|settings| settings.norms == Norms::Sample) {
            // Weak order 1 in 300 steps.
            finds_the_mixture(&settings, process, 0.03);
        }
    }
}

#[test]
fn the_correctors_stationary_variance_is_its_step_sizes() {
    // ε = 2·snr²·‖z‖²/‖s‖² on N(0, I), s = −x, keeps the variance V where (1 − ε)²V + 2ε = V with
    // ε = 2·snr²/V: V = 1 + snr² = 1.0256. (With ‖s‖² = d instead, ULA's 1/(1 − snr²) = 1.02627.)
    let (n, d) = (64, 4096);
    // 100 steps forget the start: (1 − 0.05)^200 = 4e-5.
    let settings = Settings {
        predictor: Predictor::None,
        norms: Norms::Sample,
        n,
        denoise: false,
        t_end: Some(0.999),
        // Between close times a² is 1 to 2e-4.
        ..with(SamplerKind::Pc, 100)
    };
    let x = sample(&settings, &VP, d, &gaussian(d, 0.0, 1.0));
    let (_, variance) = moments(&x);
    // Four standard errors at n·d = 262144 are 0.011.
    assert!((variance - 1.0256).abs() < 4.0 * 1.0256 * f64::sqrt(2.0 / (64.0 * 4096.0)), "{variance}");
}

#[test]
fn one_step_of_reverse_diffusion_is_score_sdes() {
    // `ReverseDiffusionPredictor` with `VESDE.discretize`: f = 0, G² = σᵢ² − σᵢ₋₁², x + G²·s + G·z, on its
    // ladder of three levels 0.01, 1/√2, 50, which is our two steps to t = 0.
    let settings = Settings {
        t_end: Some(0.0),
        grid: Some(Grid::Uniform),
        denoise: false,
        n: 2,
        seed: 5,
        ..with(SamplerKind::ReverseDiffusion, 2)
    };
    let mut sampler = start_at(&settings, &VE, column(&[40.0, -10.0])).unwrap();
    let mut x = [40.0, -10.0];
    for (draw, (g2, total)) in [(2499.5, 2500.25), (0.4999, 0.75)].into_iter().enumerate() {
        let z = read(&Noise::new(5).normal(0, [2, 1], Purpose::Predictor, draw as u64, &Device::flex()));
        for (x, z) in x.iter_mut().zip(z) {
            *x += g2 * (-*x / total) + f64::sqrt(g2) * z;
        }
        let ours = read(&sampler.step(&gaussian(1, 0.0, 0.5)).unwrap().unwrap().x);
        assert!(ours.iter().zip(x).all(|(a, b)| (a - b).abs() < 1e-9), "{ours:?} {x:?}");
    }
    // `VPSDE.discretize`: f = √(1 − β)x − x, G = √β: x − f + G²s + G·z, with 1 − β = (αₜ/αₛ)² from
    // the table of marginals: 0.00657159/0.28118288.
    let settings = Settings { t_end: Some(0.5), steps: Some(1), ..settings };
    let mut sampler = start_at(&settings, &VP, column(&[0.7, -1.1])).unwrap();
    let ours = read(&sampler.step(&gaussian(1, 0.0, 1.0)).unwrap().unwrap().x);
    let root: f64 = 0.006_571_59 / 0.281_182_88;
    let beta = 1.0 - root * root;
    let z = read(&Noise::new(5).normal(0, [2, 1], Purpose::Predictor, 0, &Device::flex()));
    for ((ours, x), z) in ours.into_iter().zip([0.7, -1.1]).zip(z) {
        let expected = x - (root * x - x) + beta * -x + beta.sqrt() * z;
        // The table's eight decimals, relative to its 0.0066.
        assert!((ours - expected).abs() < 2e-6, "{ours} {expected}");
    }
}

#[test]
fn one_step_of_the_corrector_is_score_sdes() {
    // step = 2α(snr·‖z‖/‖s‖)², x + step·s + √(2·step)·z, norms as expected, as means over the batch or each its own.
    for norms in [Norms::Expected, Norms::Sample, Norms::Batch] {
        for (process, pc_order) in [(VE, PcOrder::ScoreSde), (VP, PcOrder::ScoreSde), (VP, PcOrder::Paper)] {
            let settings = Settings {
                predictor: Predictor::None,
                grid: Some(Grid::Uniform),
                denoise: false,
                n: 2,
                norms,
                pc_order,
                ..with(SamplerKind::Pc, 4)
            };
            let rows = [[1.5f64, -0.5, 0.2], [0.4, 0.1, -2.0]].map(|row| row.map(|x| x * process.prior_std()));
            let x = Tensor::from_data(TensorData::from(rows), (&Device::flex(), DType::F64));
            let mut sampler = start_at(&settings, &process, x).unwrap();
            let ours = read(&sampler.step(&gaussian(3, 0.0, 1.0)).unwrap().unwrap().x);

            let times = times_of(&settings, &process).unwrap();
            let i = usize::from(pc_order == PcOrder::Paper);
            let (level, below) = (process.level(times[i]), process.level(times[i + 1]));
            let alpha = (level.alpha / below.alpha).powi(2);
            let total = level.alpha.powi(2) + level.sigma.powi(2);
            let s = rows.map(|row| row.map(|x| -x / total));
            let z = read(&Noise::new(0).normal(0, [2, 3], Purpose::Corrector, 0, &Device::flex()));
            let norm = |row: &[f64]| row.iter().map(|x| x * x).sum::<f64>().sqrt();
            let ratios = match norms {
                // √3 over √3/σ.
                Norms::Expected => [level.sigma; 2],
                Norms::Sample => [0, 1].map(|i| norm(&z[3 * i..][..3]) / norm(&s[i])),
                Norms::Batch => [(norm(&z[..3]) + norm(&z[3..])) / (norm(&s[0]) + norm(&s[1])); 2],
            };
            for (k, ours) in ours.into_iter().enumerate() {
                let (i, j) = (k / 3, k % 3);
                let step = 2.0 * alpha * (0.16 * ratios[i]).powi(2);
                assert!(step < total, "the cap must not bite here");
                let expected = rows[i][j] + step * s[i][j] + (2.0 * step).sqrt() * z[k];
                assert!((ours - expected).abs() < 1e-12 * process.prior_std(), "{ours} {expected}");
            }
        }
    }
}
