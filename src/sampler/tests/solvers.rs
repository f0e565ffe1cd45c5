//! The solvers of higher order: their errors and orders on Gaussian data, where they agree with one another, and few
//! steps. Peers' numbers are in `peers.rs`.

use super::{
    closed_form::{exact_gain, gain},
    *,
};

fn dpm_solver(order: usize, steps: usize) -> Settings {
    Settings { order, ..with(SamplerKind::DpmSolver, steps) }
}

fn error(settings: &Settings, process: &Process, grid: Grid) -> f64 {
    let settings = Settings { grid: Some(grid), denoise: false, ..settings.clone() };
    (gain(&settings, process) / exact_gain(process) - 1.0).abs()
}

#[test]
fn dpm_solvers_err_as_published() {
    // Relative errors of the gain on VP from 1 to 1e-3, even in log-SNR, and their slopes: NumPy's float64, from the
    // papers' formulas. Three digits are printed.
    let steps = [10, 20, 40, 80, 160];
    for (settings, published, slope) in [
        (dpm_solver(1, 0), [2.13e-1, 1.13e-1, 5.81e-2, 2.95e-2, 1.49e-2], 0.99),
        (dpm_solver(2, 0), [6.66e-2, 1.55e-2, 3.73e-3, 9.14e-4, 2.26e-4], 2.01),
        (dpm_solver(3, 0), [1.91e-3, 1.86e-4, 1.96e-5, 2.22e-6, 2.63e-7], 3.07),
        (with(SamplerKind::Dpmpp2m, 0), [3.27e-2, 1.30e-2, 3.51e-3, 8.90e-4, 2.23e-4], 1.99),
    ] {
        let errors = steps.map(|steps| error(&Settings { steps: Some(steps), ..settings.clone() }, &VP, Grid::LogSnr));
        for (error, published) in errors.iter().zip(published) {
            assert!((error / published - 1.0).abs() < 5e-3, "{settings:?}: {errors:?}");
        }
        // Printed to two decimals.
        let last = (errors[3] / errors[4]).log2();
        assert!((last - slope).abs() < 0.01, "{settings:?}: {last}");
    }
}

#[test]
fn each_order_is_its_own() {
    for process in &PROCESSES {
        for (settings, order, steps, grids) in [
            (dpm_solver(1, 0), 1.0, 320, &GRIDS[..]),
            (dpm_solver(2, 0), 2.0, 320, &GRIDS),
            (with(SamplerKind::Dpmpp2m, 0), 2.0, 320, &GRIDS),
            (with(SamplerKind::Edm, 0), 2.0, 320, &GRIDS),
            // Karras's grid makes the error change its sign here; even in t, VP's last steps are still long.
            (dpm_solver(3, 0), 3.0, 160, &[Grid::LogSnr, Grid::Quadratic]),
            // Above the rounding, which starts at 1e-13.
            (with(SamplerKind::Rk4, 0), 4.0, 80, &GRIDS),
        ] {
            for &grid in grids {
                let at = |steps| error(&Settings { steps, ..settings.clone() }, process, grid);
                let slope = (at(Some(steps)) / at(Some(2 * steps))).log2();
                // Next-order terms are a few per cent of the leading one.
                let what = format!("{} {grid:?} {:?} {}", process.name(), settings.sampler, settings.order);
                assert!((slope - order).abs() < 0.1, "{what}: {slope}");
            }
        }
    }
}

#[test]
fn edm_without_churn_is_published() {
    // EDM's algorithm 2 with S_churn = 0 on data of deviation ½: final over exact gain; five decimals are printed.
    let process = Process::Ve(Ve { sigma_min: 0.002, sigma_max: 80.0 });
    let exact = 0.5 / f64::hypot(0.5, 80.0);
    for (n, published) in [(18, 1.05527), (40, 1.00977), (80, 1.00231)] {
        let settings = Settings { t_end: Some(0.0), ..with(SamplerKind::Edm, n - 1) };
        let ratio = gain(&settings, &process) / exact;
        assert!((ratio - published).abs() < 0.6e-5, "{n}: {ratio}");
    }
}

