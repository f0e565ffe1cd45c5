//! DPM-Solver, single-step, of orders 1 to 3 (Lu et al. 2022, <https://arxiv.org/abs/2206.00927>, algorithms 1 and 2).
//!
//! In the half-log-SNR λ = log(α/σ), with h = λₛ − λₜ > 0, the probability flow is
//!
//! xₛ = (αₛ/αₜ)·xₜ − αₛ·∫ e^(−λ)·ε̂ dλ from λₜ to λₛ.
//!
//! Order k expands ε̂ to its (k − 1)-th derivative and integrates the exponential exactly. With φ(h) = (eʰ − 1)/h − 1:
//!
//! 1. xₛ = (αₛ/αₜ)·xₜ − σₛ(eʰ − 1)·ε̂ₜ, which is DDIM, and Euler in σ/α.
//! 2. The same with ε̂ᵤ in place of ε̂ₜ, u half of h away, after a step of order 1 to u.
//! 3. With u a third of h away, reached by order 1, and v two thirds,
//!    xᵥ = (αᵥ/αₜ)·xₜ − σᵥ(e^(2h/3) − 1)·ε̂ₜ − 2σᵥφ(2h/3)·(ε̂ᵤ − ε̂ₜ) and
//!    xₛ = (αₛ/αₜ)·xₜ − σₛ(eʰ − 1)·ε̂ₜ − (3/2)σₛφ(h)·(ε̂ᵥ − ε̂ₜ).
//!
//! A step of order k costs k evaluations: N steps cost k·N, where the paper's tables count evaluations. The levels lie
//! inside the step, so that no grid is too short for an order; but where σ/α falls more than fortyfold in one step (see
//! `euler_heun.rs`) a slope inside it says too little of the whole, and the step is of order 1, as the paper's last ones are.

use burn::Tensor;

use super::{
    State, euler_heun,
    info::{Info, Method, Update},
};
use crate::{compute::vectors::term, schedule::Grid, score::Score, sde::Process};

pub(super) const INFO: Info = Info {
    name: "dpm-solver",
    title: "DPM-Solver",
    caption: "DPM-Solver",
    help: "DPM-Solver; --order 1 to 3, as many NFE per step (1 where a step is too long)",
    paper: "https://arxiv.org/abs/2206.00927",
    settings: &["steps", "order", "grid", "t_end", "times", "denoise", "clip", "threshold"],
    evaluations: |settings| settings.order,
    grid: |process| match process {
        Process::SubVp(_) => Grid::Quadratic,
        _ => Grid::LogSnr.unless_far(process),
    },
    method: |plan| Ok(Method::of(DpmSolver { order: plan.settings.order })),
    ..Info::BASE
};

/// DPM-Solver with its order.
struct DpmSolver {
    order: usize,
}

/// (eʰ − 1)/h − 1.
fn phi(h: f64) -> f64 {
    // Below, the quotient has lost its digits and two terms of the series hold all of them.
    if h < 1e-5 { 0.5 * h + h * h / 6.0 } else { libm::expm1(h) / h - 1.0 }
}

impl Update for DpmSolver {
    fn update(&mut self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Tensor<2> {
        let (from, to) = (state.from(), state.to());
        let (scale, slope) = euler_heun::line(&from, &to);
        let (high, h) = (from.ratio(), libm::log(from.ratio() / to.ratio()));
        let order = if euler_heun::is_long(&from, &to) { 1 } else { self.order };

        let s = state.evaluate(&x, from, score);
        let eps = term(&s) * -from.sigma;
        let next = match order {
            1 => (term(&x) * scale + eps * slope).value(),
            2 => {
                let middle = state.level_at(high * libm::exp(-0.5 * h));
                let (c, k) = euler_heun::line(&from, &middle);
                let point = (term(&x) * c + eps * k).value();
                let s = state.evaluate(&point, middle, score);
                let eps = term(&s) * -middle.sigma;
                (term(&x) * scale + eps * slope).value()
            }
            _ => {
                let first = state.level_at(high * libm::exp(-h / 3.0));
                let (c, k) = euler_heun::line(&from, &first);
                let point = (term(&x) * c + eps.clone() * k).value();
                let s = state.evaluate(&point, first, score);
                let change = term(&s) * -first.sigma - eps.clone();

                let second = state.level_at(high * libm::exp(-2.0 * h / 3.0));
                let (c, k) = euler_heun::line(&from, &second);
                let bend = -2.0 * second.sigma * phi(2.0 * h / 3.0);
                let point = (term(&x) * c + eps.clone() * k + change * bend).value();
                let s = state.evaluate(&point, second, score);
                let change = term(&s) * -second.sigma - eps.clone();
                (term(&x) * scale + eps * slope + change * (-1.5 * to.sigma * phi(h))).value()
            }
        };
        state.project(next, &to)
    }
}
