//! Forward processes: affine Gaussian, xₜ = α(t)·x₀ + σ(t)·ε with t from 0 (data) to 1 (noise).
//!
//! They solve dx = f(t)·x dt + g(t) dw with f = α′/α and g² = (σ²)′ − 2fσ² (Song et al. 2021,
//! <https://arxiv.org/abs/2011.13456>). Between any two times s < t the transition is exact:
//! xₜ | xₛ ~ N(a·xₛ, v) with a = αₜ/αₛ and v = σₜ² − a²σₛ², on any grid.

mod edm;
mod sub_vp;
mod ve;
mod vp;

use serde::{Deserialize, Serialize};

pub use self::{edm::Edm, sub_vp::SubVp, ve::Ve, vp::Vp};
use crate::{Error, score::Level};

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
            Self::None => (1.0, 0.0),
        };
        Level { t, alpha, sigma }
    }

    /// Drift coefficient f(t): the forward drift is f(t)·x.
    #[must_use]
    pub fn drift(&self, t: f64) -> f64 {
        match self {
            Self::Ve(_) | Self::Edm(_) | Self::None => 0.0,
            Self::Vp(p) => p.drift(t),
            Self::SubVp(p) => p.drift(t),
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
            Self::Ve(_) | Self::SubVp(_) | Self::None => to.sigma * to.sigma - scale * scale * from.sigma * from.sigma,
        };
        Transition { scale, variance: variance.max(0.0) }
    }

    /// ∫ g² du from `s` to `t`, s ≤ t: what Euler–Maruyama's noise adds up to over the step. Exact, so
    /// that the step stays bounded on any grid, where g(t)²·(t − s) does not.
    #[must_use]
    pub fn diffusion2_integral(&self, s: f64, t: f64) -> f64 {
        let integral = match self {
            Self::Ve(_) | Self::Edm(_) => self.transition(s, t).variance,
            Self::Vp(p) => 2.0 * (p.log_alpha(s) - p.log_alpha(t)),
            Self::SubVp(p) => p.diffusion2_integral(s, t),
            Self::None => 0.0,
        };
        integral.max(0.0)
    }

    /// ∫ f du = ln(αₜ/αₛ) from `s` to `t`.
    #[must_use]
    pub fn drift_integral(&self, s: f64, t: f64) -> f64 {
        match self {
            Self::Ve(_) | Self::Edm(_) | Self::None => 0.0,
            Self::Vp(p) => p.log_alpha(t) - p.log_alpha(s),
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
            Self::None => 0.0,
        };
        t.clamp(0.0, 1.0)
    }

    /// Standard deviation of the prior that sampling starts from: σ_max for VE and EDM, 1 for VP and sub-VP, and without a
    /// process.
    #[must_use]
    pub fn prior_std(&self) -> f64 {
        match self {
            Self::Ve(p) => p.sigma_max,
            Self::Edm(p) => p.sigma_max,
            Self::Vp(_) | Self::SubVp(_) | Self::None => 1.0,
        }
    }

    /// Where sampling stops: 1e-5 for VE, 1e-3 for VP and sub-VP, as in `score_sde`; σ_min/σ_max for EDM.
    #[must_use]
    pub fn default_t_end(&self) -> f64 {
        match self {
            Self::Ve(_) => 1e-5,
            Self::Vp(_) | Self::SubVp(_) => 1e-3,
            Self::Edm(p) => p.default_t_end(),
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
            Self::None => "none",
        }
    }

    /// # Errors
    /// When a parameter is not finite, not positive, the pair is out of order, or α or σ would leave
    /// the range of f32: σ_min ≥ 1e-6 and σ_max ≤ 1e6 for VE and EDM, β_max ≤ 100 (α(1) ≥ e⁻⁵⁰) for VP and sub-VP.
    pub fn validate(&self) -> Result<(), Error> {
        let (low, high, names, least, most) = match self {
            Self::Ve(Ve { sigma_min, sigma_max }) | Self::Edm(Edm { sigma_min, sigma_max }) => {
                (*sigma_min, *sigma_max, "process.sigma_min, process.sigma_max", 1e-6, 1e6)
            }
            Self::Vp(Vp { beta_min, beta_max }) | Self::SubVp(SubVp { beta_min, beta_max }) => {
                (*beta_min, *beta_max, "process.beta_min, process.beta_max", 1e-6, 100.0)
            }
            Self::None => return Ok(()),
        };
        // A NaN fails every comparison.
        if least <= low && low < high && high <= most {
            return Ok(());
        }
        Err(Error::setting(
            names,
            format!("{low}, {high}"),
            format!("two numbers, {least} ≤ the first < the second ≤ {most}"),
        ))
    }
    /// [`Process::validate`] for a network, which learns nothing where there is no noise.
    ///
    /// # Errors
    /// Those of [`Process::validate`], and for [`Process::None`].
    pub fn validate_noisy(&self) -> Result<(), Error> {
        if *self == Self::None {
            return Err(Error::setting(
                "process.kind",
                "none",
                "a process with noise, such as vp: this is a network's",
            ));
        }
        self.validate()
    }
}

#[cfg(test)]
mod tests;