#[test]
fn a_point_is_reached_in_one_step_by_every_order() {
    // x̂₀ does not change along the flow, nor does ε̂: both expansions have one term.
    let settings = [
        dpm_solver(1, 0),
        dpm_solver(2, 0),
        dpm_solver(3, 0),
        with(SamplerKind::Rk4, 0),
        with(SamplerKind::Dpmpp2m, 0),
        with(SamplerKind::Edm, 0),
    ];
    for settings in settings {
        for (process, steps) in PROCESSES.iter().flat_map(|process| [1, 2, 3, 7].map(|steps| (process, steps))) {
            let settings = Settings { denoise: false, steps: Some(steps), ..settings.clone() };
            let x = sample_from(&settings, process, &[1.3], &gaussian(1, 0.6, 0.0))[0];
            let (from, to) = (process.level(1.0), process.level(process.default_t_end()));
            let exact = to.alpha * 0.6 + to.sigma * (1.3 - from.alpha * 0.6) / from.sigma;
            assert!((x - exact).abs() < 1e-11, "{:?} {} {steps}: {x} {exact}", settings.sampler, process.name());
        }
    }
}

#[test]
fn the_lowest_orders_are_ddim() {
    let start = [-2.0, -0.3, 0.8, 1.7];
    for process in &PROCESSES {
        let start = start.map(|x| x * process.prior_std());
        let run = |settings: &Settings| {
            let settings = Settings { seed: 9, grid: Some(Grid::LogSnr), ..settings.clone() };
            sample_from(&settings, process, &start, &gaussian(1, 0.4, 0.5))
        };
        for (ours, ddim) in [
            (dpm_solver(1, 12), with(SamplerKind::Ddim, 12)),
            // Without a step before it there is nothing to extrapolate.
            (with(SamplerKind::Dpmpp2m, 1), with(SamplerKind::Ddim, 1)),
            (with(SamplerKind::Dpmpp2mSde, 1), Settings { eta: 1.0, ..with(SamplerKind::Ddim, 1) }),
            // One step that is too long for a higher order.
            (dpm_solver(3, 1), with(SamplerKind::Ddim, 1)),
            (with(SamplerKind::Rk4, 1), with(SamplerKind::Ddim, 1)),
        ] {
            let (a, b) = (run(&ours), run(&ddim));
            // Rounding of f64 through 12 steps, amplified by 1/α = 152.
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-11), "{ours:?}: {a:?} {b:?}");
        }
    }
}

#[test]
fn few_steps_stay_near_the_data() {
    // On N(0.2, 0.5²), whose deviation is ½. Long steps at face value would leave a sixth (RK4), a half (Heun) or more
    // (DPM-Solver) of the deviation that x/α has at t = 1, 50 (VE) or 152. The largest here is 1.2, RK4 on sub-VP in
    // three steps.
    for process in &PROCESSES {
        for settings in [dpm_solver(2, 0), dpm_solver(3, 0), with(SamplerKind::Rk4, 0), with(SamplerKind::Dpmpp2m, 0)] {
            for steps in [1, 2, 3, 5, 9] {
                let settings = Settings { steps: Some(steps), n: 8, ..settings.clone() };
                let x = sample(&settings, process, 8, &gaussian(8, 0.2, 0.5));
                let (mean, variance) = moments(&x);
                let what = format!("{} {settings:?}: {mean} {variance}", process.name());
                assert!(variance.sqrt() < 1.5 && (mean - 0.2).abs() < 0.5, "{what}");
            }
        }
    }
}

#[test]
fn times_that_all_but_coincide_do_no_harm() {
    // Steps of 1e-15 and 1e-6 beside long ones, of every sampler that has steps: the grid is the user's.
    for process in &PROCESSES {
        let times = vec![1.0, 1.0 - 1e-15, 0.999_999, 0.5, 0.499_999_999, 0.2, 0.2 - 1e-15, 0.01];
        let moving = |settings: &Settings| runs_on(settings, process) && !settings.sampler.info().stays;
        for settings in all_kinds(1).into_iter().filter(moving) {
            let settings = Settings { times: Some(times.clone()), n: 4, ..settings };
            let x = sample(&settings, process, 64, &gaussian(64, 0.0, 0.5));
            let (_, variance) = moments(&x);
            // A NaN fails it, too. The data's deviation is ½; correctors alone leave the prior's.
            assert!(variance.sqrt() < 1.5 * process.prior_std(), "{} {settings:?}: {variance}", process.name());
        }
    }
}
