//! The adaptive solver as a sampler: against SciPy, closed forms, and its own counts.

use super::*;
use crate::flow::tests::{Mixture, Solved, fixture, rms, rows};

fn ode(tolerance: f64) -> Settings {
    Settings { rtol: tolerance, atol: tolerance, denoise: false, ..with(SamplerKind::Ode, 1) }
}

#[test]
fn it_errs_as_its_tolerance_says_at_fewer_evaluations_than_scipys() {
    let fixture = fixture().samples;
    let mut last = f64::INFINITY;
    for Solved { tolerance, nfe, error: scipys } in fixture.rk45 {
        let settings = Settings { n: fixture.start.len(), t_end: Some(1e-3), ..ode(tolerance) };
        let mut sampler = start_at(&settings, &VP, rows(&fixture.start)).unwrap();
        finish(&mut sampler, &Mixture);
        let error = rms(&read(&sampler.x()), &fixture.end.concat());
        let ratio = sampler.nfe() as f64 / nfe as f64;
        println!(
            "{tolerance:e}: {} NFE, SciPy {nfe}: {ratio:.2}; error {error:.1e}, SciPy {scipys:.1e}",
            sampler.nfe()
        );
        // RK45 in x against t has one error over all samples, ours is the worst sample's; the angle makes up for it.
        assert!(ratio < 1.1, "{ratio} of SciPy's evaluations at {tolerance}");
        // The estimate is of one step; the flow widens and narrows what the steps add up to.
        assert!(error < 10.0 * tolerance && error < last, "{error} at {tolerance}");
        last = error;
    }
}

#[test]
fn it_reaches_the_marginals() {
    for process in &PROCESSES {
        for (std, mean) in [(0.5, 0.0), (1.0, 0.3), (0.05, -0.6)] {
            let start = [-1.2, 0.1, 0.7].map(|z| z * process.prior_std());
            let score = gaussian(1, mean, std);
            let x = sample_from(&ode(1e-9), process, &start, &score);
            let [(from, wide), (to, narrow)] = [1.0, process.default_t_end()].map(|t| {
                let level = process.level(t);
                (level.alpha * mean, score.std_at(&level)[0])
            });
            for (x, start) in x.into_iter().zip(start) {
                let exact = to + (start - from) * narrow / wide;
                // Some fifty steps of 1e-9.
                assert!((x - exact).abs() < 1e-7, "{} {mean} {std}: {x} {exact}", process.name());
            }
        }
    }
}

#[test]
fn its_steps_say_where_they_are() {
    for denoise in [false, true] {
        let settings = Settings { denoise, n: 3, ..ode(1e-4) };
        let mut sampler = start(&settings, &VP, 2).unwrap();
        assert_eq!(sampler.total(), None, "the steps are chosen on the way");
        let steps = finish(&mut sampler, &Mixture);
        let updates = steps.len() - usize::from(denoise);
        assert!(steps[..updates - 1].iter().all(|step| step.total.is_none()));
        assert_eq!(steps[updates - 1].total, Some(steps.len()));
        assert_eq!(steps[updates - 1].t, 1e-3, "the last time, exactly");
        assert!(steps.windows(2).all(|pair| pair[0].t > pair[1].t && pair[0].progress <= pair[1].progress));
        assert!(steps[0].progress > 0.0 && steps[steps.len() - 1].progress == 1.0);
        assert!(steps.iter().all(|step| step.sigma == if step.t == 0.0 { 0.0 } else { VP.level(step.t).sigma }));
        // The slope at the step's end is the step's last evaluation: Tweedie's estimate is x's own.
        let level = VP.level(steps[1].t);
        let exact = level.denoised(steps[1].x.clone(), Mixture.score(steps[1].x.clone(), &level));
        // f32's rounding, amplified by σ²/α's cancellation near t = 1.
        assert!(rms(&read(&steps[1].denoised()), &read(&exact)) < 1e-4);
    }
}

#[test]
fn a_constraint_costs_an_evaluation_a_step() {
    struct Same;
    impl Constraint for Same {
        fn project(&self, x: Tensor<2>, _: &Level, _: &dyn Fn() -> Tensor<2>) -> Tensor<2> {
            x
        }
    }
    let run = |constraint: Option<Box<dyn Constraint>>| {
        let sampler = start_at(&Settings { n: 2, ..ode(1e-6) }, &VP, rows(&[[0.3, 0.2], [-1.0, 0.5]])).unwrap();
        let mut sampler = match constraint {
            Some(constraint) => sampler.with_constraint(constraint),
            None => sampler,
        };
        let steps = finish(&mut sampler, &Mixture);
        (read(&sampler.x()), sampler.nfe(), steps.len() as u64)
    };
    let ((free, nfe, steps), (held, more, _)) = (run(None), run(Some(Box::new(Same))));
    assert_eq!(more, nfe + steps - 1);
    // y = x/N and back is one rounding of f64 a step.
    assert!(rms(&free, &held) < 1e-12);
}

#[test]
fn bad_tolerances_and_processes_are_refused() {
    let error = |settings: &Settings, process: &Process| start(settings, process, 2).err().unwrap().to_string();
    assert!(error(&Settings { rtol: 0.0, ..ode(1e-5) }, &VP).starts_with("rtol = 0"));
    assert!(error(&Settings { atol: 2.0, ..ode(1e-5) }, &VP).starts_with("atol = 2"));
    assert!(error(&ode(1e-5), &Process::None).starts_with("sampler = ode on none: expected ula, mala, hmc"));
}
