//! Deterministic solvers on Gaussian data, whose probability flow is a rescaling: x(0) = g·x(1) with
//! g = √(S(t_end)/S(1)), S = α²s² + σ². What a solver makes of x = 1 is its gain.

use super::{Check, Report, solve};
use crate::{
    Result,
    figure::{
        svg,
        svg::{Axis, Curve, Legend},
    },
    sampler::{SamplerKind, Settings, Spacing},
    schedule::Grid,
    score::Gaussian,
    sde::{Ddpm, Edm, Level, Process, Vp},
};

/// The gain of a solver on N(0, std²), and its evaluations.
fn gain(settings: &Settings, process: &Process, std: f64) -> Result<(f64, u64)> {
    let score = Gaussian::new(vec![0.0], vec![std])?;
    let settings = Settings { denoise: false, ..settings.clone() };
    let (x, nfe) = solve(&settings, process, &[1.0], &score)?;
    Ok((x[0], nfe))
}

fn exact(process: &Process, std: f64) -> f64 {
    let spread = |Level { alpha, sigma, .. }: Level| libm::hypot(alpha * std, sigma);
    spread(process.level(process.default_t_end())) / spread(process.level(1.0))
}

/// Orders of convergence: VP, data N(0, 0.5²), from t = 1 to 10⁻³ on a log-SNR grid.
pub(super) fn orders() -> Result<Report> {
    let process = Process::Vp(Vp::default());
    let exact = exact(&process, 0.5);
    let mut report = Report::default();
    let mut lines = Vec::new();
    for (name, kind, order, published) in [
        ("Euler", SamplerKind::Euler, 1, 1.0),
        ("DDIM = DPM-Solver-1", SamplerKind::Ddim, 1, 1.0),
        ("Heun", SamplerKind::Heun, 2, 2.0),
        ("DPM-Solver-2", SamplerKind::DpmSolver, 2, 2.0),
        ("DPM-Solver++(2M)", SamplerKind::Dpmpp2m, 2, 2.0),
        ("DPM-Solver-3", SamplerKind::DpmSolver, 3, 3.0),
        ("Runge–Kutta 4", SamplerKind::Rk4, 4, 4.0),
    ] {
        let mut points = Vec::new();
        for steps in [20, 40, 80, 160] {
            let settings = Settings {
                sampler: kind,
                steps: Some(steps),
                order: order.min(3),
                grid: Some(Grid::LogSnr),
                ..Settings::default()
            };
            let (gain, nfe) = gain(&settings, &process, 0.5)?;
            report.nfe += nfe;
            points.push((steps as f64, (gain / exact - 1.0).abs()));
        }
        let slope = (points[2].1 / points[3].1).log2();
        report.checks.push(Check::new(
            format!("order of {name}"),
            published,
            slope,
            0.15,
            "the slope between 80 and 160 steps still has terms of the next order",
        ));
        lines.push(Curve { name: name.to_owned(), points, marked: true });
    }
    let [x, y] = ["steps", "relative error of the gain"].map(|name| Axis { name, log: true });
    let title = "Solvers of the probability flow on Gaussian data, VP, log-SNR grid";
    report.figures.push(("solver-orders.svg".to_owned(), svg::curves(title, x, y, &lines, Legend::LowerLeft)?));
    Ok(report)
}

/// EDM's grid (σ from 80 to 0.002, ρ = 7), data N(0, 0.5²): gain over the exact gain.
pub(super) fn edm_gain() -> Result<Report> {
    let process = Process::Edm(Edm { sigma_min: 0.002, sigma_max: 80.0 });
    let exact = 0.5 / libm::hypot(0.5, 80.0);
    let mut report = Report::default();
    let mut lines = ["Euler", "Heun"].map(|name| Curve { name: name.to_owned(), points: vec![], marked: true });
    // EDM integrates to σ = 0 by a last Euler step, which is the denoised estimate.
    for (kind, steps, published) in [
        (SamplerKind::Euler, 18, 0.84608),
        (SamplerKind::Euler, 40, 0.92972),
        (SamplerKind::Euler, 80, 0.96466),
        (SamplerKind::Heun, 18, 1.05527),
        (SamplerKind::Heun, 40, 1.00977),
        (SamplerKind::Heun, 80, 1.00231),
    ] {
        let score = Gaussian::new(vec![0.0], vec![0.5])?;
        let settings =
            Settings { sampler: kind, steps: Some(steps - 1), grid: Some(Grid::Karras), ..Settings::default() };
        let (x, nfe) = solve(&settings, &process, &[1.0], &score)?;
        report.nfe += nfe;
        let curve = usize::from(kind == SamplerKind::Heun);
        lines[curve].points.push((steps as f64, x[0] / exact));
        let what = format!("{}, {steps} steps: gain over exact", kind.name());
        report.checks.push(Check::new(what, published, x[0] / exact, 0.6e-5, "the published digits"));
    }
    let [x, y] = ["steps", "gain over exact"].map(|name| Axis { name, log: false });
    let svg = svg::curves("Heun and Euler on EDM's grid, Gaussian data", x, y, &lines, Legend::Bottom)?;
    report.figures.push(("edm-gain.svg".to_owned(), svg));
    Ok(report)
}

/// DDIM with η = 0 on N(0, 1): 1000 training steps, linear β, leading spacing.
pub(super) fn ddim_gain() -> Result<Report> {
    let process = Process::Ddpm(Ddpm::default());
    let mut report = Report::default();
    let mut points = Vec::new();
    for (steps, published) in [(10, 0.831_696), (20, 0.912_532), (50, 0.964_079), (100, 0.981_851), (1000, 0.998_124)] {
        let settings = Settings {
            sampler: SamplerKind::Ddim,
            steps: Some(steps),
            spacing: Spacing::Leading,
            ..Settings::default()
        };
        let (gain, nfe) = gain(&settings, &process, 1.0)?;
        report.nfe += nfe;
        points.push((steps as f64, 1.0 - gain * gain));
        report.checks.push(Check::new(
            format!("gain at {steps} steps"),
            published,
            gain,
            0.6e-6,
            "the published digits",
        ));
    }
    let curve = Curve { name: String::new(), points, marked: true };
    let axis = |name| Axis { name, log: true };
    let title = "What DDIM loses of N(0, 1)'s variance";
    let svg = svg::curves(title, axis("steps"), axis("1 − variance"), &[curve], Legend::LowerLeft)?;
    report.figures.push(("ddim-gain.svg".to_owned(), svg));
    Ok(report)
}
