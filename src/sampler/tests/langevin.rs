//! Langevin samplers and correctors: formulas, stationary laws, ladders, mode weights.

use super::*;
use crate::score::Mixture;

/// N(0, 1) and other clean densities.
pub(super) const CLEAN: Process = Process::None;

pub(super) fn at(kind: SamplerKind, steps: usize, step_size: f64) -> Settings {
    Settings { step_size: Some(step_size), denoise: false, ..with(kind, steps) }
}

/// Σ weight·N(mean, std²·I); standard deviations may be 0.
pub(super) fn mixture(parts: &[(f64, &[f64], f64)]) -> Mixture {
    let (weights, rest): (Vec<f64>, Vec<_>) =
        parts.iter().map(|&(weight, mean, std)| (weight, (mean.to_vec(), vec![std; mean.len()]))).unzip();
    let (means, stds): (Vec<_>, Vec<_>) = rest.into_iter().unzip();
    Mixture::diagonal(&weights, &means, &stds).unwrap()
}

/// A score whose density is not known.
pub(super) struct Blind<S>(pub(super) S);

impl<S: Score> Score for Blind<S> {
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        self.0.score(x, level)
    }
}

#[test]
fn ula_has_its_own_stationary_variance() {
    // V ← (1 − a)²V + 2a tends to 1/(1 − a/2); six decimals are published.
    for (a, published) in [(0.01, 1.005_025), (0.1, 1.052_632), (0.5, 1.333_333), (1.0, 2.0)] {
        let recursion = |steps: usize| (0..steps).fold(1.0, |v, _| (1.0f64 - a).powi(2) * v + 2.0 * a);
        assert!((recursion(2000) - published).abs() < 0.6e-6, "{a}");
        // The sampler has the recursion's variance from the first step on.
        for steps in [1, 8] {
            let (n, d) = (16, 8192);
            let x = sample(&Settings { n, ..at(SamplerKind::Ula, steps, a) }, &CLEAN, d, &gaussian(d, 0.0, 1.0));
            let expected = recursion(steps);
            // Four standard errors at n·d = 131072.
            let (_, variance) = moments(&x);
            let deviation = (variance / expected - 1.0).abs();
            assert!(deviation < 4.0 * (2.0 / (n * d) as f64).sqrt(), "{a} {steps}: {variance}, not {expected}");
        }
    }
}

#[test]
fn ula_is_its_formula() {
    // Every draw known: x ← x + ε·s + √(2ε)·z in host arithmetic, on N(0.4, 0.5²) at VP's t = 0.5.
    let settings = Settings { t_end: Some(0.5), n: 3, seed: 9, ..at(SamplerKind::Ula, 5, 0.3) };
    let mut x = [0.1, -2.0, 1.4];
    let ours = sample_from(&settings, &VP, &x, &gaussian(1, 0.4, 0.5));
    let level = VP.level(0.5);
    let variance = (0.5 * level.alpha).powi(2) + level.sigma.powi(2);
    for draw in 0..5 {
        let z = read(&Noise::new(9).normal(0, [3, 1], Purpose::Predictor, draw, &Device::flex()));
        for (x, z) in x.iter_mut().zip(z) {
            *x += 0.3 * (0.4 * level.alpha - *x) / variance + 0.6f64.sqrt() * z;
        }
    }
    assert!(ours.iter().zip(x).all(|(a, b)| (a - b).abs() < 1e-13), "{ours:?} {x:?}");
}

#[test]
fn the_conventions_are_one_dynamics() {
    // Powers of two, whose halves and squares are exact; a = 0.28 at VP's last level.
    for kind in [SamplerKind::Ula, SamplerKind::Mala, SamplerKind::AnnealedLangevin] {
        let run = |convention, step_size| {
            let settings = Settings { convention, n: 5, ..at(kind, 4, step_size) };
            sample(&settings, &VP, 3, &gaussian(3, 0.2, 0.5))
        };
        let full = run(Convention::Full, 2f64.powi(-15));
        assert_eq!(full, run(Convention::Half, 2f64.powi(-14)), "{kind:?}");
        assert_eq!(full, run(Convention::Squared, 2f64.powi(-7)), "{kind:?}");
        assert_ne!(full, run(Convention::Full, 2f64.powi(-14)), "{kind:?}");
    }
}

