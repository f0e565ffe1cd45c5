//! NCSNv2's noise ladders (Song & Ermon 2020, <https://arxiv.org/abs/2006.09011>, techniques 1, 2 and 4) from the data's
//! dimension and its largest distance, beside the configurations that were published with the paper.

use super::{Check, Report};
use crate::{
    Result,
    figure::{
        svg,
        svg::{Axis, Curve, Legend},
    },
    schedule::ladder::{COVERAGE, deviation2, levels, ratio, step},
};

/// The last level of all of them.
const SIGMA_MIN: f64 = 0.01;

/// Data set, dimension, σ₁, levels L, steps per level T, ε, and the last digit of ε that was printed.
const PUBLISHED: [(&str, usize, f64, usize, usize, f64, f64); 5] = [
    ("CIFAR-10", 32 * 32 * 3, 50.0, 232, 5, 6.2e-6, 1e-7),
    ("CelebA 64", 64 * 64 * 3, 90.0, 500, 5, 3.3e-6, 1e-7),
    ("church 96", 96 * 96 * 3, 140.0, 788, 4, 4.9e-6, 1e-7),
    ("bedroom 128", 128 * 128 * 3, 190.0, 1086, 3, 1.8e-6, 1e-7),
    ("FFHQ 256", 256 * 256 * 3, 348.0, 2311, 3, 9e-7, 1e-7),
];

pub(super) fn run() -> Result<Report> {
    let mut report = Report::default();
    let mut lines = Vec::new();
    for (name, dim, first, count, steps, rate, unit) in PUBLISHED {
        let ours = levels(first, SIGMA_MIN, ratio(dim, COVERAGE)?)?;
        let reason = "C is known to two digits: the published ladders lie at 0.566 to 0.567";
        report.checks.push(Check::new(format!("{name}: levels L"), count as f64, ours as f64, 1.0, reason));

        let gamma = (first / SIGMA_MIN).powf(1.0 / (count - 1) as f64);
        let least = SIGMA_MIN * SIGMA_MIN * step(gamma, steps)?;
        let excess = |rate: f64| deviation2(rate / (SIGMA_MIN * SIGMA_MIN), gamma, steps);
        if name.starts_with("church") {
            // The published ε is not the minimum: what it leaves is, and ours leaves less.
            let reason = "the published ε is not technique 4's minimum; this is what it leaves, to the digits printed";
            report.checks.push(Check::new(
                format!("{name}: s²/σ² at the published ε"),
                1.0247,
                excess(rate),
                0.6e-4,
                reason,
            ));
        } else {
            report.checks.push(Check::new(
                format!("{name}: ε for T = {steps}"),
                rate,
                least,
                0.6 * unit,
                "the published digits",
            ));
        }
        let points = (1..=120).map(|i| least * 10f64.powf(f64::from(i) / 60.0 - 1.0)).map(|e| (e, excess(e) - 1.0));
        lines.push(Curve { name: name.to_owned(), points: points.collect(), marked: false });
    }
    let [x, y] = ["ε", "s_T²/σ² − 1"].map(|name| Axis { name, log: true });
    let title = "Technique 4: what a level leaves, against its step size";
    report.figures.push(("ncsnv2-ladders.svg".to_owned(), svg::curves(title, x, y, &lines, Legend::UpperLeft)?));
    Ok(report)
}
