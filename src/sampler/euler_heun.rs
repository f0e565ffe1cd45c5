//! The probability-flow ODE on a fixed grid, by Euler's and Heun's methods (Karras et al. 2022,
//! <https://arxiv.org/abs/2206.00364>, algorithm 1).
//!
//! For any affine process the flow is, in x̄ = x/α against r = σ/α,
//!
//! dx̄/dr = ε̂(x, t) = −σ·s(x, t) = (x̄ − x̂₀)/r,
//!
//! the same equation for VE, VP and sub-VP, and a straight line wherever the denoised estimate x̂₀ does
//! not change: the truncation error is that of the data, none of it the process's. Euler in these
//! variables is DDIM with η = 0. A Heun step corrects Euler's x̃ₛ by the slope there:
//!
//! x̄ₛ = x̄ₜ + (rₛ − rₜ)·½(ε̂(xₜ, t) + ε̂(x̃ₛ, s)).
//!
//! Where one step lets r fall more than fortyfold (runs of a few steps), the slope at its end says
//! nothing of the step, and averaging it in would leave half of the noise: Euler's value is kept, for
//! one evaluation, as EDM does in its last step.

use burn::Tensor;

use super::{
    State,
    info::{GRID, Group, Info, MOVING, Method, Update, usual_grid},
    plan,
};
use crate::{
    compute::vectors::term,
    schedule::Grid,
    score::Score,
    sde::{Level, Process},
};

pub(super) const HEUN: Info = Info {
    name: "heun",
    title: "Heun",
    caption: "Heun’s method on the probability flow",
    help: "probability-flow ODE by Heun's method; order 2, 2 NFE per step (1 where a step is too long)",
    paper: "https://arxiv.org/abs/2206.00364",
    evaluations: |_| 2,
    grid: |process| match process {
        Process::SubVp(_) => Grid::Uniform,
        _ => Grid::Karras.unless_far(process),
    },
    method: |_| Ok(Method::of(EulerHeun::Heun)),
    ..Info::BASE
};

pub(super) const EULER: Info = Info {
    name: "euler",
    title: "Euler",
    caption: "Euler’s method on the probability flow",
    help: "probability-flow ODE by Euler's method; order 1, 1 NFE per step",
    paper: "https://arxiv.org/abs/2206.00364",
    steps: Some(40),
    method: |_| Ok(Method::of(EulerHeun::Euler)),
    ..Info::BASE
};

/// A step of a higher order is taken only where σ/α falls by less than this.
const MOST_FALL: f64 = 40.0;

impl Info {
    /// Euler's method without a name, for the others to differ from.
    pub(super) const BASE: Self = Self {
        name: "",
        title: "",
        group: Group::Ode,
        caption: "",
        help: "",
        paper: "",
        stochastic: false,
        needs_density: false,
        stays: false,
        steps: Some(18),
        settings: GRID,
        processes: MOVING,
        evaluations: |_| 1,
        couples: |_| false,
        grid: usual_grid,
        ladder: |_| None,
        times: plan::descend,
        defaults: |_| {},
        method: |_| Ok(Method::of(EulerHeun::Euler)),
    };
}

/// A solver of the probability flow.
pub(super) enum EulerHeun {
    Euler,
    Heun,
}

/// Whether a step is too long for a higher order than Euler's. (On Gaussian data with a spectrum like an image's, and
/// grids even in log-SNR or EDM's, any limit from 20 to 100 does about as well from ten steps on.)
pub(super) fn is_long(from: &Level, to: &Level) -> bool {
    from.ratio() >= MOST_FALL * to.ratio()
}

/// c and k of xₛ = c·xₜ + k·ε̂: the line through xₜ with slope dx̄/dr = ε̂.
pub(super) fn line(from: &Level, to: &Level) -> (f64, f64) {
    (to.alpha / from.alpha, to.sigma - to.alpha * from.ratio())
}

impl Update for EulerHeun {
    fn update(&mut self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Tensor<2> {
        let (from, to) = (state.from(), state.to());
        self.step(x, from, to, state, score)
    }
}

impl EulerHeun {
    /// The step from any level: EDM's starts above the grid's.
    pub(super) fn step(&self, x: Tensor<2>, from: Level, to: Level, state: &mut State, score: &dyn Score) -> Tensor<2> {
        let (scale, slope) = line(&from, &to);
        let s = state.evaluate(&x, from, score);
        let eps = term(&s) * -from.sigma;
        let euler = (term(&x) * scale + eps.clone() * slope).value();
        let next = match self {
            Self::Heun if !is_long(&from, &to) => {
                let s = state.evaluate(&euler, to, score);
                let end = term(&s) * -to.sigma;
                (term(&x) * scale + (eps + end) * (0.5 * slope)).value()
            }
            Self::Euler | Self::Heun => euler,
        };
        state.project(next, &to)
    }
}
