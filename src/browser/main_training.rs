//! The entry of the CPU's engine with gradients: all that it exports is in the library's `browser` module.

#[cfg(target_family = "wasm")]
use scorefield as _;

fn main() {}
