//! Scorefield: score-based generative models, trained natively and sampled in the browser.
//!
//! | module | holds |
//! |---|---|
//! | [`sde`] | forward processes xₜ = α(t)·x₀ + σ(t)·ε and their exact transitions |
//! | [`schedule`] | time grids and noise ladders |
//! | [`score`] | the score, all that a sampler sees; networks and mixtures as scores; guidance; parameterisations |
//! | [`model`] | a network or a mixture, with its process |
//! | [`guide`] | what holds samples to something known while they are drawn |
//! | [`sampler`] | samplers as resumable state machines: one call, one step |
//! | [`flow`] | the probability flow: its solver, latent codes, log-likelihoods (in a browser of mixtures only: a network's need gradients) |
//! | [`space`] | what a sample is: an image or a point |
//! | [`noise`] | counted noise: one seed, one picture |
//! | [`compute`] | tensors' arithmetic: linear combinations in one pass, kernels, buffers, the account of dispatches |
//! | [`net`] | networks: their configurations, layers, limits and modules |
//! | [`weights`] | safetensors files that describe themselves |
//! | [`data`] | samples by index: points, images, published sets |
//! | [`figure`] | samples as pixels, and plots |
//! | `output` | files that are written whole, through links and into streams (native only) |
//! | [`objective`] | losses that the true score makes smallest |
//! | [`train`] | the trainer, and natively a run with its folder |
//! | `eval`, `reproduce`, `device`, `cli` | quality, published results and the command line (native only) |
//! | `browser` | the boundary to JavaScript (wasm only) |

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod checks;
pub mod compute;
pub mod data;
pub mod error;
#[cfg(any(test, all(target_family = "wasm", feature = "browser")))]
mod fields;
pub mod figure;
pub mod flow;
pub mod guide;
pub mod model;
pub mod net;
pub mod noise;
pub mod objective;
pub mod sampler;
pub mod schedule;
pub mod score;
pub mod sde;
pub mod space;
pub mod train;
pub mod weights;

#[cfg(all(target_family = "wasm", feature = "browser"))]
pub mod browser;

#[cfg(not(target_family = "wasm"))]
pub mod cli;
#[cfg(not(target_family = "wasm"))]
pub mod device;
#[cfg(not(target_family = "wasm"))]
pub mod eval;
#[cfg(not(target_family = "wasm"))]
pub mod output;
#[cfg(not(target_family = "wasm"))]
pub mod reproduce;

pub use error::{Error, Result};
