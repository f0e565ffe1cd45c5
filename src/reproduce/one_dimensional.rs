//! 0.6·N(2, 0.5²) + 0.4·N(−2, 0.2²) by plain Langevin dynamics from 10,000 uniform starts on [−3, 3].
//!
//! After 100 steps 0.64 of the mass is in the right mode, not 0.60: a chain slides into the mode of the basin that it
//! started in, and the density between the modes is far too small to cross. The right basin is 0.64 of [−3, 3]; only a
//! noise ladder finds the weights.

use burn::tensor::Device;

use super::{Check, Report, SEED, finish, values};
use crate::{
    Result,
    figure::svg,
    noise::{Noise, Purpose},
    sampler::{Convention, Sampler, SamplerKind, Settings},
    score::{Mixture, Score as _},
    sde::{Level, Process, Smld},
};

const STARTS: usize = 10_000;

pub(super) fn run(device: &Device) -> Result<Report> {
    let mixture = Mixture::diagonal(&[0.6, 0.4], &[vec![2.0], vec![-2.0]], &[vec![0.5], vec![0.2]])?;
    let start = Noise::new(SEED).uniform(0, [STARTS, 1], Purpose::Prior, 0, device) * 6.0 - 3.0;
    let settings = Settings {
        sampler: SamplerKind::Ula,
        n: STARTS,
        steps: Some(100),
        step_size: Some(0.01),
        convention: Convention::Full,
        denoise: false,
        seed: SEED,
        ..Settings::default()
    };
    let mut report = Report::default();
    let mut panels = vec![("0 steps".to_owned(), values(start.clone()))];
    let mut sampler = Sampler::with_init(&settings.plan(&Process::None, 1)?, start.clone())?;
    while let Some(step) = sampler.step(&mixture)? {
        if [3, 10, 30, 100].contains(&step.index) {
            panels.push((format!("{} steps", step.index), values(step.x)));
        }
    }
    report.nfe += sampler.nfe();
    let right = |x: &[f64]| x.iter().filter(|&&x| x > 0.0).count() as f64 / x.len() as f64;
    // Binomial: √(0.64·0.36/10,000).
    let error = 0.0048;
    let share = right(&values(sampler.x()));
    report.checks.push(Check::new(
        "plain Langevin, 100 steps: share of the right mode (the weight is 0.60)",
        0.635,
        share,
        4.0 * error + 0.005,
        "published as 0.63 to 0.64; four standard errors of 10,000 chains",
    ));
    let basin = (3.0 - watershed(&mixture, device)) / 6.0;
    report.checks.push(Check::new(
        "share of the starts in the right mode's basin",
        basin,
        right_of(&values(start.clone()), 3.0 - 6.0 * basin),
        4.0 * error,
        "four standard errors of 10,000 starts",
    ));
    let annealed = Settings { sampler: SamplerKind::AnnealedLangevin, steps: Some(10), level_steps: 100, ..settings };
    let ladder = Process::Smld(Smld::geometric(5.0, 0.05, 10)?);
    let annealed = Settings { step_size: Some(0.0005), ..annealed };
    let mut sampler = Sampler::with_init(&annealed.plan(&ladder, 1)?, start)?;
    finish(&mut sampler, &mixture)?;
    report.nfe += sampler.nfe();
    let x = values(sampler.x());
    report.checks.push(Check::new(
        "annealed Langevin: share of the right mode",
        0.6,
        right(&x),
        4.0 * 0.0049,
        "four standard errors of 10,000 chains",
    ));
    panels.push(("annealed".to_owned(), x));
    let normal = |x: f64, m: f64, s: f64| (-0.5 * ((x - m) / s).powi(2)).exp() / (s * std::f64::consts::TAU.sqrt());
    let density = |x: f64| 0.6 * normal(x, 2.0, 0.5) + 0.4 * normal(x, -2.0, 0.2);
    let svg = svg::histograms("Langevin from 10,000 uniform starts", &panels, -3.5..3.5, 70, Some(&density))?;
    report.figures.push(("mixture-1d.svg".to_owned(), svg));
    Ok(report)
}

fn right_of(x: &[f64], boundary: f64) -> f64 {
    x.iter().filter(|&&x| x > boundary).count() as f64 / x.len() as f64
}

/// Where the score changes its sign between the modes, by bisection.
fn watershed(mixture: &Mixture, device: &Device) -> f64 {
    let level = Level { t: 0.0, alpha: 1.0, sigma: 0.0 };
    let score = |x: f64| {
        let at = burn::Tensor::<2>::from_data([[x as f32]], device);
        values(mixture.score(at, &level))[0]
    };
    let (mut low, mut high) = (-1.9, 1.9);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if score(middle) > 0.0 { high = middle } else { low = middle }
    }
    0.5 * (low + high)
}
