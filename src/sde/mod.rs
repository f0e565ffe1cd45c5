//! Forward processes: affine Gaussian, xₜ = α(t)·x₀ + σ(t)·ε with t from 0 (data) to 1 (noise).
//!
//! They solve dx = f(t)·x dt + g(t) dw with f = α′/α and g² = (σ²)′ − 2fσ² (Song et al. 2021,
//! <https://arxiv.org/abs/2011.13456>). Between any two times s < t the transition is exact:
//! xₜ | xₛ ~ N(a·xₛ, v) with a = αₜ/αₛ and v = σₜ² − a²σₛ², on any grid.
//!
//! DDPM and SMLD are given on a ladder of times i/M. In between, ln α (DDPM) and ln σ (SMLD) are linear in t.

mod ddpm;
mod edm;
mod ladder;
mod level;
mod smld;
mod sub_vp;
mod ve;
mod vp;

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

pub use self::{
    ddpm::{BetaSchedule, Ddpm},
    edm::Edm,
    level::Level,
    smld::Smld,
    sub_vp::SubVp,
    ve::Ve,
    vp::Vp,
};
use crate::Error;

/// What σ may be, so that it and its square stay in the range of f32.
const SIGMA_RANGE: RangeInclusive<f64> = 1e-6..=1e6;
/// −ln α at most, so that α² stays in the range of f32.
const MOST_LOG_ALPHA: f64 = 50.0;

/// A forward process, closed under a short list of names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Process {
    /// Variance exploding, with geometric σ.
    Ve(Ve),
    /// Variance preserving, with linear β.
    Vp(Vp),
    /// Sub-VP: VP's mean with a smaller variance.
    SubVp(SubVp),
    /// EDM's: variance exploding, with linear σ.
    Edm(Edm),
    /// DDPM's chain of N steps: VP on a ladder.
    Ddpm(Ddpm),
    /// SMLD's L noise levels: VE on a ladder.
    Smld(Smld),
    /// No process: the data's own density at every t. Only Langevin dynamics and Hamiltonian Monte Carlo run on it.
    None,
}

/// The exact Gaussian step xₜ | xₛ ~ N(a·xₛ, v) from an earlier time s to a later time t.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transition {
    /// a = αₜ/αₛ.
    pub scale: f64,
    /// v = σₜ² − a²σₛ².
    pub variance: f64,
}

impl Default for Process {
    fn default() -> Self {
        Self::Vp(Vp::default())
    }
}

impl Process {
    /// α(t) and σ(t).
    #[must_use]
    pub fn level(&self, t: f64) -> Level {
        let (alpha, sigma) = match self {
            Self::Ve(p) => p.marginal(t),
            Self::Vp(p) => p.marginal(t),
            Self::SubVp(p) => p.marginal(t),
            Self::Edm(p) => p.marginal(t),
            Self::Ddpm(p) => p.marginal(t),
            Self::Smld(p) => p.marginal(t),
            Self::None => (1.0, 0.0),
        };
        Level { t, alpha, sigma }
    }

    /// Drift coefficient f(t): the forward drift is f(t)·x.
    #[must_use]
    pub fn drift(&self, t: f64) -> f64 {
        match self {
            Self::Ve(_) | Self::Edm(_) | Self::Smld(_) | Self::None => 0.0,
            Self::Vp(p) => p.drift(t),
            Self::SubVp(p) => p.drift(t),
            Self::Ddpm(p) => p.drift(t),
        }
    }

    /// Squared diffusion coefficient g(t)².
    #[must_use]
    pub fn diffusion2(&self, t: f64) -> f64 {
        match self {
            Self::Ve(p) => p.diffusion2(t),
            Self::Vp(p) => p.diffusion2(t),
            Self::SubVp(p) => p.diffusion2(t),
            Self::Edm(p) => p.diffusion2(t),
            Self::Ddpm(p) => p.diffusion2(t),
            Self::Smld(p) => p.diffusion2(t),
            Self::None => 0.0,
        }
    }

    /// The exact transition from `s` to `t`, s ≤ t.
    #[must_use]
    pub fn transition(&self, s: f64, t: f64) -> Transition {
        let (from, to) = (self.level(s), self.level(t));
        let scale = to.alpha / from.alpha;
        let variance = match self {
            // 1 − a², without the cancellation of 1 − αₜ² − a²(1 − αₛ²).
            Self::Vp(p) => -libm::expm1(2.0 * (p.log_alpha(t) - p.log_alpha(s))),
            Self::Edm(p) => p.added_variance(s, t),
            Self::Ddpm(p) => -libm::expm1(2.0 * (p.log_alpha(t) - p.log_alpha(s))),
            Self::Smld(p) => -to.sigma * to.sigma * libm::expm1(2.0 * (p.log_sigma(s) - p.log_sigma(t))),
            Self::Ve(_) | Self::SubVp(_) | Self::None => to.sigma * to.sigma - scale * scale * from.sigma * from.sigma,
        };
        Transition { scale, variance: variance.max(0.0) }
    }

    /// ∫ g² du from `s` to `t`, s ≤ t: what Euler–Maruyama's noise adds up to over the step. Exact, so
    /// that the step stays bounded on any grid, where g(t)²·(t − s) does not.
    #[must_use]
    pub fn diffusion2_integral(&self, s: f64, t: f64) -> f64 {
        let integral = match self {
            Self::Ve(_) | Self::Edm(_) | Self::Smld(_) => self.transition(s, t).variance,
            Self::Vp(p) => 2.0 * (p.log_alpha(s) - p.log_alpha(t)),
            Self::Ddpm(p) => 2.0 * (p.log_alpha(s) - p.log_alpha(t)),
            Self::SubVp(p) => p.diffusion2_integral(s, t),
            Self::None => 0.0,
        };
        integral.max(0.0)
    }

