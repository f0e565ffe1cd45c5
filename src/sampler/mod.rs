//! Samplers: resumable state machines that see only a [`Score`]. One call, one [`Step`].
//!
//! | sampler | file | from |
//! |---|---|---|
//! | `ula`, `annealed-langevin` | `langevin.rs` | Song & Ermon 2019 and 2020, <https://arxiv.org/abs/1907.05600>, <https://arxiv.org/abs/2006.09011> |
//! | `mala`, `hmc` | `metropolis.rs` | Roberts & Tweedie 1996; Neal 2011, <https://arxiv.org/abs/1206.1901> |
//! | `euler-maruyama`, `reverse-diffusion`, `ancestral`, `pc` | `predictor_corrector.rs` | Song et al. 2021, <https://arxiv.org/abs/2011.13456> |
//! | `euler`, `heun` | `euler_heun.rs` | Karras et al. 2022, <https://arxiv.org/abs/2206.00364> |
//! | `rk4` | `rk4.rs` | the classical method of order 4 |
//! | `edm` | `edm.rs` | Karras et al. 2022, <https://arxiv.org/abs/2206.00364> |
//! | `ode` | `ode.rs` | Dormand & Prince 1980, in the variables of [`crate::flow`] |
//! | `ddim` | `ddim.rs` | Song, Meng & Ermon 2021, <https://arxiv.org/abs/2010.02502> |
//! | `dpm-solver` | `dpm.rs` | Lu et al. 2022, <https://arxiv.org/abs/2206.00927> |
//! | `dpm++2m`, `dpm++2m-sde` | `dpmpp.rs` | Lu et al. 2022, <https://arxiv.org/abs/2211.01095> |
//! | `ddpm` | `ddpm.rs` | Ho, Jain & Abbeel 2020, <https://arxiv.org/abs/2006.11239> |
//! | `stochastic-heun` | `stochastic_heun.rs` | Kloeden & Platen 1992, § 15.1, in the variables of DPM-Solver++ |
//!
//! [`State::evaluate`] holds the denoised estimate to `clip` and `threshold` ([`crate::score::Clipped`]), for all of them.
//!
//! Pausing is not calling [`Sampler::step`]; cancelling is dropping the sampler. Coefficients are host scalars in f64,
//! and nothing is read back: every point that a sampler evaluates, and the one it ends a step at, is one
//! [`Sum`] of x, scores and noise, and so one dispatch on a GPU. Steps by norms ([`predictor_corrector`]) and moves
//! that may be rejected ([`metropolis`]) take some more.
//!
//! A new sampler is a file with an `update`, an arm of [`SamplerKind`] and one of `Method`.

mod choices;
mod ddim;
mod ddpm;
mod dpm;
mod dpmpp;
#[cfg(not(target_family = "wasm"))]
mod draw;
mod edm;
mod euler_heun;
mod langevin;
mod metropolis;
mod ode;
mod parts;
mod predictor_corrector;
mod rk4;
mod settings;
mod stochastic_heun;

use burn::{Tensor, tensor::Device};

#[cfg(not(target_family = "wasm"))]
pub(crate) use self::draw::numbers;
#[cfg(not(target_family = "wasm"))]
pub use self::draw::{Batches, Drawn};
pub use self::{
    choices::{Convention, Corrector, Norms, PcOrder, Predictor, SamplerKind, Variance},
    settings::{MAX_SAMPLES, Settings},
};
pub use crate::schedule::Spacing;
use crate::{
    Error, Result,
    compute::vectors::{Sum, term},
    noise::{Noise, Purpose},
    score::{Clipped, Limits, Score},
    sde::{Level, Process},
};

/// One step of a sampler. Tensors stay on the device.
#[derive(Clone, Debug)]
pub struct Step {
    /// Updates done, from 1; the final denoising counts as one.
    pub index: usize,
    /// Updates in all, where that is known.
    pub total: Option<usize>,
    /// From 0 to 1.
    pub progress: f64,
    /// Time after the update; 0 after the final denoising.
    pub t: f64,
    /// σ(t) after the update; 0 after the final denoising.
    pub sigma: f64,
    /// Network evaluations so far.
    pub nfe: u64,
    /// The samples, `[n, d]`.
    pub x: Tensor<2>,
    /// Mean acceptance probability of every sample so far, `[n, 1]`; only where moves are accepted or rejected.
    pub acceptance: Option<Tensor<2>>,
    /// The last evaluation.
    last: Evaluation,
}

/// A score: where, at which level, and its value.
type Evaluation = (Tensor<2>, Level, Tensor<2>);

