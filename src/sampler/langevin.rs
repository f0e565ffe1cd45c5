//! Langevin dynamics: at one level, and annealed over a ladder of levels.
//!
//! With a step size ε, the score s of pₜ at (x, t) and z ~ N(0, I), the unadjusted algorithm (`ula`) repeats
//!
//! x ← x + ε·s + √(2ε)·z,
//!
//! in the convention `full`; `half` writes ε/2 for its ε and `squared` ε²/2: the same dynamics ([`Convention::full`]).
//! On N(0, S²) its stationary variance is S²/(1 − a/2) with a = ε/S², and it diverges for a ≥ 2; the smallest S of any
//! data at a level is σ. `mala` and `hmc` ([`super::metropolis`]) remove that bias.
//!
//! `annealed-langevin` (NCSN: Song & Ermon 2019, <https://arxiv.org/abs/1907.05600>, algorithm 1) makes T steps at each
//! level of a ladder, with εᵢ = ε·rᵢ²/r_L². For any affine process the variable is x̄ = x/α and the ladder that of
//! r = σ/α, from t = 1 to t_end; in x, whose score is s = s̄/α, the move to a level scales x by αᵢ/αᵢ₋₁, and a step at it is
//! α²εᵢ = (ε/r_L²)·σᵢ². One step of the sampler is a level, T evaluations. NCSNv2 (Song & Ermon 2020,
//! <https://arxiv.org/abs/2006.09011>) is this with its technique 4 for ε, which is the default, and Tweedie's estimate at
//! the end. T steps do not bring a level's density about, only its width: the weights of components that lie apart are off
//! by some per cent at T = 5, and the less the larger T is (`scorefield reproduce annealed-bias`). With fewer levels than its technique 2 asks for ([`crate::schedule::ladder::ratio`]), T steps do not narrow
//! one level's x̄ to the next's, and noise is left.

use burn::Tensor;

use super::{
    Convention, Plan, State,
    info::{ANY, Group, Info, Method, Update},
    plan,
};
use crate::{
    compute::vectors::term,
    noise::Purpose,
    schedule::{Grid, ladder},
    score::Score,
    sde::Level,
};

pub(super) const ULA: Info = Info {
    name: "ula",
    title: "Langevin, unadjusted",
    group: Group::Langevin,
    caption: "unadjusted Langevin dynamics",
    help: "unadjusted Langevin dynamics, at the level of --t-end; stochastic, 1 NFE per step",
    paper: "https://arxiv.org/abs/1907.05600",
    stochastic: true,
    stays: true,
    steps: Some(100),
    settings: &["steps", "step_size", "convention", "t_end", "denoise", "clip", "threshold"],
    processes: ANY,
    times: plan::stay,
    defaults: |plan| fill(plan, ULA_RATE * plan.width() * plan.width()),
    method: |plan| Ok(Method::of(Ula { full: full(plan) })),
    ..Info::BASE
};

pub(super) const ANNEALED: Info = Info {
    name: "annealed-langevin",
    title: "Annealed Langevin",
    group: Group::Langevin,
    caption: "annealed Langevin dynamics",
    help: "Langevin dynamics over a ladder of --steps levels; stochastic, --level-steps NFE per level, whose bias falls with them",
    paper: "https://arxiv.org/abs/2006.09011",
    stochastic: true,
    steps: Some(50),
    settings: &[
        "steps",
        "level_steps",
        "step_size",
        "convention",
        "grid",
        "t_end",
        "times",
        "denoise",
        "clip",
        "threshold",
    ],
    evaluations: |settings| settings.level_steps,
    grid: |_| Grid::LogSnr,
    times: plan::anneal,
    defaults: |plan| fill(plan, technique_4(plan)),
    method: |plan| Ok(Method::of(Annealed { full: full(plan), level_steps: plan.settings.level_steps })),
    ..Info::BASE
};

/// The unadjusted algorithm's default ε/σ²: the narrowest direction of the data then has 5 % too much variance.
const ULA_RATE: f64 = 0.1;
/// Without noise there is no σ to measure a step by: the data are taken to be no narrower than this.
const CLEAN: f64 = 0.2;

impl Convention {
    /// The ε of x + ε·s + √(2ε)·z that a step size of this convention is.
    #[must_use]
    pub fn full(self, step_size: f64) -> f64 {
        match self {
            Self::Half => 0.5 * step_size,
            Self::Full => step_size,
            Self::Squared => 0.5 * step_size * step_size,
        }
    }

    /// The inverse of [`Convention::full`].
    #[must_use]
    pub fn of_full(self, full: f64) -> f64 {
        match self {
            Self::Half => 2.0 * full,
            Self::Full => full,
            Self::Squared => libm::sqrt(2.0 * full),
        }
    }
}

impl Plan {
    /// S, the smallest standard deviation of the samples where it ends, in any direction: √(α²w² + σ²) for data that are
    /// known to be w wide; σ for others, or 0.2 where there is no noise either.
    pub(super) fn width(&self) -> f64 {
        let level = self.process.level(self.t_end);
        let width = libm::hypot(level.alpha * self.narrowest.unwrap_or(0.0), level.sigma);
        if width > 0.0 { width } else { CLEAN }
    }
}

/// Fills in the step size where none is given, from that of the full convention.
pub(super) fn fill(plan: &mut Plan, full: f64) {
    let settings = &mut plan.settings;
    settings.step_size.get_or_insert(settings.convention.of_full(full));
}

/// The plan's step size in the full convention.
pub(super) fn full(plan: &Plan) -> f64 {
    plan.settings.convention.full(plan.settings.step_size.expect("its defaults have filled it in"))
}

/// ε of NCSNv2's technique 4 for `level_steps` and the levels' mean ratio γ.
fn technique_4(plan: &Plan) -> f64 {
    let ratio = |t: Option<&f64>| plan.process.level(t.copied().unwrap_or(0.0)).ratio();
    let (first, last) = (ratio(plan.times.first()), ratio(plan.times.last()));
    // The first time is the start, the others are the ladder. A single level anneals from the prior's width.
    let steps = plan.times.len().saturating_sub(2).max(1);
    let gamma = libm::pow(first / last, 1.0 / steps as f64);
    ladder::step(gamma, plan.settings.level_steps).unwrap_or(ULA_RATE) * last * last
}

/// x + ε·s + √(2ε)·z at `level`, with draw number `draw`.
fn step(x: Tensor<2>, level: Level, full: f64, draw: usize, state: &mut State, score: &dyn Score) -> Tensor<2> {
    let s = state.evaluate(&x, level, score);
    let next = state.noisy(term(&x) + term(&s) * full, (2.0 * full).sqrt(), &x, Purpose::Predictor, draw as u64);
    state.project(next, &level)
}

/// The unadjusted Langevin algorithm.
struct Ula {
    /// ε of the full convention.
    full: f64,
}

impl Update for Ula {
    fn update(&mut self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Tensor<2> {
        step(x, state.to(), self.full, state.index, state, score)
    }
}

/// Langevin dynamics over a ladder.
struct Annealed {
    /// ε of the full convention at the last level.
    full: f64,
    /// T.
    level_steps: usize,
}

impl Update for Annealed {
    fn update(&mut self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Tensor<2> {
        let (from, to) = (state.from(), state.to());
        let last = state.last_level();
        let full = self.full * (to.sigma / last.ratio()).powi(2);
        let mut x = (term(&x) * (to.alpha / from.alpha)).value();
        for j in 0..self.level_steps {
            x = step(x, to, full, state.index * self.level_steps + j, state, score);
        }
        x
    }
}
