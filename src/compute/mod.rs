//! The arithmetic that everything above is computed with, on the CPU and on GPUs. It knows no scores and no networks.
//!
//! | module | holds |
//! |---|---|
//! | [`ops`] | the operators that networks are made of |
//! | `kernels` | their kernels, by backend |
//! | [`vectors`] | linear combinations of tensors, each in one pass |
//! | [`account`] | dispatches, FLOPs and bytes, as kernels are launched |
//! | `buffer` | memory of tensors, used again |
//! | `parallel` | parts of a slice over all cores |
//! | `launch` | what the kernels for GPUs share |

pub mod account;
pub(crate) mod buffer;
#[cfg_attr(target_family = "wasm", allow(dead_code, reason = "the backward passes train, which a browser does not"))]
pub(crate) mod kernels;
#[cfg(feature = "burn-cubecl")]
pub(crate) mod launch;
pub mod ops;
pub(crate) mod parallel;
pub mod vectors;

/// Gives back the memory that is kept for later tensors, on `device` and on the CPU: between runs of different sizes, of
/// which the next one has no use for what the last one left.
pub fn release(device: &burn::tensor::Device) {
    device.memory_cleanup();
    buffer::release();
}
