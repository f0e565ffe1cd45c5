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
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use burn::tensor::Device;
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};

use super::{RunConfig, StepStats, Trainer, checkpoint, plot, preview};
use crate::{
    Error, Result,
    data::{Dataset, Split},
    model::Model,
    weights::{self, Architecture, Data, Manifest, Parameterisation, Training, atomic_write},
};

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
    /// The last logged mean loss.
    pub loss: f64,
    /// Seconds trained in all.
    pub seconds: f64,
    /// Images a second, this time.
    pub images_per_second: f64,
    /// Stopped before the last step.
    pub interrupted: bool,
    /// The averaged weights.
    pub weights: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct LogLine {
    step: u64,
    loss: f64,
    gradient_norm: f64,
    rate: f64,
    images_per_second: f64,
    seconds: f64,
}

/// Trains `config` on `device`.
///
/// # Errors
/// When the folder is in use or holds another run, the data or the weights cannot be read, a file cannot
/// be written, or the loss is no longer finite (the last checkpoint is then kept).
pub fn train(config: RunConfig, options: &RunOptions, device: &Device) -> Result<Outcome> {
    let data = Dataset::load(config.data.name, Split::Train, options.data.as_deref())?;
    check(&config, &data)?;
    let out = &options.out;
    fs::create_dir_all(out.join("samples")).map_err(Error::io(out))?;
    let _lock = lock(out)?;
    let mut trainer = Trainer::new(config, device);
    let before = start(&mut trainer, options, device)?;
    let config = trainer.config().clone();
    let text = toml::to_string(&config).map_err(|e| Error::setting("config", e, "a config that TOML can hold"))?;
    atomic_write(&out.join("config.toml"), text.as_bytes())?;

    let mut run = Run { log: Log::open(out, trainer.steps_done())?, out, config, text, before, begun: Instant::now() };
    let bar = progress_bar(run.config.train.steps, trainer.steps_done());
    let (first, steps) = (trainer.steps_done(), run.config.train.steps);
    let mut interrupted = false;
    while trainer.steps_done() < steps {
        let stats = trainer.step(&data)?;
        let rate = (stats.step - first) as f64 * run.config.train.batch as f64 / run.begun.elapsed().as_secs_f64();
        run.log.add(stats, rate, run.seconds(), run.config.train.log_every)?;
        bar.set_position(stats.step);
        bar.set_message(format!("loss {:.4} · {rate:.0} images/s", run.log.loss()));
        interrupted = options.stop.load(Ordering::Relaxed) && stats.step < steps;
        let last = interrupted || stats.step == steps;
        if last || stats.step.is_multiple_of(run.config.train.checkpoint_every) {
            run.save(&trainer)?;
        }
        let every = run.config.train.sample_every;
        if every > 0 && (last || stats.step.is_multiple_of(every)) {
            let picture = preview::grid(&run.model(&trainer)?, run.config.train.seed, device)?;
            atomic_write(&out.join(format!("samples/step-{:06}.png", stats.step)), &picture.png()?)?;
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
        weights: out.join("weights.safetensors"),
    })
}

/// The network must fit the data.
fn check(config: &RunConfig, data: &Dataset) -> Result<()> {
    Architecture::UNet(config.model.clone()).validate()?;
    if config.model.shape != data.shape {
        return Err(Error::setting("model.shape", format!("{:?}", config.model.shape), format!("{:?}", data.shape)));
    }
    let classes = data.classes.len();
    if config.model.classes != 0 && config.model.classes != classes {
        return Err(Error::setting("model.classes", config.model.classes, format!("0 or the data's {classes}")));
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
        Err(fs::TryLockError::Error(source)) => Err(Error::Io { path, source }),
    }
}

