//! Objectives: losses that the true score makes smallest, one file each.
//!
//! | module | holds |
//! |---|---|
//! | `denoising` | denoising score matching with EDM's weighting and preconditioning |
//! | `continuous` | denoising score matching with λ = σ², of ε, x₀, v or the score |
//! | [`regression`] | what those have in common: the network learns a known target at a perturbed input |
//! | `times` | how noise levels are drawn |
//!
//! An objective is a file with a configuration and a loss, and a line in the list below.

mod continuous;
mod denoising;
pub mod regression;
mod times;

use std::fmt;

use burn::{
    Tensor,
    tensor::{Device, Int},
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

pub use self::{
    continuous::{Continuous, ContinuousConfig},
    denoising::{Denoising, DenoisingConfig},
    times::Times,
};
use crate::{
    Result,
    noise::Noise,
    score::{Parameterisation, network::Denoiser},
    sde::Process,
};

/// Clean samples with their classes.
#[derive(Clone, Debug)]
pub struct Batch {
    /// x₀, row by row.
    pub clean: Vec<f32>,
    /// Numbers in a row.
    pub dim: usize,
    /// One class each, the null class where there is none: `[n]`. Losses are computed on its device, with autodiff if
    /// that has it.
    pub class: Tensor<1, Int>,
}

impl Batch {
    /// Where the loss is computed.
    #[must_use]
    pub fn device(&self) -> Device {
        self.class.device()
    }
}

/// A loss, for one process.
pub trait Objective: fmt::Debug + Send + Sync {
    /// What the network's output means when it is trained by this loss.
    fn parameterisation(&self) -> Parameterisation;

    /// The loss of one batch. What is drawn for it is a function of (`noise`, `step`, row) alone.
    ///
    /// # Shapes
    /// Result: `[1]`.
    fn loss(&self, denoiser: &Denoiser, batch: &Batch, noise: &Noise, step: u64) -> Tensor<1>;
}

/// The list: an objective's name here, its `kind` in files, its configuration; its help is the comment.
macro_rules! objectives {
    ($($(#[doc = $doc:literal])+ $name:ident = $kind:literal, $config:ty;)+) => {
        /// An objective's configuration.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", deny_unknown_fields)]
        pub enum ObjectiveConfig {
            $($(#[doc = $doc])+ #[serde(rename = $kind)] $name($config),)+
        }

        impl ObjectiveConfig {
            /// Every kind with what it is.
            pub const KINDS: &'static [(&'static str, &'static str)] = &[$(($kind, concat!($($doc),+)),)+];

            /// # Errors
            /// When a number is out of its range; the error names the key.
            pub fn validate(&self) -> Result<()> {
                match self { $(Self::$name(config) => config.validate(),)+ }
            }

            /// The objective for `process` and data of standard deviation `sigma_data`.
            #[must_use]
            pub fn init(&self, process: &Process, sigma_data: f64) -> Box<dyn Objective> {
                match self { $(Self::$name(config) => Box::new(config.init(process, sigma_data)),)+ }
            }
        }
    };
}

objectives! {
    /// Denoising score matching with EDM's weighting and preconditioning: every noise level begins with loss 1.
    Denoising = "denoising", DenoisingConfig;
    /// Denoising score matching with λ = σ², the error of ε: score_sde's continuous loss without likelihood weighting.
    Continuous = "continuous", ContinuousConfig;
}

impl Default for ObjectiveConfig {
    fn default() -> Self {
        Self::Denoising(DenoisingConfig::default())
    }
}

/// Reads an objective whose `kind` may be left out, as in a run's `[objective]`: it is then `denoising`.
///
/// # Errors
/// When it is no objective's configuration.
pub fn denoising_by_default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectiveConfig, D::Error> {
    let mut value = Value::deserialize(deserializer)?;
    if let Some(fields) = value.as_object_mut() {
        fields.entry("kind").or_insert_with(|| "denoising".into());
    }
    ObjectiveConfig::deserialize(value).map_err(D::Error::custom)
}
