//! The operators behind [`ops`](super::ops), by backend.
//!
//! | module | holds |
//! |---|---|
//! | `extension` | the operators as a trait over burn's backends, and what runs where |
//! | `autodiff` | their place in burn's automatic differentiation (native) |
//! | `flex` | on the CPU backend's tensors |
//! | `cube` | on GPUs' tensors, with their kernels |
//! | `composed` | out of the backend's own operators: GPUs' gradients, and types other than f32 |
//! | `conv`, `winograd`, `norm`, `attention` | the CPU kernels, on slices |
//! | `packed` | transformed weights, kept |
//! | `product`, `math`, `simd` | what those are built on |

mod attention;
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
mod packed;
mod product;
mod simd;
#[cfg(test)]
mod tests;
mod winograd;

pub use extension::{Fold, Kernels, Norm};
