//! What operators are told besides their tensors.

use serde::{Deserialize, Serialize};

/// What follows a layer: a(z), by value, with its derivatives a′, a″ and a‴.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// z·s(z), s(z) = 1/(1 + e⁻ᶻ).
    #[default]
    Silu,
    /// ln(1 + eᶻ).
    Softplus,
    /// tanh z.
    Tanh,
}

/// What a group normalisation is besides its tensors.
#[derive(Clone, Copy, Debug)]
pub struct Norm {
    /// Groups that the channels are divided into.
    pub groups: usize,
    /// ε beneath the root.
    pub epsilon: f32,
    /// Whether SiLU follows.
    pub silu: bool,
}

/// Changes of shape around a convolution: it sees each block of `input`×`input` pixels as one pixel of as many more
/// channels, ordered (row, column, channel), and what it gives is spread over `output`×`output` pixels likewise.
#[derive(Clone, Copy, Debug)]
pub struct Shuffle {
    /// Side of the blocks that are read.
    pub input: usize,
    /// Side of the blocks that are written.
    pub output: usize,
}

impl Default for Shuffle {
    fn default() -> Self {
        Self { input: 1, output: 1 }
    }
}
