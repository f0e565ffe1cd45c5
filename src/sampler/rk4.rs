//! The probability-flow ODE by the classical Runge–Kutta method of order 4.
//!
//! In x̄ = x/α against r = σ/α the flow is dx̄/dr = ε̂ (see `euler_heun.rs`). With m = ½(rₜ + rₛ) the slopes are
//!
//! k₁ = ε̂(x̄ₜ, rₜ), k₂ = ε̂(x̄ₜ + (m − rₜ)k₁, m), k₃ = ε̂(x̄ₜ + (m − rₜ)k₂, m), k₄ = ε̂(x̄ₜ + (rₛ − rₜ)k₃, rₛ)
//!
//! and x̄ₛ = x̄ₜ + (rₛ − rₜ)·(k₁ + 2k₂ + 2k₃ + k₄)/6: four evaluations, one where a step is so long that Heun's method
//! would not correct it either: k₄ would count the noise that is left as if it had been all along.

use burn::Tensor;

use super::{
    State, euler_heun,
    info::{Info, Method, Update},
};
use crate::{compute::vectors::term, schedule::Grid, score::Score};

pub(super) const INFO: Info = Info {
    name: "rk4",
    title: "Runge–Kutta 4",
    caption: "the classical Runge–Kutta method on the probability flow",
    help: "probability-flow ODE by Runge–Kutta; order 4, 4 NFE per step (1 where a step is too long)",
    paper: "https://doi.org/10.1007/978-3-540-78862-1",
    steps: Some(10),
    evaluations: |_| 4,
    grid: |process| Grid::Karras.unless_far(process),
    method: |_| Ok(Method::of(Rk4)),
    ..Info::BASE
};

/// The classical method.
struct Rk4;

impl Update for Rk4 {
    fn update(&mut self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Tensor<2> {
        let (from, to) = (state.from(), state.to());
        if euler_heun::is_long(&from, &to) {
            return euler_heun::EulerHeun::Euler.update(x, state, score);
        }
        let middle = state.level_at(0.5 * (from.ratio() + to.ratio()));
        let (half_scale, half_slope) = euler_heun::line(&from, &middle);
        let (scale, slope) = euler_heun::line(&from, &to);

        let s1 = state.evaluate(&x, from, score);
        let k1 = term(&s1) * -from.sigma;
        let point = (term(&x) * half_scale + k1.clone() * half_slope).value();
        let s2 = state.evaluate(&point, middle, score);
        let k2 = term(&s2) * -middle.sigma;
        let point = (term(&x) * half_scale + k2.clone() * half_slope).value();
        let s3 = state.evaluate(&point, middle, score);
        let k3 = term(&s3) * -middle.sigma;
        let point = (term(&x) * scale + k3.clone() * slope).value();
        let s4 = state.evaluate(&point, to, score);
        let k4 = term(&s4) * -to.sigma;
        let next = (term(&x) * scale + (k1 + k4 + (k2 + k3) * 2.0) * (slope / 6.0)).value();
        state.project(next, &to)
    }
}