#[test]
fn a_step_size_may_be_left_out() {
    let planned = |settings: &Settings, process: &Process, d| settings.plan(process, d).unwrap().settings.step_size;
    let size = |kind, process: &Process, d| planned(&with(kind, 10), process, d).unwrap();
    let sigma2 = VP.level(1e-3).sigma.powi(2);
    assert!((size(SamplerKind::Ula, &VP, 7) / (0.1 * sigma2) - 1.0).abs() < 1e-12);
    assert!((size(SamplerKind::Mala, &VP, 8) / (0.68 * sigma2) - 1.0).abs() < 1e-12);
    assert!((size(SamplerKind::Hmc, &VP, 16) / (0.5 * sigma2.sqrt()) - 1.0).abs() < 1e-12);
    assert!((size(SamplerKind::Ula, &CLEAN, 7) / 0.004 - 1.0).abs() < 1e-12);
    assert_eq!(planned(&with(SamplerKind::Heun, 10), &VP, 7), None);
    // NCSNv2's ladder for CIFAR-10 has the paper's 6.2e-6, in its own convention.
    let process = Process::Ve(Ve { sigma_min: 0.01, sigma_max: 50.0 });
    let settings = Settings { t_end: Some(0.0), level_steps: 5, ..with(SamplerKind::AnnealedLangevin, 232) };
    let full = planned(&settings, &process, 3072).unwrap();
    assert!((full - 6.2e-6).abs() < 0.5e-7, "{full}");
    let half = planned(&Settings { convention: Convention::Half, ..settings }, &process, 3072).unwrap();
    assert_eq!(half, 2.0 * full);
}

#[test]
fn one_level_samplers_stay_there() {
    let score = gaussian(1, 0.3, 0.5);
    let settings = Settings { t_end: Some(0.4), n: 2, ..with(SamplerKind::Ula, 3) };
    let mut sampler = start_at(&settings, &VP, column(&[0.5, -1.0])).unwrap();
    let steps = finish(&mut sampler, &score);
    assert_eq!(steps.iter().map(|step| step.t).collect::<Vec<_>>(), [0.4, 0.4, 0.4, 0.0]);
    assert_eq!(steps.iter().map(|step| step.progress).collect::<Vec<_>>(), [0.25, 0.5, 0.75, 1.0]);
    // The end is E[x₀ | x] = (αs²x + σ²m)/(α²s² + σ²).
    let Level { alpha, sigma, .. } = VP.level(0.4);
    for (x, end) in read(&steps[2].x).into_iter().zip(read(&steps[3].x)) {
        let exact = (alpha * 0.25 * x + sigma * sigma * 0.3) / (alpha * alpha * 0.25 + sigma * sigma);
        assert!((end - exact).abs() < 1e-12, "{end} {exact}");
    }
    // A clean density needs no denoising, and has no evaluation for it.
    let mut sampler = start_at(&settings, &CLEAN, column(&[0.5, -1.0])).unwrap();
    assert_eq!((finish(&mut sampler, &score).len(), sampler.nfe()), (3, 3));
    // MALA's estimate is that of the place it stands at, not of a proposal.
    let settings = Settings { sampler: SamplerKind::Mala, step_size: Some(1.0), ..settings };
    let mut sampler = start_at(&settings, &VP, column(&[0.5, -1.0])).unwrap();
    let step = sampler.step(&score).unwrap().unwrap();
    let level = VP.level(0.4);
    let denoised = level.denoised(step.x.clone(), score.score(step.x.clone(), &level));
    assert_eq!(read(&step.denoised()), read(&denoised));
}

#[test]
fn what_a_clean_density_cannot_do_is_refused() {
    for kind in SamplerKind::all() {
        let settings = with(*kind, 3);
        if kind.info().stays {
            // The prior N(0, 1) is N(0, 1)'s stationary law: four standard errors at n·d = 4096 cover ULA's bias of 0.2 %.
            for steps in [1, 2, 50] {
                let settings = Settings { steps: Some(steps), n: 512, ..settings.clone() };
                let (mean, variance) = moments(&sample(&settings, &CLEAN, 8, &gaussian(8, 0.0, 1.0)));
                assert!(mean.abs() < 4.0 / 64.0 && (variance - 1.0).abs() < 4.0 * 2f64.sqrt() / 64.0, "{settings:?}");
            }
            let times = Settings { times: Some(vec![1.0, 0.5]), ..settings };
            assert!(times.plan(&VP, 1).unwrap_err().to_string().starts_with("times = given: expected none"));
        } else {
            let error = settings.plan(&CLEAN, 1).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("sampler = {} on none: expected ula, mala, hmc:", kind.name())),
                "{error}"
            );
        }
    }
}

