//! DDIM (Song, Meng & Ermon 2021, <https://arxiv.org/abs/2010.02502>, eq. 12), on any affine process:
//!
//! xₛ = αₛ·x̂₀ + √(σₛ² − w²)·ε̂ + w·z, w² = η²·(σₛ²/σₜ²)·v,
//!
//! with ε̂ = −σₜ·s(xₜ, t), x̂₀ = (xₜ − σₜ·ε̂)/αₜ and v = σₜ² − (αₜ/αₛ)²σₛ². For VP, v = 1 − αₜ²/αₛ² and
//! w is the paper's σ(η) (eq. 16). η = 0 is deterministic; η = 1 draws from the posterior q(xₛ | xₜ, x̂₀):
//! ancestral sampling.

use burn::Tensor;

use super::State;
use crate::{compute::vectors::term, noise::Purpose, score::Score};

/// DDIM with its η in [0, 1].
pub(super) struct Ddim {
    pub(super) eta: f64,
}

impl Ddim {
    pub(super) fn update(&self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Tensor<2> {
        let (from, to) = (state.from(), state.to());
        let transition = state.process.transition(to.t, from.t);
        // v ≤ σₜ², so that w ≤ σₛ.
        let noise2 = (self.eta * to.sigma / from.sigma).powi(2) * transition.variance;
        let direction = (to.sigma * to.sigma - noise2).max(0.0).sqrt();

        let s = state.evaluate(&x, from, score);
        let denoised = from.estimate(&x, &s);
        let mean = denoised * to.alpha - term(&s) * (from.sigma * direction);
        let next = state.noisy(mean, noise2.max(0.0).sqrt(), &x, Purpose::Predictor, state.index as u64);
        state.project(next, &to)
    }
}
