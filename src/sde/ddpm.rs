//! DDPM's Markov chain (Ho, Jain & Abbeel 2020, <https://arxiv.org/abs/2006.11239>) on its ladder t = i/N:
//!
//! xᵢ = √(1 − βᵢ)·xᵢ₋₁ + √βᵢ·z, so that αᵢ² = ᾱᵢ = Π_{j ≤ i} (1 − βⱼ) and σᵢ² = 1 − ᾱᵢ, i = 1 … N; ᾱ₀ = 1.
//!
//! - linear: βᵢ even from `beta_start` to `beta_end`;
//! - cosine (Nichol & Dhariwal 2021, <https://arxiv.org/abs/2102.09672>, eq. 17): βᵢ = 1 − f(i)/f(i − 1), 0.999 at most,
//!   with f(i) = cos²(½π·(i/N + 0.008)/1.008).
//!
//! Between the points ln α is linear in t: VP with a β(t) that is constant from point to point, −N·ln(1 − βᵢ). The
//! chain at its points is that process exactly, and every solver of continuous time runs on it.

use serde::{Deserialize, Serialize};

use super::{MOST_LOG_ALPHA, ladder::Ladder};
use crate::{Error, Result};

/// The most points of a ladder, and of DDPM's steps.
pub(super) const MOST_POINTS: usize = 100_000;
/// The least β: below it a step would vanish in f32's σ².
const LEAST_BETA: f64 = 1e-8;
/// The cosine schedule's bound, without which its last β is 1.
const MOST_COSINE_BETA: f64 = 0.999;
/// The cosine schedule's offset s, which keeps β₁ from vanishing.
const OFFSET: f64 = 0.008;

/// How β goes from step to step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BetaSchedule {
    /// Even from `beta_start` to `beta_end` (Ho et al. 2020).
    #[default]
    Linear,
    /// Such that ᾱ is nearly a squared cosine (Nichol & Dhariwal 2021); it takes no β.
    Cosine,
}

/// What a file says of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    steps: usize,
    beta_start: f64,
    beta_end: f64,
    schedule: BetaSchedule,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { steps: 1000, beta_start: 1e-4, beta_end: 0.02, schedule: BetaSchedule::Linear }
    }
}

/// DDPM's chain of N steps. The default is Ho et al.'s: N = 1000, linear from 1e-4 to 0.02.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parameters", into = "Parameters")]
pub struct Ddpm {
    parameters: Parameters,
    /// −ln α, from 0 at t = 0.
    log_alpha: Ladder,
}

impl Default for Ddpm {
    fn default() -> Self {
        Parameters::default().try_into().expect("the published parameters are legal")
    }
}

impl From<Ddpm> for Parameters {
    fn from(ddpm: Ddpm) -> Self {
        ddpm.parameters
    }
}

impl TryFrom<Parameters> for Ddpm {
    type Error = Error;

    fn try_from(parameters: Parameters) -> Result<Self> {
        let Parameters { steps, beta_start, beta_end, schedule } = parameters;
        if !(1..=MOST_POINTS).contains(&steps) {
            return Err(Error::setting("process.steps", steps, format!("1 to {MOST_POINTS}")));
        }
        // A NaN fails every comparison.
        if !(LEAST_BETA <= beta_start && beta_start <= beta_end && beta_end < 1.0) {
            return Err(Error::setting(
                "process.beta_start, process.beta_end",
                format!("{beta_start}, {beta_end}"),
                format!("two numbers, {LEAST_BETA} ≤ the first ≤ the second < 1"),
            ));
        }
        let mut values = Vec::with_capacity(steps + 1);
        values.push(0.0);
        let mut sum = 0.0;
        for i in 1..=steps {
            sum -= 0.5 * libm::log1p(-parameters.beta(i));
            values.push(sum);
        }
        if sum > MOST_LOG_ALPHA {
            return Err(Error::setting(
                "process.beta_start, process.beta_end",
                format!("{beta_start}, {beta_end} in {steps} steps of the {schedule:?} schedule"),
                format!("smaller numbers or fewer steps: α at the last is e^−{sum:.0}, below e^−{MOST_LOG_ALPHA}"),
            ));
        }
        Ok(Self { parameters, log_alpha: Ladder::new(values) })
    }
}

impl Parameters {
    /// βᵢ, i = 1 … N.
    fn beta(&self, i: usize) -> f64 {
        match self.schedule {
            BetaSchedule::Linear => {
                let u = (i - 1) as f64 / (self.steps - 1).max(1) as f64;
                self.beta_start + u * (self.beta_end - self.beta_start)
            }
            BetaSchedule::Cosine => {
                let angle = |i: usize| (i as f64 / self.steps as f64 + OFFSET) / (1.0 + OFFSET);
                let root = |i: usize| libm::cos(std::f64::consts::FRAC_PI_2 * angle(i));
                (1.0 - (root(i) / root(i - 1)).powi(2)).min(MOST_COSINE_BETA)
            }
        }
    }
}

impl Ddpm {
    /// The chain of `steps` steps; `beta_start` and `beta_end` are the linear schedule's.
    ///
    /// # Errors
    /// For no steps or more than 100,000, a β that is not from 1e-8 to below 1, a `beta_end` below `beta_start`, and
    /// where α at the last step would leave the range of f32.
    pub fn new(steps: usize, beta_start: f64, beta_end: f64, schedule: BetaSchedule) -> Result<Self> {
        Parameters { steps, beta_start, beta_end, schedule }.try_into()
    }

    /// N.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.parameters.steps
    }

    pub(super) fn log_alpha(&self, t: f64) -> f64 {
        -self.log_alpha.at(t)
    }

    pub(super) fn marginal(&self, t: f64) -> (f64, f64) {
        let log_alpha = self.log_alpha(t);
        (libm::exp(log_alpha), libm::sqrt(-libm::expm1(2.0 * log_alpha)))
    }

    pub(super) fn drift(&self, t: f64) -> f64 {
        -self.log_alpha.slope(t)
    }

    pub(super) fn diffusion2(&self, t: f64) -> f64 {
        2.0 * self.log_alpha.slope(t)
    }

    pub(super) fn time_of_ratio(&self, ratio: f64) -> f64 {
        // σ²/α² = 1/α² − 1.
        self.log_alpha.inverse(0.5 * libm::log1p(ratio * ratio))
    }
}
