//! The bias of annealed Langevin dynamics: with T steps at each level of its ladder it does not reach the level's
//! density before it goes on, and the weights of a mixture freeze in from levels where they were not right yet.
//!
//! The step size is NCSNv2's technique 4 for each T (Song & Ermon 2020, <https://arxiv.org/abs/2006.09011>), which keeps
//! the width of a level right, whatever T, but says nothing of weights. The distance from the mixture's weights falls
//! with T: it is the method's, and no fault of the ladder's default. 0.5·N(−3, 0.3²) + 0.3·N(0, 0.5²) + 0.2·N(3, 0.2²).

use burn::tensor::Device;

use super::{Check, Report, SEED, finish, values};
use crate::{
    Result,
    figure::svg::{self, Axis, Curve, Legend},
    sampler::{Sampler, SamplerKind, Settings},
    score::Mixture,
    sde::{Process, Smld},
};

const CHAINS: usize = 10_000;
const WEIGHTS: [f64; 3] = [0.5, 0.3, 0.2];

/// The largest distance of a component's share from its weight, with T steps per level.
fn distance(level_steps: usize, device: &Device) -> Result<(f64, u64)> {
    let mixture = Mixture::diagonal(&WEIGHTS, &[vec![-3.0], vec![0.0], vec![3.0]], &[vec![0.3], vec![0.5], vec![0.2]])?;
    let process = Process::Smld(Smld::geometric(20.0, 0.05, 50)?);
    let settings = Settings {
        sampler: SamplerKind::AnnealedLangevin,
        n: CHAINS,
        steps: Some(50),
        level_steps,
        seed: SEED,
        ..Settings::default()
    };
    let mut sampler = Sampler::new(&settings.plan(&process, 1)?, device)?;
    finish(&mut sampler, &mixture)?;
    let x = values(sampler.x());
    let share = |from: f64, to: f64| x.iter().filter(|&&x| from <= x && x < to).count() as f64 / x.len() as f64;
    // Between two components the density is below 1e-8 of its largest.
    let shares = [share(f64::NEG_INFINITY, -1.8), share(-1.8, 2.1), share(2.1, f64::INFINITY)];
    let worst = shares.iter().zip(WEIGHTS).fold(0.0, |worst: f64, (share, weight)| worst.max((share - weight).abs()));
    Ok((worst, sampler.nfe()))
}

pub(super) fn run(device: &Device) -> Result<Report> {
    let mut report = Report::default();
    let mut points = Vec::new();
    for level_steps in [1, 5, 20, 80] {
        let (worst, nfe) = distance(level_steps, device)?;
        report.nfe += nfe;
        points.push((level_steps as f64, worst));
    }
    let last = points[points.len() - 1].1;
    report.checks.push(Check::new(
        "80 steps per level: largest distance of a share from its weight",
        0.0,
        last,
        4.0 * 0.005,
        "four standard errors of 10,000 chains",
    ));
    report.checks.push(Check::new(
        "one step per level: largest distance of a share from its weight",
        0.0714,
        points[0].1,
        4.0 * 0.005 * std::f64::consts::SQRT_2,
        "by the same recursion in NumPy, of other noise; four standard errors of the difference of two runs of 10,000 chains",
    ));
    let [x, y] = ["Langevin steps per level", "largest distance from a weight"].map(|name| Axis { name, log: true });
    let curve = Curve { name: "annealed Langevin, 50 levels".to_owned(), points, marked: true };
    let error = Curve { name: "a standard error".to_owned(), points: vec![(1.0, 0.005), (80.0, 0.005)], marked: false };
    let title = "A mixture's weights by annealed Langevin dynamics";
    let figure = svg::curves(title, x, y, &[curve, error], Legend::LowerLeft)?;
    report.figures.push(("annealed-bias.svg".to_owned(), figure));
    Ok(report)
}
