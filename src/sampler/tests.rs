//! The samplers against closed forms on exact scores, and published figures.

use burn::tensor::{DType, TensorData};

use super::*;
use crate::{
    schedule::Grid,
    score::{Density, Gaussian},
    sde::{BetaSchedule, Ddpm, Edm, Process, Smld, SubVp, Ve, Vp},
};

mod closed_form;
mod defaults;
mod ladders;
mod langevin;
mod laws;
mod machine;
mod metropolis;
mod ode;
mod peers;
mod solvers;
mod weak_order;

const VE: Process = Process::Ve(Ve { sigma_min: 0.01, sigma_max: 50.0 });
const VP: Process = Process::Vp(Vp { beta_min: 0.1, beta_max: 20.0 });
const SUB_VP: Process = Process::SubVp(SubVp { beta_min: 0.1, beta_max: 20.0 });
const PROCESSES: [Process; 3] = [VE, VP, SUB_VP];
const GRIDS: [Grid; 4] = [Grid::Uniform, Grid::Quadratic, Grid::LogSnr, Grid::Karras];

/// DDPM's published chain and NCSN's ladder.
fn ladders() -> [Process; 2] {
    [Process::Ddpm(Ddpm::default()), Process::Smld(Smld::geometric(1.0, 0.01, 10).unwrap())]
}

/// A short chain whose last level is all but noise.
fn short_chain(schedule: BetaSchedule) -> Process {
    Process::Ddpm(Ddpm::new(50, 0.002, 0.4, schedule).unwrap())
}

/// Settings for one sampler and number of steps, with the rest as usual.
fn with(sampler: SamplerKind, steps: usize) -> Settings {
    Settings { sampler, steps: Some(steps), ..Settings::default() }
}

/// A sampler of these settings from the prior, on the CPU.
fn start(settings: &Settings, process: &Process, d: usize) -> Result<Sampler> {
    Sampler::new(&settings.plan(process, d)?, &Device::flex())
}

/// A sampler of these settings from `x`.
fn start_at(settings: &Settings, process: &Process, x: Tensor<2>) -> Result<Sampler> {
    Sampler::with_init(&settings.plan(process, x.dims()[1])?, x)
}

/// The times of these settings.
fn times_of(settings: &Settings, process: &Process) -> Result<Vec<f64>> {
    settings.plan(process, 1).map(|plan| plan.times)
}

/// Every sampler but the adaptive one, which counts its own steps, and `pc` in every pairing and order.
fn all_kinds(steps: usize) -> Vec<Settings> {
    let kinds = SamplerKind::all().iter().filter(|&&kind| kind != SamplerKind::Ode);
    let mut all: Vec<Settings> = kinds.map(|&kind| with(kind, steps)).collect();
    all.push(Settings { eta: 1.0, ..with(SamplerKind::Ddim, steps) });
    all.push(Settings { variance: Variance::Large, ..with(SamplerKind::Ddpm, steps) });
    for predictor in
        [Predictor::ReverseDiffusion, Predictor::EulerMaruyama, Predictor::Ancestral, Predictor::Euler, Predictor::None]
    {
        for pc_order in [PcOrder::Paper, PcOrder::ScoreSde] {
            for norms in [Norms::Expected, Norms::Sample, Norms::Batch] {
                all.push(Settings { predictor, pc_order, norms, ..with(SamplerKind::Pc, steps) });
            }
        }
    }
    for corrector in [Corrector::Ald, Corrector::Hmc] {
        for predictor in [
            Predictor::ReverseDiffusion,
            Predictor::EulerMaruyama,
            Predictor::Ancestral,
            Predictor::Euler,
            Predictor::None,
        ] {
            for pc_order in [PcOrder::Paper, PcOrder::ScoreSde] {
                all.push(Settings { predictor, corrector, pc_order, ..with(SamplerKind::Pc, steps) });
            }
        }
    }
    for kind in [SamplerKind::Ula, SamplerKind::Mala, SamplerKind::AnnealedLangevin] {
        for convention in [Convention::Half, Convention::Squared] {
            all.push(Settings { convention, ..with(kind, steps) });
        }
    }
    all.push(Settings { corrector: Corrector::None, ..with(SamplerKind::Pc, steps) });
    for order in [1, 3] {
        all.push(Settings { order, ..with(SamplerKind::DpmSolver, steps) });
        all.push(Settings { order, bh: Bh::Bh1, ..with(SamplerKind::UniPc, steps) });
    }
    for (churn, churn_noise) in [(2.0, 1.0), (1e6, 1.01)] {
        all.push(Settings { churn, churn_noise, ..with(SamplerKind::Edm, steps) });
    }
    all
}

