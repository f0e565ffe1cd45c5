//! The score U-Net.

use burn::prelude::*;
use serde::{Deserialize, Serialize};

/// How log σ enters the network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum TimeEmbedding {
    /// sin, cos of 2π·w·c_noise with fixed Gaussian frequencies w ~ N(0, scale²).
    Fourier {
        /// Standard deviation of the frequencies.
        scale: f64,
    },
    /// The transformer's geometric frequencies, on 1000·c_noise.
    Sinusoidal,
}

/// Configuration of [`UNet`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UNetConfig {
    /// Channels, height and width of an image.
    pub shape: [usize; 3],
    /// Side of the space-to-depth stem's block; 1 for none.
    pub patch: usize,
    /// Channels of the first level.
    pub width: usize,
    /// Each level's channels, as a multiple of `width`; the resolution halves between levels.
    pub multipliers: Vec<usize>,
    /// Residual blocks a level.
    pub blocks: usize,
    /// Attention heads at the lowest resolution; 0 for no attention.
    pub heads: usize,
    /// Groups of every group normalisation.
    pub groups: usize,
    /// Width of the time embedding.
    pub embedding: usize,
    /// How log σ enters.
    pub time: TimeEmbedding,
    /// Classes; 0 for an unconditional network. One more row is the null class of guidance.
    pub classes: usize,
    /// Dropout inside residual blocks, in training.
    pub dropout: f64,
}

impl Default for UNetConfig {
    fn default() -> Self {
        Self {
            shape: [1, 28, 28],
            patch: 2,
            width: 64,
            multipliers: vec![1, 2],
            blocks: 1,
            heads: 4,
            groups: 8,
            embedding: 128,
            time: TimeEmbedding::Fourier { scale: 1.0 },
            classes: 10,
            dropout: 0.0,
        }
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct UNet {
    placeholder: burn::module::Param<Tensor<1>>,
}
