//! The probability flow in the angle θ = atan(σ/α).
//!
//! With N = √(α² + σ²) and y = x/N, every affine process has one flow: y = cos θ·x̂₀ + sin θ·ε̂ turns, and its slope is
//! Salimans & Ho's velocity (<https://arxiv.org/abs/2202.00512>, appendix D),
//!
//! dy/dθ = v̂ = cos θ·ε̂ − sin θ·x̂₀ = −tan θ·(N·s(x, t) + y).
//!
//! y keeps about unit size from data to noise, so that one absolute tolerance means the same at both ends, and the slope
//! is smooth at both: x against t moves as √t near the data, and x/α against σ/α spans five decades. On a mixture in two
//! dimensions Dormand and Prince's pair takes 0.71–0.95 of the evaluations here that SciPy's `RK45` takes for x against t,
//! as `score_sde` has it, at tolerances from 1e-3 to 1e-8 (a test of the sampler `ode` prints them).
//!
//! The log-density of y falls along the flow by the divergence of v̂ (Chen et al. 2018, <https://arxiv.org/abs/1806.07366>):
//! d log p(y)/dθ = tan θ·(N²·tr ∂s/∂x + d).

pub mod codes;
pub mod dormand_prince;
pub mod likelihood;

use burn::Tensor;

use crate::{
    Error, Result,
    compute::vectors::term,
    schedule,
    sde::{Level, Process},
};

/// Where the flow ends at the data's side when nothing else is asked for, for codes and likelihoods.
pub const T_END: f64 = 1e-5;

/// The flow between two times.
#[derive(Clone, Debug)]
pub struct Flow {
    process: Process,
    ends: [Level; 2],
}

impl Flow {
    /// The flow between t = 1 and `t_end`.
    ///
    /// # Errors
    /// When the process or `t_end` is out of range, or there is no process.
    pub fn new(process: &Process, t_end: f64) -> Result<Self> {
        process.validate()?;
        schedule::check_t_end(process, t_end)?;
        let ends = [process.level(1.0), process.level(t_end)];
        if ends.iter().all(|level| level.sigma > 0.0) {
            return Ok(Self { process: process.clone(), ends });
        }
        Err(Error::setting(
            "process",
            process.name(),
            "one with noise from t_end to 1: others have no probability flow",
        ))
    }

    /// θ at t = 1 and at t_end.
    #[must_use]
    pub fn angles(&self) -> [f64; 2] {
        self.ends.map(|level| angle(&level))
    }

    /// The level of an angle; at the ends it is theirs, exactly.
    #[must_use]
    pub fn level(&self, theta: f64) -> Level {
        match self.ends.iter().find(|level| angle(level) == theta) {
            Some(level) => *level,
            None => self.process.level(self.process.time_of_ratio(libm::tan(theta))),
        }
    }
}

/// θ = atan(σ/α).
#[must_use]
pub fn angle(level: &Level) -> f64 {
    libm::atan2(level.sigma, level.alpha)
}

/// N = √(α² + σ²), the factor between y and x.
#[must_use]
pub fn norm(level: &Level) -> f64 {
    libm::hypot(level.alpha, level.sigma)
}

/// The slope dy/dθ, given the score at x = N·y.
///
/// # Shapes
/// `y`, `score` and the result: `[n, d]`.
#[must_use]
pub fn velocity(y: Tensor<2>, score: Tensor<2>, level: &Level) -> Tensor<2> {
    ((term(&score) * norm(level) + term(&y)) * -level.ratio()).value()
}

#[cfg(test)]
pub(crate) mod tests;