/// What overwrites the samples after every update: inpainting, colorization, clipping.
pub trait Constraint {
    /// The samples that satisfy the constraint at `level`; after the final denoising that is α = 1, σ = 0.
    /// `noise` draws standard normal noise of `x`'s shape, fresh in every call.
    ///
    /// # Shapes
    /// `x` and the result: `[n, d]`.
    fn project(&self, x: Tensor<2>, level: &Level, noise: &dyn Fn() -> Tensor<2>) -> Tensor<2>;
}

/// A sampler on its way.
pub struct Sampler {
    method: Method,
    state: State,
    denoise: bool,
    x: Tensor<2>,
}

enum Method {
    Ula(langevin::Ula),
    Annealed(langevin::Annealed),
    Metropolis(Box<metropolis::Metropolis>),
    PredictorCorrector(predictor_corrector::PredictorCorrector),
    EulerHeun(euler_heun::EulerHeun),
    Ddim(ddim::Ddim),
    Rk4,
    DpmSolver(dpm::DpmSolver),
    Multistep(Box<dpmpp::Multistep>),
    Edm(edm::Edm),
    Ddpm(ddpm::Ddpm),
    StochasticHeun(stochastic_heun::StochasticHeun),
    Ode(Box<ode::Ode>),
}

/// What the families share: where they are, and what they have drawn and evaluated.
struct State {
    process: Process,
    /// What the denoised estimate is held to.
    limits: Option<Limits>,
    /// From 1 to t_end; as far as it has come, where the sampler chooses its steps on the way.
    times: Vec<f64>,
    /// Where it will end.
    t_end: f64,
    /// Whether more times are to come than `times` has.
    open: bool,
    /// Updates done.
    index: usize,
    nfe: u64,
    /// The last evaluation.
    last: Option<Evaluation>,
    noise: Noise,
    first_sample: u64,
    constraint: Option<Box<dyn Constraint>>,
    projections: u64,
    /// See [`Step::acceptance`].
    acceptance: Option<Tensor<2>>,
    /// Moves that it is the mean of.
    moves: u64,
}

impl Step {
    /// Tweedie's estimate of the clean samples from the last score evaluated, `[n, d]`; it is computed here, for it is
    /// needed only where it is shown.
    #[must_use]
    pub fn denoised(&self) -> Tensor<2> {
        let (x, level, score) = &self.last;
        level.estimate(x, score).value()
    }
}

impl Sampler {
    /// A sampler that starts from the prior N(0, prior_std²), in `d` dimensions (those that stay at t_end, too).
    ///
    /// # Errors
    /// For settings that [`Settings::validate`] or the time grid refuses, or `d` = 0.
    pub fn new(settings: &Settings, process: &Process, d: usize, device: &Device) -> Result<Self> {
        settings.validate(process)?;
        let noise = Noise::new(settings.seed);
        let unit = noise.normal(settings.first_sample, [settings.n, d], Purpose::Prior, 0, device);
        let x = unit * process.prior_std_at(settings.times(process)?[0]);
        Self::with_init(settings, process, x)
    }

    /// A sampler that starts from `x` (x itself, not unit noise) at its first time, on its device and in its precision.
    /// That is t = 1, but for a leading spacing, which begins a little below, and t_end for a sampler that stays there.
    ///
    /// # Shapes
    /// `x`: `[settings.n, d]`.
    ///
    /// # Errors
    /// For settings that [`Settings::validate`] or the time grid refuses, or an `x` of another shape.
    pub fn with_init(settings: &Settings, process: &Process, x: Tensor<2>) -> Result<Self> {
        settings.validate(process)?;
        let [n, d] = x.dims();
        if n != settings.n || d == 0 {
            return Err(Error::setting("init", format!("[{n}, {d}]"), format!("[{}, d], d ≥ 1", settings.n)));
        }
        let settings = &Settings { step_size: settings.step_size(process, d)?, ..settings.clone() };
        let method = Method::new(settings, process)?;
        let open = matches!(method, Method::Ode(_));
        let state = State {
            process: process.clone(),
            limits: Limits::new(settings.clip, settings.threshold),
            times: if open { vec![1.0] } else { settings.times(process)? },
            t_end: settings.t_end(process),
            open,
            index: 0,
            nfe: 0,
            last: None,
            noise: Noise::new(settings.seed),
            first_sample: settings.first_sample,
            constraint: None,
            projections: 0,
            acceptance: None,
            moves: 0,
        };
        // Where no noise is left there is nothing to denoise: a discrete chain ends at t = 0.
        let denoise = settings.denoise && state.last_level().sigma > 0.0;
        Ok(Self { method, state, denoise, x })
    }

    /// Holds the samples to `constraint` from the next update on.
    #[must_use]
    pub fn with_constraint(mut self, constraint: Box<dyn Constraint>) -> Self {
        self.state.constraint = Some(constraint);
        self
    }

