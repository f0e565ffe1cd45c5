//! What all samplers share on their way: where they are, what they have drawn, and what they have evaluated.

use std::cell::Cell;

use burn::Tensor;

use super::{Evaluation, Plan};
use crate::{
    compute::vectors::{Sum, term},
    guide::Constraint,
    noise::{Noise, Purpose},
    score::{Clipped, Limits, Score},
    sde::{Level, Process},
};

/// What the families share: where they are, and what they have drawn and evaluated.
pub(super) struct State {
    pub(super) process: Process,
    /// What the denoised estimate is held to.
    pub(super) limits: Option<Limits>,
    /// From 1 to t_end; as far as it has come, where the sampler chooses its steps on the way.
    pub(super) times: Vec<f64>,
    /// Where it will end.
    pub(super) t_end: f64,
    /// Whether more times are to come than `times` has: an adaptive solver chooses them.
    pub(super) unfinished: bool,
    /// Updates done.
    pub(super) index: usize,
    pub(super) nfe: u64,
    /// The last evaluation.
    pub(super) last: Option<Evaluation>,
    pub(super) noise: Noise,
    pub(super) first_sample: u64,
    pub(super) constraint: Option<Box<dyn Constraint>>,
    /// Draws of noise that the constraint has made.
    pub(super) drawn: Cell<u64>,
    /// See [`Step::acceptance`].
    pub(super) acceptance: Option<Tensor<2>>,
    /// Moves that it is the mean of.
    pub(super) moves: u64,
}

impl State {
    /// At the start of a plan.
    pub(super) fn new(plan: &Plan, unfinished: bool) -> Self {
        let settings = &plan.settings;
        Self {
            process: plan.process.clone(),
            limits: Limits::new(settings.clip, settings.threshold),
            times: plan.times.clone(),
            t_end: plan.t_end,
            unfinished,
            index: 0,
            nfe: 0,
            last: None,
            noise: Noise::new(settings.seed),
            first_sample: plan.first_sample,
            constraint: None,
            drawn: Cell::new(0),
            acceptance: None,
            moves: 0,
        }
    }

    /// Time i of the grid; below the last one, 0.
    pub(super) fn time(&self, i: usize) -> f64 {
        self.times.get(i).copied().unwrap_or(0.0)
    }

    /// The level that the current update leaves.
    pub(super) fn from(&self) -> Level {
        self.process.level(self.time(self.index))
    }

    /// The level that the current update reaches.
    pub(super) fn to(&self) -> Level {
        self.process.level(self.time(self.index + 1))
    }

    /// The level between the process's ends whose σ/α is `ratio`.
    pub(super) fn level_at(&self, ratio: f64) -> Level {
        self.process.level(self.process.time_of_ratio(ratio))
    }

    /// The level where it will end.
    pub(super) fn last_level(&self) -> Level {
        self.process.level(self.t_end)
    }

    /// Evaluates the score, counts it and keeps it for the denoised estimate.
    pub(super) fn evaluate(&mut self, x: &Tensor<2>, level: Level, score: &dyn Score) -> Tensor<2> {
        let s = match self.limits {
            Some(limits) => Clipped::new(score, limits).score(x.clone(), &level),
            None => score.score(x.clone(), &level),
        };
        self.nfe += score.evaluations();
        self.last = Some((x.clone(), level, s.clone()));
        s
    }

    /// Draw number `draw` of standard normal noise, in `x`'s shape, device and precision.
    pub(super) fn normal(&self, x: &Tensor<2>, purpose: Purpose, draw: u64) -> Tensor<2> {
        self.noise.normal(self.first_sample, x.dims(), purpose, draw, &x.device()).cast(x.dtype())
    }

    /// mean + std·z with draw number `draw` of standard normal noise, in one pass. Without noise nothing is drawn.
    ///
    /// # Shapes
    /// As `like`, whose device and precision the noise has.
    pub(super) fn noisy(&self, mean: Sum<'_>, std: f64, like: &Tensor<2>, purpose: Purpose, draw: u64) -> Tensor<2> {
        if std == 0.0 {
            return mean.value();
        }
        let z = self.normal(like, purpose, draw);
        (mean + term(&z) * std).value()
    }

    /// Draw number `draw` of uniform noise, in `x`'s shape, device and precision.
    pub(super) fn uniform(&self, x: &Tensor<2>, purpose: Purpose, draw: u64) -> Tensor<2> {
        self.noise.uniform(self.first_sample, x.dims(), purpose, draw, &x.device()).cast(x.dtype())
    }

    /// Takes a move's acceptance probability into the mean of every sample's.
    pub(super) fn record(&mut self, probability: Tensor<2>) {
        self.moves += 1;
        self.acceptance = Some(match self.acceptance.take() {
            None => probability,
            Some(mean) => (term(&mean) + (term(&probability) - term(&mean)) / self.moves as f64).value(),
        });
    }

    /// Applies the constraint, if there is one.
    pub(super) fn project(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        let Some(constraint) = &self.constraint else { return x };
        let shape = x.clone();
        let draw = || self.normal(&shape, Purpose::Constraint, self.drawn.replace(self.drawn.get() + 1));
        constraint.project(x, level, &draw)
    }

    /// Tweedie's estimate at t_end in place of the samples.
    pub(super) fn denoise(&mut self, x: Tensor<2>, score: &dyn Score) -> Tensor<2> {
        let level = self.from();
        let s = self.evaluate(&x, level, score);
        self.project(level.denoised(x, s), &Level { t: 0.0, alpha: 1.0, sigma: 0.0 })
    }
}
