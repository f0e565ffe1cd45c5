//! Moves that a Metropolis–Hastings test accepts or rejects: MALA and Hamiltonian Monte Carlo at one level.
//!
//! A move draws a momentum p ~ N(0, I) and follows H = ½|p|² − log pₜ(x) through L leapfrog steps of size h (Neal 2011,
//! <https://arxiv.org/abs/1206.1901>):
//!
//! p ← p + (h/2)·s(x), x ← x + h·p, p ← p + (h/2)·s(x),
//!
//! and is accepted with probability min(1, e^(H − H′)), which leaves pₜ exactly invariant. `mala` (Roberts & Tweedie 1996)
//! is L = 1: its proposal is a Langevin step of ε = h²/2 in the full convention, and e^(H − H′) is the ratio
//! pₜ(x′)q(x | x′)/(pₜ(x)q(x′ | x)). The test is a mask on the device: nothing is read back. The score at the point where
//! the chain is, is kept from move to move, so that a move costs L evaluations, and the first one more; beside each
//! end of a trajectory the log-density is computed, which is not counted.
//!
//! On N(0, S²) the trajectory turns (x, S·p) by an angle L·h/S, nearly: a multiple of π brings x back to where it was, or
//! to its mirror image, for ever. So where L is left out it is what comes nearest to a quarter turn, and h is another in
//! every move, by up to a fifth ([`JITTER`]), the same for all samples: the moves leave pₜ invariant whatever their length.

use burn::Tensor;

use super::{
    State,
    info::{ANY, Group, Info, Method, Update},
    langevin, plan,
};
use crate::{
    compute::vectors::term,
    noise::Purpose,
    score::{Density, Score},
    sde::Level,
};

/// MALA's ℓ²/2 at its best acceptance, 0.574, where ε = ½ℓ²·d^(−1/3)·σ² (Roberts & Rosenthal 1998, ℓ = 1.65 on N(0, σ²I)).
const MALA_RATE: f64 = 1.36;

pub(super) const MALA: Info = Info {
    name: "mala",
    title: "Langevin, Metropolis-adjusted",
    group: Group::Langevin,
    caption: "Metropolis-adjusted Langevin dynamics",
    help: "Langevin dynamics with Metropolis's test, at --t-end; needs a log-density; 1 NFE per step, 1 more at the start",
    paper: "https://doi.org/10.2307/3318418",
    stochastic: true,
    needs_density: true,
    stays: true,
    steps: Some(100),
    settings: &["steps", "step_size", "convention", "t_end", "denoise", "clip", "threshold"],
    processes: ANY,
    evaluations: |_| 2,
    times: plan::stay,
    defaults: |plan| langevin::fill(plan, MALA_RATE * libm::pow(plan.d as f64, -1.0 / 3.0) * plan.width().powi(2)),
    method: |plan| Ok(Method::of(Metropolis::mala(langevin::full(plan)))),
    ..Info::BASE
};

pub(super) const HMC: Info = Info {
    name: "hmc",
    title: "Hamiltonian Monte Carlo",
    caption: "Hamiltonian Monte Carlo",
    help: "Hamiltonian Monte Carlo, at --t-end; needs a log-density; --leapfrog-steps NFE per step, 1 more at the start",
    paper: "https://arxiv.org/abs/1206.1901",
    steps: Some(50),
    settings: &["steps", "step_size", "leapfrog_steps", "t_end", "denoise", "clip", "threshold"],
    evaluations: |settings| settings.leapfrog_steps.unwrap_or(MOST_LEAPS) + 1,
    defaults: |plan| {
        let width = plan.width();
        let settings = &mut plan.settings;
        let step = *settings.step_size.get_or_insert(libm::pow(plan.d as f64, -0.25) * width);
        plan.jitter = if settings.leapfrog_steps.is_none() { JITTER } else { 0.0 };
        settings.leapfrog_steps.get_or_insert_with(|| quarter_turn(step / width));
    },
    method: |plan| {
        let settings = &plan.settings;
        let filled = settings.step_size.zip(settings.leapfrog_steps);
        let (step, leaps) = filled.expect("its defaults have filled them in");
        Ok(Method::of(Metropolis::hmc(step, leaps, plan.jitter)))
    },
    ..MALA
};

/// By how much a default trajectory's length varies, to either side.
pub(super) const JITTER: f64 = 0.2;
/// The most leaps of a default trajectory.
const MOST_LEAPS: usize = 1000;

/// The number of leaps whose angles, `angle` each, come nearest to a quarter turn.
pub(super) fn quarter_turn(angle: f64) -> usize {
    libm::round(std::f64::consts::FRAC_PI_2 / angle).clamp(1.0, MOST_LEAPS as f64) as usize
}

/// How a move goes.
#[derive(Clone, Copy)]
pub(super) struct Trajectory {
    /// h.
    pub(super) step: f64,
    /// L.
    pub(super) leaps: usize,
    /// h is drawn between 1 − jitter and 1 + jitter times itself.
    pub(super) jitter: f64,
    /// The stream of the momenta.
    pub(super) momentum: Purpose,
}

