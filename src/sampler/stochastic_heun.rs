//! A stochastic Heun method for the reverse SDE, of weak order 2.
//!
//! In y = x/α against ρ = (σ/α)², which is the variance that the noise has added to y, the reverse SDE of every affine
//! process is the same, with the denoised estimate x̂₀(y, ρ) = y + ρ·∇log p(y):
//!
//! dy = (x̂₀ − y)·du + √ρ·dw, u = ln(ρₜ/ρ) from 0 to h = ln(ρₜ/ρₛ).
//!
//! Its noise is additive, and the linear part −y is solved exactly:
//!
//! yₛ = e⁻ʰ·yₜ + e⁻ʰ·∫ x̂₀·eᵘ du + N, N ~ N(0, ρₛ(1 − e⁻ʰ)).
//!
//! With x̂₀ held at its value x̂ₜ that is the posterior q(yₛ | yₜ, x̂₀), the predictor ỹ = e⁻ʰ·yₜ + (1 − e⁻ʰ)·x̂ₜ + N. The
//! corrector lets x̂₀ go linearly in u to x̂₀(ỹ, ρₛ), with the same N:
//!
//! yₛ = ỹ + b·(x̂₀(ỹ, ρₛ) − x̂ₜ), b = 1 − (1 − e⁻ʰ)/h.
//!
//! This is the Heun scheme for additive noise (Kloeden & Platen 1992, Numerical Solution of Stochastic Differential
//! Equations, § 15.1, weak order 2.0) with an exponential integrator, as the SDE solvers of DPM-Solver++ (Lu et al. 2022,
//! <https://arxiv.org/abs/2211.01095>) and SEEDS (Gonzalez et al. 2023, <https://arxiv.org/abs/2305.14267>) have it. The
//! three weights are positive and add up to 1 for every h: no step is too long to be stable.

use burn::Tensor;

use super::{
    State,
    info::{Group, Info, Method, Update, usual_grid},
};
use crate::{compute::vectors::term, noise::Purpose, schedule::Grid, score::Score, sde::Process};

pub(super) const INFO: Info = Info {
    name: "stochastic-heun",
    title: "Stochastic Heun",
    group: Group::Sde,
    caption: "a stochastic Heun method on the reverse SDE",
    help: "reverse SDE by a stochastic Heun method; stochastic, weak order 2, 2 NFE per step",
    paper: "Kloeden & Platen 1992, Numerical Solution of Stochastic Differential Equations, § 15.1",
    stochastic: true,
    steps: Some(50),
    evaluations: |_| 2,
    grid: |process| match process {
        Process::Vp(_) | Process::Ddpm(_) | Process::SubVp(_) => Grid::Quadratic,
        _ => usual_grid(process),
    },
    method: |_| Ok(Method::of(StochasticHeun)),
    ..Info::BASE
};

/// The stochastic Heun method.
struct StochasticHeun;

impl Update for StochasticHeun {
    fn update(&mut self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Tensor<2> {
        let (from, to) = (state.from(), state.to());
        let h = 2.0 * libm::log(from.ratio() / to.ratio());
        let gained = -libm::expm1(-h);

        let s = state.evaluate(&x, from, score);
        let first = from.estimate(&x, &s);
        let mean = term(&x) * ((1.0 - gained) * to.alpha / from.alpha) + first.clone() * (gained * to.alpha);
        let std = to.sigma * gained.sqrt();
        let predicted = state.noisy(mean, std, &x, Purpose::Predictor, state.index as u64);

        let s = state.evaluate(&predicted, to, score);
        let second = to.estimate(&predicted, &s);
        let next = (term(&predicted) + (second - first) * (to.alpha * (1.0 - gained / h))).value();
        state.project(next, &to)
    }
}
