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

use super::{
    State, euler_heun,
    info::{Info, Method, Update},
};
use crate::{compute::vectors::term, noise::Purpose, schedule::Grid, score::Score, sde::Level};

pub(super) const INFO: Info = Info {
    name: "edm",
    title: "EDM, with churn",
    caption: "EDM’s stochastic Heun sampler",
    help: "EDM's Heun with --churn (0: deterministic); 2 NFE per step (1 where a step is too long)",
    paper: "https://arxiv.org/abs/2206.00364",
    stochastic: true,
    settings: &[
        "steps",
        "churn",
        "churn_min",
        "churn_max",
        "churn_noise",
        "grid",
        "t_end",
        "times",
        "denoise",
        "clip",
        "threshold",
    ],
    evaluations: |_| 2,
    grid: |process| Grid::Karras.unless_far(process),
    method: |plan| {
        let settings = &plan.settings;
        Ok(Method::of(Edm {
            churn: settings.churn,
            least: settings.churn_min,
            most: settings.churn_max,
            noise: settings.churn_noise,
            denoise: settings.denoise,
        }))
    },
    ..Info::BASE
};

/// EDM's stochastic sampler with its S_churn, S_min, S_max and S_noise.
struct Edm {
    churn: f64,
    least: f64,
    most: f64,
    noise: f64,
    /// Whether the final denoising is to come.
    denoise: bool,
}

impl Update for Edm {
    fn update(&mut self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Tensor<2> {
        let to = state.to();
        let (x, from) = self.raise(x, state);
        euler_heun::EulerHeun::Heun.step(x, from, to, state, score)
    }
}

impl Edm {
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
