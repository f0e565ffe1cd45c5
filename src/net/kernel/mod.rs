//! The operators behind [`ops`](super::ops), by backend.
//!
//! | module | holds |
//! |---|---|
//! | `extension` | the operators as a trait over burn's backends, and what runs where |
//! | `autodiff` | their place in burn's automatic differentiation (native) |
//! | `flex` | on the CPU backend's tensors |
//! | `cube` | on GPUs' tensors, with their kernels |
//! | `composed` | out of the backend's own operators: GPUs' gradients, and types other than f32 |
//! | `conv`, `norm` | the CPU kernels, on slices |
//! | `math`, `simd`, `parallel` | what those are built on |

#[cfg(not(target_family = "wasm"))]
mod autodiff;
mod composed;
mod conv;
#[cfg(feature = "burn-cubecl")]
mod cube;
mod extension;
mod flex;
mod math;
mod norm;
mod parallel;
mod simd;
#[cfg(test)]
mod tests;

pub use extension::{Fold, Kernels, Norm};
