//! The stochastic solvers of higher order on Gaussian data, against exact recursions of mean and variance.

use super::*;

/// Data N(m, s²) in a large dimension.
const M: f64 = 0.3;
const S: f64 = 0.5;

fn sde(steps: usize) -> Settings {
    with(SamplerKind::Dpmpp2mSde, steps)
}

fn churned(steps: usize, churn: f64) -> Settings {
    Settings { churn, churn_min: 0.02, churn_max: 20.0, churn_noise: 1.0, ..with(SamplerKind::Edm, steps) }
}

/// Mean and variance of x̄ = x/α after a run without the final denoising, from their values before it.
fn law(settings: &Settings, process: &Process, mean: f64, variance: f64) -> (f64, f64) {
    let ratios: Vec<f64> = times_of(settings, process).unwrap().iter().map(|&t| process.level(t).ratio()).collect();
    match settings.sampler {
        SamplerKind::Edm => edm_law(settings, &ratios, mean, variance),
        _ => multistep_law(&ratios, mean, variance),
    }
}

/// E[x₀ | x̄] at r.
fn denoised(x: f64, r: f64) -> f64 {
    (S * S * x + r * r * M) / (S * S + r * r)
}

/// Karras et al. 2022, algorithm 2: each step is affine in x̄ after its noise.
fn edm_law(settings: &Settings, ratios: &[f64], mut mean: f64, mut variance: f64) -> (f64, f64) {
    let gamma = (settings.churn / (ratios.len() - 1) as f64).min(2f64.sqrt() - 1.0);
    for pair in ratios.windows(2) {
        let gamma = if (settings.churn_min..=settings.churn_max).contains(&pair[0]) { gamma } else { 0.0 };
        let (r, next) = (pair[0] * (1.0 + gamma), pair[1]);
        variance += settings.churn_noise.powi(2) * (r * r - pair[0].powi(2));
        let step = |x: f64| {
            let d = (x - denoised(x, r)) / r;
            let end = x + (next - r) * d;
            x + (next - r) * 0.5 * (d + (end - denoised(end, next)) / next)
        };
        let gain = step(1.0) - step(0.0);
        mean = step(mean);
        variance *= gain * gain;
    }
    (mean, variance)
}

/// DPM-Solver++ 2M SDE: affine in x̄ and the estimate before it, whose covariance goes along.
fn multistep_law(ratios: &[f64], mut mean: f64, mut variance: f64) -> (f64, f64) {
    let (mut before, mut cross, mut square) = (0.0, 0.0, 0.0);
    let mut last: Option<f64> = None;
    for pair in ratios.windows(2) {
        let h = (pair[0] / pair[1]).ln();
        let w = last.map_or(0.0, |last| 0.5 * h / last);
        let (left, new) = ((-2.0 * h).exp(), 1.0 - (-2.0 * h).exp());
        let estimate = denoised(mean, pair[0]);
        let gain = S * S / (S * S + pair[0].powi(2));
        let (of_x, of_before) = (left + new * (1.0 + w) * gain, -new * w);
        mean = left * mean + new * ((1.0 + w) * estimate - w * before);
        let next = of_x * of_x * variance + 2.0 * of_x * of_before * cross + of_before * of_before * square;
        (cross, square) = (gain * (of_x * variance + of_before * cross), gain * gain * variance);
        variance = next + pair[1].powi(2) * new;
        before = estimate;
        last = Some(h);
    }
    (mean, variance)
}

#[test]
fn samples_follow_their_laws() {
    let (n, d) = (16, 4096);
    for process in &PROCESSES {
        for settings in [sde(6), sde(20), churned(12, 1.0), churned(20, 8.0), churned(20, 1e6)] {
            let settings = Settings { n, denoise: false, ..settings };
            let (from, to) = (process.level(1.0), process.level(process.default_t_end()));
            let (mean, variance) = law(&settings, process, 0.0, (process.prior_std() / from.alpha).powi(2));
            let x = sample(&settings, process, d, &gaussian(d, M, S));
            let (ours, spread) = moments(&x);
            let (mean, variance) = (mean * to.alpha, variance * to.alpha.powi(2));
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
fn the_laws_tend_to_the_data_with_order_two() {
    // From the exact law at t = 1, so that nothing but the steps errs.
    for process in &PROCESSES {
        let exact = |t: f64| S * S + process.level(t).ratio().powi(2);
        // The churn a step goes down as steps go up.
        for of in [sde, |steps| churned(steps, 10.0)] {
            let error = |steps| {
                let settings = Settings { grid: Some(Grid::LogSnr), ..of(steps) };
                let (mean, variance) = law(&settings, process, M, exact(1.0));
                assert!((mean - M).abs() < 1e-9, "the flow from the mean is straight: {mean}");
                (variance / exact(process.default_t_end()) - 1.0).abs()
            };
            let (coarse, fine) = (error(400), error(800));
            // The churn's levels begin and end between two of the grid's, which moves the error by a few per cent.
            assert!((3.5..4.5).contains(&(coarse / fine)), "{} {coarse} {fine}", process.name());
        }
    }
}

#[test]
fn mixtures_keep_their_weights() {
    for process in &PROCESSES {
        for settings in [sde(50), churned(50, 20.0)] {
            // Order 2 in 50 steps.
            closed_form::finds_the_mixture(&settings, process, 0.01);
        }
    }
}

#[test]
fn churn_is_what_its_settings_say() {
    // One step of x̄ from r = 2 to 1, with x̂₀ = x̄ everywhere (s = 0): nothing moves but by the noise.
    struct Still;
    impl Score for Still {
        fn score(&self, x: Tensor<2>, _: &Level) -> Tensor<2> {
            x.zeros_like()
        }
    }
    let process = Process::Ve(Ve { sigma_min: 0.5, sigma_max: 4.0 });
    let times = [1.0, process.time_of_ratio(2.0), process.time_of_ratio(1.0)].to_vec();
    let z = read(&Noise::new(3).normal(0, [1, 1], Purpose::Predictor, 1, &Device::flex()))[0];
    let run = |settings: Settings| {
        let settings = Settings { times: Some(times.clone()), denoise: false, seed: 3, ..settings };
        sample_from(&settings, &process, &[0.7], &Still)[0] - 0.7
    };
    let settings = |churn, churn_min, churn_max, churn_noise| Settings {
        churn,
        churn_min,
        churn_max,
        churn_noise,
        ..with(SamplerKind::Edm, 2)
    };
    for (settings, expected) in [
        (settings(0.0, 0.0, 1e9, 1.0), 0.0),
        // γ = 0.5/2: r̂ = 2.5. At t = 1, the process's end, there is none.
        (settings(0.5, 0.0, 1e9, 1.0), (2.5f64.powi(2) - 4.0).sqrt()),
        (settings(0.5, 0.0, 1e9, 1.003), 1.003 * (2.5f64.powi(2) - 4.0).sqrt()),
        // γ = √2 − 1 doubles r².
        (settings(100.0, 0.0, 1e9, 1.0), 2.0),
        (settings(100.0, 2.1, 1e9, 1.0), 0.0),
        (settings(100.0, 0.0, 1.9, 1.0), 0.0),
    ] {
        let ours = run(settings.clone());
        assert!((ours - expected * z).abs() < 1e-12, "{settings:?}: {ours}, not {}", expected * z);
    }
}
