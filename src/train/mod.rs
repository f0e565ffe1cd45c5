//! Training: a run's config, the step, and around it, natively, the run's folder.
//!
//! A [`Trainer`] is pulled one step at a time and knows neither files nor threads; a `native::Run` is pulled one [`Event`] at
//! a time and keeps a folder: lock, log, checkpoints and pictures. Neither prints: who pulls says what is to be seen.

mod change;
mod config;
mod event;
pub mod flat;
pub mod optimiser;
mod trainer;

#[cfg(not(target_family = "wasm"))]
pub mod native;

pub use change::{Change, Changes};
pub use config::{DataConfig, RunConfig, TrainConfig};
pub use event::{Event, Start, Started};
pub use trainer::{StepStats, Trainer};
