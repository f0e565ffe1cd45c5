//! Training: configs, the step, checkpoints and the run around them.

pub mod checkpoint;
mod config;
mod plot;
mod preview;
pub mod flat;
pub mod optimiser;
mod run;
mod trainer;

pub use config::{DataConfig, RunConfig, TrainConfig};
pub use run::{Outcome, RunOptions, train};
pub use trainer::{StepStats, Trainer};
