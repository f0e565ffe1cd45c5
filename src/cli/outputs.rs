//! The files that a command is asked to write, checked before its work.

use std::path::Path;

use super::Context;
use crate::{Error, Result, output, output::Target};

/// What a file holds, and so how its name ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Png,
    Gif,
    Npy,
    /// Named as the user likes.
    Weights,
}

impl Format {
    fn extension(self) -> Option<&'static str> {
        match self {
            Self::Png => Some("png"),
            Self::Gif => Some("gif"),
            Self::Npy => Some("npy"),
            Self::Weights => None,
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::Png => "PNG pictures",
            Self::Gif => "GIF animations",
            Self::Npy => "NPY arrays",
            Self::Weights => "weights",
        }
    }
}

/// A flag that names a file to write.
pub(super) type Output<'a> = (&'static str, Option<&'a Path>, Format);

/// Finds what would fail when these are written: a place that cannot be, a name that says another format, one place for two.
/// Where one of them is standard output, what the command reports goes to standard error.
///
/// # Errors
/// For the first that is found.
pub(super) fn check(outputs: &[Output<'_>], context: &Context) -> Result<()> {
    let mut before: Vec<(&str, Target)> = Vec::new();
    for &(flag, path, format) in outputs {
        let Some(path) = path else { continue };
        let target = output::check(path)?;
        // What a device or a pipe is called says nothing of what it is given.
        if let Target::File(_) = target {
            check_name(flag, path, format)?;
        }
        if let Some((other, _)) = before.iter().find(|(_, other)| other.is_same(&target)) {
            return Err(Error::file(path, format!("{other} and {flag} write to the same place"), "give each its own"));
        }
        if target == Target::Stdout {
            context.leave_stdout();
        }
        before.push((flag, target));
    }
    Ok(())
}

/// A name without an ending says nothing against any format.
fn check_name(flag: &str, path: &Path, format: Format) -> Result<()> {
    let (Some(right), Some(given)) = (format.extension(), path.extension()) else { return Ok(()) };
    if given.eq_ignore_ascii_case(right) {
        return Ok(());
    }
    let problem = format!("{flag} writes {}, and this name ends in .{}", format.what(), given.display());
    let remedy = format!("give a name that ends in .{right}, such as {}", path.with_extension(right).display());
    Err(Error::file(path, problem, remedy))
}
