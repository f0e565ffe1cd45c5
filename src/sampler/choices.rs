//! The names that settings choose from: samplers, predictors, correctors, conventions.

use serde::{Deserialize, Serialize};

use crate::{schedule::Grid, sde::Process};

/// A sampler, by the name that it has everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum SamplerKind {
    /// Probability-flow ODE by Heun's method in σ/α (order 2).
    #[default]
    Heun,
    /// Probability-flow ODE by Euler's method in σ/α (order 1).
    Euler,
    /// Probability-flow ODE by the classical Runge–Kutta method in σ/α (order 4).
    Rk4,
    /// Probability-flow ODE by Dormand and Prince's adaptive pair, to --rtol and --atol.
    Ode,
    /// DDIM, from deterministic (--eta 0) to ancestral (--eta 1).
    Ddim,
    /// DPM-Solver, single-step, of the order --order.
    DpmSolver,
    /// DPM-Solver++ 2M: order 2 from the last two denoised estimates.
    #[serde(rename = "dpm++2m")]
    #[cfg_attr(not(target_family = "wasm"), value(name = "dpm++2m"))]
    Dpmpp2m,
    /// EDM's Heun with new noise before each step (--churn).
    Edm,
    /// Reverse SDE by Euler–Maruyama.
    EulerMaruyama,
    /// Reverse SDE by a stochastic Heun method (weak order 2).
    StochasticHeun,
    /// Reverse SDE discretised as the forward process is.
    ReverseDiffusion,
    /// DDPM's and SMLD's chains backwards.
    Ancestral,
    /// DPM-Solver++ 2M on the reverse SDE.
    #[serde(rename = "dpm++2m-sde")]
    #[cfg_attr(not(target_family = "wasm"), value(name = "dpm++2m-sde"))]
    Dpmpp2mSde,
    /// Predictor–corrector: --predictor and --corrector in any pairing.
    Pc,
    /// DDPM's discrete chain, on every level or on a stride.
    Ddpm,
    /// Unadjusted Langevin dynamics at --t-end.
    Ula,
    /// Metropolis-adjusted Langevin dynamics at --t-end.
    Mala,
    /// Hamiltonian Monte Carlo at --t-end.
    Hmc,
    /// Langevin dynamics over a ladder of noise levels.
    AnnealedLangevin,
}

