//! EDM: VE in the time of Karras et al. 2022 (<https://arxiv.org/abs/2206.00364>), where σ is linear. Their time runs from
//! 0 to σ_max, ours to 1: σ(t) = t·σ_max, α = 1, f = 0 and g² = 2t·σ_max².
//!
//! σ_min is where sampling stops by default, at t = σ_min/σ_max; the process itself begins without noise.

use serde::{Deserialize, Serialize};

/// Variance exploding, with linear σ.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Edm {
    /// σ where sampling stops by default.
    pub sigma_min: f64,
    /// σ at t = 1.
    pub sigma_max: f64,
}

impl Default for Edm {
    fn default() -> Self {
        Self { sigma_min: 0.002, sigma_max: 80.0 }
    }
}

impl Edm {
    pub(super) fn marginal(&self, t: f64) -> (f64, f64) {
        (1.0, t * self.sigma_max)
    }

    pub(super) fn diffusion2(&self, t: f64) -> f64 {
        2.0 * t * self.sigma_max * self.sigma_max
    }

    /// σₜ² − σₛ², without its cancellation.
    pub(super) fn added_variance(&self, s: f64, t: f64) -> f64 {
        (t - s) * (t + s) * self.sigma_max * self.sigma_max
    }

    pub(super) fn time_of_sigma(&self, sigma: f64) -> f64 {
        sigma / self.sigma_max
    }

    pub(super) fn default_t_end(&self) -> f64 {
        self.time_of_sigma(self.sigma_min)
    }
}
