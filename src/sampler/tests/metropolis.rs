//! MALA and Hamiltonian Monte Carlo: no bias, acceptance by quadrature, detailed balance, order.

use super::{
    langevin::{Blind, CLEAN, at, mixture},
    *,
};
use crate::score::Mixture;

const SCIPY: &str = include_str!("../../../tests/reference/langevin.json");

/// The densities of tests/reference/langevin.py: weights, means and standard deviations.
fn parts(name: &str) -> &'static [(f64, f64, f64)] {
    match name {
        "normal" => &[(1.0, 0.0, 1.0)],
        _ => &[(0.6, 1.0, 0.3), (0.4, -1.0, 0.2)],
    }
}

fn named(name: &str) -> Mixture {
    let parts: Vec<_> =
        parts(name).iter().map(|(weight, mean, std)| (*weight, std::slice::from_ref(mean), *std)).collect();
    mixture(&parts)
}

#[test]
fn the_default_steps_accept_as_they_say() {
    // N(0, I) as noise alone (a point, σ = 1 at VE's t = 0). MALA: 0.574 as d → ∞, which Roberts & Rosenthal's own figure
    // has reached within some 10 % at d = 500. HMC: leaps of h = d^(−1/4) err in energy by h²·(p² − p′²)/8 a dimension, of
    // variance sin²(Lh)/16 in all, so that after a quarter turn 2Φ(−1/8) = 0.9005 (SciPy) are accepted; the jitter leaves
    // at most 0.005 more, and the next order is h² of what is rejected.
    let process = Process::Ve(Ve { sigma_min: 1.0, sigma_max: 2.0 });
    let (n, d) = (64, 500);
    for (kind, least, most) in [(SamplerKind::Mala, 0.52, 0.63), (SamplerKind::Hmc, 0.89, 0.915)] {
        let settings = Settings { n, t_end: Some(0.0), denoise: false, ..with(kind, 20) };
        let x = Noise::new(1).normal(0, [n, d], Purpose::Prior, 0, &Device::flex());
        let mut sampler = start_at(&settings, &process, x).unwrap();
        let last = finish(&mut sampler, &gaussian(d, 0.0, 0.0)).pop().unwrap();
        let (mean, _) = moments(&read(last.acceptance.as_ref().unwrap()));
        assert!((least..most).contains(&mean), "{kind:?}: {mean}");
    }
}

#[test]
fn metropolis_removes_the_bias() {
    // ULA has 1.333 at a = 0.5. Chains that start at 2 forget it in 40 moves: each keeps at most 0.7 of it.
    let (n, d) = (8192, 4);
    let score = gaussian(d, 0.0, 1.0);
    for settings in [
        at(SamplerKind::Mala, 40, 0.5),
        Settings { leapfrog_steps: Some(1), ..at(SamplerKind::Hmc, 40, 1.0) },
        // Not 3, at which leaps of 1 turn every x into −x: the phase of a leap is arccos(1 − h²/2), here 60°.
        Settings { leapfrog_steps: Some(2), ..at(SamplerKind::Hmc, 20, 1.0) },
    ] {
        let settings = Settings { n, seed: 2, ..settings };
        let start = Tensor::ones([n, d], &Device::flex()) * 2.0;
        let mut sampler = start_at(&settings, &CLEAN, start).unwrap();
        let steps = finish(&mut sampler, &score);
        let (mean, variance) = moments(&read(&sampler.x()));
        let count = (n * d) as f64;
        // Four standard errors at n·d = 32768; the variance within 0.031 of 1.
        assert!(mean.abs() < 4.0 / count.sqrt(), "{settings:?}: {mean}");
        assert!((variance - 1.0).abs() < 4.0 * (2.0 / count).sqrt(), "{settings:?}: {variance}");
        assert_eq!(steps[0].acceptance.as_ref().unwrap().dims(), [n, 1]);
    }
}

