//! Moves that a Metropolis–Hastings test accepts or rejects: MALA and Hamiltonian Monte Carlo at one level.
//!
//! A move draws a momentum p ~ N(0, I) and follows H = ½|p|² − log pₜ(x) through L leapfrog steps of size h (Neal 2011,
//! <https://arxiv.org/abs/1206.1901>):
//!
//! p ← p + (h/2)·s(x), x ← x + h·p, p ← p + (h/2)·s(x),
//!
//! and is accepted with probability min(1, e^(H − H′)), which leaves pₜ exactly invariant. `mala` (Roberts & Tweedie 1996)
//! is L = 1: its proposal is a Langevin step of ε = h²/2 in the full convention, and e^(H − H′) is the ratio
//! pₜ(x′)q(x | x′)/(pₜ(x)q(x′ | x)). The test is a mask on the device: nothing is read back. The score at the place where
//! the chain stands is kept from move to move, so that a move costs L evaluations, and the first one more; beside each
//! end of a trajectory the log-density is computed, which is not counted.
//!
//! L·h near a multiple of half a direction's period, π·S on N(0, S²), brings `hmc` back to where it was: take another h.

use burn::Tensor;

use super::{SamplerKind, State};
use crate::{
    Error, Result,
    compute::vectors::term,
    noise::Purpose,
    score::{Density, Score},
    sde::Level,
};

/// How a move goes.
#[derive(Clone, Copy)]
pub(super) struct Trajectory {
    /// h.
    pub(super) step: f64,
    /// L.
    pub(super) leaps: usize,
    /// The stream of the momenta.
    pub(super) momentum: Purpose,
}

/// Where a chain stands.
struct Place {
    x: Tensor<2>,
    /// The score at x.
    score: Tensor<2>,
    /// log pₜ(x), `[n, 1]`, where it can be had.
    log_density: Option<Tensor<2>>,
}

/// A chain of moves at one level; without a log-density every move is accepted.
#[derive(Default)]
pub(super) struct Chain {
    place: Option<Place>,
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
        let here = self.place.take().unwrap_or_else(|| Place {
            score: state.evaluate(&x, level, score),
            log_density: density.map(|density| density.log_density(x.clone(), &level)),
            x,
        });
        let (mut there, gain) = here.propose(level, trajectory, draw, state, score, density);
        if let Some(gain) = gain {
            // Where the trajectory left the numbers' range the gain is not one: rejected.
            let lost = gain.clone().is_nan();
            let probability = gain.clamp_max(0.0).exp().mask_fill(lost, 0.0);
            let uniform = state.uniform(&probability, Purpose::Accept, draw);
            there = here.or(there, uniform, probability.clone());
            state.record(probability);
        }
        // The estimate that a step shows is that of the place taken.
        state.last = Some((there.x.clone(), level, there.score.clone()));
        let x = there.x.clone();
        if state.constraint.is_some() {
            // It moves the samples, and the score there is another.
            return state.project(x, &level);
        }
        self.place = Some(there);
        x
    }
}

impl Place {
    /// The end of a trajectory, and H − H′ where the density is known.
    fn propose(
        &self,
        level: Level,
        Trajectory { step, leaps, momentum }: Trajectory,
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
    fn or(self, there: Self, uniform: Tensor<2>, probability: Tensor<2>) -> Self {
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
pub(super) struct Metropolis {
    /// Which of the two.
    kind: SamplerKind,
    trajectory: Trajectory,
    chain: Chain,
}

impl Metropolis {
    /// Langevin proposals of ε in the full convention, with the noise that `ula` has.
    pub(super) fn mala(full: f64) -> Self {
        let trajectory = Trajectory { step: (2.0 * full).sqrt(), leaps: 1, momentum: Purpose::Predictor };
        Self { kind: SamplerKind::Mala, trajectory, chain: Chain::default() }
    }

    pub(super) fn hmc(step: f64, leaps: usize) -> Self {
        let trajectory = Trajectory { step, leaps, momentum: Purpose::Momentum };
        Self { kind: SamplerKind::Hmc, trajectory, chain: Chain::default() }
    }

    /// # Errors
    /// When the score has no log-density.
    pub(super) fn update(&mut self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Result<Tensor<2>> {
        if score.density().is_none() {
            let expected = "ula, or a model with a log-density: this one has only a score, and moves are accepted by the \
                            density";
            return Err(Error::setting("sampler", self.kind.name(), expected));
        }
        Ok(self.chain.advance(x, state.to(), self.trajectory, state.index as u64, state, score))
    }
}
