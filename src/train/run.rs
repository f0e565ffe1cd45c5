//! A run: its folder, lock, log, pictures and checkpoints around the [`Trainer`].
//!
//! | file | holds |
//! |---|---|
//! | `config.toml` | the config as it was run, overrides applied |
//! | `log.jsonl` | a line each `log_every` steps |
//! | `loss.svg` | the loss curve |
//! | `samples/` | sample grids of the averaged weights |
//! | `checkpoint.safetensors` | the whole state, for `--resume` |
//! | `weights.safetensors` | the averaged weights, f16, with their manifest |

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use burn::tensor::Device;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::{RunConfig, Trainer, checkpoint, checkpoint::Before, log::Log, preview};
use crate::{
    Error, Result,
    data::{Dataset, Split},
    figure::{
        svg,
        svg::{Axis, Curve, Legend},
    },
    model::Model,
    net::NetworkConfig as _,
    output,
    space::Space,
    weights,
    weights::{Data, Manifest, Parameterisation, Training},
};

/// The averaged weights, in the run's folder.
const WEIGHTS: &str = "weights.safetensors";

/// How a run is started.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The run's folder.
    pub out: PathBuf,
    /// Go on from the folder's checkpoint.
    pub resume: bool,
    /// Weights to start from.
    pub init_from: Option<PathBuf>,
    /// Where the data is, if not in the usual places.
    pub data: Option<PathBuf>,
    /// Set to stop after the present step, with a checkpoint.
    pub stop: Arc<AtomicBool>,
}

/// What a run came to.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Steps done in all.
    pub step: u64,
    /// The last logged mean loss; none when no step was ever made.
    pub loss: Option<f64>,
    /// Seconds trained in all.
    pub seconds: f64,
    /// Images a second, this time.
    pub images_per_second: f64,
    /// Stopped before the last step.
    pub interrupted: bool,
    /// The averaged weights.
    pub weights: PathBuf,
}

/// Trains `config` on `device`.
///
/// # Errors
/// When the folder is in use or holds another run, the data or the weights cannot be read, a file cannot
/// be written, or the loss is no longer finite (the last checkpoint is then kept).
pub fn train(config: RunConfig, options: &RunOptions, device: &Device) -> Result<Outcome> {
    let data = Dataset::load(config.data.name, Split::Train, options.data.as_deref())?;
    check(&config, &data)?;
    let init = options.init_from.as_deref().map(|path| read_init(path, &config, device)).transpose()?;
    let out = &options.out;
    fs::create_dir_all(out.join("samples")).map_err(Error::io(out))?;
    let _lock = lock(out)?;
    let mut trainer = Trainer::new(config, device);
    let before = start(&mut trainer, options, init, device)?;
    let config = trainer.config().clone();
    let text = toml::to_string(&config).map_err(|e| Error::setting("config", e, "a config that TOML can hold"))?;
    output::write(&out.join("config.toml"), text.as_bytes())?;

    let log = Log::open(out, trainer.steps_done(), before.partial)?;
    let mut run = Run { log, out, config, text, before: before.seconds, begun: Instant::now() };
    let bar = progress_bar(run.config.train.steps, trainer.steps_done());
    let (first, steps) = (trainer.steps_done(), run.config.train.steps);
    if first == steps && !out.join(WEIGHTS).exists() {
        // Stopped between the last checkpoint and the weights of it.
        run.save(&trainer)?;
    }
    let mut interrupted = false;
    while trainer.steps_done() < steps {
        let stats = trainer.step(&data)?;
        let rate = (stats.step - first) as f64 * run.config.train.batch as f64 / run.begun.elapsed().as_secs_f64();
        run.log.add(stats, [rate, run.seconds()], run.config.train.log_every, stats.step == steps)?;
        bar.set_position(stats.step);
        bar.set_message(format!("loss {:.4} · {rate:.0} images/s", run.log.loss().unwrap_or(stats.loss)));
        interrupted = options.stop.load(Ordering::Relaxed) && stats.step < steps;
        let last = interrupted || stats.step == steps;
        if last || stats.step.is_multiple_of(run.config.train.checkpoint_every) {
            run.save(&trainer)?;
        }
        let every = run.config.train.sample_every;
        if every > 0 && (last || stats.step.is_multiple_of(every)) {
            let picture = preview::grid(&run.model(&trainer)?, run.config.train.seed, device)?;
            output::write(&out.join(format!("samples/step-{:06}.png", stats.step)), &picture.png()?)?;
        }
        if interrupted {
            break;
        }
    }
    bar.finish();
    Ok(Outcome {
        step: trainer.steps_done(),
        loss: run.log.loss(),
        seconds: run.seconds(),
        images_per_second: (trainer.steps_done() - first) as f64 * run.config.train.batch as f64
            / run.begun.elapsed().as_secs_f64(),
        interrupted,
        weights: out.join(WEIGHTS),
    })
}

