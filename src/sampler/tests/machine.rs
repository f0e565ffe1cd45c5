//! The state machine: steps, counts, seeds, batches, and sanity at a few steps.

use std::cell::Cell;

use super::*;

/// Counts its calls, at a claimed price.
struct Counting<S> {
    inner: S,
    price: u64,
    calls: Cell<u64>,
}

impl<S: Score> Score for Counting<S> {
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        self.calls.set(self.calls.get() + 1);
        self.inner.score(x, level)
    }

    fn evaluations(&self) -> u64 {
        self.price
    }

    fn density(&self) -> Option<&dyn Density> {
        self.inner.density()
    }
}

/// Evaluations of ten updates at the default settings; none for the solver that chooses its steps.
fn nfe_of_ten(kind: SamplerKind) -> Option<u64> {
    Some(match kind {
        SamplerKind::Ode => return None,
        SamplerKind::Heun
        | SamplerKind::StochasticHeun
        | SamplerKind::Edm
        | SamplerKind::DpmSolver
        | SamplerKind::Dpmpp2s
        | SamplerKind::Pc => 20,
        SamplerKind::Rk4 => 40,
        // Five steps per level.
        SamplerKind::AnnealedLangevin => 50,
        // The score where they start is one more; two leaps of 3^(−1/4) of the width are near a quarter turn.
        SamplerKind::Mala => 11,
        SamplerKind::Hmc => 21,
        SamplerKind::Euler
        | SamplerKind::Ddim
        | SamplerKind::Dpmpp2m
        | SamplerKind::Dpmpp2mSde
        | SamplerKind::UniPc
        | SamplerKind::EulerMaruyama
        | SamplerKind::ReverseDiffusion
        | SamplerKind::Ancestral
        | SamplerKind::Ddpm
        | SamplerKind::Ula => 10,
    })
}

#[test]
fn the_nfe_reported_is_the_nfe_made() {
    for kind in SamplerKind::all() {
        let expected = nfe_of_ten(*kind);
        for (price, denoise) in [(1, true), (2, true), (1, false)] {
            let score = Counting { inner: gaussian(3, 0.0, 0.5), price, calls: Cell::new(0) };
            let settings = Settings { denoise, ..with(*kind, 10) };
            let mut sampler = start(&settings, &VP, 3).unwrap();
            let steps = finish(&mut sampler, &score);
            assert_eq!(sampler.nfe(), score.calls.get() * price);
            // No step evaluates more than the facts say: the watchdog of a browser counts on it.
            let most = settings.plan(&VP, 3).unwrap().evaluations() as u64 * price;
            let each = std::iter::once(0).chain(steps.iter().map(|step| step.nfe)).collect::<Vec<_>>();
            // An adaptive solver tries as often as it has to.
            if expected.is_some() {
                let largest = each.windows(2).map(|pair| pair[1] - pair[0]).max();
                assert_eq!(largest, Some(most), "{kind:?}: {each:?}");
            }
            // DDPM's chain ends at the data: there is no noise left to take away.
            let denoise = u64::from(denoise && *kind != SamplerKind::Ddpm);
            if let Some(expected) = expected {
                assert_eq!(sampler.nfe(), (expected + denoise) * price, "{kind:?}");
            }
            assert_eq!(steps.last().unwrap().nfe, sampler.nfe());
            assert!(steps.windows(2).all(|pair| pair[0].nfe < pair[1].nfe));
        }
    }
    // DPM-Solver's orders, the churn's noise, and steps of which only the last are too long (see `ode.rs`).
    let vp = |settings: &Settings| {
        let mut sampler = start(settings, &VP, 3).unwrap();
        finish(&mut sampler, &gaussian(3, 0.0, 0.5));
        sampler.nfe()
    };
    for order in [1, 2, 3] {
        assert_eq!(vp(&Settings { order, ..with(SamplerKind::DpmSolver, 10) }), 10 * order as u64 + 1);
        assert_eq!(vp(&Settings { order, ..with(SamplerKind::DpmSolver, 1) }), 2);
    }
    assert_eq!(vp(&Settings { churn: 5.0, ..with(SamplerKind::Edm, 17) }), 35, "EDM's 18 steps");
    assert_eq!(vp(&with(SamplerKind::Rk4, 2)), 6, "σ/α falls 26-fold, then 550-fold");
    // Two correctors a step, and none; HMC's, of five leaps at an SNR of 0.16, evaluates once more at each level.
    for (corrector, expected) in
        [(Corrector::Langevin, 31), (Corrector::Ald, 31), (Corrector::Hmc, 121), (Corrector::None, 11)]
    {
        let settings = Settings { corrector, corrector_steps: 2, ..with(SamplerKind::Pc, 10) };
        let mut sampler = start(&settings, &VE, 3).unwrap();
        finish(&mut sampler, &gaussian(3, 0.0, 0.5));
        assert_eq!(sampler.nfe(), expected);
    }
}

