//! The library and its command line as a user has them. One program, since each one links all of burn.

mod cli;
mod continuous;
mod eval;
#[cfg(feature = "gpu")]
mod gpu;
mod likelihood;
mod mlp;
mod network;
mod objective;
mod optimiser;
mod points;
mod resume;
mod samplers;
mod score_matching;
mod train;
mod train_command;
