//! DPM-Solver++ 2M, and its SDE form (Lu et al. 2022, <https://arxiv.org/abs/2211.01095>, algorithm 2 and eq. 17).
//!
//! Exponential integrators in the half-log-SNR λ = log(α/σ) for the denoised estimate x̂₀, which stays in the data's
//! range where ε̂ need not. With h = λₛ − λₜ, h′ the step before and w = h/(2h′):
//!
//! D = x̂₀ₜ + w·(x̂₀ₜ − x̂₀ₜ′), an extrapolation to the step's middle from the last two estimates,
//!
//! xₛ = (σₛ/σₜ)·xₜ + αₛ(1 − e⁻ʰ)·D for the probability flow: order 2 for one evaluation per step;
//!
//! xₛ = (σₛ/σₜ)e⁻ʰ·xₜ + αₛ(1 − e⁻²ʰ)·D + σₛ√(1 − e⁻²ʰ)·z for the reverse SDE. Without the extrapolation the first is
//! DDIM with η = 0, the second with η = 1.
//!
//! The first step has no estimate before it: w = 0. And w is at most 3, six times that of even steps: after a very
//! short step the difference of two estimates says nothing of a long one. (The paper's and diffusers' grids stay
//! below.) No step is too long: D stays near the data.

use burn::Tensor;

use super::{
    Evaluation, State,
    info::{Group, Info, Method, Update},
};
use crate::{compute::vectors::term, noise::Purpose, schedule::Grid, score::Score};

pub(super) const ODE: Info = Info {
    name: "dpm++2m",
    title: "DPM-Solver++ 2M",
    caption: "DPM-Solver++(2M)",
    help: "DPM-Solver++ 2M, multistep; order 2, 1 NFE per step",
    paper: "https://arxiv.org/abs/2211.01095",
    steps: Some(20),
    grid: |process| Grid::LogSnr.unless_far(process),
    method: |_| Ok(Method::of(Multistep::new(false))),
    ..Info::BASE
};

pub(super) const SDE: Info = Info {
    name: "dpm++2m-sde",
    title: "DPM-Solver++ 2M SDE",
    group: Group::Sde,
    caption: "SDE-DPM-Solver++(2M)",
    help: "DPM-Solver++ 2M on the reverse SDE; stochastic, 1 NFE per step",
    stochastic: true,
    steps: Some(20),
    method: |_| Ok(Method::of(Multistep::new(true))),
    ..ODE
};

/// The largest weight of the difference of two estimates; steps of one length have ½.
const MOST_WEIGHT: f64 = 3.0;

/// Either form of DPM-Solver++ 2M.
struct Multistep {
    stochastic: bool,
    /// The evaluation before, and the step h′ from it.
    previous: Option<(Evaluation, f64)>,
}

impl Multistep {
    fn new(stochastic: bool) -> Self {
        Self { stochastic, previous: None }
    }
}

impl Update for Multistep {
    fn update(&mut self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Tensor<2> {
        let (from, to) = (state.from(), state.to());
        let h = libm::log(from.ratio() / to.ratio());
        // What is left of xₜ/αₜ, and its complement without cancellation.
        let exponent = if self.stochastic { -2.0 * h } else { -h };
        let (left, new) = (libm::exp(exponent), -libm::expm1(exponent));

        let s = state.evaluate(&x, from, score);
        let denoised = from.estimate(&x, &s);
        let estimate = match &self.previous {
            Some(((x, level, s), last)) => {
                let weight = (0.5 * h / last).min(MOST_WEIGHT);
                denoised * (1.0 + weight) - level.estimate(x, s) * weight
            }
            None => denoised,
        };
        let mean = term(&x) * (left * to.alpha / from.alpha) + estimate * (new * to.alpha);
        let std = if self.stochastic { to.sigma * new.sqrt() } else { 0.0 };
        let next = state.noisy(mean, std, &x, Purpose::Predictor, state.index as u64);
        self.previous = Some(((x, from, s), h));
        state.project(next, &to)
    }
}
