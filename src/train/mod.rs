//! Training: configs, the step, checkpoints and the run around them.

pub mod checkpoint;
mod config;
pub mod flat;
mod log;
pub mod optimiser;
mod preview;
mod run;
mod trainer;

pub use config::{DataConfig, RunConfig, TrainConfig};
pub use run::{Outcome, RunOptions, train};
pub use trainer::{StepStats, Trainer};
