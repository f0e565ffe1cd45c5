//! Training: a run's config, the step, and around it, natively, the run's folder.
//!
//! A [`Trainer`] is pulled one step at a time and knows neither files nor threads; a `native::Run` is pulled one
//! [`Event`] at a time and keeps a folder: lock, log, checkpoints and pictures. Neither prints: who pulls says what is
//! to be seen.
//!
//! In a browser a trainer needs gradients, which an engine has with the feature `training`.

mod change;
mod config;
mod data;
mod event;
pub mod flat;
mod manifest;
#[cfg(not(target_family = "wasm"))]
pub mod native;
pub mod optimiser;
#[cfg(any(not(target_family = "wasm"), feature = "training"))]
mod trainer;

pub use change::{Change, Changes};
pub use config::{RunConfig, TrainConfig};
pub use data::{DataConfig, Origin, range};
pub use event::{Event, Start, Started, StepStats};
pub use manifest::manifest;
#[cfg(any(not(target_family = "wasm"), feature = "training"))]
pub use trainer::Trainer;