#[test]
fn the_ladder_is_ncsns() {
    let process = Process::Ve(Ve { sigma_min: 0.01, sigma_max: 1.0 });
    let settings = Settings { t_end: Some(0.0), ..with(SamplerKind::AnnealedLangevin, 10) };
    let ladder = crate::schedule::ladder::geometric(1.0, 0.01, 10).unwrap();
    let times = times_of(&settings, &process).unwrap();
    assert_eq!((times.len(), times[0], times[1]), (11, 1.0, 1.0));
    for (t, sigma) in times[1..].iter().zip(&ladder) {
        assert!((process.level(*t).sigma / sigma - 1.0).abs() < 1e-12);
    }
    // In x/α everywhere, and a single level at the end.
    let vp = times_of(&Settings { t_end: Some(1e-3), ..settings.clone() }, &VP).unwrap();
    let ratios: Vec<f64> = vp[1..].iter().map(|&t| VP.level(t).ratio()).collect();
    assert!(ratios.windows(3).all(|r| (r[0] * r[2] / (r[1] * r[1]) - 1.0).abs() < 1e-9), "{ratios:?}");
    assert_eq!(times_of(&Settings { steps: Some(1), ..settings.clone() }, &process).unwrap(), [1.0, 0.0]);
    // A user's ladder is taken as it is.
    let times = times_of(&Settings { times: Some(vec![1.0, 0.7, 0.1]), ..settings }, &process).unwrap();
    assert_eq!(times, [1.0, 1.0, 0.7, 0.1]);
}

#[test]
fn annealing_is_ncsns_algorithm() {
    // Algorithm 1 in host arithmetic, in x/α: α_i = ε·r_i²/r_L², x + (α_i/2)·s + √α_i·z, on a Gaussian under VP.
    let settings = Settings {
        n: 2,
        seed: 3,
        convention: Convention::Half,
        level_steps: 2,
        ..at(SamplerKind::AnnealedLangevin, 4, 2e-5)
    };
    let start = [0.9, -0.4];
    let ours = sample_from(&settings, &VP, &start, &gaussian(1, 0.3, 0.5));
    let times = times_of(&settings, &VP).unwrap();
    let last = VP.level(1e-3);
    let mut x = start.map(|x| x / VP.level(1.0).alpha);
    for (i, &t) in times[1..].iter().enumerate() {
        let ratio = VP.level(t).ratio();
        let step = 2e-5 * (ratio / last.ratio()).powi(2);
        for j in 0..2 {
            let z = read(&Noise::new(3).normal(0, [2, 1], Purpose::Predictor, (2 * i + j) as u64, &Device::flex()));
            for (x, z) in x.iter_mut().zip(z) {
                *x += 0.5 * step * (0.3 - *x) / (0.25 + ratio * ratio) + step.sqrt() * z;
            }
        }
    }
    let expected = x.map(|x| x * last.alpha);
    // Rounding through 8 steps from x/α = 137.
    assert!(ours.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-11), "{ours:?} {expected:?}");
}

#[test]
fn annealing_ends_with_technique_4s_variance() {
    // Where the data are a point, each level has the variance that technique 4 predicts, its fixed point from level to
    // level: u ← (1 − a)^2T·γ²·u + c·(1 − (1 − a)^2T) in units of σᵢ², for which u = 1 came in.
    let process = Process::Ve(Ve { sigma_min: 0.01, sigma_max: 1.0 });
    let (n, d) = (16, 4096);
    let settings = Settings { n, t_end: Some(0.0), denoise: false, ..with(SamplerKind::AnnealedLangevin, 60) };
    let rate = settings.plan(&process, d).unwrap().settings.step_size.unwrap() / 1e-4;
    let gamma2 = 1e4f64.powf(1.0 / 59.0);
    let kept = (1.0 - rate).powi(10);
    let end = 1.0 / (1.0 - 0.5 * rate);
    // The first level has the prior's own width.
    let u = (0..60).fold(1.0, |u, i| kept * (if i == 0 { u } else { gamma2 * u } - end) + end);
    let (_, variance) = moments(&sample(&settings, &process, d, &gaussian(d, 0.0, 0.0)));
    // Four standard errors at n·d = 65536.
    assert!((variance / (1e-4 * u) - 1.0).abs() < 4.0 * (2.0 / 65536f64).sqrt(), "{variance} {u}");
}