#[test]
fn moves_are_accepted_as_scipy_integrates() {
    let fixture: serde_json::Value = serde_json::from_str(SCIPY).unwrap();
    let n = 40_000;
    for row in fixture["moves"].as_array().unwrap() {
        let number = |key: &str| row[key].as_f64().unwrap();
        let name = row["density"].as_str().unwrap();
        let score = named(name);
        let kind = if row["kind"] == "mala" { SamplerKind::Mala } else { SamplerKind::Hmc };
        let settings = Settings {
            n,
            seed: 4,
            leapfrog_steps: Some(number("leapfrog_steps") as usize),
            ..at(kind, 1, number("step_size"))
        };
        let acceptance = |start: Vec<f64>| {
            let mut sampler = start_at(&settings, &CLEAN, column(&start)).unwrap();
            let step = sampler.step(&score).unwrap().unwrap();
            let moved = read(&step.x).iter().zip(&start).filter(|(x, start)| x != start).count() as f64 / n as f64;
            let (mean, variance) = moments(&read(&step.acceptance.unwrap()));
            (mean, variance, moved)
        };
        let check = |start: Vec<f64>, expected: f64| {
            let (mean, variance, moved) = acceptance(start);
            // Four standard errors of the mean probability, and of the share that moved.
            let error = 4.0 * (variance / n as f64).sqrt();
            assert!((mean - expected).abs() < error, "{row}: {mean}, not {expected} ± {error}");
            assert!((moved - expected).abs() < 4.0 * (expected * (1.0 - expected) / n as f64).sqrt(), "{row}: {moved}");
        };
        for start in row["starts"].as_array().unwrap() {
            check(vec![start[0].as_f64().unwrap(); n], start[1].as_f64().unwrap());
        }
        // From the density itself: every part in its share.
        let z = read(&Noise::new(6).normal(0, [n, 1], Purpose::Prior, 0, &Device::flex()));
        let mut starts = parts(name)
            .iter()
            .flat_map(|&(weight, mean, std)| std::iter::repeat_n((mean, std), (weight * n as f64).round() as usize));
        let start = z.into_iter().map(|z| starts.next().map(|(mean, std)| mean + std * z).unwrap()).collect();
        check(start, number("stationary"));
    }
}

/// log p and s of 0.6·N(1, 0.3²) + 0.4·N(−1, 0.2²), in host arithmetic.
fn host(x: f64) -> (f64, f64) {
    let part = |weight: f64, mean: f64, std: f64| {
        let density = weight * (-0.5 * ((x - mean) / std).powi(2)).exp() / (std * std::f64::consts::TAU.sqrt());
        (density, density * (mean - x) / (std * std))
    };
    let (a, b) = (part(0.6, 1.0, 0.3), part(0.4, -1.0, 0.2));
    ((a.0 + b.0).ln(), (a.1 + b.1) / (a.0 + b.0))
}

