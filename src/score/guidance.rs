//! Classifier-free guidance: s = s∅ + w·(s_c − s∅) (Ho & Salimans 2022, <https://arxiv.org/abs/2207.12598>).

use crate::{Error, Result};

/// The largest weight of guidance.
pub const MAX_GUIDANCE: f64 = 100.0;

/// Checks the weight of classifier-free guidance.
///
/// # Errors
/// When it is not a number from 0 to 100.
pub fn check_guidance(guidance: f64) -> Result<()> {
    let ok = (0.0..=MAX_GUIDANCE).contains(&guidance);
    ok.then_some(()).ok_or_else(|| Error::setting("guidance", guidance, "a number from 0 to 100"))
}