#[test]
fn steps_say_where_they_are() {
    let score = gaussian(2, 0.0, 0.5);
    let settings = Settings { grid: Some(Grid::Uniform), ..with(SamplerKind::Ddim, 4) };
    let mut sampler = start(&settings, &VP, 2).unwrap();
    assert_eq!(sampler.total(), Some(5));
    let steps = finish(&mut sampler, &score);
    assert_eq!(steps.iter().map(|step| step.index).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(steps.iter().map(|step| step.progress).collect::<Vec<_>>(), [0.2, 0.4, 0.6, 0.8, 1.0]);
    for (step, t) in steps.iter().zip([0.750_25, 0.5005, 0.250_75, 0.001]) {
        assert!((step.t - t).abs() < 1e-15, "{}", step.t);
        assert_eq!((step.sigma, step.total), (VP.level(step.t).sigma, Some(5)));
    }
    assert_eq!((steps[4].t, steps[4].sigma), (0.0, 0.0));
    assert_eq!(read(&steps[4].x), read(&steps[4].denoised()), "the final denoising returns its estimate");
    assert!(sampler.step(&score).unwrap().is_none() && sampler.step(&score).unwrap().is_none());
}

#[test]
fn denoised_is_tweedies_estimate_of_the_last_score() {
    // N(m, s²): E[x₀ | x] = (αs²x + σ²m)/(α²s² + σ²), here at the point that Euler left, t = 1.
    let settings = Settings { denoise: false, ..with(SamplerKind::Euler, 1) };
    let mut sampler = start_at(&Settings { n: 1, ..settings }, &VP, column(&[0.7])).unwrap();
    let step = sampler.step(&gaussian(1, 0.3, 0.5)).unwrap().unwrap();
    let Level { alpha, sigma, .. } = VP.level(1.0);
    let exact = (alpha * 0.25 * 0.7 + sigma * sigma * 0.3) / (alpha * alpha * 0.25 + sigma * sigma);
    // f64, amplified by 1/α = 152.
    assert!((read(&step.denoised())[0] - exact).abs() < 1e-12);
}

#[test]
fn one_seed_gives_one_picture_and_a_sample_does_not_depend_on_its_batch() {
    let score = gaussian(5, 0.1, 0.5);
    let run_plan = |plan: &Plan| {
        let mut sampler = Sampler::new(plan, &Device::flex()).unwrap();
        finish(&mut sampler, &score);
        sampler.x().into_data().try_to_vec::<f32>().unwrap()
    };
    let run = |settings: &Settings| run_plan(&settings.plan(&VP, 5).unwrap());
    let with_ode = all_kinds(6).into_iter().chain([with(SamplerKind::Ode, 6)]);
    for settings in with_ode.map(|settings| Settings { n: 7, seed: 3, ..settings }) {
        let whole = run(&settings);
        assert_eq!(whole, run(&settings), "{settings:?}");
        assert_ne!(whole, run(&Settings { seed: 4, ..settings.clone() }));
        let alone = run(&Settings { n: 2, ..settings.clone() });
        let plan = settings.plan(&VP, 5).unwrap();
        if plan.couples() {
            assert_ne!(whole[..10], alone, "{settings:?}");
            assert_eq!(plan.part(0, 3).map(|part| part.settings), Some(plan.settings.clone()));
            assert!(plan.part(1, 3).is_none());
            continue;
        }
        // Bit for bit, since every operation is a sample's own.
        assert_eq!(whole[..10], alone, "{settings:?}");
        for parts in [1, 2, 3, 7, 20] {
            let drawn: Vec<f32> =
                (0..parts).filter_map(|part| plan.part(part, parts)).flat_map(|part| run_plan(&part)).collect();
            assert_eq!(whole, drawn, "{settings:?} in {parts} parts");
        }
    }
}

#[test]
fn parts_are_as_equal_as_can_be_and_none_is_empty() {
    let whole = Settings { n: 15, ..Settings::default() }.plan(&VP, 1).unwrap();
    let plan = whole.batch(10, 5);
    let parts = |of: usize| -> Vec<_> {
        (0..of).filter_map(|part| plan.part(part, of)).map(|part| (part.first_sample, part.settings.n)).collect()
    };
    assert_eq!(parts(1), [(10, 5)]);
    assert_eq!(parts(2), [(10, 2), (12, 3)]);
    assert_eq!(parts(3), [(10, 1), (11, 2), (13, 2)]);
    assert_eq!(parts(9), [(10, 1), (11, 1), (12, 1), (13, 1), (14, 1)]);
}

#[test]
fn a_paused_sampler_goes_on_where_it_was() {
    let score = gaussian(3, 0.0, 0.5);
    for settings in all_kinds(8) {
        let straight = sample(&settings, &VP, 3, &score);
        let mut sampler = start(&settings, &VP, 3).unwrap();
        for _ in 0..3 {
            sampler.step(&score).unwrap();
        }
        let mut other = start(&Settings { steps: Some(3), seed: 1, ..settings.clone() }, &VP, 3).unwrap();
        finish(&mut other, &score);
        finish(&mut sampler, &score);
        assert_eq!(read(&sampler.x()), straight, "{settings:?}");
    }
}

#[test]
fn few_steps_are_sane_for_every_sampler_process_and_grid() {
    // The prior is as wide as any data here, so that nothing has a reason to leave it. The widest is
    // Euler–Maruyama across all of VP in one step, x ← (1 − ∫f − ∫g²)·x + √∫g²·z = −4x + 3.2z: 5.1 prior
    // deviations. score_sde's β(t)/N = 20 has no square root of 1 − β there.
    for process in &[&PROCESSES[..], &ladders()].concat() {
        for steps in [1, 2, 3, 10] {
            for settings in all_kinds(steps).into_iter().filter(|settings| runs_on(settings, process)) {
                // Annealing goes in x/α, where the prior is σ/α wide.
                let annealed = settings.sampler == SamplerKind::AnnealedLangevin;
                let bound = 6.0 * if annealed { process.level(1.0).ratio() } else { process.prior_std() };
                for grid in GRIDS {
                    for (mean, std) in [(0.0, 1.0), (0.2, 0.5), (-0.5, 0.0)] {
                        let settings = Settings { grid: Some(grid), n: 4, ..settings.clone() };
                        let x = sample(&settings, process, 64, &gaussian(64, mean, std));
                        let rms = (x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64).sqrt();
                        // A NaN fails it, too.
                        assert!(rms < bound, "{rms} with {} {std} {settings:?}", process.name());
                    }
                }
            }
        }
    }
}

#[test]
fn a_vanishing_score_does_not_stop_the_corrector() {
    // At the mode of every sample the rule's ‖z‖/‖s‖ is infinite; the step is then α² + σ².
    for norms in [Norms::Sample, Norms::Batch] {
        let settings = Settings { predictor: Predictor::None, n: 2, denoise: false, norms, ..with(SamplerKind::Pc, 1) };
        let mut sampler = start_at(&settings, &VE, column(&[0.0, 0.0])).unwrap();
        finish(&mut sampler, &gaussian(1, 0.0, 1.0));
        let level = VE.level(1e-5);
        let z = Noise::new(0).normal(0, [2, 1], Purpose::Corrector, 0, &Device::flex());
        for (x, z) in read(&sampler.x()).into_iter().zip(read(&z)) {
            assert!((x - z * (2.0 * (1.0 + level.sigma.powi(2))).sqrt()).abs() < 1e-6, "{x}");
        }
    }
}

#[test]
fn the_start_may_be_given_but_must_fit() {
    let settings = Settings { n: 2, ..with(SamplerKind::Heun, 4) };
    let sampler = start_at(&settings, &VE, column(&[1.0, 2.0])).unwrap();
    assert_eq!(read(&sampler.x()), [1.0, 2.0], "x at t = 1 itself, not unit noise");
    let refused = |x: Tensor<2>| start_at(&settings, &VE, x).err().unwrap().to_string();
    assert_eq!(refused(column(&[1.0])), "init has [1, 1]; give [2, 1]");
    assert!(start(&settings, &VE, 0).is_err());
    assert!(start(&with(SamplerKind::Heun, 0), &VE, 2).is_err());
}

#[test]
fn the_prior_has_the_process_s_width() {
    let settings = Settings { n: 64, ..with(SamplerKind::Heun, 4) };
    for process in &PROCESSES {
        let sampler = start(&settings, process, 256).unwrap();
        let (mean, variance) = moments(&read(&sampler.x()));
        let (std, n) = (process.prior_std(), f64::from(64 * 256));
        // Four standard errors at n = 16384.
        assert!(mean.abs() < 4.0 * std / n.sqrt() && (variance / std.powi(2) - 1.0).abs() < 4.0 * (2.0 / n).sqrt());
    }
}

/// The first coordinate is known to be 1.
struct Known;

impl Constraint for Known {
    fn project(&self, x: Tensor<2>, level: &Level, noise: &dyn Fn() -> Tensor<2>) -> Tensor<2> {
        let [n, d] = x.dims();
        let known = Tensor::ones([n, 1], &x.device()) * level.alpha + noise().slice([0..n, 0..1]) * level.sigma;
        Tensor::cat(vec![known, x.slice([0..n, 1..d])], 1)
    }
}

#[test]
fn a_constraint_holds_after_every_update() {
    for settings in all_kinds(5) {
        let mut sampler = start(&settings, &VP, 3).unwrap().with_constraint(Box::new(Known));
        let steps = finish(&mut sampler, &gaussian(3, 0.0, 0.5));
        let last: Vec<f64> = read(&steps[steps.len() - 1].x).into_iter().step_by(3).collect();
        assert!(last.iter().all(|&x| x == 1.0), "{last:?}");
        // In between it is noised, afresh in every step.
        assert!(read(&steps[2].x)[0] != read(&steps[3].x)[0]);
    }
}

/// Draws noise twice, and notes the first number of each.
struct Twice(std::rc::Rc<std::cell::RefCell<Vec<f64>>>);

impl Constraint for Twice {
    fn project(&self, x: Tensor<2>, _: &Level, noise: &dyn Fn() -> Tensor<2>) -> Tensor<2> {
        let draws = [noise(), noise()];
        self.0.borrow_mut().extend(draws.iter().map(|z| read(z)[0]));
        x
    }
}

#[test]
fn every_draw_of_a_constraints_noise_is_another() {
    let seen = std::rc::Rc::default();
    let mut sampler = start(&with(SamplerKind::Euler, 5), &VP, 3)
        .unwrap()
        .with_constraint(Box::new(Twice(std::rc::Rc::clone(&seen))));
    finish(&mut sampler, &gaussian(3, 0.0, 0.5));
    let mut draws: Vec<u64> = seen.borrow().iter().map(|z| z.to_bits()).collect();
    // Five updates and the denoising, two each.
    assert_eq!(draws.len(), 12);
    draws.sort_unstable();
    draws.dedup();
    assert_eq!(draws.len(), 12, "a repeated draw");
}
