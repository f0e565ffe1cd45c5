//! ULA on N(0, 1), x + ε·s + √(2ε)·z, has the stationary variance 1/(1 − ε/2): a bias of its step size, which the
//! Metropolis test of MALA and HMC removes (Roberts & Tweedie 1996, Bernoulli 2, 341–363).

use burn::tensor::Device;

use super::{Check, Report, SEED, finish, moments, values};
use crate::{
    Result,
    figure::{
        svg,
        svg::{Axis, Curve, Legend},
    },
    sampler::{Convention, Sampler, SamplerKind, Settings},
    score::Gaussian,
    sde::Process,
};

/// Chains of each run: independent, so that the standard error of a variance is √(2/n).
const CHAINS: usize = 40_000;

pub(super) fn run(device: &Device) -> Result<Report> {
    let score = Gaussian::new(vec![0.0], vec![1.0])?;
    let mut report = Report::default();
    let mut curves = Vec::new();
    for (name, kind) in [("ULA", SamplerKind::Ula), ("MALA", SamplerKind::Mala), ("HMC", SamplerKind::Hmc)] {
        let mut points = Vec::new();
        for step_size in [0.1, 0.5, 1.0] {
            let settings = Settings {
                sampler: kind,
                n: CHAINS,
                // ULA forgets its start by 1 − ε a step: below a thousandth here.
                steps: Some((7.0 / step_size) as usize + 5),
                step_size: Some(step_size),
                convention: Convention::Full,
                leapfrog_steps: Some(3),
                seed: SEED,
                ..Settings::default()
            };
            let mut sampler = Sampler::new(&settings.plan(&Process::None, 1)?, device)?;
            finish(&mut sampler, &score)?;
            report.nfe += sampler.nfe();
            let (_, variance) = moments(&values(sampler.x()));
            let published = if kind == SamplerKind::Ula { 1.0 / (1.0 - 0.5 * step_size) } else { 1.0 };
            points.push((step_size, variance));
            report.checks.push(Check::new(
                format!("{name}, ε = {step_size}: variance"),
                published,
                variance,
                4.0 * published * (2.0 / CHAINS as f64).sqrt(),
                format!("four standard errors of {CHAINS} chains"),
            ));
        }
        curves.push(Curve { name: name.to_owned(), points, marked: true });
    }
    let exact = (1..=20).map(|i| f64::from(i) * 0.05).map(|e| (e, 1.0 / (1.0 - 0.5 * e))).collect();
    curves.push(Curve { name: "1/(1 − ε/2)".to_owned(), points: exact, marked: false });
    let axis = |name| Axis { name, log: false };
    let title = "Stationary variance on N(0, 1)";
    report.figures.push((
        "langevin-bias.svg".to_owned(),
        svg::curves(title, axis("step size ε"), axis("variance"), &curves, Legend::UpperLeft)?,
    ));
    Ok(report)
}