/// NCSN's toy (Song & Ermon 2019, figure 3): 0.8·N((5, 5), I) + 0.2·N((−5, −5), I) from U[−8, 8]², 1280 chains.
#[test]
fn annealing_recovers_mode_weights_that_plain_langevin_loses() {
    let n = 1280;
    let start = Noise::new(0).uniform(0, [n, 2], Purpose::Prior, 0, &Device::flex()) * 16.0 - 8.0;
    let heavy = |settings: Settings, process: &Process, std: f64| {
        let parts = mixture(&[(0.8, &[5.0, 5.0], std), (0.2, &[-5.0, -5.0], std)]);
        let settings = Settings { n, convention: Convention::Half, ..settings };
        let mut sampler = start_at(&settings, process, start.clone()).unwrap();
        while sampler.step(&parts).unwrap().is_some() {}
        let x = read(&sampler.x());
        x.chunks(2).filter(|x| x[0] + x[1] > 0.0).count() as f64 / n as f64
    };
    let plain = heavy(at(SamplerKind::Ula, 1000, 0.1), &CLEAN, 1.0);
    // Ten levels from σ = 20 to 1, which is the mixture's own width: its data are two points.
    let ladder = Process::Ve(Ve { sigma_min: 1.0, sigma_max: 20.0 });
    let annealed = Settings { level_steps: 100, t_end: Some(0.0), ..at(SamplerKind::AnnealedLangevin, 10, 0.1) };
    let annealed = heavy(annealed, &ladder, 0.0);
    // One published run of 1280 chains each: 0.498 and 0.795. Both runs have a binomial error of √(p(1 − p)/1280): 0.014
    // and 0.0113; four of the difference's.
    let error = |p: f64| 4.0 * (2.0 * p * (1.0 - p) / n as f64).sqrt();
    assert!((plain - 0.498).abs() < error(0.498), "{plain}");
    assert!((annealed - 0.795).abs() < error(0.795), "{annealed}");
}

#[test]
fn plain_langevin_gives_each_mode_its_basin() {
    // 0.6·N(2, 0.5²) + 0.4·N(−2, 0.2²) from 10,000 uniform starts on [−3, 3], 100 steps: published as 0.63 to 0.64 in the
    // right mode, the share of its basin, whatever the weights.
    let n = 10_000;
    let parts = mixture(&[(0.6, &[2.0], 0.5), (0.4, &[-2.0], 0.2)]);
    let start = Noise::new(0).uniform(0, [n, 1], Purpose::Prior, 0, &Device::flex()) * 6.0 - 3.0;
    let settings = Settings { n, ..at(SamplerKind::Ula, 100, 0.01) };
    let mut sampler = start_at(&settings, &CLEAN, start).unwrap();
    finish(&mut sampler, &parts);
    let right = read(&sampler.x()).into_iter().filter(|&x| x > 0.0).count() as f64 / n as f64;
    // Four standard errors of 0.0048 about the middle, 0.635.
    assert!((right - 0.635).abs() < 0.02, "{right}");
}

