//! Noise ladders of annealed Langevin dynamics: σ₁ > … > σ_L, geometric with ratio γ = σᵢ₋₁/σᵢ (NCSN: Song & Ermon
//! 2019, <https://arxiv.org/abs/1907.05600>), and NCSNv2's techniques, which choose one from the data (Song & Ermon
//! 2020, <https://arxiv.org/abs/2006.09011>):
//!
//! 1. σ₁ is the largest Euclidean distance between two training samples (`data::distance`).
//! 2. γ solves Φ(√(2D)(γ − 1) + 3γ) − Φ(√(2D)(γ − 1) − 3γ) = C in D dimensions, so that a share C of the samples of
//!    one level lies within three deviations of the next one's sphere: [`ratio`]. Φ is the standard normal
//!    distribution function.
//! 4. The step size ε, for T steps x + a·σᵢ²·s + √(2a)·σᵢ·z a level with a = ε/σ_L², makes the deviation at the end of a
//!    level, s_T²/σᵢ² = (1 − a)²ᵀ(γ² − c) + c with c = 2a/(1 − (1 − a)²) = 1/(1 − a/2), as near 1 as it can be: [`step`].
//!
//! (Technique 3 is the network's division by σ, and 5 the moving average of its weights.) The paper proposes C ≈ 0.5;
//! the ladders that it publishes lie at [`COVERAGE`].

use crate::{Error, Result};

/// The C of technique 2 at which NCSNv2's published ladders lie: 232, 500, 788, 1086 and 2311 levels, each within one.
pub const COVERAGE: f64 = 0.567;

/// The most levels that a ladder may have.
const MAX_LEVELS: usize = super::MAX_STEPS + 1;

/// `levels` noise levels in geometric progression, the first and the last exactly as given.
///
/// # Errors
/// When the levels are fewer than two or too many, or `first` > `last` > 0 does not hold for finite numbers.
pub fn geometric(first: f64, last: f64, levels: usize) -> Result<Vec<f64>> {
    check_ends(first, last)?;
    if !(2..=MAX_LEVELS).contains(&levels) {
        return Err(Error::setting("levels", levels, format!("2 to {MAX_LEVELS}")));
    }
    let (high, low) = (libm::log(first), libm::log(last));
    let inner = (1..levels - 1).map(|i| libm::exp(high + (low - high) * (i as f64 / (levels - 1) as f64)));
    Ok(std::iter::once(first).chain(inner).chain([last]).collect())
}

/// The number of levels from `first` to `last` whose ratio is nearest to `gamma`: 1 + ln(σ₁/σ_L)/ln γ, rounded.
///
/// # Errors
/// When `first` > `last` > 0 or `gamma` > 1 does not hold for finite numbers, or the levels are too many.
pub fn levels(first: f64, last: f64, gamma: f64) -> Result<usize> {
    check_ends(first, last)?;
    if !(gamma > 1.0 && gamma.is_finite()) {
        return Err(Error::setting("gamma", gamma, "a finite number above 1"));
    }
    let levels = 1.0 + libm::round(libm::log(first / last) / libm::log(gamma));
    if levels > MAX_LEVELS as f64 {
        return Err(Error::setting("gamma", gamma, format!("a larger ratio: at most {MAX_LEVELS} levels")));
    }
    Ok((levels as usize).max(2))
}

// Written so that a NaN fails it.
fn check_ends(first: f64, last: f64) -> Result<()> {
    if 0.0 < last && last < first && first < f64::INFINITY {
        return Ok(());
    }
    Err(Error::setting("sigmas", format!("{first}, {last}"), "two numbers, the first > the last > 0"))
}

/// Technique 2's left side: the share of one level's samples within three deviations of the next level's sphere.
#[must_use]
pub fn coverage(gamma: f64, dim: usize) -> f64 {
    let phi = |z: f64| 0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2);
    let shift = libm::sqrt(2.0 * dim as f64) * (gamma - 1.0);
    phi(shift + 3.0 * gamma) - phi(shift - 3.0 * gamma)
}

/// Technique 2: the ratio γ of neighbouring levels in `dim` dimensions for a share `coverage` ([`COVERAGE`]).
///
/// # Errors
/// Below five dimensions, where √(2D) < 3 and every ratio covers more than three deviations of a Gaussian do, and
/// for a `coverage` outside [0.01, 0.99].
pub fn ratio(dim: usize, coverage: f64) -> Result<f64> {
    if dim < 5 {
        return Err(Error::setting("dim", dim, "5 or more: in fewer dimensions every ratio is covered"));
    }
    if !(0.01..=0.99).contains(&coverage) {
        return Err(Error::setting("coverage", coverage, "a number from 0.01 to 0.99"));
    }
    // The share falls from Φ(3) − Φ(−3) = 0.997 at γ = 1 to 0: bisection to the last bit, on γ − 1.
    let (mut low, mut high) = (0.0, 1.0);
    while self::coverage(1.0 + high, dim) > coverage {
        high *= 2.0;
    }
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return Ok(1.0 + middle);
        }
        if self::coverage(1.0 + middle, dim) > coverage {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// Technique 4's s_T²/σᵢ²: the variance, in units of the level's, that `steps` Langevin steps of size a = ε/σ_L² leave
/// where the score is that of a point and the level began at the one before, γ times as wide.
#[must_use]
pub fn deviation2(rate: f64, gamma: f64, steps: usize) -> f64 {
    // 2a/(1 − (1 − a)²) without the cancellation.
    let stationary = 1.0 / (1.0 - 0.5 * rate);
    libm::pow((1.0 - rate).abs(), 2.0 * steps as f64) * (gamma * gamma - stationary) + stationary
}

/// Technique 4: the step size a = ε/σ_L² in (0, 1] for `steps` Langevin steps per level (the step is ε·σᵢ²/σ_L² at level
/// i), which brings [`deviation2`] nearest to 1. It is above 1 everywhere: this is its minimum.
///
/// # Errors
/// For a `gamma` that is not a finite number above 1, or no steps.
pub fn step(gamma: f64, steps: usize) -> Result<f64> {
    if !(gamma > 1.0 && gamma.is_finite()) {
        return Err(Error::setting("gamma", gamma, "a finite number above 1"));
    }
    if steps == 0 {
        return Err(Error::setting("level_steps", steps, "1 or more"));
    }
    // The minimum among a geometric series, then by golden sections of log a between its neighbours: the variance
    // falls to one minimum and rises from it.
    const SERIES: usize = 512;
    let excess = |log_rate: f64| deviation2(libm::exp(log_rate), gamma, steps);
    let at = |i: usize| libm::log(1e-15) * (i as f64 / SERIES as f64);
    let least = (0..=SERIES).min_by(|&i, &j| excess(at(i)).total_cmp(&excess(at(j)))).expect("the series is not empty");
    let (mut low, mut high) = (at((least + 1).min(SERIES)), at(least.saturating_sub(1)));
    let golden = 0.5 * (libm::sqrt(5.0) - 1.0);
    for _ in 0..100 {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        if excess(left) <= excess(right) {
            high = right;
        } else {
            low = left;
        }
    }
    Ok(libm::exp(0.5 * (low + high)))
}

#[cfg(test)]
mod tests;
