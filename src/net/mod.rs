//! Networks and their blocks. Activations are NHWC throughout.

pub mod block;
pub mod init;
#[cfg_attr(target_family = "wasm", allow(dead_code, reason = "the backward passes train, which a browser does not"))]
mod kernel;
pub mod ops;
mod unet;

pub use unet::{Pass, TimeEmbedding, UNet, UNetConfig};
