//! A run with a folder: lock, log, pictures and checkpoints around the [`Trainer`](super::Trainer).
//!
//! | file | holds |
//! |---|---|
//! | `config.toml` | the config as it was run, overrides applied |
//! | `log.jsonl` | a line each `log_every` steps, and one where the run went on with another config |
//! | `loss.svg` | the loss curve |
//! | `samples/` | sample grids of the averaged weights |
//! | `checkpoint.safetensors` | the whole state, for `--resume` |
//! | `weights.safetensors` | the averaged weights, f16, with their manifest |

mod checkpoint;
mod folder;
mod log;
mod open;
mod preview;
mod run;

pub use run::{Outcome, Run, RunOptions};
