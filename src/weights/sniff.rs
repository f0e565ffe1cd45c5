//! Names for the files that get loaded by mistake.
//!
//! A weights file begins with the little-endian length of its header, at most 1 MB, so that bytes 3
//! to 7 are zero, and then with `{`. Only what fails that test comes here.

use crate::score::MixtureConfig;

/// What `bytes` are instead of weights, and the remedy.
pub(super) fn sniff(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let start = &bytes[..bytes.len().min(512)];
    let text = String::from_utf8_lossy(start);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let lower = text.to_ascii_lowercase();
    if text.starts_with("version https://git-lfs") {
        return Some(("a Git LFS pointer, not the weights", "run `git lfs pull`, or download the file itself"));
    }
    if lower.starts_with("<!doctype") || lower.starts_with("<html") || lower.starts_with("<?xml") {
        return Some((
            "an HTML page, not weights",
            "check the address: the server sent a page, perhaps an error page, in place of the file",
        ));
    }
    if start.starts_with(b"PK\x03\x04") {
        return Some((
            "a zip archive, perhaps a PyTorch checkpoint (.pt)",
            "convert it to safetensors; Scorefield reads only files that carry its manifest",
        ));
    }
    if matches!(start, [0x80, 1..=5, ..]) {
        return Some((
            "a Python pickle, perhaps an old PyTorch checkpoint",
            "convert it to safetensors; Scorefield never runs pickles",
        ));
    }
    // 0x4255524E in either byte order: "BURN".
    if start.starts_with(b"NRUB") || start.starts_with(b"BURN") {
        return Some(("a burnpack file", "save the model as safetensors with `scorefield train`"));
    }
    if start.starts_with(b"\x1f\x8b") {
        return Some(("compressed with gzip", "decompress it first"));
    }
    if start.starts_with(b"GGUF") {
        return Some(("a GGUF file", "Scorefield reads only safetensors that carry its manifest"));
    }
    if start.starts_with(b"\x93NUMPY") {
        return Some(("a NumPy array", "give it with --x, --init or --data; a model is a .safetensors file"));
    }
    if MixtureConfig::is_meant("", start) {
        return Some((
            "a mixture's TOML file, which has no weights",
            "sample from it or score points with it as --model",
        ));
    }
    let printable = text.chars().all(|c| c == '\u{fffd}' || c.is_whitespace() || !c.is_control());
    // The first byte or two of a good file may be printable, too.
    if text.len() > 2 && printable && !text.contains('\u{fffd}') {
        return Some(("text, not weights", "check the path or the address; a model is a .safetensors file"));
    }
    None
}
