//! EDM's sampler (Karras et al. 2022, <https://arxiv.org/abs/2206.00364>, algorithm 2): Heun's method on the
//! probability flow, each step after a little new noise, "churn", that covers up the errors of the steps before.
//!
//! In x̄ = x/α and r = σ/α, where it serves any affine process: with γ = min(S_churn/N, √2 − 1) where
//! S_min ≤ r ≤ S_max, else 0,
//!
//! r̂ = (1 + γ)·r, x̄ ← x̄ + √(r̂² − r²)·S_noise·z, then Heun's step (see `euler_heun.rs`) from r̂ to the next level.
//!
//! N counts the final denoising, which is the algorithm's last step, by Euler to r = 0: EDM's 18 steps, 35 evaluations,
//! are `--steps 17`. The noise rises no higher than at t = 1, where the model's training ends, so that the first step
//! has no churn; nor has the final denoising. S_churn = 0 is `heun`.

use burn::Tensor;

use super::{State, euler_heun};
use crate::{compute::vectors::term, noise::Purpose, score::Score, sde::Level};

/// EDM's stochastic sampler with its S_churn, S_min, S_max and S_noise.
pub(super) struct Edm {
    pub(super) churn: f64,
    pub(super) least: f64,
    pub(super) most: f64,
    pub(super) noise: f64,
    /// Whether the final denoising is to come.
    pub(super) denoise: bool,
}

impl Edm {
    pub(super) fn update(&self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Tensor<2> {
        let to = state.to();
        let (x, from) = self.raise(x, state);
        euler_heun::EulerHeun::Heun.step(x, from, to, state, score)
    }

    /// The samples at r̂, and its level.
    fn raise(&self, x: Tensor<2>, state: &State) -> (Tensor<2>, Level) {
        let from = state.from();
        let steps = state.times.len() - 1 + usize::from(self.denoise);
        let gamma = (self.churn / steps as f64).min(std::f64::consts::SQRT_2 - 1.0);
        if !(self.least..=self.most).contains(&from.ratio()) {
            return (x, from);
        }
        let raised = state.level_at((1.0 + gamma) * from.ratio());
        let variance = raised.ratio().powi(2) - from.ratio().powi(2);
        if gamma == 0.0 || variance <= 0.0 {
            return (x, from);
        }
        let z = state.normal(&x, Purpose::Predictor, state.index as u64);
        let std = raised.alpha * self.noise * variance.sqrt();
        ((term(&x) * (raised.alpha / from.alpha) + term(&z) * std).value(), raised)
    }
}
