//! Sub-VP: VP's drift with g² = β(t)(1 − exp(−2∫β)), so that σ = 1 − α² (Song et al. 2021, eq. 29).

use serde::{Deserialize, Serialize};

use super::Vp;

/// Sub-VP: VP's mean with a smaller variance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubVp {
    /// β at t = 0.
    pub beta_min: f64,
    /// β at t = 1.
    pub beta_max: f64,
}

impl Default for SubVp {
    fn default() -> Self {
        let Vp { beta_min, beta_max } = Vp::default();
        Self { beta_min, beta_max }
    }
}

impl SubVp {
    fn vp(self) -> Vp {
        Vp { beta_min: self.beta_min, beta_max: self.beta_max }
    }

    pub(super) fn marginal(self, t: f64) -> (f64, f64) {
        let log_alpha = self.vp().log_alpha(t);
        (libm::exp(log_alpha), -libm::expm1(2.0 * log_alpha))
    }

    pub(super) fn drift(self, t: f64) -> f64 {
        self.vp().drift(t)
    }

    pub(super) fn diffusion2(self, t: f64) -> f64 {
        -self.vp().diffusion2(t) * libm::expm1(4.0 * self.vp().log_alpha(t))
    }

    pub(super) fn drift_integral(self, s: f64, t: f64) -> f64 {
        self.vp().log_alpha(t) - self.vp().log_alpha(s)
    }

    pub(super) fn diffusion2_integral(self, s: f64, t: f64) -> f64 {
        // ∫β(1 − e^(−2B)) = ΔB − ½αₛ⁴(1 − e^(−2ΔB)), with B = −2 log α.
        let delta = -2.0 * self.drift_integral(s, t);
        delta + 0.5 * libm::exp(4.0 * self.vp().log_alpha(s)) * libm::expm1(-2.0 * delta)
    }

    pub(super) fn time_of_ratio(self, ratio: f64) -> f64 {
        // (1 − α²)/α = r, so α = (√(r² + 4) − r)/2, and −2 log α = 2 asinh(r/2).
        self.vp().time_of_integral(2.0 * libm::asinh(0.5 * ratio))
    }
}
