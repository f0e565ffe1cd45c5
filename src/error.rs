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
    /// An array has not the shape that it must have.
    #[error("{array} has {given}; give {expected}")]
    Shape {
        /// The array.
        array: String,
        /// What it has.
        given: String,
        /// What is needed.
        expected: String,
    },
    /// Something has no picture.
    #[error("{what} cannot be drawn: {problem}; {remedy}")]
    Figure {
        /// The samples, the picture, the plot.
        what: String,
        /// What is wrong.
        problem: String,
        /// How to mend it.
        remedy: String,
    },
    /// A file that was given is not what it must be, or one that is to be written has no place.
    #[error("{path}: {problem}; {remedy}")]
    File {
        /// The file.
        path: PathBuf,
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

/// An error in its parts, for those that show them apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// What is wrong.
    pub what: String,
    /// The file, the device, the step; empty where `what` says it all.
    pub place: String,
    /// How to mend it.
    pub remedy: String,
}

impl Error {
    /// A stable code, the `code` of JavaScript's `ScorefieldError`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Setting { .. } | Self::Config { .. } | Self::Shape { .. } | Self::Figure { .. } => "setting",
            Self::Weights { .. } | Self::Mixture { .. } => "weights",
            Self::Data { .. } => "data",
            Self::File { .. } | Self::Io { .. } => "io",
            Self::Device { .. } => "device",
            Self::NotFinite { .. } => "not-finite",
            Self::Run { .. } => "run",
        }
    }

    /// What, where, and the remedy.
    #[must_use]
    pub fn parts(self) -> Parts {
        let (what, place, remedy) = match self {
            Self::Setting { field, value, expected } => {
                (format!("{field} = {value}"), String::new(), format!("expected {expected}"))
            }
            Self::Weights { file, problem, remedy } => (problem, file, remedy),
            Self::Mixture { file, problem } => {
                (problem, file, "the keys are weights, means, stds or covariances, and [process]".to_owned())
            }
            Self::Data { name, problem, remedy } => (problem, name, remedy),
            Self::Shape { array, given, expected } => {
                (format!("{array} has {given}"), String::new(), format!("give {expected}"))
            }
            Self::Figure { what, problem, remedy } => {
                (format!("{what} cannot be drawn: {problem}"), String::new(), remedy)
            }
            Self::File { path, problem, remedy } => (problem, path.display().to_string(), remedy),
            Self::Io { path, cause, remedy } => (cause.to_string(), path.display().to_string(), remedy.to_owned()),
            Self::Config { file, problem } => {
                (problem, file, "keys and values are those of configs/ in the repository".to_owned())
            }
            Self::Device { device, problem, remedy } => (problem, format!("device {device}"), remedy),
            Self::NotFinite { what, step, remedy } => (format!("{what} is not finite"), format!("step {step}"), remedy),
            Self::Run { folder, problem, remedy } => (problem, folder, remedy),
        };
        Parts { what, place, remedy }
    }

    pub(crate) fn setting(field: impl Into<String>, value: impl ToString, expected: impl Into<String>) -> Self {
        let (value, expected) = (brief(&value.to_string(), MOST_VALUE), brief(&expected.into(), MOST_PROBLEM));
        Self::Setting { field: field.into(), value, expected }
    }

    pub(crate) fn shape(array: impl Into<String>, given: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Shape { array: array.into(), given: given.into(), expected: expected.into() }
    }

    pub(crate) fn figure(what: impl Into<String>, problem: impl ToString, remedy: impl Into<String>) -> Self {
        Self::Figure { what: what.into(), problem: problem.to_string(), remedy: remedy.into() }
    }

    pub(crate) fn weights(file: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (file, problem) = (brief(&file.into(), MOST_PROBLEM), brief(&problem.into(), MOST_PROBLEM));
        Self::Weights { file, problem, remedy: remedy.into() }
    }

    pub(crate) fn mixture(file: impl Into<String>, problem: impl Into<String>) -> Self {
        let (file, problem) = (brief(&file.into(), MOST_PROBLEM), brief(&problem.into(), MOST_PROBLEM));
        Self::Mixture { file, problem }
    }

    pub(crate) fn data(name: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Data { name: name.into(), problem: problem.into(), remedy: remedy.into() }
    }

    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn file(path: &std::path::Path, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::File { path: path.to_path_buf(), problem: problem.into(), remedy: remedy.into() }
    }

    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        use std::io::ErrorKind::{NotFound, PermissionDenied, StorageFull};
        move |cause| {
            let remedy = match cause.kind() {
                NotFound => "check the path: it, or a folder on the way to it, is missing",
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

    #[test]
    fn the_parts_of_every_error_are_those_of_its_message() {
        let text = str::to_owned;
        let errors = [
            Error::setting("steps", 0, "1 to 10000"),
            Error::shape("samples", "5 numbers", "a multiple of 2"),
            Error::figure("a plot", "it has no points", "give one"),
            Error::weights("w", "cut", "copy it again"),
            Error::Mixture { file: text("m.toml"), problem: text("no weights") },
            Error::Data { name: text("d"), problem: text("missing"), remedy: text("get it") },
            Error::File { path: "x.npy".into(), problem: text("truncated"), remedy: text("copy it again") },
            Error::Io { path: "x".into(), cause: std::io::ErrorKind::NotFound.into(), remedy: "check the path" },
            Error::Config { file: text("c.toml"), problem: text("no such key") },
            Error::Device { device: text("gpu"), problem: text("none here"), remedy: text("use cpu") },
            Error::NotFinite { what: text("a loss"), step: 3, remedy: text("lower the rate") },
            Error::Run { folder: text("runs/x"), problem: text("in use"), remedy: text("wait") },
        ];
        for error in errors {
            let said = error.to_string();
            let Parts { what, place, remedy } = error.parts();
            assert!(said.contains(&what) && said.contains(&place) && said.contains(&remedy), "{said}");
            assert!(!what.is_empty() && !remedy.is_empty(), "{said}");
        }
    }
}