impl Trajectory {
    /// By how much h is another in this move. It depends on no sample's place, nor on which samples are drawn together.
    fn stretch(&self, draw: u64, state: &State) -> f64 {
        if self.jitter == 0.0 {
            return 1.0;
        }
        let mut u = [0.0];
        state.noise.fill_uniform(0, Purpose::Length, draw, &mut u);
        1.0 + self.jitter * (2.0 * u[0] - 1.0)
    }
}

/// A point of a chain, and what is known there.
struct Point {
    x: Tensor<2>,
    /// The score at x.
    score: Tensor<2>,
    /// log pₜ(x), `[n, 1]`, where it can be had.
    log_density: Option<Tensor<2>>,
}

/// A chain of moves at one level; without a log-density every move is accepted.
#[derive(Default)]
pub(super) struct Chain {
    point: Option<Point>,
}

impl Chain {
    /// One move, with draw number `draw`.
    pub(super) fn advance(
        &mut self,
        x: Tensor<2>,
        level: Level,
        trajectory: Trajectory,
        draw: u64,
        state: &mut State,
        score: &dyn Score,
    ) -> Tensor<2> {
        let density = score.density();
        let here = self.point.take().unwrap_or_else(|| Point {
            score: state.evaluate(&x, level, score),
            log_density: density.map(|density| density.log_density(x.clone(), &level)),
            x,
        });
        let trajectory = Trajectory { step: trajectory.step * trajectory.stretch(draw, state), ..trajectory };
        let (mut there, gain) = here.propose(level, trajectory, draw, state, score, density);
        if let Some(gain) = gain {
            // Where the trajectory left the numbers' range the gain is not one: rejected.
            let lost = gain.clone().is_nan();
            let probability = gain.clamp_max(0.0).exp().mask_fill(lost, 0.0);
            let uniform = state.uniform(&probability, Purpose::Accept, draw);
            there = here.accept(there, uniform, probability.clone());
            state.record(probability);
        }
        // The estimate that a step shows is that of the point taken.
        state.last = Some((there.x.clone(), level, there.score.clone()));
        let x = there.x.clone();
        if state.constraint.is_some() {
            // It moves the samples, and the score there is another.
            return state.project(x, &level);
        }
        self.point = Some(there);
        x
    }
}

impl Point {
    /// The end of a trajectory, and H − H′ where the density is known.
    fn propose(
        &self,
        level: Level,
        Trajectory { step, leaps, momentum, .. }: Trajectory,
        draw: u64,
        state: &mut State,
        score: &dyn Score,
        density: Option<&dyn Density>,
    ) -> (Self, Option<Tensor<2>>) {
        let start = state.normal(&self.x, momentum, draw);
        let (mut x, mut s) = (self.x.clone(), self.score.clone());
        let mut p = start.clone();
        for leap in 1..=leaps {
            // Half a kick at either end; between two leaps the halves are one.
            let kicked = term(&p) + term(&s) * if leap == 1 { 0.5 * step } else { step };
            let next = (term(&x) + kicked.clone() * step).value();
            let slope = state.evaluate(&next, level, score);
            let at_end = leap == leaps;
            // At the end only the energy asks for the momentum.
            let momentum = match at_end {
                true if density.is_none() => None,
                true => Some((kicked + term(&slope) * (0.5 * step)).value()),
                false => Some(kicked.value()),
            };
            p = momentum.unwrap_or(p);
            (x, s) = (next, slope);
        }
        let log_density = density.map(|density| density.log_density(x.clone(), &level));
        let gain = self.log_density.clone().zip(log_density.clone()).map(|(here, there)| {
            // ½(|p|² − |p′|²), without the cancellation.
            let kinetic = ((start.clone() - p.clone()) * (start + p)).sum_dim(1) * 0.5;
            there - here + kinetic
        });
        (Self { x, score: s, log_density }, gain)
    }

    /// `there` in the rows whose uniform draw is at most the probability, else itself.
    fn accept(self, there: Self, uniform: Tensor<2>, probability: Tensor<2>) -> Self {
        let taken = uniform.lower_equal(probability);
        let rows = taken.clone().expand(self.x.dims());
        Self {
            x: self.x.mask_where(rows.clone(), there.x),
            score: self.score.mask_where(rows, there.score),
            log_density: self.log_density.zip(there.log_density).map(|(here, there)| here.mask_where(taken, there)),
        }
    }
}

/// `mala` and `hmc`.
struct Metropolis {
    trajectory: Trajectory,
    chain: Chain,
}

impl Metropolis {
    /// Langevin proposals of ε in the full convention, with the noise that `ula` has.
    fn mala(full: f64) -> Self {
        let trajectory = Trajectory { step: (2.0 * full).sqrt(), leaps: 1, jitter: 0.0, momentum: Purpose::Predictor };
        Self { trajectory, chain: Chain::default() }
    }

    fn hmc(step: f64, leaps: usize, jitter: f64) -> Self {
        let trajectory = Trajectory { step, leaps, jitter, momentum: Purpose::Momentum };
        Self { trajectory, chain: Chain::default() }
    }
}

impl Update for Metropolis {
    fn update(&mut self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Tensor<2> {
        self.chain.advance(x, state.to(), self.trajectory, state.index as u64, state, score)
    }
}
