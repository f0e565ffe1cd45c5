//! Predictor–corrector sampling of the reverse SDE (Song et al. 2021,
//! <https://arxiv.org/abs/2011.13456>, algorithms 1–5), and its predictors alone.
//!
//! From t to s < t, with the exact transition a = αₜ/αₛ, v = σₜ² − a²σₛ², the score s_θ at (x, t), and
//! z ~ N(0, I):
//!
//! - reverse diffusion: xₛ = (2 − a)·x + v·s_θ + √v·z. The forward step x → a·x + √v·z reversed as in
//!   the paper's eq. 46: exactly `score_sde`'s for VE (a = 1, v = σₜ² − σₛ²) and its DDPM form for VP
//!   (2 − √(1 − β), β = v = 1 − a²), here with the exact β of the step; sub-VP by analogy.
//! - Euler–Maruyama: xₛ = x − ∫f·x + ∫g²·s_θ + √(∫g²)·z, with the exact integrals of f and g² over
//!   [s, t] where the textbook has f(t)·Δt and g²(t)·Δt. The two agree to O(Δt²) a step; the
//!   integrals stay bounded where g²(t)·Δt does not (VE at t = 1: 17σ_max²·Δt), and for VE, where f = 0,
//!   this is reverse diffusion.
//! - ancestral: xₛ = (x + v·s_θ)/a + √w·z, the mean of the posterior q(xₛ | xₜ, x̂₀). For VE w = v·σₛ²/σₜ², the
//!   posterior's own variance (SMLD's, appendix F); for VP w = v = β (DDPM's, eq. 4), and 0 where nothing is left to
//!   noise; sub-VP by analogy with VP. `ddim` with η = 1 has the posterior's variance on every process.
//! - Euler: the probability flow, [`super::euler_heun`].
//!
//! The Langevin corrector at a level is x ← x + ε·s_θ + √(2ε)·z with ε = 2α(snr·‖z‖/‖s_θ‖)². `score_sde`
//! takes α = 1 for VE and αᵢ = 1 − βᵢ for VP; both are a², the squared scale of the transition that
//! reaches the level from the next lower time (0 below t_end), and so sub-VP, for which `score_sde`
//! crashes, has one too. The norms are those expected, ‖z‖ = √d and ‖s_θ‖ = √d/σ, unless a sample's own or the batch's
//! means are asked for (`norms`): a step that depends on where a sample is does not leave the density as it is, and in a
//! few dimensions a sample's own norms make rings of it; from some hundred dimensions on they hardly differ. ε is held to α² + σ², the variance of x for data of unit variance, which bites
//! only where the score all but vanishes.
//!
//! Two correctors size their steps by the level alone, with the same α. `ald` (`score_sde`'s; Song & Ermon 2019's rule)
//! takes ε = 2α(snr·σ)². `hmc` makes Hamiltonian moves ([`super::metropolis`]) of `leapfrog_steps` leaps of 2√α·snr·σ, so
//! that a single leap is `ald`'s step; with a log-density Metropolis's test makes it exact, and with a score alone every
//! move is taken.

use burn::Tensor;

use super::{
    Corrector, Norms, PcOrder, Plan, Predictor, Settings, State, euler_heun,
    info::{Group, Info, Method, Update},
    metropolis::{Chain, JITTER, Trajectory, quarter_turn},
};
use crate::{
    Error, Result,
    compute::{
        vectors,
        vectors::{StepRule, squared_norms, term},
    },
    noise::Purpose,
    score::Score,
    sde::{Level, Process},
};

pub(super) const EULER_MARUYAMA: Info = Info {
    name: "euler-maruyama",
    title: "Euler–Maruyama",
    group: Group::Sde,
    caption: "Euler–Maruyama on the reverse SDE",
    help: "reverse SDE by Euler–Maruyama; stochastic, 1 NFE per step",
    paper: "https://arxiv.org/abs/2011.13456",
    stochastic: true,
    steps: Some(200),
    method: |_| Ok(Method::of(PredictorCorrector::predictor_only(Predictor::EulerMaruyama))),
    ..Info::BASE
};

