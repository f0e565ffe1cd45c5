//! VP: dx = −½β(t)x dt + √β(t) dw with β(t) = β_min + t(β_max − β_min), the continuous limit of DDPM.
//!
//! log α(t) = −¼t²(β_max − β_min) − ½tβ_min and σ² = 1 − α² (Song et al. 2021, appendix B).

use serde::{Deserialize, Serialize};

/// Variance preserving, with linear β.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vp {
    /// β at t = 0.
    pub beta_min: f64,
    /// β at t = 1.
    pub beta_max: f64,
}

impl Default for Vp {
    fn default() -> Self {
        Self { beta_min: 0.1, beta_max: 20.0 }
    }
}

impl Vp {
    pub(super) fn log_alpha(&self, t: f64) -> f64 {
        -0.25 * t * t * (self.beta_max - self.beta_min) - 0.5 * t * self.beta_min
    }

    pub(super) fn marginal(&self, t: f64) -> (f64, f64) {
        let log_alpha = self.log_alpha(t);
        (libm::exp(log_alpha), libm::sqrt(-libm::expm1(2.0 * log_alpha)))
    }

    pub(super) fn drift(&self, t: f64) -> f64 {
        -0.5 * self.diffusion2(t)
    }

    pub(super) fn diffusion2(&self, t: f64) -> f64 {
        self.beta_min + t * (self.beta_max - self.beta_min)
    }

    /// Solves −2·log α(t) = `integral`, the integral of β from 0 to t.
    pub(super) fn time_of_integral(&self, integral: f64) -> f64 {
        // The stable root of ½(β_max − β_min)t² + β_min·t − integral.
        let delta = self.beta_max - self.beta_min;
        2.0 * integral / (self.beta_min + libm::sqrt(self.beta_min * self.beta_min + 2.0 * delta * integral))
    }

    pub(super) fn time_of_ratio(&self, ratio: f64) -> f64 {
        // σ²/α² = 1/α² − 1.
        self.time_of_integral(libm::log1p(ratio * ratio))
    }
}
