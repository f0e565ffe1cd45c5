//! DDPM's sampler (Ho, Jain & Abbeel 2020, <https://arxiv.org/abs/2006.11239>, eq. 7 and algorithm 2), from a level t of
//! the ladder to any lower level s:
//!
//! xₛ = (αₛβ/σₜ²)·x̂₀ + (√(1 − β)·σₛ²/σₜ²)·xₜ + √w·z, β = 1 − ᾱₜ/ᾱₛ,
//!
//! the posterior q(xₛ | xₜ, x̂₀) of the chain that has the visited levels alone, so that β is the stride's own. w is the
//! posterior's variance β̃ = (σₛ²/σₜ²)·β (small) or β (large), and 0 in the step to the data.
//!
//! It runs where σ² = 1 − α²: on DDPM's ladder, and on VP at the times i/1000.

use burn::Tensor;

use super::{
    State, Variance,
    info::{Group, Info, Method, Update},
};
use crate::{compute::vectors::term, noise::Purpose, score::Score, sde::Process};

/// The discretisation that it gives VP: the 1000 steps of Ho et al. and of `score_sde`.
const VP_STEPS: usize = 1000;

pub(super) const INFO: Info = Info {
    name: "ddpm",
    title: "DDPM",
    group: Group::Discrete,
    caption: "DDPM",
    help: "DDPM's discrete chain, on every level or a stride (--spacing, --variance); stochastic, 1 NFE per step",
    paper: "https://arxiv.org/abs/2006.11239",
    stochastic: true,
    steps: Some(200),
    settings: &["steps", "spacing", "variance", "grid", "t_end", "times", "denoise", "clip", "threshold"],
    processes: &["ddpm", "vp"],
    ladder: |process| match process {
        Process::Vp(_) => Some(VP_STEPS),
        _ => process.ladder(),
    },
    method: |plan| Ok(Method::of(Ddpm { variance: plan.settings.variance })),
    ..Info::BASE
};

/// DDPM's step with its fixed variance.
struct Ddpm {
    variance: Variance,
}

impl Update for Ddpm {
    fn update(&mut self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Tensor<2> {
        let (from, to) = (state.from(), state.to());
        let transition = state.process.transition(to.t, from.t);
        let (root, beta) = (transition.scale, transition.variance);
        let kept = (to.sigma / from.sigma).powi(2);
        let variance = match self.variance {
            Variance::Small => kept * beta,
            Variance::Large if to.sigma > 0.0 => beta,
            Variance::Large => 0.0,
        };

        let s = state.evaluate(&x, from, score);
        let denoised = from.estimate(&x, &s);
        let mean = denoised * (to.alpha * beta / (from.sigma * from.sigma)) + term(&x) * (root * kept);
        let next = state.noisy(mean, variance.max(0.0).sqrt(), &x, Purpose::Predictor, state.index as u64);
        state.project(next, &to)
    }
}