    /// [`Sampler::advance`], waiting where it waits.
    ///
    /// # Errors
    /// Those of [`Sampler::advance`].
    #[cfg(not(target_family = "wasm"))]
    pub fn step(&mut self, score: &dyn Score) -> Result<Option<Step>> {
        futures_lite::future::block_on(self.advance(score))
    }

    /// The next step, or `None` after the last. Only a sampler that chooses its steps by an error that the device has
    /// computed waits for the device.
    ///
    /// # Errors
    /// When the score is not one that the sampler can follow: no log-density where moves are accepted by it, or an
    /// error estimate that is not finite.
    pub async fn advance(&mut self, score: &dyn Score) -> Result<Option<Step>> {
        let Self { method, state, denoise, x } = self;
        let updates = state.times.len() - 1;
        let open = state.open;
        let level = if open || state.index < updates {
            *x = method.update(x.clone(), state, score).await?;
            state.to()
        } else if state.index == updates && *denoise {
            *x = state.denoise(x.clone(), score);
            Level { t: 0.0, alpha: 1.0, sigma: 0.0 }
        } else {
            return Ok(None);
        };
        state.index += 1;
        let total = self.total();
        let Self { state, x, .. } = self;
        let last = state.last.clone().expect("every update evaluates the score: settings are validated");
        let progress = match total {
            // To the last update: an adaptive solver's next steps are not known.
            Some(total) if !open => state.index as f64 / total as f64,
            _ => (1.0 - level.t) / (1.0 - state.t_end),
        };
        Ok(Some(Step {
            index: state.index,
            total,
            progress,
            t: level.t,
            sigma: level.sigma,
            nfe: state.nfe,
            x: x.clone(),
            acceptance: state.acceptance.clone(),
            last,
        }))
    }

    /// The samples as they are: the start before the first step.
    #[must_use]
    pub fn x(&self) -> Tensor<2> {
        self.x.clone()
    }

    /// Steps in all, where that is known beforehand.
    #[must_use]
    pub fn total(&self) -> Option<usize> {
        (!self.state.open).then_some(self.state.times.len() - 1 + usize::from(self.denoise))
    }

    /// Network evaluations so far.
    #[must_use]
    pub fn nfe(&self) -> u64 {
        self.state.nfe
    }
}

impl Method {
    fn new(settings: &Settings, process: &Process) -> Result<Self> {
        use predictor_corrector::PredictorCorrector;
        let step = || settings.step_size.expect("the sampler has filled in the default of those that have one");
        let full = || settings.convention.full(step());
        Ok(match settings.sampler {
            SamplerKind::Ula => Self::Ula(langevin::Ula { full: full() }),
            SamplerKind::AnnealedLangevin => {
                Self::Annealed(langevin::Annealed { full: full(), level_steps: settings.level_steps })
            }
            SamplerKind::Mala => Self::Metropolis(Box::new(metropolis::Metropolis::mala(full()))),
            SamplerKind::Hmc => {
                Self::Metropolis(Box::new(metropolis::Metropolis::hmc(step(), settings.leapfrog_steps)))
            }
            SamplerKind::EulerMaruyama => {
                Self::PredictorCorrector(PredictorCorrector::predictor_only(Predictor::EulerMaruyama))
            }
            SamplerKind::ReverseDiffusion => {
                Self::PredictorCorrector(PredictorCorrector::predictor_only(Predictor::ReverseDiffusion))
            }
            SamplerKind::Ancestral => {
                Self::PredictorCorrector(PredictorCorrector::predictor_only(Predictor::Ancestral))
            }
            SamplerKind::Pc => Self::PredictorCorrector(PredictorCorrector::new(settings)),
            SamplerKind::Heun => Self::EulerHeun(euler_heun::EulerHeun::Heun),
            SamplerKind::Euler => Self::EulerHeun(euler_heun::EulerHeun::Euler),
            SamplerKind::Ddim => Self::Ddim(ddim::Ddim { eta: settings.eta }),
            SamplerKind::Rk4 => Self::Rk4,
            SamplerKind::DpmSolver => Self::DpmSolver(dpm::DpmSolver { order: settings.order }),
            SamplerKind::Dpmpp2m => Self::Multistep(Box::new(dpmpp::Multistep::new(false))),
            SamplerKind::Dpmpp2mSde => Self::Multistep(Box::new(dpmpp::Multistep::new(true))),
            SamplerKind::Edm => Self::Edm(edm::Edm {
                churn: settings.churn,
                least: settings.churn_min,
                most: settings.churn_max,
                noise: settings.churn_noise,
                denoise: settings.denoise,
            }),
            SamplerKind::Ddpm => Self::Ddpm(ddpm::Ddpm { variance: settings.variance }),
            SamplerKind::StochasticHeun => Self::StochasticHeun(stochastic_heun::StochasticHeun),
            SamplerKind::Ode => Self::Ode(Box::new(ode::Ode::new(settings, process)?)),
        })
    }

