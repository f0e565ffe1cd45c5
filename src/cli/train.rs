//! `scorefield train CONFIG.toml`: train a score network.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context as _, Result};
use serde_json::json;

use super::Context;
use crate::{
    output,
    train::{Outcome, RunConfig, RunOptions, train},
};

/// Arguments of `train`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The run's TOML file, such as configs/fashion-mnist.toml.
    config: PathBuf,
    /// The run's folder; without it `runs/NAME`.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Go on from the folder's checkpoint; without one, start afresh.
    #[arg(long)]
    resume: bool,
    /// Start from the weights of a file.
    #[arg(long, value_name = "WEIGHTS")]
    init_from: Option<PathBuf>,
    /// Folder with the data; without it the usual places.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Override a key of the config, such as train.steps=20; may be repeated.
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
}

#[expect(clippy::print_stderr, reason = "progress belongs on standard error")]
pub(crate) fn run(args: Args, context: &Context) -> Result<()> {
    let config = RunConfig::read(&args.config, &args.set)?;
    let (device, description) = context.device.init()?;
    eprintln!("device: {description}");

    let stop = Arc::new(AtomicBool::new(false));
    let handler = stop.clone();
    ctrlc::set_handler(move || {
        // The second time, the user does not want to wait for the step's end.
        if handler.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("\nstopping after this step, with a checkpoint");
    })
    .context("Ctrl-C could not be handled")?;

    let out = args.out.unwrap_or_else(|| PathBuf::from("runs").join(&config.name));
    let (seed, name) = (config.train.seed, config.name.clone());
    output::check_folder(&out)?;
    let options =
        RunOptions { out: out.clone(), resume: args.resume, init_from: args.init_from, data: args.data, stop };
    let outcome = train(config, &options, &device)?;
    let Outcome { step, loss, seconds, images_per_second, interrupted, ref weights } = outcome;
    let mut human = format!("{name}: step {step}, {images_per_second:.0} images/s\n");
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
            "images_per_second": images_per_second, "interrupted": interrupted, "device": description,
            "out": out, "weights": weights,
        }),
        &human,
    )?;
    Ok(())
}
