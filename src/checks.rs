//! Checks of settings and fields: which, what was given, what is expected.

use crate::{Error, Result};

/// [`Error::Setting`] unless `ok`.
pub(crate) fn check(ok: bool, field: &str, value: impl ToString, expected: impl Into<String>) -> Result<()> {
    if ok { Ok(()) } else { Err(Error::setting(field, value, expected)) }
}

/// A count within `low..=high`.
pub(crate) fn range(field: &str, value: usize, low: usize, high: usize) -> Result<()> {
    check((low..=high).contains(&value), field, value, format!("{low} to {high}"))
}

/// A number within `low..=high`. Written so that NaN fails.
pub(crate) fn number(field: &str, value: f64, low: f64, high: f64) -> Result<()> {
    check((low..=high).contains(&value), field, value, format!("a number from {low} to {high}"))
}
