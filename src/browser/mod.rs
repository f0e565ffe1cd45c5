//! The boundary to JavaScript: an engine for one model on one device, and its runs.
//!
//! `web/worker.js` is its only caller: it makes an [`Engine`] in a worker, loads a model into it, and pulls steps out
//! of [`Run`]s, one call at a time. Nothing here blocks: results come back by awaited reads, one a shown frame.
//! What ends the engine — a panic, a lost device, a GPU error that nobody caught — is reported as an event, for
//! the page to replace the worker.
//!
//! | file | holds |
//! |---|---|
//! | `engine` | the device, the model and its score |
//! | `run` | one sampler, pulled step by step, and its frames |
//! | `flow` | latent codes and log-likelihoods, pulled likewise |
//! | `view` | samples as pictures |
//! | `gpu` | the WebGPU adapter and device, registered with burn |
//! | `report` | errors, panics and log lines as JavaScript sees them |

mod engine;
mod flow;
#[cfg(feature = "browser-gpu")]
mod gpu;
mod report;
mod run;
mod view;

pub use engine::Engine;
pub use flow::{Carry, Likelihoods};
pub use run::Run;
