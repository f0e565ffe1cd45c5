//! How noise levels are drawn: uniformly in t, log-normally in σ/α (Karras et al. 2022, section 5), clamped to the
//! process's own range, or where likelihood weighting has its weight (Song et al. 2021,
//! <https://arxiv.org/abs/2101.09258>, section 4.2): with a density of t that is proportional to g²/σ².
//!
//! Since g² = α²·(σ²/α²)′ for every affine process, g²/σ² = 2·(ln σ/α)′: that density has ln σ/α uniform between its
//! ends, whatever the process, and its integral is Z = 2·ln(ratio(1)/ratio(t_min)).

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    noise::{Noise, Purpose},
    sde::{Level, Process},
};

/// How training times are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Times {
    /// t uniform on [t_min, 1].
    Uniform {
        /// The smallest time.
        t_min: f64,
    },
    /// ln(σ/α) ~ N(mean, std²).
    LogNormal {
        /// Mean of ln(σ/α).
        mean: f64,
        /// Standard deviation of ln(σ/α).
        std: f64,
    },
    /// t on [t_min, 1] with a density proportional to g²/σ²: ln σ/α uniform.
    Importance {
        /// The smallest time.
        t_min: f64,
    },
}

impl Default for Times {
    fn default() -> Self {
        Self::LogNormal { mean: -1.2, std: 1.2 }
    }
}

impl Times {
    /// # Errors
    /// When a number is out of its range.
    pub fn validate(&self) -> Result<()> {
        match *self {
            Self::Uniform { t_min } | Self::Importance { t_min } if !(t_min > 0.0 && t_min < 1.0) => {
                Err(Error::setting("objective.times.t_min", t_min, "a number in (0, 1), such as 1e-5"))
            }
            Self::LogNormal { mean, std } if !(mean.is_finite() && std > 0.0 && std.is_finite()) => {
                Err(Error::setting(
                    "objective.times",
                    format!("mean {mean}, std {std}"),
                    "a finite mean and a positive std",
                ))
            }
            Self::Uniform { .. } | Self::LogNormal { .. } | Self::Importance { .. } => Ok(()),
        }
    }

    /// σ/α of one row.
    #[must_use]
    pub fn ratio(&self, process: &Process, noise: &Noise, step: u64, row: u64) -> f64 {
        match *self {
            Self::Uniform { .. } => self.level(process, noise, step, row).ratio(),
            Self::LogNormal { mean, std } => {
                let mut z = [0.0];
                noise.fill_normal(row, Purpose::Time, step, &mut z);
                let ratio = libm::exp(mean + std * f64::from(z[0]));
                let bounds = (process.level(1e-5).ratio(), process.level(1.0).ratio());
                ratio.clamp(bounds.0, bounds.1)
            }
            Self::Importance { t_min } => {
                let mut u = [0.0];
                noise.fill_uniform(row, Purpose::Time, step, &mut u);
                let first = libm::log(process.level(t_min).ratio());
                libm::exp(first + u[0] * log_range(process, t_min))
            }
        }
    }

    /// The level of one row.
    #[must_use]
    pub fn level(&self, process: &Process, noise: &Noise, step: u64, row: u64) -> Level {
        match *self {
            Self::Uniform { t_min } => {
                let mut u = [0.0];
                noise.fill_uniform(row, Purpose::Time, step, &mut u);
                process.level(t_min + (1.0 - t_min) * u[0])
            }
            Self::LogNormal { .. } | Self::Importance { .. } => {
                process.level(process.time_of_ratio(self.ratio(process, noise, step, row)))
            }
        }
    }

    /// What a term at `level` is multiplied by, so that the expectation is that over uniform t: the quotient of the two
    /// densities. It is 1 of log-normal times, too, whose density is part of the loss.
    #[must_use]
    pub fn correction(&self, process: &Process, level: &Level) -> f64 {
        match *self {
            Self::Uniform { .. } | Self::LogNormal { .. } => 1.0,
            Self::Importance { t_min } => {
                let density =
                    process.diffusion2(level.t) / (level.sigma * level.sigma) / (2.0 * log_range(process, t_min));
                1.0 / ((1.0 - t_min) * density)
            }
        }
    }
}

/// ln(ratio(1)/ratio(t_min)): half of the integral of g²/σ².
fn log_range(process: &Process, t_min: f64) -> f64 {
    libm::log(process.level(1.0).ratio() / process.level(t_min).ratio())
}
