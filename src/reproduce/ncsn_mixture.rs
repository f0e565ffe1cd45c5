//! NCSN's toy (Song & Ermon 2019, <https://arxiv.org/abs/1907.05600>, figures 2 and 3): 0.8·N((5, 5), I) + 0.2·N((−5, −5), I),
//! 1280 chains from U[−8, 8]². Plain Langevin (1000 steps, ε = 0.1) leaves each chain in the mode whose basin it began
//! in; annealed Langevin (10 levels from σ = 20 to 1, 100 steps each) finds the weights.

use burn::{Tensor, tensor::Device};

use super::{Check, Report, SEED, finish, values};
use crate::{
    Result,
    figure::svg,
    noise::{Noise, Purpose},
    sampler::{Convention, Sampler, SamplerKind, Settings},
    score::Mixture,
    sde::{Process, Smld},
};

const CHAINS: usize = 1280;
/// The standard error of a share of about one half of the chains; that of 0.8 is smaller.
const ERROR: f64 = 0.014;

pub(super) fn run(device: &Device) -> Result<Report> {
    let mixture = Mixture::diagonal(&[0.8, 0.2], &[vec![5.0, 5.0], vec![-5.0, -5.0]], &[vec![1.0; 2], vec![1.0; 2]])?;
    let start = Noise::new(SEED).uniform(0, [CHAINS, 2], Purpose::Prior, 0, device) * 16.0 - 8.0;
    let settings = Settings {
        n: CHAINS,
        // ε/2 of the score and √ε of noise: the paper's.
        convention: Convention::Half,
        step_size: Some(0.1),
        denoise: false,
        seed: SEED,
        ..Settings::default()
    };
    let plain = Settings { sampler: SamplerKind::Ula, steps: Some(1000), ..settings.clone() };
    let annealed = Settings { sampler: SamplerKind::AnnealedLangevin, steps: Some(10), level_steps: 100, ..settings };
    let smld = Process::Smld(Smld::geometric(20.0, 1.0, 10)?);
    let mut report = Report::default();
    let mut panels = vec![("start".to_owned(), points(&start))];
    for (name, settings, process, published) in
        [("plain Langevin", plain, Process::None, 0.498), ("annealed Langevin", annealed, smld, 0.795)]
    {
        let mut sampler = Sampler::with_init(&settings.plan(&process, 2)?, start.clone())?;
        finish(&mut sampler, &mixture)?;
        report.nfe += sampler.nfe();
        let points = points(&sampler.x());
        let share = points.iter().filter(|(x, y)| x + y > 0.0).count() as f64 / CHAINS as f64;
        report.checks.push(Check::new(
            format!("{name}: share of the heavy mode"),
            published,
            share,
            4.0 * ERROR * std::f64::consts::SQRT_2,
            "four standard errors of the difference of two runs of 1280 chains (0.014 each)",
        ));
        panels.push((name.to_owned(), points));
    }
    let share = report.checks[1].ours;
    let reason = "four standard errors of one run of 1280 chains (0.011)";
    report.checks.push(Check::new("annealed Langevin: the mixture's weight", 0.8, share, 4.0 * 0.0112, reason));
    report
        .figures
        .push(("ncsn-mixture.svg".to_owned(), svg::clouds("0.8·N((5, 5), I) + 0.2·N((−5, −5), I)", &panels, 9.0)?));
    Ok(report)
}

fn points(x: &Tensor<2>) -> Vec<(f64, f64)> {
    values(x.clone()).chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
}
