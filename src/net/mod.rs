//! Networks F(x̂, c_noise, class), over rows `[n, d]` of inputs of unit variance; [`crate::score::network`] makes scores of
//! them.
//!
//! | file | holds |
//! |---|---|
//! | `architecture` | the list of networks: [`Architecture`], their configurations, and [`Network`], what those make |
//! | `config` | what every configuration says of its network, [`NetworkConfig`], and every network does, [`Evaluate`] |
//! | `limits` | the largest networks that are built |
//! | `layers` | a network's layers with their sizes: its parameters, its activations, its blocks |
//! | `cost` | the least that an evaluation can cost, by the layers |
//! | `init`, `embedding`, `block`, `image` | what networks are made of: initial weights, noise levels, NHWC blocks, images of rows |
//! | `unet/` | the score U-Net |
//! | `mlp/` | the multilayer perceptron of points, and the energy network |
//!
//! A network is a folder like `unet/`, with a configuration and a module, and a line in the list of `architecture`.

mod architecture;
pub mod block;
mod config;
pub mod cost;
mod embedding;
pub mod image;
pub mod init;
pub mod layers;
mod limits;
mod mlp;
mod unet;

#[cfg(test)]
mod tests;

pub use crate::compute::ops::Activation;
pub use architecture::{Architecture, Network, unet_by_default};
pub use config::{Evaluate, NetworkConfig};
pub use embedding::TimeEmbedding;
pub use limits::Limits;
pub use mlp::{Mlp, MlpConfig};
pub use unet::{UNet, UNetConfig};
