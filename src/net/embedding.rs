//! How a noise level enters a network: the frequencies of the waves [cos, sin](w·c_noise).

use burn::{Tensor, module::Param};
use serde::{Deserialize, Serialize};

use super::init::Init;
use crate::{
    Result,
    checks::{check, number, range},
};

/// The most numbers of an embedding.
const MAX_EMBEDDING: usize = 4096;

/// How the noise level, c_noise = ¼ ln(σ/α), enters the network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum TimeEmbedding {
    /// sin and cos of 2π·w·c_noise with fixed Gaussian frequencies w ~ N(0, scale²)
    /// (Tancik et al. 2020).
    Fourier {
        /// Standard deviation of the frequencies.
        scale: f64,
    },
    /// sin and cos of w·1000·c_noise with the transformer's frequencies w = 10⁻⁴ … 1, geometric.
    Sinusoidal,
    /// Not at all: one function for all levels, as for a score of clean data. Not every network can.
    None,
}

impl TimeEmbedding {
    /// Checks it as `architecture.time`, and its width as `architecture.embedding`, which has no bearing without waves.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] with the first that is out of range.
    pub fn validate(self, embedding: usize) -> Result<()> {
        match self {
            Self::Fourier { scale } => number("architecture.time.scale", scale, 1e-6, 1e3)?,
            Self::Sinusoidal => {}
            Self::None => return Ok(()),
        }
        range("architecture.embedding", embedding, 2, MAX_EMBEDDING)?;
        check(embedding.is_multiple_of(2), "architecture.embedding", embedding, "an even number")
    }

    /// `half` frequencies, the parameter `frequencies`, which training leaves as it is; none without waves.
    #[must_use]
    pub fn frequencies(self, init: &Init, half: usize) -> Option<Param<Tensor<1>>> {
        match self {
            Self::Fourier { scale } => Some(init.normal("frequencies", [half], std::f64::consts::TAU * scale)),
            Self::Sinusoidal => {
                let last = (half.max(2) - 1) as f64;
                let values: Vec<f32> = (0..half).map(|i| (1e3 * libm::pow(1e-4, i as f64 / last)) as f32).collect();
                Some(init.constant([half], 0.0).map(|t| Tensor::from_data(values.as_slice(), &t.device())))
            }
            Self::None => None,
        }
    }
}
