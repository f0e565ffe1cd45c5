//! The CPU engine's entry: all that it exports is in the library's `browser` module.

#[cfg(target_family = "wasm")]
use scorefield as _;

fn main() {}