pub(super) const REVERSE_DIFFUSION: Info = Info {
    name: "reverse-diffusion",
    title: "Reverse diffusion",
    caption: "reverse diffusion",
    help: "reverse SDE discretised as the forward process is; stochastic, 1 NFE per step",
    method: |_| Ok(Method::of(PredictorCorrector::predictor_only(Predictor::ReverseDiffusion))),
    ..EULER_MARUYAMA
};

pub(super) const ANCESTRAL: Info = Info {
    name: "ancestral",
    title: "Ancestral",
    caption: "ancestral sampling",
    help: "DDPM's and SMLD's chains backwards, on any process; stochastic, 1 NFE per step",
    settings: &["steps", "spacing", "grid", "t_end", "times", "denoise", "clip", "threshold"],
    ladder: |process| process.ladder(),
    method: |_| Ok(Method::of(PredictorCorrector::predictor_only(Predictor::Ancestral))),
    ..EULER_MARUYAMA
};

pub(super) const PC: Info = Info {
    name: "pc",
    title: "Predictor–corrector",
    caption: "predictor–corrector sampling",
    help: "predictor–corrector in any pairing; stochastic, 1 NFE per predictor and corrector step",
    steps: Some(100),
    settings: &[
        "steps",
        "predictor",
        "corrector",
        "corrector_steps",
        "snr",
        "norms",
        "pc_order",
        "leapfrog_steps",
        "grid",
        "t_end",
        "times",
        "denoise",
        "clip",
        "threshold",
    ],
    evaluations: |settings| {
        let predictions = usize::from(settings.predictor != Predictor::None);
        predictions
            + match settings.corrector {
                Corrector::Langevin | Corrector::Ald => settings.corrector_steps,
                // The moves at one level are one chain: the score where it starts is one more.
                Corrector::Hmc => settings.corrector_steps * leaps(settings) + 1,
                Corrector::None => 0,
            }
    },
    defaults: |plan| {
        let settings = &mut plan.settings;
        if settings.corrector == Corrector::Hmc {
            plan.jitter = if settings.leapfrog_steps.is_none() { JITTER } else { 0.0 };
            settings.leapfrog_steps = Some(leaps(settings));
        }
    },
    couples: |settings| settings.norms == Norms::Batch && settings.corrector == Corrector::Langevin,
    method: |plan| Ok(Method::of(PredictorCorrector::new(plan)?)),
    ..EULER_MARUYAMA
};

/// α² + σ², the variance of x for data of unit variance: the largest ε.
fn widest(level: &Level) -> f64 {
    level.alpha * level.alpha + level.sigma * level.sigma
}

/// Leaps of a move of the corrector `hmc`: those asked for, or a quarter turn's, since a leap is 2√α·snr·σ and α near 1.
fn leaps(settings: &Settings) -> usize {
    settings.leapfrog_steps.unwrap_or_else(|| quarter_turn(2.0 * settings.snr))
}

/// A norm σ‖s‖ below this counts as this, so that the quotient stays finite in f32.
const VANISHED: f64 = 1e-10;

/// Any pairing of a predictor and a corrector.
struct PredictorCorrector {
    predictor: Predictor,
    corrector: Corrector,
    /// Corrector steps per level: 0 without a corrector.
    corrections: usize,
    snr: f64,
    leaps: usize,
    jitter: f64,
    order: PcOrder,
    norms: Norms,
}

impl PredictorCorrector {
    /// # Errors
    /// For a pairing that does nothing.
    fn new(plan: &Plan) -> Result<Self> {
        let settings = &plan.settings;
        if settings.predictor == Predictor::None && settings.corrector == Corrector::None {
            return Err(Error::setting("corrector", "none", "langevin, ald or hmc where the predictor is none"));
        }
        let corrections = match settings.corrector {
            Corrector::Langevin | Corrector::Ald | Corrector::Hmc => settings.corrector_steps,
            Corrector::None => 0,
        };
        let Settings { predictor, corrector, snr, pc_order: order, norms, .. } = *settings;
        let (leaps, jitter) = (leaps(settings), plan.jitter);
        Ok(Self { predictor, corrector, corrections, snr, leaps, jitter, order, norms })
    }

    fn predictor_only(predictor: Predictor) -> Self {
        let (order, norms) = (PcOrder::Paper, Norms::Sample);
        Self { predictor, corrector: Corrector::None, corrections: 0, snr: 0.0, leaps: 0, jitter: 0.0, order, norms }
    }
}

