//! A mixture as a TOML file, a model that needs no training:
//!
//! ```toml
//! weights = [0.6, 0.4]                # positive; normalised to sum to 1
//! means = [[2.0, 0.0], [-2.0, 1.0]]
//! stds = [0.5, [0.2, 0.4]]            # a number or one a dimension; or covariances = [[[…], …], …]
//! [process]                           # without it: the data's own density at every t
//! kind = "vp"
//! ```

use serde::{Deserialize, Serialize};

use super::Mixture;
use crate::{Error, Result, sde::Process};

/// The largest file that is read.
const MAX_BYTES: usize = 32 << 20;
const MAX_COMPONENTS: usize = 4096;
const MAX_DIM: usize = 65_536;
/// Of a full covariance, which takes O(d³) to turn into its axes.
const MAX_FULL_DIM: usize = 512;
/// Numbers of all means, and of all covariances.
const MAX_NUMBERS: usize = 1 << 20;

/// A mixture of Gaussians and a process, as their TOML file has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MixtureConfig {
    /// Positive weights, one a component. They are normalised to sum to 1.
    pub weights: Vec<f64>,
    /// Means, one a component.
    pub means: Vec<Vec<f64>>,
    /// Standard deviations, one a component; 0 is a point, and takes a process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stds: Option<Vec<Std>>,
    /// Covariances, one a component, in place of `stds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covariances: Option<Vec<Vec<Vec<f64>>>>,
    /// The forward process; without it [`Process::None`].
    #[serde(default = "no_process")]
    pub process: Process,
}

fn no_process() -> Process {
    Process::None
}

/// Standard deviations of one component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number or one number a dimension")]
pub enum Std {
    /// The same in every direction.
    Scalar(f64),
    /// One a dimension.
    Diagonal(Vec<f64>),
}

impl MixtureConfig {
    /// Whether `bytes` are meant as such a file: by the name, or because the first line that says something is a TOML
    /// key or table.
    #[must_use]
    pub fn is_meant(name: &str, bytes: &[u8]) -> bool {
        if name.to_ascii_lowercase().ends_with(".toml") {
            return true;
        }
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]);
        let mut lines = start.trim_start_matches('\u{feff}').lines().map(str::trim_start);
        let Some(line) = lines.find(|line| !line.is_empty() && !line.starts_with('#')) else { return false };
        let (table, line) = line.strip_prefix('[').map_or((false, line), |line| (true, line));
        let rest = line.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        let named = line.starts_with(|c: char| c.is_ascii_alphabetic());
        named && rest.len() < line.len() && rest.trim_start().starts_with(if table { ']' } else { '=' })
    }

    /// Reads a TOML file's bytes; `file` is named in errors.
    ///
    /// # Errors
    /// [`Error::Mixture`] when they are no such file: see [`MixtureConfig::init`] for the numbers.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<(Self, Mixture)> {
        let bad = |problem: String| Error::mixture(file, problem);
        if bytes.len() > MAX_BYTES {
            return Err(bad(format!("{} bytes are more than {MAX_BYTES}", bytes.len())));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| bad(format!("not UTF-8 text ({error})")))?;
        // The message spans lines: the place, the line itself with a caret, what was expected.
        let config: Self = toml::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|error| bad(error.to_string().trim_end().to_owned()))?;
        let mixture = config.init().map_err(|error| bad(error.to_string()))?;
        Ok((config, mixture))
    }

    /// The mixture.
    ///
    /// # Errors
    /// [`Error::Setting`] with the first field that is wrong: no or too many components or dimensions, numbers out of
    /// their range, covariances that are not positive definite, neither stds nor covariances or both, a bad process, or
    /// points without a process.
    pub fn init(&self) -> Result<Mixture> {
        let Self { weights, means, stds, covariances, process } = self;
        process.validate()?;
        let most = |field: &str, given: usize, most: usize| {
            let ok = given <= most;
            ok.then_some(()).ok_or_else(|| Error::setting(field, given, format!("at most {most}")))
        };
        most("weights (their number)", weights.len(), MAX_COMPONENTS)?;
        let d = means.first().map_or(0, Vec::len);
        most("means[0] (its dimension)", d, MAX_DIM)?;
        most("means (numbers in all)", weights.len() * d, MAX_NUMBERS)?;
        let mixture = match (stds, covariances) {
            (Some(stds), None) => {
                most("stds (their number)", stds.len(), weights.len())?;
                let stds: Vec<_> = stds.iter().map(|std| std.expand(d)).collect();
                Mixture::diagonal(weights, means, &stds)?
            }
            (None, Some(covariances)) => {
                most("means[0] (its dimension, with covariances)", d, MAX_FULL_DIM)?;
                most("covariances (numbers in all)", covariances.iter().flatten().map(Vec::len).sum(), MAX_NUMBERS)?;
                Mixture::full(weights, means, covariances)?
            }
            (None, None) => return Err(Error::setting("stds", "none", "stds or covariances, one a component")),
            (Some(_), Some(_)) => return Err(Error::setting("covariances", "beside stds", "one of the two")),
        };
        if *process == Process::None && mixture.has_points() {
            return Err(Error::setting(
                "stds",
                0.0,
                "numbers above 0, or a [process]: a point has no density of its own",
            ));
        }
        Ok(mixture)
    }
}

impl Std {
    fn expand(&self, d: usize) -> Vec<f64> {
        match self {
            Self::Scalar(std) => vec![*std; d],
            Self::Diagonal(stds) => stds.clone(),
        }
    }
}
