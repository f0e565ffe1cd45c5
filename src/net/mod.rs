//! Networks and their blocks. Activations are NHWC throughout.

pub mod block;
pub mod init;
mod kernel;
pub mod ops;
mod unet;

pub use unet::{TimeEmbedding, UNet, UNetConfig};
