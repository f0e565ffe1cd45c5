//! A place on the forward process.

/// Where on the forward process xₜ = α·x₀ + σ·ε a score is evaluated. Host scalars, in f64.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Time, from 0 (data) to 1 (noise).
    pub t: f64,
    /// Scale α(t) of the data.
    pub alpha: f64,
    /// Standard deviation σ(t) of the noise.
    pub sigma: f64,
}

impl Level {
    /// σ/α, the noise level of x/α: the one number that a process-independent denoiser needs.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.sigma / self.alpha
    }

    /// Signal-to-noise ratio α²/σ².
    #[must_use]
    pub fn snr(&self) -> f64 {
        self.ratio().powi(-2)
    }
}