impl SamplerKind {
    /// Every sampler.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &[
            Self::Heun,
            Self::Euler,
            Self::Rk4,
            Self::Ode,
            Self::Ddim,
            Self::DpmSolver,
            Self::Dpmpp2m,
            Self::Edm,
            Self::EulerMaruyama,
            Self::StochasticHeun,
            Self::ReverseDiffusion,
            Self::Ancestral,
            Self::Dpmpp2mSde,
            Self::Pc,
            Self::Ddpm,
            Self::Ula,
            Self::Mala,
            Self::Hmc,
            Self::AnnealedLangevin,
        ]
    }

    /// The name on the command line, in files and in JavaScript.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ula => "ula",
            Self::Mala => "mala",
            Self::Hmc => "hmc",
            Self::AnnealedLangevin => "annealed-langevin",
            Self::EulerMaruyama => "euler-maruyama",
            Self::ReverseDiffusion => "reverse-diffusion",
            Self::Ancestral => "ancestral",
            Self::Pc => "pc",
            Self::Heun => "heun",
            Self::Euler => "euler",
            Self::Ddim => "ddim",
            Self::Rk4 => "rk4",
            Self::DpmSolver => "dpm-solver",
            Self::Dpmpp2m => "dpm++2m",
            Self::Dpmpp2mSde => "dpm++2m-sde",
            Self::Edm => "edm",
            Self::Ddpm => "ddpm",
            Self::StochasticHeun => "stochastic-heun",
            Self::Ode => "ode",
        }
    }

    /// One line on what it does, and its evaluations a step.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::Ula => "unadjusted Langevin dynamics, at the level of --t-end; stochastic, 1 NFE a step",
            Self::Mala => {
                "Langevin dynamics with Metropolis's test, at --t-end; needs a log-density; 1 NFE a step, 1 more at the start"
            }
            Self::Hmc => {
                "Hamiltonian Monte Carlo, at --t-end; needs a log-density; --leapfrog-steps NFE a step, 1 more at the start"
            }
            Self::AnnealedLangevin => {
                "Langevin dynamics over a ladder of --steps levels; stochastic, --level-steps NFE a level"
            }
            Self::EulerMaruyama => "reverse SDE by Euler–Maruyama; stochastic, 1 NFE a step",
            Self::ReverseDiffusion => "reverse SDE discretised as the forward process is; stochastic, 1 NFE a step",
            Self::Ancestral => "DDPM's and SMLD's chains backwards, on any process; stochastic, 1 NFE a step",
            Self::Pc => "predictor–corrector in any pairing; stochastic, 1 NFE a predictor and corrector step",
            Self::Heun => "probability-flow ODE by Heun's method; order 2, 2 NFE a step (1 where a step is too long)",
            Self::Euler => "probability-flow ODE by Euler's method; order 1, 1 NFE a step",
            Self::Ddim => "DDIM; order 1, 1 NFE a step, --eta from deterministic (0) to ancestral (1)",
            Self::Rk4 => "probability-flow ODE by Runge–Kutta; order 4, 4 NFE a step (1 where a step is too long)",
            Self::DpmSolver => "DPM-Solver; --order 1 to 3, as many NFE a step (1 where a step is too long)",
            Self::Dpmpp2m => "DPM-Solver++ 2M, multistep; order 2, 1 NFE a step",
            Self::Dpmpp2mSde => "DPM-Solver++ 2M on the reverse SDE; stochastic, 1 NFE a step",
            Self::Edm => "EDM's Heun with --churn (0: deterministic); 2 NFE a step (1 where a step is too long)",
            Self::Ddpm => {
                "DDPM's discrete chain, on every level or a stride (--spacing, --variance); stochastic, 1 NFE a step"
            }
            Self::StochasticHeun => "reverse SDE by a stochastic Heun method; stochastic, weak order 2, 2 NFE a step",
            Self::Ode => {
                "probability-flow ODE by Dormand and Prince's 5(4) to --rtol, --atol; 6 NFE a step, --steps not used"
            }
        }
    }

    /// Whether it stays at the level of t_end, where it samples pₜ; the others come down to it from t = 1.
    #[must_use]
    pub fn stays(self) -> bool {
        matches!(self, Self::Ula | Self::Mala | Self::Hmc)
    }

    /// The grid used where none is asked for: geometric in σ/α for annealed Langevin's ladder (NCSN); EDM's for VE and
    /// EDM, for Heun on VP, and for RK4 and EDM's sampler; even in log-SNR for DPM-Solver and its kin, but for DPM-Solver
    /// on sub-VP, where even in √t is better, as it is for the stochastic Heun method on VP and sub-VP; else even in t.
    /// These have the smallest Fréchet distance of the four, or are near it, at 10 to 100 steps on Gaussian data with
    /// a spectrum like an image's (exact score, closed-form covariances).
    #[must_use]
    pub fn default_grid(self, process: &Process) -> Grid {
        match (process, self) {
            (Process::None, _) => Grid::Uniform,
            (_, Self::AnnealedLangevin) => Grid::LogSnr,
            (_, Self::Rk4 | Self::Edm) => Grid::Karras,
            (Process::SubVp(_), Self::DpmSolver) => Grid::Quadratic,
            (_, Self::DpmSolver | Self::Dpmpp2m | Self::Dpmpp2mSde) => Grid::LogSnr,
            (Process::Ve(_) | Process::Edm(_) | Process::Smld(_), _) => Grid::Karras,
            (Process::Vp(_) | Process::Ddpm(_), Self::Heun) => Grid::Karras,
            (Process::Vp(_) | Process::Ddpm(_) | Process::SubVp(_), Self::StochasticHeun) => Grid::Quadratic,
            (Process::Vp(_) | Process::Ddpm(_) | Process::SubVp(_), _) => Grid::Uniform,
        }
    }
}

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
    /// Each sample its own, so that a sample does not depend on its batch.
    #[default]
    Sample,
    /// Means over the batch, as in score_sde: steadier where samples have only a few dimensions.
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
