//! Strided ladders: which of the times 1/M … M/M of a discrete process a sampler of S steps visits, before it comes to 0.
//!
//! | spacing | levels, counted from 1, k = 0 … S − 1 | at S = 1 |
//! |---|---|---|
//! | `leading` | 1 + ⌊k·M/S⌋ | 1 |
//! | `trailing` | ⌊(k + 1)·M/S⌉ | M |
//! | `linspace` | 1 + ⌊k·(M − 1)/(S − 1)⌉ | M |
//!
//! with ⌊·⌉ the nearest whole number, the even one of two. The names and, wherever S divides M, the levels are diffusers';
//! the fractional parts are kept, so that the levels spread over the whole ladder at every S, and all three are 1 … M at
//! S = M.
//!
//! Only `trailing` and `linspace` begin at t = 1. `leading`, which most published DDPM and DDIM figures use, begins below
//! it, though at a few steps the prior is not the marginal there (Lin et al. 2024, <https://arxiv.org/abs/2305.08891>).

use serde::{Deserialize, Serialize};

use super::MAX_STEPS;
use crate::{Error, Result};

/// Which of the training's discrete times a strided sampler visits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Spacing {
    /// From the first time on: 1, 1 + k, 1 + 2k …
    #[default]
    Leading,
    /// From the last time back: N, N − k, N − 2k …
    Trailing,
    /// Both the first and the last.
    Linspace,
}

impl Spacing {
    /// `steps` + 1 strictly decreasing times on the ladder i/`intervals`: `steps` of the levels above `last`, and `last`
    /// itself, where 0 is the data.
    ///
    /// # Errors
    /// When there are not so many levels, or no step.
    pub fn times(self, intervals: usize, steps: usize, last: usize) -> Result<Vec<f64>> {
        let levels = intervals.saturating_sub(last);
        if !(1..=levels.min(MAX_STEPS)).contains(&steps) {
            let expected = format!("1 to {levels}, the levels of the ladder that are left; more with a --grid");
            return Err(Error::setting("steps", steps, expected));
        }
        // ⌊a/b⌉ in whole numbers.
        let nearest = |a: usize, b: usize| {
            let (whole, rest) = (a / b, a % b);
            whole + usize::from(2 * rest > b || 2 * rest == b && whole % 2 == 1)
        };
        let level = |k: usize| match self {
            Self::Leading => 1 + k * levels / steps,
            Self::Trailing => nearest((k + 1) * levels, steps),
            Self::Linspace if steps == 1 => levels,
            Self::Linspace => 1 + nearest(k * (levels - 1), steps - 1),
        };
        let visited = (0..steps).rev().map(level).chain([0]);
        Ok(visited.map(|level| (last + level) as f64 / intervals as f64).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACINGS: [Spacing; 3] = [Spacing::Leading, Spacing::Trailing, Spacing::Linspace];

    fn levels(spacing: Spacing, intervals: usize, steps: usize) -> Vec<usize> {
        let times = spacing.times(intervals, steps, 0).unwrap();
        times.into_iter().map(|t| (t * intervals as f64).round() as usize).collect()
    }

    #[test]
    fn the_levels_are_diffusers() {
        // DDIMScheduler's timesteps (0.27.2), which count from 0, each with timestep_spacing of that name.
        let diffusers = |spacing, steps| {
            let mut levels = levels(spacing, 1000, steps);
            assert_eq!(levels.pop(), Some(0));
            levels.into_iter().map(|level| level - 1).collect::<Vec<_>>()
        };
        assert_eq!(diffusers(Spacing::Leading, 5), [800, 600, 400, 200, 0]);
        assert_eq!(diffusers(Spacing::Trailing, 5), [999, 799, 599, 399, 199]);
        assert_eq!(diffusers(Spacing::Linspace, 5), [999, 749, 500, 250, 0]);
        assert_eq!(diffusers(Spacing::Trailing, 1), [999]);
        assert_eq!(diffusers(Spacing::Leading, 1), [0]);
    }

    #[test]
    fn every_count_of_steps_has_its_levels() {
        for intervals in [1, 2, 7, 50, 231] {
            for steps in 1..=intervals {
                for spacing in SPACINGS {
                    let levels = levels(spacing, intervals, steps);
                    assert_eq!((levels.len(), levels[steps]), (steps + 1, 0));
                    assert!(levels.is_sorted_by(|a, b| a > b) && levels[0] <= intervals, "{spacing:?} {levels:?}");
                    // No gap is wider than an even spread rounded up, but for the step from the lowest level.
                    let widest = levels[..steps].windows(2).map(|pair| pair[0] - pair[1]).max().unwrap_or(1);
                    let even = if spacing == Spacing::Linspace {
                        (intervals - 1).div_ceil((steps - 1).max(1)).max(1)
                    } else {
                        intervals.div_ceil(steps)
                    };
                    assert!(widest <= even, "{spacing:?} {levels:?}");
                    assert_eq!(levels[0] == intervals, spacing != Spacing::Leading || steps == intervals);
                }
            }
        }
    }

    #[test]
    fn an_early_stop_takes_the_levels_above_it() {
        assert_eq!(Spacing::Leading.times(10, 2, 4).unwrap(), [0.8, 0.5, 0.4]);
        let refused = |steps, last| Spacing::Leading.times(10, steps, last).unwrap_err().to_string();
        assert!(refused(7, 4).starts_with("steps = 7: expected 1 to 6"));
        assert!(refused(0, 0).starts_with("steps = 0: expected 1 to 10"));
    }
}