    /// ∫ f du = ln(αₜ/αₛ) from `s` to `t`.
    #[must_use]
    pub fn drift_integral(&self, s: f64, t: f64) -> f64 {
        match self {
            Self::Ve(_) | Self::Edm(_) | Self::Smld(_) | Self::None => 0.0,
            Self::Vp(p) => p.log_alpha(t) - p.log_alpha(s),
            Self::Ddpm(p) => p.log_alpha(t) - p.log_alpha(s),
            Self::SubVp(p) => p.drift_integral(s, t),
        }
    }

    /// The time whose σ/α is `ratio`, by closed form where there is one: the inverse of
    /// [`Level::ratio`]. Clamped to [0, 1].
    #[must_use]
    pub fn time_of_ratio(&self, ratio: f64) -> f64 {
        let t = match self {
            Self::Ve(p) => p.time_of_sigma(ratio),
            Self::Vp(p) => p.time_of_ratio(ratio),
            Self::SubVp(p) => p.time_of_ratio(ratio),
            Self::Edm(p) => p.time_of_sigma(ratio),
            Self::Ddpm(p) => p.time_of_ratio(ratio),
            Self::Smld(p) => p.time_of_sigma(ratio),
            Self::None => 0.0,
        };
        t.clamp(0.0, 1.0)
    }

    /// Standard deviation of the prior that sampling starts from: σ_max for VE, EDM and SMLD, 1 for VP, sub-VP and DDPM,
    /// and without a process.
    #[must_use]
    pub fn prior_std(&self) -> f64 {
        match self {
            Self::Ve(p) => p.sigma_max,
            Self::Edm(p) => p.sigma_max,
            Self::Smld(p) => p.marginal(1.0).1,
            Self::Vp(_) | Self::SubVp(_) | Self::Ddpm(_) | Self::None => 1.0,
        }
    }

    /// The prior's standard deviation at `t`, for a sampler whose first time is below 1: σ(t) where α = 1.
    #[must_use]
    pub fn prior_std_at(&self, t: f64) -> f64 {
        match self {
            Self::Ve(_) | Self::Edm(_) | Self::Smld(_) if t < 1.0 => self.level(t).sigma,
            _ => self.prior_std(),
        }
    }

    /// M of a process on a ladder, whose times are i/M, i = 0 … M: N for DDPM, L − 1 for SMLD.
    #[must_use]
    pub fn ladder(&self) -> Option<usize> {
        match self {
            Self::Ddpm(p) => Some(p.steps()),
            Self::Smld(p) => Some(p.levels() - 1),
            Self::Ve(_) | Self::Vp(_) | Self::SubVp(_) | Self::Edm(_) | Self::None => None,
        }
    }

    /// Where sampling stops: 1e-5 for VE, 1e-3 for VP and sub-VP, as in `score_sde`; σ_min/σ_max for EDM; 1/N for
    /// DDPM, its least noise; 0 for SMLD, where the noise is σ_min.
    #[must_use]
    pub fn default_t_end(&self) -> f64 {
        match self {
            Self::Ve(_) => 1e-5,
            Self::Vp(_) | Self::SubVp(_) => 1e-3,
            Self::Edm(p) => p.default_t_end(),
            // A chain of one step has no time but 1 and 0.
            Self::Ddpm(p) => (1.0 / p.steps() as f64).min(0.5),
            Self::Smld(_) => 0.0,
            Self::None => 0.0,
        }
    }

    /// The name that the command line and the manifest use.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ve(_) => "ve",
            Self::Vp(_) => "vp",
            Self::SubVp(_) => "sub-vp",
            Self::Edm(_) => "edm",
            Self::Ddpm(_) => "ddpm",
            Self::Smld(_) => "smld",
            Self::None => "none",
        }
    }

    /// # Errors
    /// When a parameter is not finite, not positive, the pair is out of order, or α or σ would leave
    /// the range of f32: σ_min ≥ 1e-6 and σ_max ≤ 1e6 for VE and EDM, β_max ≤ 100 (α(1) ≥ e⁻⁵⁰) for VP and sub-VP. DDPM
    /// and SMLD were checked when they were made.
    pub fn validate(&self) -> Result<(), Error> {
        match self {
            Self::Ve(Ve { sigma_min, sigma_max }) | Self::Edm(Edm { sigma_min, sigma_max }) => {
                check_pair("process.sigma_min, process.sigma_max", *sigma_min, *sigma_max, SIGMA_RANGE)
            }
            Self::Vp(Vp { beta_min, beta_max }) | Self::SubVp(SubVp { beta_min, beta_max }) => {
                let range = 1e-6..=2.0 * MOST_LOG_ALPHA;
                check_pair("process.beta_min, process.beta_max", *beta_min, *beta_max, range)
            }
            Self::Ddpm(_) | Self::Smld(_) | Self::None => Ok(()),
        }
    }
}

/// Checks that `low` < `high`, both within `range`.
fn check_pair(names: &str, low: f64, high: f64, range: RangeInclusive<f64>) -> Result<(), Error> {
    let (least, most) = range.into_inner();
    // A NaN fails every comparison.
    if least <= low && low < high && high <= most {
        return Ok(());
    }
    let expected = format!("two numbers, {least} ≤ the first < the second ≤ {most}");
    Err(Error::setting(names, format!("{low}, {high}"), expected))
}

#[cfg(test)]
pub(crate) mod tests;