#[test]
fn moves_are_in_detailed_balance() {
    // Metropolis's rule with the textbook's densities of both proposals: p(x)·q(y | x)·A(x, y) is symmetric. The sampler's
    // probability is that rule's, in every place.
    let n = 200;
    let start: Vec<f64> = (0..n).map(|i| -1.8 + 3.6 * i as f64 / (n - 1) as f64).collect();
    let e = 0.05;
    let settings = Settings { n, seed: 8, ..at(SamplerKind::Mala, 1, e) };
    let mut sampler = start_at(&settings, &CLEAN, column(&start)).unwrap();
    let step = sampler.step(&named("mixture")).unwrap().unwrap();
    let ours = read(&step.acceptance.unwrap());
    let z = read(&Noise::new(8).normal(0, [n, 1], Purpose::Predictor, 0, &Device::flex()));
    let u = read(&Noise::new(8).uniform(0, [n, 1], Purpose::Accept, 0, &Device::flex()));
    let log_q = |to: f64, from: f64| -(to - from - e * host(from).1).powi(2) / (4.0 * e);
    for (i, (&x, x_next)) in start.iter().zip(read(&step.x)).enumerate() {
        let y = x + e * host(x).1 + (2.0 * e).sqrt() * z[i];
        let rule = |x, y| (host(y).0 + log_q(x, y) - host(x).0 - log_q(y, x)).min(0.0).exp();
        assert!((ours[i] - rule(x, y)).abs() < 1e-11, "{x} {y}: {} {}", ours[i], rule(x, y));
        let expected = if u[i] <= rule(x, y) { y } else { x };
        assert!((x_next - expected).abs() < 1e-13, "{x_next} {expected}");
    }
    // HMC: the map is its own inverse under a flip of the momentum, and keeps volume; the rule is e^(H − H′).
    let (h, leaps) = (0.15, 6);
    let settings = Settings { n, seed: 8, leapfrog_steps: Some(leaps), ..at(SamplerKind::Hmc, 1, h) };
    let mut sampler = start_at(&settings, &CLEAN, column(&start)).unwrap();
    let step = sampler.step(&named("mixture")).unwrap().unwrap();
    let p = read(&Noise::new(8).normal(0, [n, 1], Purpose::Momentum, 0, &Device::flex()));
    let leapfrog = |mut x: f64, mut p: f64| {
        for _ in 0..leaps {
            p += 0.5 * h * host(x).1;
            x += h * p;
            p += 0.5 * h * host(x).1;
        }
        (x, p)
    };
    for (i, acceptance) in read(&step.acceptance.unwrap()).into_iter().enumerate() {
        let (x, p) = (start[i], p[i]);
        let (y, q) = leapfrog(x, p);
        let (back, flipped) = leapfrog(y, -q);
        assert!((back - x).abs() < 1e-9 && (flipped + p).abs() < 1e-9, "{back} {x}");
        let rule = (host(y).0 - 0.5 * q * q - host(x).0 + 0.5 * p * p).min(0.0).exp();
        assert!((acceptance - rule).abs() < 1e-10, "{acceptance} {rule}");
        let expected = if u[i] <= rule { y } else { x };
        assert!((read(&step.x)[i] - expected).abs() < 1e-11);
    }
}

#[test]
fn the_leapfrogs_energy_error_is_of_order_2() {
    // Trajectories of length 1: −ln of the acceptance is the error where energy is gained.
    let start: Vec<f64> = (0..64).map(|i| -1.5 + 3.0 * f64::from(i) / 63.0).collect();
    let worst = |leaps: usize| {
        let settings =
            Settings { n: start.len(), leapfrog_steps: Some(leaps), ..at(SamplerKind::Hmc, 1, 1.0 / leaps as f64) };
        let mut sampler = start_at(&settings, &CLEAN, column(&start)).unwrap();
        let step = sampler.step(&named("mixture")).unwrap().unwrap();
        read(&step.acceptance.unwrap()).into_iter().map(|p| -p.ln()).fold(0.0, f64::max)
    };
    let slope = (worst(200) / worst(400)).log2();
    // The next order is a hundredth at h = 1/200, 40 steps to the narrowest deviation.
    assert!((slope - 2.0).abs() < 0.02, "{slope}");
}

#[test]
fn without_a_density_moves_are_refused_by_name() {
    let score = Blind(gaussian(2, 0.0, 1.0));
    for kind in [SamplerKind::Mala, SamplerKind::Hmc] {
        let mut sampler = start(&with(kind, 3), &VP, 2).unwrap();
        let error = sampler.step(&score).unwrap_err().to_string();
        assert!(error.starts_with(&format!("sampler = {}: expected ula, or a model", kind.name())), "{error}");
        assert_eq!(sampler.nfe(), 0);
    }
}

#[test]
fn a_trajectory_out_of_range_is_rejected() {
    // Leaps of 10 on N(0, 0.01²) leave f32 at once: the chain stays, with acceptance 0.
    let settings = Settings { n: 2, leapfrog_steps: Some(30), ..at(SamplerKind::Hmc, 3, 10.0) };
    let x = Tensor::from_data([[0.01f32], [-0.02]], &Device::flex());
    let mut sampler = start_at(&settings, &CLEAN, x.clone()).unwrap();
    let last = finish(&mut sampler, &gaussian(1, 0.0, 0.01)).pop().unwrap();
    assert_eq!(read(&last.x), read(&x));
    assert_eq!(read(&last.acceptance.unwrap()), [0.0, 0.0]);
}
