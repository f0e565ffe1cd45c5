//! The operators behind [`ops`](super::ops), by backend.
//!
//! | module | holds |
//! |---|---|
//! | `extension` | the operators as a trait over burn's backends, and what runs where |
//! | `autodiff` | their place in burn's automatic differentiation (native) |
//! | `flex` | on the CPU backend's tensors |
//! | `composed` | out of the backend's own operators: on GPUs, and for types other than f32 |
//! | `conv`, `norm` | the CPU kernels, on slices |
//! | `math`, `simd`, `parallel` | what those are built on |

#[cfg(not(target_family = "wasm"))]
mod autodiff;
mod composed;
mod conv;
mod extension;
mod flex;
mod math;
mod norm;
mod parallel;
mod simd;
#[cfg(test)]
mod tests;

pub use extension::{Kernels, Norm};
