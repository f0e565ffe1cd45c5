//! Files on disk, read with a cap, and their SHA-256.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use sha2::{Digest as _, Sha256};

use super::{Limits, read::too_large};
use crate::{Error, Result};

const MAX_BYTES: u64 = Limits::HERE.bytes;

/// Reads a weights file of at most as many bytes as [`Limits::HERE`] has.
///
/// # Errors
/// [`Error::Weights`] when there is no such file or it is too large, [`Error::Io`] when it cannot
/// be read.
pub fn read_file(path: &Path) -> Result<Vec<u8>> {
    let name = path.display().to_string();
    let problem = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Some("a folder, not a file"),
        Ok(metadata) if metadata.len() > MAX_BYTES => return Err(too_large(&name, metadata.len(), MAX_BYTES)),
        Ok(_) => None,
        Err(e) if e.kind() == io::ErrorKind::NotFound => Some("there is no such file"),
        Err(e) => return Err(Error::io(path)(e)),
    };
    if let Some(problem) = problem {
        return Err(Error::weights(name, problem, "give the path of a .safetensors file, or of a mixture's .toml"));
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(Error::io(path))?;
    // A pipe or a growing file has no honest length: the cap holds while reading, too.
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(Error::io(path))?;
    let length = bytes.len() as u64;
    if length > MAX_BYTES {
        return Err(too_large(&name, length, MAX_BYTES));
    }
    Ok(bytes)
}

/// SHA-256 as lower-case hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