    async fn update(&mut self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Result<Tensor<2>> {
        Ok(match self {
            Self::Ula(method) => method.update(x, state, score),
            Self::Annealed(method) => method.update(x, state, score),
            Self::Metropolis(method) => method.update(x, state, score)?,
            Self::PredictorCorrector(method) => method.update(x, state, score),
            Self::EulerHeun(method) => method.update(x, state, score),
            Self::Ddim(method) => method.update(x, state, score),
            Self::Rk4 => rk4::update(x, state, score),
            Self::DpmSolver(method) => method.update(x, state, score),
            Self::Multistep(method) => method.update(x, state, score),
            Self::Edm(method) => method.update(x, state, score),
            Self::Ddpm(method) => method.update(x, state, score),
            Self::StochasticHeun(method) => method.update(x, state, score),
            Self::Ode(method) => method.update(x, state, score).await?,
        })
    }
}

impl State {
    /// Time i of the grid; below the last one, 0.
    fn time(&self, i: usize) -> f64 {
        self.times.get(i).copied().unwrap_or(0.0)
    }

    /// The level that the current update leaves.
    fn from(&self) -> Level {
        self.process.level(self.time(self.index))
    }

    /// The level that the current update reaches.
    fn to(&self) -> Level {
        self.process.level(self.time(self.index + 1))
    }

    /// The level between the process's ends whose σ/α is `ratio`.
    fn level_at(&self, ratio: f64) -> Level {
        self.process.level(self.process.time_of_ratio(ratio))
    }

    /// The level where it will end.
    fn last_level(&self) -> Level {
        self.process.level(self.t_end)
    }

    /// Evaluates the score, counts it and keeps it for the denoised estimate.
    fn evaluate(&mut self, x: &Tensor<2>, level: Level, score: &dyn Score) -> Tensor<2> {
        let s = match self.limits {
            Some(limits) => Clipped::new(score, limits).score(x.clone(), &level),
            None => score.score(x.clone(), &level),
        };
        self.nfe += score.evaluations();
        self.last = Some((x.clone(), level, s.clone()));
        s
    }

    /// Draw number `draw` of standard normal noise, in `x`'s shape, device and precision.
    fn normal(&self, x: &Tensor<2>, purpose: Purpose, draw: u64) -> Tensor<2> {
        self.noise.normal(self.first_sample, x.dims(), purpose, draw, &x.device()).cast(x.dtype())
    }

    /// mean + std·z with draw number `draw` of standard normal noise, in one pass. Without noise nothing is drawn.
    ///
    /// # Shapes
    /// As `like`, whose device and precision the noise has.
    fn noisy(&self, mean: Sum<'_>, std: f64, like: &Tensor<2>, purpose: Purpose, draw: u64) -> Tensor<2> {
        if std == 0.0 {
            return mean.value();
        }
        let z = self.normal(like, purpose, draw);
        (mean + term(&z) * std).value()
    }

    /// Draw number `draw` of uniform noise, in `x`'s shape, device and precision.
    fn uniform(&self, x: &Tensor<2>, purpose: Purpose, draw: u64) -> Tensor<2> {
        self.noise.uniform(self.first_sample, x.dims(), purpose, draw, &x.device()).cast(x.dtype())
    }

    /// Takes a move's acceptance probability into the mean of every sample's.
    fn record(&mut self, probability: Tensor<2>) {
        self.moves += 1;
        self.acceptance = Some(match self.acceptance.take() {
            None => probability,
            Some(mean) => (term(&mean) + (term(&probability) - term(&mean)) / self.moves as f64).value(),
        });
    }

    /// Applies the constraint, if there is one.
    fn project(&mut self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        let Some(constraint) = &self.constraint else { return x };
        let shape = x.clone();
        let draw = || self.normal(&shape, Purpose::Constraint, self.projections);
        let projected = constraint.project(x, level, &draw);
        self.projections += 1;
        projected
    }

    /// Tweedie's estimate at t_end in place of the samples.
    fn denoise(&mut self, x: Tensor<2>, score: &dyn Score) -> Tensor<2> {
        let level = self.from();
        let s = self.evaluate(&x, level, score);
        self.project(level.denoised(x, s), &Level { t: 0.0, alpha: 1.0, sigma: 0.0 })
    }
}

#[cfg(test)]
mod tests;
