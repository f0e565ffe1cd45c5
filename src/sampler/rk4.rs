//! The probability-flow ODE by the classical Runge–Kutta method of order 4.
//!
//! In x̄ = x/α against r = σ/α the flow is dx̄/dr = ε̂ (see `ode.rs`). With m = ½(rₜ + rₛ) the slopes are
//!
//! k₁ = ε̂(x̄ₜ, rₜ), k₂ = ε̂(x̄ₜ + (m − rₜ)k₁, m), k₃ = ε̂(x̄ₜ + (m − rₜ)k₂, m), k₄ = ε̂(x̄ₜ + (rₛ − rₜ)k₃, rₛ)
//!
//! and x̄ₛ = x̄ₜ + (rₛ − rₜ)·(k₁ + 2k₂ + 2k₃ + k₄)/6: four evaluations, one where a step is so long that Heun's method
//! would not correct it either: k₄ would count the noise that is left as if it had been all along.

use burn::Tensor;

use super::{State, ode};
use crate::score::Score;

pub(super) fn update(x: Tensor<2>, state: &mut State, score: &dyn Score) -> Tensor<2> {
    let (from, to) = (state.from(), state.to());
    if ode::is_long(&from, &to) {
        return ode::Ode::Euler.update(x, state, score);
    }
    let middle = state.level_at(0.5 * (from.ratio() + to.ratio()));
    let (half_scale, half_slope) = ode::line(&from, &middle);
    let (scale, slope) = ode::line(&from, &to);

    let first = state.evaluate(&x, from, score) * -from.sigma;
    let half_scaled = x.clone() * half_scale;
    let second = state.evaluate(&(half_scaled.clone() + first.clone() * half_slope), middle, score) * -middle.sigma;
    let third = state.evaluate(&(half_scaled + second.clone() * half_slope), middle, score) * -middle.sigma;
    let scaled = x * scale;
    let fourth = state.evaluate(&(scaled.clone() + third.clone() * slope), to, score) * -to.sigma;
    let next = scaled + (first + fourth + (second + third) * 2.0) * (slope / 6.0);
    state.project(next, &to)
}
