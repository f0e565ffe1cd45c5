//! Objectives: losses that the true score makes smallest, one file each.
//!
//! | module | holds |
//! |---|---|
//! | `denoising` | denoising score matching with EDM's weighting and preconditioning |
//! | `continuous` | denoising score matching with λ = σ² or g², of ε, x₀, v or the score |
//! | `ncsn`, `ddpm` | denoising score matching on a ladder of noise levels: NCSN's sum, DDPM's ε-loss |
//! | `explicit` | score matching against a known score |
//! | `one_level` | denoising score matching at one σ |
//! | `implicit` | Hyvärinen's objective with the exact trace |
//! | `sliced` | the same along random directions: SSM and SSM-VR |
//! | `finite_difference` | sliced score matching by finite differences |
//! | `stein` | the kernelised Stein discrepancy of the data from the score |
//! | [`regression`] | what most denoising losses have in common: the network learns a known target at a perturbed input |
//! | [`matching`] | what the others have in common: a criterion of the score at samples of a density |
//! | `samples` | those samples, with their levels |
//! | `learned` | the score under training at the rows of a batch, each at its own level |
//! | `directions` | random directions along which a score is projected |
//! | `times` | how noise levels are drawn |
//!
//! An objective is a file with a configuration and a loss, and a line in the list below.

mod continuous;
mod ddpm;
mod denoising;
mod directions;
mod explicit;
mod finite_difference;
mod implicit;
mod learned;
pub mod matching;
mod ncsn;
mod one_level;
pub mod regression;
mod samples;
mod sliced;
mod stein;
mod times;

use std::fmt;

use burn::{
    Tensor,
    tensor::{Device, Int},
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

pub use self::{
    continuous::{Continuous, ContinuousConfig, Weighting},
    ddpm::{DdpmLoss, DdpmLossConfig},
    denoising::{Denoising, DenoisingConfig},
    directions::Directions,
    explicit::{DensityOfData, Explicit, ExplicitConfig, ExplicitDensity},
    finite_difference::{FiniteDifference, FiniteDifferenceConfig},
    implicit::{Implicit, ImplicitConfig},
    learned::{Learned, RowScore},
    ncsn::{Ncsn, NcsnConfig},
    one_level::{OneLevel, OneLevelConfig},
    samples::Samples,
    sliced::{Sliced, SlicedConfig},
    stein::{Stein, SteinConfig},
    times::Times,
};
use crate::{
    Error, Result,
    data::Source,
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

    /// Takes what the loss needs of the data as a whole. Comes once, before the first [`loss`](Self::loss).
    ///
    /// # Errors
    /// When these data do not go with the configuration.
    fn prepare(&mut self, data: &dyn Source) -> Result<()> {
        let _ = data;
        Ok(())
    }

    /// The loss of one batch. What is drawn for it is a function of (`noise`, `step`, row) alone.
    ///
    /// # Shapes
    /// Result: `[1]`.
    fn loss(&self, denoiser: &Denoiser, batch: &Batch, noise: &Noise, step: u64) -> Tensor<1>;
}

/// What an objective needs of a run.
trait Needs {
    /// Whether it is a loss only where the process has noise.
    fn noise(&self) -> bool {
        true
    }

    /// Whether it takes derivatives of the score by x, which a network must have in forward mode.
    fn jvp(&self) -> bool {
        false
    }

    /// Samples of a batch, at least and at most.
    fn batch(&self) -> [usize; 2] {
        [1, 65_536]
    }
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
            /// When a number is out of its range, or `process` is none that this objective has a loss for; the error
            /// names the key.
            pub fn validate(&self, process: &Process) -> Result<()> {
                if self.needs_noise() && *process == Process::None {
                    let expected = format!("a process with noise, such as vp, which objective {} needs", self.kind());
                    return Err(Error::setting("process.kind", process.name(), expected));
                }
                match self { $(Self::$name(config) => config.validate(process),)+ }
            }

            /// Its `kind`.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$name(_) => $kind,)+ }
            }

            /// Whether it needs a process with noise. Without that need it learns the score of the data themselves
            /// where the process is `none`.
            #[must_use]
            pub fn needs_noise(&self) -> bool {
                match self { $(Self::$name(config) => config.noise(),)+ }
            }

            /// Samples of a batch, at least and at most.
            #[must_use]
            pub fn batch(&self) -> [usize; 2] {
                match self { $(Self::$name(config) => config.batch(),)+ }
            }

            /// Whether it takes derivatives of the score by x, which the network must have in forward mode.
            #[must_use]
            pub fn needs_jvp(&self) -> bool {
                match self { $(Self::$name(config) => config.jvp(),)+ }
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
    /// Denoising score matching over continuous time with λ = σ², the error of ε, or with likelihood's λ = g²
    /// (score_sde's).
    Continuous = "continuous", ContinuousConfig;
    /// NCSN's sum over the levels of a ladder with λ = σ², every level drawn alike; for process smld.
    Ncsn = "ncsn", NcsnConfig;
    /// DDPM's error of ε on the steps of a chain, every step drawn alike; for process ddpm.
    Ddpm = "ddpm", DdpmLossConfig;
    /// The distance from a known score: of a kernel density estimate of the data, or of a density in closed form.
    Explicit = "explicit", ExplicitConfig;
    /// Denoising score matching at one σ: the score of the data's density convolved with N(0, σ²).
    OneLevel = "denoising-at-one-level", OneLevelConfig;
    /// Implicit score matching with the exact trace, a derivative a dimension.
    Implicit = "implicit", ImplicitConfig;
    /// Sliced score matching, a derivative a projection: SSM-VR, or SSM with variance_reduced = false.
    Sliced = "sliced", SlicedConfig;
    /// Sliced score matching by finite differences of the score: no derivatives, any network.
    FiniteDifference = "finite-difference-sliced", FiniteDifferenceConfig;
    /// The kernelised Stein discrepancy of the data from the score: no derivatives, any network.
    Stein = "stein", SteinConfig;
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
