//! The score U-Net: a space-to-depth stem, residual blocks at each resolution, attention at the lowest, skip connections
//! by concatenation (Ronneberger et al. 2015; Ho et al. 2020).
//!
//! Levels are joined by space-to-depth and depth-to-space with 1×1 convolutions, which lose nothing and cost little.
//!
//! `config` has its configuration with its limits, `layers` the list of its layers, `net` the module.

mod config;
mod layers;
mod net;

pub use config::UNetConfig;
pub use net::UNet;
