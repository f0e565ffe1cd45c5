//! Networks and their blocks. Activations are NHWC throughout.

pub mod block;
pub mod cost;
pub mod init;
mod unet;

pub use unet::{Pass, TimeEmbedding, UNet, UNetConfig};