#[test]
fn the_level_correctors_have_their_stationary_variances() {
    // Corrector only, N(0, I), between close times at VE's low end (a² = 1): ald is ULA with ε = 2·snr²·σ², on N(0, σ²I)
    // 1/(1 − 0.0256) = 1.02627 (published for snr 0.16). HMC with the density: 1. Without it, leaps of h = 2·snr·σ keep
    // p²+ (1 − h²/4σ²)x²/σ²: again 1/(1 − snr²).
    let process = Process::Ve(Ve { sigma_min: 0.5, sigma_max: 0.51 });
    let (n, d) = (64, 1024);
    let run = |corrector, blind: bool| {
        let settings = Settings {
            predictor: Predictor::None,
            corrector,
            n,
            denoise: false,
            t_end: Some(0.999),
            leapfrog_steps: Some(5),
            grid: Some(Grid::Uniform),
            ..with(SamplerKind::Pc, if corrector == Corrector::Ald { 100 } else { 12 })
        };
        let score = gaussian(d, 0.0, 0.0);
        let hidden = Blind(&score);
        let seen: &dyn Score = if blind { &hidden } else { &score };
        let mut sampler = start(&settings, &process, d).unwrap();
        while sampler.step(seen).unwrap().is_some() {}
        let accepted = sampler.state.acceptance.is_some();
        assert_eq!(accepted, corrector == Corrector::Hmc && !blind);
        moments(&read(&sampler.x())).1 / process.level(0.999).sigma.powi(2)
    };
    for (corrector, blind, expected) in
        [(Corrector::Ald, false, 1.026_27), (Corrector::Hmc, true, 1.026_27), (Corrector::Hmc, false, 1.0)]
    {
        let variance = run(corrector, blind);
        // Four standard errors at n·d = 65536 are 0.022 (the levels' widths differ by 2e-5); of 0.026, so that the
        // three are told apart.
        let error = 4.0 * (2.0 / (n * d) as f64).sqrt();
        assert!((variance / expected - 1.0).abs() < error, "{corrector:?} {blind}: {variance}");
    }
}

#[test]
fn one_step_of_ald_is_score_sdes_and_of_hmc_a_leap() {
    // step = 2α(snr·σ)² with α = 1 for VE and 1 − β for VP; sub-VP's, which score_sde lacks, is the transition's a².
    for (process, corrector) in PROCESSES.iter().flat_map(|p| [(p, Corrector::Ald), (p, Corrector::Hmc)]) {
        let settings = Settings {
            predictor: Predictor::None,
            corrector,
            leapfrog_steps: Some(1),
            grid: Some(Grid::Uniform),
            denoise: false,
            n: 2,
            pc_order: PcOrder::ScoreSde,
            ..with(SamplerKind::Pc, 4)
        };
        let start = [1.5, -0.5].map(|x| x * process.prior_std());
        let mut sampler = start_at(&settings, process, column(&start)).unwrap();
        let ours = read(&sampler.step(&Blind(gaussian(1, 0.0, 1.0))).unwrap().unwrap().x);
        let times = times_of(&settings, process).unwrap();
        let (level, below) = (process.level(times[0]), process.level(times[1]));
        let alpha = (level.alpha / below.alpha).powi(2);
        let step = 2.0 * alpha * (0.16 * level.sigma).powi(2);
        let purpose = if corrector == Corrector::Ald { Purpose::Corrector } else { Purpose::Momentum };
        let z = read(&Noise::new(0).normal(0, [2, 1], purpose, 0, &Device::flex()));
        for ((x, z), ours) in start.into_iter().zip(z).zip(ours) {
            let expected = x - step * x / (level.alpha.powi(2) + level.sigma.powi(2)) + (2.0 * step).sqrt() * z;
            assert!((ours - expected).abs() < 1e-12 * process.prior_std(), "{ours} {expected}");
        }
    }
}

#[test]
fn annealed_dynamics_bias_in_a_mixtures_weights_falls_with_the_steps_per_level() {
    // 0.7·N(−3, 0.3²) + 0.3·N(3, 0.3²) on 20 levels: the binomial's standard error is 0.007.
    let mixture = Mixture::diagonal(&[0.7, 0.3], &[vec![-3.0], vec![3.0]], &[vec![0.3], vec![0.3]]).unwrap();
    let process = Process::Smld(Smld::geometric(20.0, 0.1, 20).unwrap());
    let off = |level_steps| {
        let settings = Settings { level_steps, n: 4096, seed: 4, ..with(SamplerKind::AnnealedLangevin, 20) };
        let x = sample(&settings, &process, 1, &mixture);
        (x.iter().filter(|&&x| x < 0.0).count() as f64 / x.len() as f64 - 0.7).abs()
    };
    let (few, many) = (off(1), off(80));
    assert!(few > 0.06 && many < 0.5 * few, "{few} at one step per level, {many} at eighty");
}
