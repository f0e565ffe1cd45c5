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
//! | `dpm++2s` | `dpmpp_single.rs` | Lu et al. 2022, <https://arxiv.org/abs/2211.01095> |
//! | `dpm++2m`, `dpm++2m-sde` | `dpmpp.rs` | Lu et al. 2022, <https://arxiv.org/abs/2211.01095> |
//! | `unipc` | `unipc.rs` | Zhao et al. 2023, <https://arxiv.org/abs/2302.04867> |
//! | `ddpm` | `ddpm.rs` | Ho, Jain & Abbeel 2020, <https://arxiv.org/abs/2006.11239> |
//! | `stochastic-heun` | `stochastic_heun.rs` | Kloeden & Platen 1992, § 15.1, in the variables of DPM-Solver++ |
//!
//! [`State::evaluate`] holds the denoised estimate to `clip` and `threshold` ([`crate::score::Clipped`]), for all of them.
//!
//! Pausing is not calling [`Sampler::step`]; cancelling is dropping the sampler. Coefficients are host scalars in f64,
//! and nothing is read back: every point that a sampler evaluates, and the one it ends a step at, is one
//! [`Sum`](crate::compute::vectors::Sum) of x, scores and noise, and so one dispatch on a GPU. Steps by norms ([`predictor_corrector`]) and moves
//! that may be rejected ([`metropolis`]) take some more.
//!
//! A sampler is a file with its facts ([`Info`]) and its update, and a line in the list below: names, help, checks, defaults, the
//! page's form and the types of JavaScript are made of them (`scorefield schema`).

mod bearing;
mod choices;
mod ddim;
mod ddpm;
mod dpm;
mod dpmpp;
mod dpmpp_single;
#[cfg(not(target_family = "wasm"))]
mod draw;
mod edm;
mod euler_heun;
mod facts;
mod info;
mod langevin;
mod list;
mod metropolis;
mod ode;
mod plan;
mod predictor_corrector;
mod rk4;
mod settings;
mod state;
mod stochastic_heun;
mod unipc;

use burn::{Tensor, tensor::Device};

#[cfg(not(target_family = "wasm"))]
pub(crate) use self::draw::numbers;
#[cfg(not(target_family = "wasm"))]
pub use self::draw::{Batches, Drawn};
pub use self::{
    choices::{Convention, Corrector, Norms, PcOrder, Predictor, Variance},
    facts::{Kind, Range, Setting},
    info::{Group, Info, MOVING},
    plan::Plan,
    settings::{EVERY, MAX_BROWSER_SAMPLES, MAX_SAMPLES, SETTINGS, Settings},
    unipc::Bh,
};
use self::{info::Method, state::State};
pub use crate::schedule::Spacing;
use crate::{
    Error, Result,
    guide::{Constraint, Guide},
    noise::{Noise, Purpose},
    score::Score,
    sde::Level,
};

list::samplers! {
    Heun: euler_heun::HEUN,
    Euler: euler_heun::EULER,
    Rk4: rk4::INFO,
    Ode: ode::INFO,
    Ddim: ddim::INFO,
    DpmSolver: dpm::INFO,
    Dpmpp2s: dpmpp_single::INFO,
    Dpmpp2m: dpmpp::ODE,
    UniPc: unipc::INFO,
    Edm: edm::INFO,
    EulerMaruyama: predictor_corrector::EULER_MARUYAMA,
    StochasticHeun: stochastic_heun::INFO,
    ReverseDiffusion: predictor_corrector::REVERSE_DIFFUSION,
    Ancestral: predictor_corrector::ANCESTRAL,
    #[default]
    Dpmpp2mSde: dpmpp::SDE,
    Pc: predictor_corrector::PC,
    Ddpm: ddpm::INFO,
    Ula: langevin::ULA,
    Mala: metropolis::MALA,
    Hmc: metropolis::HMC,
    AnnealedLangevin: langevin::ANNEALED,
}

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

/// A sampler on its way.
pub struct Sampler {
    info: &'static Info,
    method: Method,
    state: State,
    denoise: bool,
    x: Tensor<2>,
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
    /// A sampler that starts from the prior N(0, prior_std²) (those that stay at t_end, too).
    ///
    /// # Errors
    /// Those of [`Sampler::with_init`].
    pub fn new(plan: &Plan, device: &Device) -> Result<Self> {
        let shape = [plan.settings.n, plan.d];
        let unit = Noise::new(plan.settings.seed).normal(plan.first_sample, shape, Purpose::Prior, 0, device);
        Self::with_init(plan, unit * plan.process.prior_std_at(plan.times[0]))
    }

    /// A sampler that starts from `x` (x itself, not unit noise) at its first time, on its device and in its precision.
    /// That is t = 1, but for a leading spacing, which begins a little below, and t_end for a sampler that stays there.
    ///
    /// # Shapes
    /// `x`: `[settings.n, d]`.
    ///
    /// # Errors
    /// For an `x` of another shape.
    pub fn with_init(plan: &Plan, x: Tensor<2>) -> Result<Self> {
        let ([n, d], info) = (x.dims(), plan.settings.sampler.info());
        if [n, d] != [plan.settings.n, plan.d] {
            let expected = format!("[{}, {}]", plan.settings.n, plan.d);
            return Err(Error::shape("init", format!("[{n}, {d}]"), expected));
        }
        let method = (info.method)(plan)?;
        let state = State::new(plan, matches!(method, Method::Adaptive(_)));
        Ok(Self { info, method, state, denoise: plan.denoise, x })
    }

    /// Holds the samples to `constraint` from the next update on.
    #[must_use]
    pub fn with_constraint(mut self, constraint: Box<dyn Constraint>) -> Self {
        self.state.constraint = Some(constraint);
        self
    }

    /// Holds the samples to what `guide` knows of them, the start included.
    ///
    /// # Errors
    /// When the guide has rows for other samples.
    pub fn with_guide(mut self, guide: &Guide) -> Result<Self> {
        let (first, n) = (self.state.first_sample as usize, self.x.dims()[0]);
        let constraint = guide.constraint(first..first + n, &self.x.device())?;
        self.state.constraint = Some(constraint);
        self.x = self.state.project(self.x.clone(), &self.state.from());
        Ok(self)
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
        let Self { info, method, state, denoise, x } = self;
        if info.needs_density && score.density().is_none() {
            let expected = "ula, or a model with a log-density: this one has only a score, and moves are accepted by the \
                            density";
            return Err(Error::setting("sampler", info.name, expected));
        }
        let updates = state.times.len() - 1;
        let unfinished = state.unfinished;
        let level = if unfinished || state.index < updates {
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
            Some(total) if !unfinished => state.index as f64 / total as f64,
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
        (!self.state.unfinished).then_some(self.state.times.len() - 1 + usize::from(self.denoise))
    }

    /// Network evaluations so far.
    #[must_use]
    pub fn nfe(&self) -> u64 {
        self.state.nfe
    }
}

#[cfg(test)]
mod tests;
