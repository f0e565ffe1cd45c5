//! What can go wrong, said so that the reader can mend it: what, where, and the remedy.

use std::path::PathBuf;

/// The library's one error type.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is out of its range.
    #[error("{field} = {value}: expected {expected}")]
    Setting {
        /// The setting's path, such as `train.lr`.
        field: String,
        /// What was given.
        value: String,
        /// What is allowed.
        expected: String,
    },
    /// A weights file is not what it must be.
    #[error("weights file {file}: {problem}; {remedy}")]
    Weights {
        /// The file's name.
        file: String,
        /// What is wrong, with the tensor or field.
        problem: String,
        /// How to mend it.
        remedy: String,
    },
    /// A mixture's TOML file is not what it must be.
    #[error("mixture {file}: {problem}; the keys are weights, means, stds or covariances, and [process]")]
    Mixture {
        /// The file's name.
        file: String,
        /// What is wrong, with the field.
        problem: String,
    },
    /// A data set is missing or malformed.
    #[error("data set {name}: {problem}; {remedy}")]
    Data {
        /// The data set or its file.
        name: String,
        /// What is wrong.
        problem: String,
        /// How to mend it.
        remedy: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {cause}; {remedy}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
        /// How to mend it.
        remedy: &'static str,
    },
    /// A run's config cannot be read as one.
    #[error("config {file}: {problem}; keys and values are those of configs/ in the repository")]
    Config {
        /// The file.
        file: String,
        /// The key or value that is wrong.
        problem: String,
    },
    /// No such device, or it cannot run the model.
    #[error("device {device}: {problem}; {remedy}")]
    Device {
        /// The device asked for.
        device: String,
        /// What is wrong.
        problem: String,
        /// How to mend it.
        remedy: String,
    },
    /// The run produced NaN or infinity.
    #[error("{what} is not finite at step {step}: {remedy}")]
    NotFinite {
        /// The loss, a gradient, a sample.
        what: String,
        /// The step.
        step: usize,
        /// How to mend it.
        remedy: String,
    },
    /// Another process trains in this folder, or a run cannot go on.
    #[error("run {folder}: {problem}; {remedy}")]
    Run {
        /// The run's folder.
        folder: String,
        /// What is wrong.
        problem: String,
        /// How to mend it.
        remedy: String,
    },
}

impl Error {
    /// A stable code, the `code` of JavaScript's `ScorefieldError`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Setting { .. } | Self::Config { .. } => "setting",
            Self::Weights { .. } | Self::Mixture { .. } => "weights",
            Self::Data { .. } => "data",
            Self::Io { .. } => "io",

            Self::Device { .. } => "device",
            Self::NotFinite { .. } => "not-finite",
            Self::Run { .. } => "run",
        }
    }

    pub(crate) fn setting(field: impl Into<String>, value: impl ToString, expected: impl Into<String>) -> Self {
        let (value, expected) = (brief(&value.to_string(), MOST_VALUE), brief(&expected.into(), MOST_PROBLEM));
        Self::Setting { field: field.into(), value, expected }
    }

    pub(crate) fn weights(file: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (file, problem) = (brief(&file.into(), MOST_PROBLEM), brief(&problem.into(), MOST_PROBLEM));
        Self::Weights { file, problem, remedy: remedy.into() }
    }

    pub(crate) fn mixture(file: impl Into<String>, problem: impl Into<String>) -> Self {
        let (file, problem) = (brief(&file.into(), MOST_PROBLEM), brief(&problem.into(), MOST_PROBLEM));
        Self::Mixture { file, problem }
    }

    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn data(name: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Data { name: name.into(), problem: problem.into(), remedy: remedy.into() }
    }

    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        use std::io::ErrorKind::{NotFound, PermissionDenied, StorageFull};
        move |cause| {
            let remedy = match cause.kind() {
                NotFound => "check the path: the folder must exist",
                PermissionDenied => "change its permissions, or give another place",
                StorageFull => "make room on that disk, or give another place",
                _ => "check that path, or give another",
            };
            Self::Io { path: path.to_path_buf(), cause, remedy }
        }
    }
}

/// The longest value of a setting in a message, in characters.
const MOST_VALUE: usize = 200;
/// The longest problem in a message, in characters.
const MOST_PROBLEM: usize = 600;

/// A text fit for a message, for it may come from a file or an address: at most `most` characters, of a longer one the
/// beginning and the end, with control characters escaped, which a terminal would obey.
pub(crate) fn brief(text: &str, most: usize) -> String {
    let length = text.chars().count();
    let cut = if length > most { most / 2..length - (most - most / 2 - 1) } else { length..length };
    let mut short = String::new();
    for (at, c) in text.chars().enumerate().filter(|(at, _)| !cut.contains(at) || *at == cut.start) {
        match c {
            _ if at == cut.start => short.push('…'),
            '\n' | '\t' => short.push(c),
            c if c.is_control() => short.extend(c.escape_default()),
            c => short.push(c),
        }
    }
    short
}

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_keep_their_beginning_and_their_end() {
        assert_eq!(brief("as it is", 8), "as it is");
        assert_eq!(brief("0123456789", 8), "0123…789");
        assert_eq!(brief("0123456789", 5), "01…89");
        assert_eq!(brief("éàüéàü", 3), "é…ü");
        assert_eq!(brief("\u{1b}[31mred\n\u{7f}", 20), "\\u{1b}[31mred\n\\u{7f}");
        let long = "x".repeat(8000);
        for error in [
            Error::setting("n", &long, &long),
            Error::weights(&long, &long, "get it again"),
            Error::mixture(&long, &long),
        ] {
            assert!(error.to_string().chars().count() < 1500, "{error}");
        }
    }
}