/// Whether the sampler is one for the process: DDPM's is for variance-preserving ones.
fn runs_on(settings: &Settings, process: &Process) -> bool {
    settings.sampler != SamplerKind::Ddpm || matches!(process, Process::Vp(_) | Process::Ddpm(_))
}

/// `d` copies of N(mean, std²).
fn gaussian(d: usize, mean: f64, std: f64) -> Gaussian {
    Gaussian::new(vec![mean; d], vec![std; d]).unwrap()
}

/// A row of f64 samples in one dimension, on the CPU.
fn column(values: &[f64]) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len(), 1]), (&Device::flex(), DType::F64))
}

fn read(x: &Tensor<2>) -> Vec<f64> {
    x.clone().cast(DType::F64).into_data().try_to_vec().unwrap()
}

/// Steps until the sampler is done.
fn finish(sampler: &mut Sampler, score: &dyn Score) -> Vec<Step> {
    std::iter::from_fn(|| sampler.step(score).unwrap()).collect()
}

/// The last samples of a run from the prior.
fn sample(settings: &Settings, process: &Process, d: usize, score: &dyn Score) -> Vec<f64> {
    let mut sampler = start(settings, process, d).unwrap();
    finish(&mut sampler, score);
    read(&sampler.x())
}

/// The last samples of a run in f64 from `x`, in one dimension.
fn sample_from(settings: &Settings, process: &Process, x: &[f64], score: &dyn Score) -> Vec<f64> {
    let settings = Settings { n: x.len(), ..settings.clone() };
    let mut sampler = start_at(&settings, process, column(x)).unwrap();
    finish(&mut sampler, score);
    read(&sampler.x())
}

/// A mixture of two Gaussians in two dimensions, as in tests/reference/solvers.py.
struct Mixture2;

const WEIGHTS: [f64; 2] = [0.6, 0.4];
const MEANS: [[f64; 2]; 2] = [[1.0, -0.5], [-1.0, 0.7]];
const STDS: [[f64; 2]; 2] = [[0.3, 0.5], [0.4, 0.2]];

impl Score for Mixture2 {
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        let row = |values: [f64; 2]| Tensor::<2>::from_data([values], (&x.device(), x.dtype()));
        let parts = [0, 1].map(|k| {
            let variance = STDS[k].map(|std| (level.alpha * std).powi(2) + level.sigma.powi(2));
            let offset = x.clone() - row(MEANS[k].map(|mean| level.alpha * mean));
            let log = WEIGHTS[k].ln() - 0.5 * (variance[0] * variance[1]).ln();
            let precise = offset.clone() * row(variance.map(|v| -1.0 / v));
            ((offset * precise.clone()).sum_dim(1) * 0.5 + log, precise)
        });
        let [(a, first), (b, second)] = parts;
        second.clone() + burn::tensor::activation::sigmoid(a - b) * (first - second)
    }
}

/// The last samples of a run in f64 from `x`, in two dimensions.
fn plane_from(settings: &Settings, process: &Process, x: &[f64], score: &dyn Score) -> Vec<f64> {
    let settings = Settings { n: x.len() / 2, ..settings.clone() };
    let x = Tensor::from_data(TensorData::new(x.to_vec(), [x.len() / 2, 2]), (&Device::flex(), DType::F64));
    let mut sampler = start_at(&settings, process, x).unwrap();
    finish(&mut sampler, score);
    read(&sampler.x())
}

/// Mean and variance.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n)
}
