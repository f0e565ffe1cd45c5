//! `scorefield train CONFIG.toml`: train a score network.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::{Context, interrupt::Interrupts, say};
use crate::{
    objective::ObjectiveConfig,
    output,
    train::{
        Changes, Event, RunConfig, Start, Started,
        native::{Outcome, Run, RunOptions},
    },
};

/// Arguments of `train`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The run's TOML file, such as configs/fashion-mnist.toml.
    #[arg(required_unless_present = "list_objectives")]
    config: Option<PathBuf>,
    /// The run's folder; without it `runs/NAME`.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Go on from the folder's checkpoint; without one, start afresh.
    #[arg(long)]
    resume: bool,
    /// Start from the weights of a file.
    #[arg(long, value_name = "WEIGHTS")]
    init_from: Option<PathBuf>,
    /// Folder with the data, a published set or a file of points; without it the usual places, or the present folder.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Override a key of the config, such as train.steps=20; may be repeated.
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
    /// Print the kinds of [objective] and what they are.
    #[arg(long)]
    list_objectives: bool,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode> {
    let Some(config) = args.config.filter(|_| !args.list_objectives) else {
        list_objectives(context)?;
        return Ok(ExitCode::SUCCESS);
    };
    let config = RunConfig::read(&config, &args.set)?;
    let interrupts = Interrupts::watch("stopping after this step, with a checkpoint")?;
    let (device, description) = context.device.init()?;
    say(&format!("device: {description}"));

    let out = args.out.unwrap_or_else(|| PathBuf::from("runs").join(&config.name));
    let (seed, name) = (config.train.seed, config.name.clone());
    output::check_folder(&out)?;
    let options = RunOptions { out: out.clone(), resume: args.resume, init_from: args.init_from, data: args.data };
    let mut run = Run::open(config, options, &device)?;
    let (mut resumed, mut bar) = (Value::Null, ProgressBar::hidden());
    while let Some(event) = run.next()? {
        match event {
            Event::Started(started) => {
                notice(&started, &out.display().to_string()).lines().for_each(say);
                if let Start::Checkpoint(changes) = &started.from {
                    resumed = json!({ "step": started.step, "changed": changes.fields, "rates": changes.rates });
                }
                bar = progress_bar(&started);
            }
            Event::Step(stats) => {
                bar.set_position(stats.step);
                let (loss, speed) = (run.loss().unwrap_or(stats.loss), run.samples_per_second());
                bar.set_message(format!("loss {loss:.4} · {speed:.0} samples/s"));
            }
            Event::Saved { .. } | Event::Sampled { .. } => {}
        }
        if interrupts.signal().is_some() {
            run.stop();
        }
    }
    bar.finish();

    let Outcome { step, loss, seconds, samples_per_second, interrupted, ref weights } = run.outcome();
    let mut human = format!("{name}: step {step}, {samples_per_second:.0} samples/s\n");
    if let Some(loss) = loss {
        human += &format!("loss {loss:.4}\n");
    }
    human += &format!("weights: {}", weights.display());
    if interrupted {
        human += &format!("\ninterrupted; go on with --resume --out {}", out.display());
    }
    context.report(
        &json!({
            "name": name, "step": step, "loss": loss, "seed": seed, "nfe": 0, "seconds": seconds,
            "samples_per_second": samples_per_second, "interrupted": interrupted, "device": description,
            "out": out, "weights": weights, "resumed": resumed,
        }),
        &human,
    )?;
    // Half a run is no success: the shell hears of the signal as if it had ended the program.
    let signal = interrupts.signal().filter(|_| interrupted);
    Ok(signal.map_or(ExitCode::SUCCESS, |signal| ExitCode::from(128 + signal)))
}

fn list_objectives(context: &Context) -> Result<()> {
    let kinds = ObjectiveConfig::KINDS;
    let human: Vec<_> = kinds.iter().map(|(kind, help)| format!("{kind:<26}{}", help.trim())).collect();
    let json: Vec<_> = kinds.iter().map(|(kind, help)| json!({ "kind": kind, "description": help.trim() })).collect();
    context.report(&json!({ "objectives": json }), &human.join("\n"))
}

/// Where the run starts, in lines.
fn notice(started: &Started, out: &str) -> String {
    match &started.from {
        Start::Fresh | Start::Weights => String::new(),
        Start::NothingToResume => format!("no checkpoint in {out}: starting afresh\n"),
        Start::Checkpoint(Changes { fields, rates }) => {
            let mut text = format!("resuming {out} at step {}\n", started.step);
            for change in fields {
                text += &format!("  {change}\n");
            }
            if let Some([before, now]) = rates {
                text += &format!("  the learning rate goes from {before:.2e} to {now:.2e}\n");
            }
            text
        }
    }
}

fn progress_bar(started: &Started) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} · {msg} · {eta} left")
        .expect("the template is a constant that parses");
    let bar = ProgressBar::new(started.steps).with_style(style);
    bar.set_position(started.step);
    bar.reset_eta();
    bar
}
