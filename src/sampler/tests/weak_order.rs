//! Weak orders: the moments that the implemented steps give Gaussian data, against those of the reverse SDE itself.
//!
//! With y = x/α and ρ = (σ/α)², data of variance s² has Var y = s² + ρ, and the reverse SDE's transition is
//! E[yₛ | yₜ] = yₜ·(s² + ρₛ)/(s² + ρₜ), Var = (s² + ρₛ)(ρₜ − ρₛ)/(s² + ρₜ).

use super::*;

const STD: f64 = 0.5;

/// The gain and the variance of x(t_end) from x(1) = `start`, by the steps' own coefficients: each is A·x + C·z, read off
/// two samples, in f64.
fn implemented(settings: &Settings, process: &Process) -> (f64, f64) {
    let settings = Settings { n: 2, denoise: false, ..settings.clone() };
    let (score, x) = (gaussian(1, 0.0, STD), column(&[0.0, 1.0]));
    let mut sampler = start_at(&settings, process, x.clone()).unwrap();
    let (mut gain, mut variance) = (1.0, 0.0);
    for k in 0..settings.steps.unwrap() {
        let z = read(&sampler.state.normal(&x, Purpose::Predictor, k as u64));
        (sampler.x, sampler.state.index) = (x.clone(), k);
        let next = read(&sampler.step(&score).unwrap().unwrap().x);
        let of_noise = next[0] / z[0];
        let of_x = next[1] - of_noise * z[1];
        (gain, variance) = (gain * of_x, variance * of_x * of_x + of_noise * of_noise);
    }
    (gain, variance)
}

/// The same of the reverse SDE.
fn exact(process: &Process) -> (f64, f64) {
    let (from, to) = (process.level(1.0), process.level(process.default_t_end()));
    let (high, low) = (from.ratio().powi(2), to.ratio().powi(2));
    let kept = (STD * STD + low) / (STD * STD + high);
    (kept * to.alpha / from.alpha, kept * (high - low) * to.alpha.powi(2))
}

#[test]
fn sde_solvers_converge_with_their_weak_orders() {
    for process in &PROCESSES {
        for (sampler, order) in [
            (SamplerKind::EulerMaruyama, 1.0),
            (SamplerKind::ReverseDiffusion, 1.0),
            (SamplerKind::Ancestral, 1.0),
            (SamplerKind::StochasticHeun, 2.0),
        ] {
            for grid in [Grid::Quadratic, Grid::Karras] {
                let error = |steps| {
                    let settings = Settings { grid: Some(grid), ..with(sampler, steps) };
                    let ((gain, variance), (exact_gain, exact_variance)) =
                        (implemented(&settings, process), exact(process));
                    [(gain / exact_gain - 1.0).abs(), (variance / exact_variance - 1.0).abs()]
                };
                let (coarse, fine) = (error(320), error(640));
                let gain = coarse[0];
                let exact_mean = matches!(sampler, SamplerKind::Ancestral | SamplerKind::StochasticHeun)
                    || matches!(process, Process::Ve(_));
                for (coarse, fine) in coarse.into_iter().zip(fine) {
                    let slope = (coarse / fine).log2();
                    let what = format!("{} {grid:?} {sampler:?}: {slope} {coarse} {fine}", process.name());
                    if coarse.max(fine) < 1e-12 {
                        // The gain, where a step's mean is the posterior's: ancestral's and stochastic Heun's is,
                        // since x̂₀ is a martingale, and on VE the others', too. The variance never is.
                        assert!(exact_mean && coarse == gain, "{what}");
                        continue;
                    }
                    // The next order's term is a twentieth of the leading one at 320 steps, and more for reverse
                    // diffusion's gain: 1.07 there, in NumPy.
                    assert!((slope - order).abs() < 0.1, "{what}");
                }
            }
        }
    }
}
