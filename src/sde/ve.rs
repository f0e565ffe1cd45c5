//! VE: dx = g(t) dw with σ(t) = σ_min(σ_max/σ_min)ᵗ, the continuous limit of SMLD.
//!
//! α = 1 and g² = 2σ² ln(σ_max/σ_min) (Song et al. 2021, appendix C). At t = 0 the noise is σ_min.

use serde::{Deserialize, Serialize};

/// Variance exploding, with geometric σ.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ve {
    /// σ at t = 0.
    pub sigma_min: f64,
    /// σ at t = 1.
    pub sigma_max: f64,
}

impl Default for Ve {
    fn default() -> Self {
        Self { sigma_min: 0.01, sigma_max: 50.0 }
    }
}

impl Ve {
    fn log_ratio(&self) -> f64 {
        libm::log(self.sigma_max / self.sigma_min)
    }

    pub(super) fn marginal(&self, t: f64) -> (f64, f64) {
        (1.0, self.sigma_min * libm::exp(t * self.log_ratio()))
    }

    pub(super) fn diffusion2(&self, t: f64) -> f64 {
        let (_, sigma) = self.marginal(t);
        2.0 * sigma * sigma * self.log_ratio()
    }

    pub(super) fn time_of_sigma(&self, sigma: f64) -> f64 {
        libm::log(sigma / self.sigma_min) / self.log_ratio()
    }
}
