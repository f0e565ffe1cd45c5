//! SMLD's noise ladder (Song & Ermon 2019, <https://arxiv.org/abs/1907.05600>): x + σᵢ·z at t = i/(L − 1), i = 0 … L − 1,
//! σ₀ the smallest.
//!
//! α = 1. Between the points ln σ is linear in t, so that a geometric ladder is VE with as many points marked, and every
//! solver of continuous time runs on any ladder. At t = 0 the noise is σ_min, as for VE.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{SIGMA_RANGE, ddpm::MOST_POINTS, ladder::Ladder};
use crate::{Error, Result};

/// What a file says of the ladder: its sigmas, or the ends and number of a geometric one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    #[serde(skip_serializing_if = "Option::is_none")]
    sigmas: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sigma_max: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sigma_min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    levels: Option<usize>,
}

/// SMLD's ladder of L noise levels. The default is NCSNv2's for CIFAR-10: 232 levels from 50 to 0.01.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parameters", into = "Parameters")]
pub struct Smld {
    parameters: Arc<Parameters>,
    log_sigma: Ladder,
}

impl Default for Smld {
    fn default() -> Self {
        Self::geometric(50.0, 0.01, 232).expect("the published parameters are legal")
    }
}

impl From<Smld> for Parameters {
    fn from(smld: Smld) -> Self {
        Arc::unwrap_or_clone(smld.parameters)
    }
}

impl TryFrom<Parameters> for Smld {
    type Error = Error;

    fn try_from(parameters: Parameters) -> Result<Self> {
        match &parameters {
            Parameters { sigmas: Some(sigmas), sigma_max: None, sigma_min: None, levels: None } => Self::new(sigmas),
            Parameters { sigmas: None, sigma_max, sigma_min, levels } => {
                Self::geometric(sigma_max.unwrap_or(50.0), sigma_min.unwrap_or(0.01), levels.unwrap_or(232))
            }
            Parameters { sigmas: Some(sigmas), .. } => Err(Error::setting(
                "process.sigmas",
                format!("{} numbers beside sigma_max, sigma_min or levels", sigmas.len()),
                "the sigmas, or the ends and number of a geometric ladder",
            )),
        }
    }
}

fn check_levels(field: &str, levels: usize) -> Result<()> {
    let ok = (2..=MOST_POINTS).contains(&levels);
    ok.then_some(()).ok_or_else(|| Error::setting(field, levels, format!("2 to {MOST_POINTS} levels")))
}

impl Smld {
    /// The ladder of these standard deviations, from the largest to the smallest or the other way round.
    ///
    /// # Errors
    /// For fewer than two or more than 100,000 of them, one that is not from 1e-6 to 1e6, or an order that turns.
    pub fn new(sigmas: &[f64]) -> Result<Self> {
        check_levels("process.sigmas", sigmas.len())?;
        // A NaN fails every comparison.
        if let Some(bad) = sigmas.iter().find(|sigma| !SIGMA_RANGE.contains(sigma)) {
            let range = format!("numbers from {} to {}", SIGMA_RANGE.start(), SIGMA_RANGE.end());
            return Err(Error::setting("process.sigmas", bad, range));
        }
        let mut values: Vec<f64> = sigmas.iter().map(|sigma| libm::log(*sigma)).collect();
        if values[0] > values[1] {
            values.reverse();
        }
        if let Some(pair) = values.windows(2).find(|pair| pair[0] >= pair[1]) {
            let (a, b) = (libm::exp(pair[0]), libm::exp(pair[1]));
            return Err(Error::setting("process.sigmas", format!("{a}, {b}"), "strictly decreasing or increasing"));
        }
        let parameters = Parameters { sigmas: Some(sigmas.to_vec()), ..Parameters::default() };
        Ok(Self { parameters: parameters.into(), log_sigma: Ladder::new(values) })
    }

    /// The geometric ladder of `levels` standard deviations.
    ///
    /// # Errors
    /// For fewer than two levels or more than 100,000, and where not 1e-6 ≤ `sigma_min` < `sigma_max` ≤ 1e6.
    pub fn geometric(sigma_max: f64, sigma_min: f64, levels: usize) -> Result<Self> {
        check_levels("process.levels", levels)?;
        super::check_pair("process.sigma_min, process.sigma_max", sigma_min, sigma_max, SIGMA_RANGE)?;
        let (low, high) = (libm::log(sigma_min), libm::log(sigma_max));
        let last = (levels - 1) as f64;
        let values: Vec<f64> = (0..levels).map(|i| low + (i as f64 / last) * (high - low)).collect();
        if values.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(Error::setting("process.levels", levels, "fewer: two levels coincide"));
        }
        let (sigma_max, sigma_min, levels) = (Some(sigma_max), Some(sigma_min), Some(levels));
        let parameters = Parameters { sigmas: None, sigma_max, sigma_min, levels };
        Ok(Self { parameters: parameters.into(), log_sigma: Ladder::new(values) })
    }

    /// L.
    #[must_use]
    pub fn levels(&self) -> usize {
        self.log_sigma.intervals() + 1
    }

    pub(super) fn log_sigma(&self, t: f64) -> f64 {
        self.log_sigma.at(t)
    }

    pub(super) fn marginal(&self, t: f64) -> (f64, f64) {
        (1.0, libm::exp(self.log_sigma(t)))
    }

    pub(super) fn diffusion2(&self, t: f64) -> f64 {
        2.0 * libm::exp(2.0 * self.log_sigma(t)) * self.log_sigma.slope(t)
    }

    pub(super) fn time_of_sigma(&self, sigma: f64) -> f64 {
        self.log_sigma.inverse(libm::log(sigma))
    }
}
