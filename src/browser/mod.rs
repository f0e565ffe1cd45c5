//! The boundary to JavaScript: an engine for one model on one device, and its runs.
//!
//! `web/worker/serve.js` is its only caller: it makes an [`Engine`] in a worker, loads a model, and pulls steps out
//! of [`Run`]s, one call at a time. Nothing here blocks: results come back by awaited reads, one a shown frame; a GPU's
//! frames are drawn where they are, and only their end is awaited.
//! What ends the engine — a panic, a lost device, a GPU error that nobody caught — is reported as an event, for
//! the page to replace the worker.
//!
//! | file | holds |
//! |---|---|
//! | `engine` | the device, the model and its score |
//! | `run` | one sampler, pulled step by step, and its frames |
//! | `guide` | what holds a run's samples to something known |
//! | `codes` | latent codes and log-likelihoods, pulled likewise |
//! | `gpu` | the WebGPU adapter and device, registered with burn |
//! | `canvas` | frames drawn by that device, without a readback |
//! | `prepare` | a GPU's pipelines, built before the first step |
//! | `training` | networks in training, and particles that follow their scores |
//! | `kernels` | the kernels beside burn's own operators, for the tests |
//! | `report` | errors, panics and log lines as JavaScript sees them |

#[cfg(feature = "browser-gpu")]
mod canvas;
mod codes;
mod engine;
#[cfg(feature = "browser-gpu")]
mod gpu;
mod guide;
#[cfg(feature = "kernel-tests")]
mod kernels;
#[cfg(feature = "browser-gpu")]
mod prepare;
mod report;
mod run;
#[cfg(feature = "training")]
mod training;

pub use codes::{Integrations, Likelihoods};
pub use engine::{Engine, boundary};
#[cfg(feature = "kernel-tests")]
pub use kernels::check_kernels;
#[cfg(feature = "browser-gpu")]
pub use prepare::Preparation;
pub use run::Run;
#[cfg(feature = "training")]
pub use training::{Particles, Training};
