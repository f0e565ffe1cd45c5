//! Networks and their blocks. Activations are NHWC throughout.

mod kernel;
pub mod ops;
mod unet;

pub use unet::{TimeEmbedding, UNet, UNetConfig};