impl Update for PredictorCorrector {
    fn update(&mut self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Tensor<2> {
        match self.order {
            PcOrder::Paper => {
                let x = self.predict(x, state, score);
                self.correct(x, state.index + 1, state, score)
            }
            PcOrder::ScoreSde => {
                let x = self.correct(x, state.index, state, score);
                self.predict(x, state, score)
            }
        }
    }
}

impl PredictorCorrector {
    fn predict(&self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Tensor<2> {
        let (from, to) = (state.from(), state.to());
        // The coefficients of x and of the score, and the variance of the noise.
        let (scale, drift, variance) = match self.predictor {
            Predictor::ReverseDiffusion => {
                let step = state.process.transition(to.t, from.t);
                (2.0 - step.scale, step.variance, step.variance)
            }
            Predictor::EulerMaruyama => {
                let diffusion2 = state.process.diffusion2_integral(to.t, from.t);
                (1.0 - state.process.drift_integral(to.t, from.t), diffusion2, diffusion2)
            }
            Predictor::Ancestral => {
                let step = state.process.transition(to.t, from.t);
                let variance = match state.process {
                    Process::Ve(_) | Process::Edm(_) | Process::Smld(_) => {
                        step.variance * (to.sigma / from.sigma).powi(2)
                    }
                    _ if to.sigma == 0.0 => 0.0,
                    _ => step.variance,
                };
                (1.0 / step.scale, step.variance / step.scale, variance)
            }
            Predictor::Euler => {
                let (scale, slope) = euler_heun::line(&from, &to);
                (scale, -slope * from.sigma, 0.0)
            }
            Predictor::None => return x,
        };
        let s = state.evaluate(&x, from, score);
        let mean = term(&x) * scale + term(&s) * drift;
        let next = state.noisy(mean, variance.max(0.0).sqrt(), &x, Purpose::Predictor, state.index as u64);
        state.project(next, &to)
    }

    /// Corrects at time `i` of the grid.
    fn correct(&self, mut x: Tensor<2>, i: usize, state: &mut State, score: &dyn Score) -> Tensor<2> {
        let level = state.process.level(state.time(i));
        let alpha = state.process.transition(state.time(i + 1), level.t).scale.powi(2);
        // The moves at one level are one chain.
        let mut chain = Chain::default();
        for j in 0..self.corrections {
            let draw = (state.index * self.corrections + j) as u64;
            if self.corrector == Corrector::Hmc {
                let step = 2.0 * alpha.sqrt() * self.snr * level.sigma;
                let trajectory =
                    Trajectory { step, leaps: self.leaps, jitter: self.jitter, momentum: Purpose::Momentum };
                x = chain.advance(x, level, trajectory, draw, state, score);
                continue;
            }
            let s = state.evaluate(&x, level, score);
            if self.corrector == Corrector::Ald || self.norms == Norms::Expected {
                let step = 2.0 * alpha * (self.snr * level.sigma).powi(2);
                let most = if self.corrector == Corrector::Ald { f64::INFINITY } else { widest(&level) };
                let step = step.min(most);
                x = state.noisy(term(&x) + term(&s) * step, (2.0 * step).sqrt(), &x, Purpose::Corrector, draw);
            } else {
                let z = state.normal(&x, Purpose::Corrector, draw);
                x = self.langevin(&x, &s, &z, alpha, &level);
            }
            x = state.project(x, &level);
        }
        x
    }

    /// x + ε·s + √(2ε)·z with ε = 2α(snr·‖z‖/‖s‖)²: two passes, one for the norms.
    fn langevin(&self, x: &Tensor<2>, s: &Tensor<2>, z: &Tensor<2>, alpha: f64, level: &Level) -> Tensor<2> {
        // The score is scaled by σ before it is squared: at σ = 1e-6 its norm would leave f32.
        let norms = squared_norms(s, z, [level.sigma, 1.0]);
        let rule = StepRule {
            factor: 2.0 * alpha * (self.snr * level.sigma).powi(2),
            most: widest(level),
            least: VANISHED,
            batch: self.norms == Norms::Batch,
        };
        vectors::langevin(x, s, z, &norms, rule)
    }
}