/// The network must fit the data.
fn check(config: &RunConfig, data: &Dataset) -> Result<()> {
    if config.model.space() != Space::Image(data.shape) {
        return Err(Error::setting("model.shape", config.model.space(), format!("{:?}", data.shape)));
    }
    let classes = data.classes.len();
    if config.model.classes() != 0 && config.model.classes() != classes {
        return Err(Error::setting("model.classes", config.model.classes(), format!("0 or the data's {classes}")));
    }
    Ok(())
}

/// Locks the folder for this process.
fn lock(out: &Path) -> Result<File> {
    let path = out.join("lock");
    let file = File::create(&path).map_err(Error::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::Run {
            folder: out.display().to_string(),
            problem: "another process is training here".to_owned(),
            remedy: "wait for it, stop it, or give another --out".to_owned(),
        }),
        Err(fs::TryLockError::Error(cause)) => Err(Error::io(&path)(cause)),
    }
}

/// Brings the trainer to its first step; returns what was done before.
fn start(trainer: &mut Trainer, options: &RunOptions, init: Option<Model>, device: &Device) -> Result<Before> {
    let path = options.out.join(checkpoint::FILE);
    match (options.resume, path.exists()) {
        (true, true) => {
            let before = checkpoint::load(trainer, &path, device)?;
            notice(&format!("resuming {} at step {}", options.out.display(), trainer.steps_done()));
            return Ok(before);
        }
        (true, false) => notice(&format!("no checkpoint in {}: starting afresh", options.out.display())),
        (false, true) => {
            return Err(Error::Run {
                folder: options.out.display().to_string(),
                problem: "it holds a run already".to_owned(),
                remedy: "add --resume to go on with it, or give another --out".to_owned(),
            });
        }
        (false, false) => {}
    }
    if let Some(model) = init {
        trainer.warm_start(&model.network()?.denoiser().net);
    }
    Ok(Before::default())
}

/// The weights to start from, which must be of the config's network.
fn read_init(path: &Path, config: &RunConfig, device: &Device) -> Result<Model> {
    let file = path.display().to_string();
    let model = Model::from_bytes(&file, &weights::read_file(path)?, device)?;
    if model.network()?.manifest().architecture != config.model {
        return Err(Error::weights(
            file,
            "its network is not the config's",
            "make [model] the same as in `scorefield inspect`",
        ));
    }
    Ok(model)
}

#[expect(clippy::print_stderr, reason = "progress belongs on standard error")]
fn notice(text: &str) {
    eprintln!("{text}");
}

fn progress_bar(steps: u64, done: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} · {msg} · {eta} left")
        .expect("the template is a constant that parses");
    let bar = ProgressBar::new(steps).with_style(style);
    bar.set_position(done);
    bar.reset_eta();
    bar
}

struct Run<'a> {
    out: &'a Path,
    config: RunConfig,
    text: String,
    log: Log,
    before: f64,
    begun: Instant,
}

impl Run<'_> {
    fn seconds(&self) -> f64 {
        self.before + self.begun.elapsed().as_secs_f64()
    }

    fn save(&self, trainer: &Trainer) -> Result<()> {
        let before = Before { seconds: self.seconds(), partial: self.log.partial };
        checkpoint::save(trainer, before, &self.out.join(checkpoint::FILE))?;
        let bytes = weights::to_bytes(WEIGHTS, &trainer.averaged(), &self.manifest(trainer), weights::Storage::F16)?;
        output::write(&self.out.join(WEIGHTS), &bytes)?;
        let points = self.log.curve();
        // A run that is saved before its first log line has no curve yet.
        if points.is_empty() {
            return Ok(());
        }
        let axis = |name| Axis { name, log: true };
        let curve = Curve { name: String::new(), points, marked: false };
        let title = format!("{}: training loss", self.config.name);
        output::write(
            &self.out.join("loss.svg"),
            svg::curves(&title, axis("step"), axis("loss"), &[curve], Legend::LowerLeft)?.as_bytes(),
        )
    }

    fn model(&self, trainer: &Trainer) -> Result<Model> {
        Model::new(self.manifest(trainer), trainer.averaged())
    }

    fn manifest(&self, trainer: &Trainer) -> Manifest {
        let published = self.config.data.name.published();
        let sigma_data = self.config.data.sigma_data;
        Manifest {
            version: weights::VERSION,
            architecture: self.config.model.clone(),
            process: self.config.process.clone(),
            parameterisation: Parameterisation::Edm { sigma_data },
            data: Data {
                name: published.name.to_owned(),
                shape: Space::Image(published.shape),
                range: [-1.0, 1.0],
                classes: match self.config.model.classes() {
                    0 => Vec::new(),
                    _ => published.classes.iter().map(|&class| class.to_owned()).collect(),
                },
                licence: published.licence.to_owned(),
                sigma_data: Some(sigma_data),
            },
            training: Training {
                steps: trainer.steps_done(),
                batch: self.config.train.batch as u64,
                seed: self.config.train.seed,
                ema: self.config.optimiser.ema,
                hours: (self.seconds() / 36.0).round() / 100.0,
                config: Some(self.text.clone()),
            },
        }
    }
}
