//! The command line: one file a command, and what they share.

use std::{
    cell::Cell,
    io::{ErrorKind, Write as _},
    process::ExitCode,
};

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, parser::ValueSource};
use serde_json::json;

use crate::{Error, error::Parts, sampler::Plan};

mod codes;
mod data;
mod eval;
mod flow_options;
mod headings;
mod inspect;
mod interrupt;
mod likelihood;
mod model;
mod npy;
mod outputs;
mod reproduce;
mod sample;
mod samples;
mod schema;
mod score;
mod train;

const AFTER: &str = "\
Files are replaced whole, or not at all; links are written through. Pipes and standard output (/dev/stdout, or -) take \
arrays and pictures, too: the report then goes to standard error.
Exit codes: 0; 1 after an error, which says what, where and how to mend it; 2 for arguments that cannot be understood; \
130, 143 after a signal.";

/// Score-based generative models: train natively, sample here or in the browser.
#[derive(Parser)]
#[command(name = "scorefield", version, after_help = AFTER)]
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
    /// Print the samplers and settings for JavaScript.
    #[command(hide = true)]
    Schema(schema::Args),
}

/// What every command is given.
pub(crate) struct Context {
    pub json: bool,
    begun: std::time::Instant,
    pub device: crate::device::DeviceChoice,
    /// The names of the command's arguments that the user gave.
    given: Vec<String>,
    /// An output goes there, with which no report may be mixed.
    stdout_is_taken: Cell<bool>,
}

impl Context {
    /// Whether the user gave this argument of the command, where it may have a default.
    pub fn is_given(&self, argument: &str) -> bool {
        self.given.iter().any(|given| given == argument)
    }

    /// The names of the command's arguments that the user gave.
    pub fn given(&self) -> impl Iterator<Item = &str> {
        self.given.iter().map(String::as_str)
    }

    /// Refuses arguments that the user gave and that have no bearing on what is asked.
    ///
    /// # Errors
    /// [`Error::Setting`] for the first of them, with what it goes with.
    pub fn refuse_idle(&self, names: &[&str], goes_with: &str) -> Result<(), Error> {
        match names.iter().find(|name| self.is_given(name)) {
            Some(name) => Err(Error::setting(*name, "given", format!("none: it goes with {goes_with}"))),
            None => Ok(()),
        }
    }

    /// Says something in passing, on standard error.
    fn note(text: &str) {
        say(&format!("note: {text}"));
    }

    /// Says where samples that depend on one another are drawn in several batches.
    fn note_batches(plan: &Plan, batch: usize) {
        let (name, n) = (plan.settings.sampler.name(), plan.settings.n);
        let count = n.div_ceil(batch.max(1));
        if plan.couples() && count > 1 {
            Self::note(&format!(
                "with {name} a sample depends on those drawn with it: these {n} are drawn in {count} batches, each by itself"
            ));
        }
    }

    /// Reports on standard error, since standard output gets an array or a picture.
    fn leave_stdout(&self) {
        self.stdout_is_taken.set(true);
    }

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
        if self.stdout_is_taken.get() {
            say(text);
            return Ok(());
        }
        let mut out = std::io::stdout().lock();
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Error::io("standard output".as_ref())(error).into())
            }
            _ => Ok(()),
        }
    }
}

/// Prints on standard error. Where that cannot be written there is nobody to tell.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Runs the command line: exit code 0, 1 after an error, or 2 for arguments that cannot be understood.
pub fn main() -> ExitCode {
    let parsed = Cli::command().try_get_matches().and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (Cli { command, json, device }, matches) = match parsed {
        Ok(parsed) => parsed,
        // Help and version are such an error, too, and may be more than their reader wants.
        Err(error) => {
            let printed = match error.print() {
                Err(refused) => refused.kind() == ErrorKind::BrokenPipe,
                Ok(()) => true,
            };
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            return if printed || code != 0 { ExitCode::from(code) } else { ExitCode::FAILURE };
        }
    };
    let (name, given) = matches.subcommand().map(given).unwrap_or_default();
    let context = Context { json, device, given, begun: std::time::Instant::now(), stdout_is_taken: Cell::new(false) };
    let result = match command {
        Command::Sample(args) => sample::run(args, &context),
        Command::Score(args) => score::run(args, &context),
        Command::Likelihood(args) => likelihood::run(&args, &context),
        Command::Encode(args) => codes::encode(&args, &context),
        Command::Decode(args) => codes::decode(&args, &context),
        Command::Interpolate(args) => codes::interpolate(&args, &context),
        Command::Train(args) => match train::run(args, &context) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::Eval(args) => eval::run(args, &context),
        Command::Reproduce(args) => reproduce::run(args, &context),
        Command::Data(args) => data::run(args, &context),
        Command::Inspect(args) => inspect::run(args, &context),
        Command::Schema(args) => schema::run(&args, &context),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&explain(error, &name));
            ExitCode::FAILURE
        }
    }
}

/// A command's name, and the arguments that the user gave it.
fn given((name, matches): (&str, &ArgMatches)) -> (String, Vec<String>) {
    let by_hand = |id: &&clap::Id| matches.value_source(id.as_str()) == Some(ValueSource::CommandLine);
    (name.to_owned(), matches.ids().filter(by_hand).map(ToString::to_string).collect())
}

/// What, where and the remedy, a line each.
fn explain(error: anyhow::Error, command: &str) -> String {
    let error = match error.downcast::<Error>() {
        Ok(error) => error,
        Err(other) => return format!("error: {other:#}"),
    };
    let flag = match &error {
        Error::Setting { field, .. } => flag(command, field),
        _ => None,
    };
    let Parts { what, place, remedy } = error.parts();
    let mut lines = vec![format!("error: {what}")];
    let places = [flag.unwrap_or_default(), place];
    lines.extend(places.iter().filter(|place| !place.is_empty()).map(|place| format!("  where: {place}")));
    lines.extend((!remedy.is_empty()).then(|| format!("  remedy: {remedy}")));
    lines.join("\n")
}

/// The flag of a command that sets this field.
fn flag(command: &str, field: &str) -> Option<String> {
    let all = Cli::command();
    let argument = all.find_subcommand(command)?.get_arguments().find(|argument| argument.get_id() == field)?;
    argument.get_long().map(|long| format!("--{long}"))
}
