//! DPM-Solver++ 2S, single-step (Lu et al. 2022, <https://arxiv.org/abs/2211.01095>, algorithm 1 with r₁ = ½).
//!
//! In the half-log-SNR λ = log(α/σ), with h = λₛ − λₜ and u the level half of h away:
//!
//! xᵤ = (σᵤ/σₜ)·xₜ + αᵤ(1 − e^(−h/2))·x̂₀(xₜ, t), xₛ = (σₛ/σₜ)·xₜ + αₛ(1 − e⁻ʰ)·x̂₀(xᵤ, u):
//!
//! order 2 for two evaluations, which need nothing of the steps before. It is `dpm-solver` of order 2 for the denoised
//! estimate in place of ε̂: that stays near the data, so that no step is too long.

use burn::Tensor;

use super::{
    State,
    info::{Info, Method, Update},
};
use crate::{
    compute::vectors::{Sum, term},
    schedule::Grid,
    score::Score,
    sde::Level,
};

pub(super) const INFO: Info = Info {
    name: "dpm++2s",
    title: "DPM-Solver++ 2S",
    caption: "DPM-Solver++(2S)",
    help: "DPM-Solver++ 2S, single-step; order 2, 2 NFE per step",
    paper: "https://arxiv.org/abs/2211.01095",
    evaluations: |_| 2,
    grid: |process| Grid::LogSnr.unless_far(process),
    method: |_| Ok(Method::of(SingleStep)),
    ..Info::BASE
};

/// DPM-Solver++ 2S.
struct SingleStep;

/// x at `to` from x at `from`, with the estimate held between them.
fn line<'a>(x: &'a Tensor<2>, estimate: Sum<'a>, from: &Level, to: &Level) -> Sum<'a> {
    // −h: e⁻ʰ − 1 without cancellation.
    let log = libm::log(to.ratio() / from.ratio());
    term(x) * (to.sigma / from.sigma) + estimate * (-libm::expm1(log) * to.alpha)
}

impl Update for SingleStep {
    fn update(&mut self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Tensor<2> {
        let (from, to) = (state.from(), state.to());
        let middle = state.level_at((from.ratio() * to.ratio()).sqrt());
        let s = state.evaluate(&x, from, score);
        let point = line(&x, from.estimate(&x, &s), &from, &middle).value();
        let s = state.evaluate(&point, middle, score);
        let next = line(&x, middle.estimate(&point, &s), &from, &to).value();
        state.project(next, &to)
    }
}
