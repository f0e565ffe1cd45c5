//! EDM's preconditioning (Karras et al. 2022, <https://arxiv.org/abs/2206.00364>, table 1), carried to any process
//! xₜ = α·x₀ + σ·ε.
//!
//! The network F sees x/√V, V = σ² + α²σ_d², which has unit variance where the data's standard deviation is
//! σ_d, and c_noise = ¼ ln(σ/α). EDM's denoiser D = c_skip·x/α + c_out·F then gives the score
//!
//! s(x, t) = −x/V + (α·σ_d)/(σ√V)·F,
//!
//! without the cancellation of (αD − x)/σ² at small σ. F's target has unit variance at every σ: see
//! [`crate::objective`]. Since F depends on x/√V and σ/α alone, one network serves any process.

use super::conditioning::{Coefficients, Conditioning};
use crate::sde::Level;

/// How F is asked at `level`, and what its answer means, for data of standard deviation `sigma_data`.
#[must_use]
pub fn edm(sigma_data: f64, level: &Level) -> Coefficients {
    let Level { alpha, sigma, .. } = *level;
    let variance = sigma * sigma + (alpha * sigma_data).powi(2);
    Coefficients {
        input: 1.0 / variance.sqrt(),
        c_noise: Conditioning::LogRatio.c_noise(level),
        skip: -1.0 / variance,
        out: alpha * sigma_data / (sigma * variance.sqrt()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Table 1's D = c_skip·x + c_out·F is Tweedie's (x + σ²s)/α, on EDM's own process, α = 1.
    #[test]
    fn it_is_table_1_of_edm() {
        for sigma in [0.002, 0.5, 80.0] {
            let d = 0.5;
            let Coefficients { input, c_noise, skip, out } = edm(d, &Level { t: 0.5, alpha: 1.0, sigma });
            let variance = sigma * sigma + d * d;
            let close = |ours: f64, table: f64| (ours - table).abs() <= 4.0 * f64::EPSILON * table.abs();
            // 1 + σ²·skip cancels to c_skip where σ is large: its rounding is that of 1.
            assert!((1.0 + sigma * sigma * skip - d * d / variance).abs() <= 4.0 * f64::EPSILON);
            assert!(close(sigma * sigma * out, sigma * d / variance.sqrt()) && close(input, 1.0 / variance.sqrt()));
            assert!(close(c_noise, sigma.ln() / 4.0));
        }
    }
}
