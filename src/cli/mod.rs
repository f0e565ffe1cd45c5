//! The command line: one file a command, and what they share.

use std::{io::Write as _, process::ExitCode};

use clap::{Parser, Subcommand};
use serde_json::json;

mod codes;
mod data;
mod eval;
mod flow_options;
mod inspect;
mod likelihood;
mod model;
mod npy;
mod picture;
mod reproduce;
mod sample;
mod samples;
mod score;
mod train;

/// Score-based generative models: train natively, sample here or in the browser.
#[derive(Parser)]
#[command(name = "scorefield", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print one JSON object as the last line of standard output.
    #[arg(long, global = true)]
    json: bool,
    /// Where to compute: auto takes a real GPU if there is one and else the CPU.
    #[arg(long, global = true, default_value = "auto")]
    device: crate::device::DeviceChoice,
}

#[derive(Subcommand)]
enum Command {
    /// Generate samples.
    Sample(sample::Args),
    /// Evaluate the score at given points.
    Score(score::Args),
    /// Measure log-likelihoods and bits a dimension.
    Likelihood(likelihood::Args),
    /// Carry samples to their latent codes by the probability flow.
    Encode(codes::Encode),
    /// Carry latent codes to their samples.
    Decode(codes::Decode),
    /// Pass from sample to sample through the latent codes.
    Interpolate(codes::Interpolate),
    /// Train a score network from a TOML file.
    Train(train::Args),
    /// Measure sample quality.
    Eval(eval::Args),
    /// Re-create published results.
    Reproduce(reproduce::Args),
    /// List data sets, or fetch one.
    Data(data::Args),
    /// Show a weights file's manifest and tensors.
    Inspect(inspect::Args),
}

/// What every command is given.
pub(crate) struct Context {
    pub json: bool,
    begun: std::time::Instant,
    pub device: crate::device::DeviceChoice,
}

impl Context {
    /// Prints the command's result: with `--json` as one object on one line, which always has `seed`, `nfe`, `seconds`
    /// and `device`: null, 0, the command's own and null where it has no randomness, no score and no device.
    ///
    /// # Errors
    /// When standard output cannot be written. A reader that has left is none: it has read what it wanted.
    pub fn report(&self, value: &serde_json::Value, human: &str) -> anyhow::Result<()> {
        let mut value = value.clone();
        if let Some(object) = value.as_object_mut() {
            let seconds = self.begun.elapsed().as_secs_f64();
            let always =
                [("seed", json!(null)), ("nfe", json!(0)), ("seconds", json!(seconds)), ("device", json!(null))];
            for (key, missing) in always {
                object.entry(key).or_insert(missing);
            }
        }
        if self.json { self.print(&value.to_string()) } else { self.print(human) }
    }

    /// Prints a line, or lines.
    ///
    /// # Errors
    /// As [`Context::report`].
    pub fn print(&self, text: &str) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(anyhow::Error::from(error).context("standard output"))
            }
            _ => Ok(()),
        }
    }
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let Cli { command, json, device } = Cli::parse();
    let context = Context { json, device, begun: std::time::Instant::now() };
    let result = match command {
        Command::Sample(args) => sample::run(args, &context),
        Command::Score(args) => score::run(args, &context),
        Command::Likelihood(args) => likelihood::run(&args, &context),
        Command::Encode(args) => codes::encode(&args, &context),
        Command::Decode(args) => codes::decode(&args, &context),
        Command::Interpolate(args) => codes::interpolate(&args, &context),
        Command::Train(args) => train::run(args, &context),
        Command::Eval(args) => eval::run(args, &context),
        Command::Reproduce(args) => reproduce::run(args, &context),
        Command::Data(args) => data::run(args, &context),
        Command::Inspect(args) => inspect::run(args, &context),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
