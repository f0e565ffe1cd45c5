//! What a network is given at one noise level, and how its answer is read.

use serde::{Deserialize, Serialize};

use crate::sde::Level;

/// At one level F sees input·x and `c_noise`, and the score is skip·x + out·F.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficients {
    /// Of x, before F.
    pub input: f64,
    /// The noise level as F is told it.
    pub c_noise: f64,
    /// Of x, in the score.
    pub skip: f64,
    /// Of F, in the score.
    pub out: f64,
}

/// What a network is told of the noise level: its c_noise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conditioning {
    /// ¼ ln(σ/α), EDM's, for Fourier features.
    #[default]
    LogRatio,
    /// 999·t, `score_sde`'s of VP and sub-VP, for sinusoidal features.
    Time,
}

impl Conditioning {
    /// c_noise at `level`.
    #[must_use]
    pub fn c_noise(self, level: &Level) -> f64 {
        match self {
            Self::LogRatio => 0.25 * libm::log(level.ratio()),
            Self::Time => 999.0 * level.t,
        }
    }
}
