//! The operators behind [`ops`](super::ops), by backend.
//!
//! | module | holds |
//! |---|---|
//! | `extension` | the operators as a trait over burn's backends, and what runs where |
//! | `options` | what operators are told besides their tensors |
//! | `autodiff` | their place in burn's automatic differentiation (native, and with `training`) |
//! | `cpu` | on the CPU backend's tensors |
//! | `gpu` | on GPUs' tensors |
//! | `composed` | out of the backend's own operators: GPUs' gradients, and types other than f32 |
//! | `testing` | for tests, native and in a browser: random cases of every kernel, and burn's own operators |

#[cfg(any(not(target_family = "wasm"), feature = "training"))]
mod autodiff;
mod composed;
#[cfg(any(not(target_family = "wasm"), feature = "browser-cpu"))]
mod cpu;
mod extension;
#[cfg(feature = "burn-cubecl")]
mod gpu;
mod options;
#[cfg(any(test, feature = "kernel-tests"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use self::{
    extension::Kernels,
    options::{Activation, Norm, Shuffle},
};