/// Brings the trainer to its first step; returns the seconds trained before.
fn start(trainer: &mut Trainer, options: &RunOptions, device: &Device) -> Result<f64> {
    let path = options.out.join(checkpoint::FILE);
    match (options.resume, path.exists()) {
        (true, true) => {
            let seconds = checkpoint::load(trainer, &path, device)?;
            notice(&format!("resuming {} at step {}", options.out.display(), trainer.steps_done()));
            return Ok(seconds);
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
    if let Some(path) = &options.init_from {
        let model = Model::from_bytes(&path.display().to_string(), &weights::read_file(path)?, device)?;
        let Architecture::UNet(given) = &model.manifest().architecture;
        if *given != trainer.config().model {
            return Err(Error::weights(
                path.display().to_string(),
                "its network is not the config's",
                "make [model] the same as in `scorefield inspect`",
            ));
        }
        trainer.warm_start(&model.denoiser().net);
    }
    Ok(0.0)
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
        checkpoint::save(trainer, self.seconds(), &self.out.join(checkpoint::FILE))?;
        let bytes = weights::to_bytes(
            "weights.safetensors",
            &trainer.averaged(),
            &self.manifest(trainer),
            weights::Storage::F16,
        )?;
        atomic_write(&self.out.join("weights.safetensors"), &bytes)?;
        let curve = plot::loss_curve(&self.log.curve(), &format!("{}: training loss", self.config.name));
        atomic_write(&self.out.join("loss.svg"), curve.as_bytes())
    }

    fn model(&self, trainer: &Trainer) -> Result<Model> {
        Model::new(self.manifest(trainer), trainer.averaged())
    }

    fn manifest(&self, trainer: &Trainer) -> Manifest {
        let published = self.config.data.name.published();
        let sigma_data = self.config.data.sigma_data;
        Manifest {
            version: weights::VERSION,
            architecture: Architecture::UNet(self.config.model.clone()),
            process: self.config.process,
            parameterisation: Parameterisation::Edm { sigma_data },
            data: Data {
                name: published.name.to_owned(),
                shape: published.shape,
                range: [-1.0, 1.0],
                classes: match self.config.model.classes {
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
                commit: None,
            },
            defaults: serde_json::Map::new(),
        }
    }
}

/// The JSONL log: one line each `every` steps with the mean loss since the last.
struct Log {
    file: File,
    path: PathBuf,
    lines: Vec<LogLine>,
    sum: f64,
    count: u64,
}

impl Log {
    /// Opens the log, cut back to the lines up to `step`: a resumed run repeats the later ones.
    fn open(out: &Path, step: u64) -> Result<Self> {
        let path = out.join("log.jsonl");
        let old = fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<LogLine> = old
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(|l: &LogLine| l.step <= step)
            .collect();
        let mut log =
            Self { file: File::create(&path).map_err(Error::io(&path))?, path, lines: Vec::new(), sum: 0.0, count: 0 };
        for line in lines {
            log.write(line)?;
        }
        Ok(log)
    }

    fn write(&mut self, line: LogLine) -> Result<()> {
        let text = serde_json::to_string(&line).expect("numbers serialise");
        writeln!(self.file, "{text}").map_err(Error::io(&self.path))?;
        self.lines.push(line);
        Ok(())
    }

    fn add(&mut self, stats: StepStats, images_per_second: f64, seconds: f64, every: u64) -> Result<()> {
        let StepStats { step, loss, gradient_norm, rate } = stats;
        self.sum += loss;
        self.count += 1;
        if step.is_multiple_of(every) {
            let loss = self.sum / self.count as f64;
            (self.sum, self.count) = (0.0, 0);
            self.write(LogLine { step, loss, gradient_norm, rate, images_per_second, seconds })?;
        }
        Ok(())
    }

    /// The last logged mean, or the present one.
    fn loss(&self) -> f64 {
        match self.lines.last() {
            Some(line) => line.loss,
            None => self.sum / self.count.max(1) as f64,
        }
    }

    fn curve(&self) -> Vec<(f64, f64)> {
        self.lines.iter().map(|line| (line.step as f64, line.loss)).collect()
    }
}
