//! Langevin dynamics: at one level, and annealed over a ladder of levels.
//!
//! With a step size ε, the score s of pₜ at (x, t) and z ~ N(0, I), the unadjusted algorithm (`ula`) repeats
//!
//! x ← x + ε·s + √(2ε)·z,
//!
//! in the convention `full`; `half` writes ε/2 for its ε and `squared` ε²/2: the same dynamics ([`Convention::full`]).
//! On N(0, S²) its stationary variance is S²/(1 − a/2) with a = ε/S², and it diverges for a ≥ 2; the smallest S of any
//! data at a level is σ. `mala` and `hmc` ([`super::metropolis`]) remove that bias.
//!
//! `annealed-langevin` (NCSN: Song & Ermon 2019, <https://arxiv.org/abs/1907.05600>, algorithm 1) makes T steps at each
//! level of a ladder, with εᵢ = ε·rᵢ²/r_L². For any affine process the variable is x̄ = x/α and the ladder that of
//! r = σ/α, from t = 1 to t_end; in x, whose score is s = s̄/α, the move to a level scales x by αᵢ/αᵢ₋₁, and a step at it is
//! α²εᵢ = (ε/r_L²)·σᵢ². One step of the sampler is a level, T evaluations. NCSNv2 (Song & Ermon 2020,
//! <https://arxiv.org/abs/2006.09011>) is this with its technique 4 for ε, which is the default, and Tweedie's estimate at
//! the end. With fewer levels than its technique 2 asks for ([`crate::schedule::ladder::ratio`]), T steps do not narrow
//! one level's x̄ to the next's, and noise is left.

use burn::Tensor;

use super::{Convention, SamplerKind, State};
use crate::{compute::vectors::term, noise::Purpose, schedule::ladder, score::Score, sde::Level};

/// The unadjusted algorithm's default ε/σ²: the narrowest direction of the data then has 5 % too much variance.
const ULA_RATE: f64 = 0.1;
/// MALA's ℓ²/2 at its best acceptance, 0.574, where ε = ½ℓ²·d^(−1/3)·σ² (Roberts & Rosenthal 1998, ℓ = 1.65 on N(0, σ²I)).
const MALA_RATE: f64 = 1.36;
/// Without noise there is no σ to measure a step by: the data are taken to be no narrower than this.
const CLEAN: f64 = 0.2;

impl Convention {
    /// The ε of x + ε·s + √(2ε)·z that a step size of this convention is.
    #[must_use]
    pub fn full(self, step_size: f64) -> f64 {
        match self {
            Self::Half => 0.5 * step_size,
            Self::Full => step_size,
            Self::Squared => 0.5 * step_size * step_size,
        }
    }

    /// The inverse of [`Convention::full`].
    #[must_use]
    pub fn of_full(self, full: f64) -> f64 {
        match self {
            Self::Half => 2.0 * full,
            Self::Full => full,
            Self::Squared => libm::sqrt(2.0 * full),
        }
    }
}

/// The step size of a sampler that has none given, as `convention` counts it; `None` for samplers without one. At the
/// last of `levels`, with S = σ there (without a process, S = 0.2), in `d` dimensions:
///
/// - `ula`: ε = 0.1·S² in the full convention.
/// - `mala`: ε = 1.36·d^(−1/3)·S² in the full convention: the best acceptance, 0.574, on N(0, S²I) of large d.
/// - `hmc`: ε = d^(−1/4)·S (Beskos et al. 2013's scaling; acceptance 0.9 on N(0, S²I)).
/// - `annealed-langevin`: technique 4's for `level_steps` and the levels' mean ratio γ.
pub(super) fn default_step(
    kind: SamplerKind,
    convention: Convention,
    levels: &[Level],
    level_steps: usize,
    d: usize,
) -> Option<f64> {
    let (first, last) = (levels.first()?, levels.last()?);
    let width = if last.sigma > 0.0 { last.sigma } else { CLEAN };
    let full = match kind {
        SamplerKind::Ula => ULA_RATE * width * width,
        SamplerKind::Mala => MALA_RATE * libm::pow(d as f64, -1.0 / 3.0) * width * width,
        SamplerKind::Hmc => return Some(libm::pow(d as f64, -0.25) * width),
        SamplerKind::AnnealedLangevin => {
            // The first time is the start, the others are the ladder. A single level anneals from the prior's width.
            let steps = levels.len().saturating_sub(2).max(1);
            let gamma = libm::pow(first.ratio() / last.ratio(), 1.0 / steps as f64);
            let rate = ladder::step(gamma, level_steps).unwrap_or(ULA_RATE);
            rate * last.ratio() * last.ratio()
        }
        _ => return None,
    };
    Some(convention.of_full(full))
}

/// x + ε·s + √(2ε)·z at `level`, with draw number `draw`.
fn step(x: Tensor<2>, level: Level, full: f64, draw: usize, state: &mut State, score: &dyn Score) -> Tensor<2> {
    let s = state.evaluate(&x, level, score);
    let next = state.noisy(term(&x) + term(&s) * full, (2.0 * full).sqrt(), &x, Purpose::Predictor, draw as u64);
    state.project(next, &level)
}

/// The unadjusted Langevin algorithm.
pub(super) struct Ula {
    /// ε of the full convention.
    pub(super) full: f64,
}

impl Ula {
    pub(super) fn update(&self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Tensor<2> {
        step(x, state.to(), self.full, state.index, state, score)
    }
}

/// Langevin dynamics over a ladder.
pub(super) struct Annealed {
    /// ε of the full convention at the last level.
    pub(super) full: f64,
    /// T.
    pub(super) level_steps: usize,
}

impl Annealed {
    pub(super) fn update(&self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Tensor<2> {
        let (from, to) = (state.from(), state.to());
        let last = state.last_level();
        let full = self.full * (to.sigma / last.ratio()).powi(2);
        let mut x = (term(&x) * (to.alpha / from.alpha)).value();
        for j in 0..self.level_steps {
            x = step(x, to, full, state.index * self.level_steps + j, state, score);
        }
        x
    }
}
