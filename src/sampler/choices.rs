//! The names that settings choose from, beside the samplers: predictors, correctors, conventions.

use serde::{Deserialize, Serialize};

/// The predictor of `pc`: a step of the reverse process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Predictor {
    /// The forward process's own discretisation, reversed.
    #[default]
    ReverseDiffusion,
    /// Euler–Maruyama on the reverse SDE.
    EulerMaruyama,
    /// DDPM's and SMLD's chains backwards.
    Ancestral,
    /// Euler on the probability flow (DDIM).
    Euler,
    /// No predictor: correctors only.
    None,
}

/// The corrector of `pc`: Langevin dynamics at one noise level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Corrector {
    /// Langevin steps, sized by the signal-to-noise ratio --snr.
    #[default]
    Langevin,
    /// Langevin steps of 2α(snr·σ)², whatever the score (annealed Langevin dynamics, as in the paper's code).
    Ald,
    /// Hamiltonian Monte Carlo moves of --leapfrog-steps; accepted or rejected where there is a log-density.
    Hmc,
    /// No corrector.
    None,
}

/// Which comes first in a step of `pc`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum PcOrder {
    /// Predict, then correct at the new level (the paper's algorithm 1).
    #[default]
    Paper,
    /// Correct at the old level, then predict (the paper's code).
    ScoreSde,
}

/// Over what the corrector's step rule takes its norms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Norms {
    /// Those expected, √d of noise and √d/σ of the score: right in any number of dimensions.
    #[default]
    Expected,
    /// Each sample's own: only for samples of some hundred dimensions or more.
    Sample,
    /// Means over the batch, as in score_sde; samples then depend on those drawn with them.
    Batch,
}

/// What Langevin dynamics calls its step size ε. The stationary density is the same, but for the bias of a finite ε.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Convention {
    /// x + (ε/2)·s + √ε·z: NCSN's paper.
    Half,
    /// x + ε·s + √(2ε)·z: NCSN's code, NCSNv2.
    #[default]
    Full,
    /// x + (ε²/2)·s + ε·z.
    Squared,
}

/// The variance of `ddpm`'s reverse step (Ho et al. 2020, section 3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Variance {
    /// The posterior's β̃, right for data that is a point.
    #[default]
    Small,
    /// β, right for data of unit variance.
    Large,
}
