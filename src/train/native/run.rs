//! The run, pulled one event at a time.

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::Instant,
};

use burn::tensor::Device;
use serde::Serialize;

use super::{
    checkpoint,
    checkpoint::Before,
    folder,
    folder::{CONFIG, SAMPLES, WEIGHTS, elsewhere, shell},
    log::Log,
    open::open,
    preview,
};
use crate::{
    Error, Result,
    data::Source,
    figure::{
        svg,
        svg::{Axis, Curve, Legend},
    },
    model::Model,
    net::NetworkConfig as _,
    output,
    score::Parameterisation,
    space::Space,
    train::{Event, RunConfig, Start, Started, Trainer, manifest, range},
    weights,
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
    /// Samples a second, this time.
    pub samples_per_second: f64,
    /// Stopped before the last step.
    pub interrupted: bool,
    /// The averaged weights.
    pub weights: PathBuf,
}

/// A run and its folder, which is this process's until the run is dropped.
pub struct Run {
    options: RunOptions,
    device: Device,
    data: Box<dyn Source>,
    /// Where these lie.
    range: [f64; 2],
    trainer: Trainer,
    log: Log,
    _lock: File,
    /// The first event, until it is pulled.
    started: Option<Started>,
    /// What is to be written before the next step.
    due: Due,
    /// Whether nothing but that is to be done.
    stopped: bool,
    /// Steps done before, and seconds that they took.
    before: (u64, f64),
    begun: Instant,
    /// Steps that the checkpoint has done.
    saved: Option<u64>,
}

#[derive(Default)]
struct Due {
    checkpoint: bool,
    samples: bool,
}

impl Run {
    /// Takes the run's folder and gets ready for the first step, on the config's data.
    ///
    /// # Errors
    /// When the config, the data or the weights to start from do not fit or cannot be read, or the folder is in use or
    /// holds another run.
    pub fn open(config: RunConfig, options: RunOptions, device: &Device) -> Result<Self> {
        let data = open(&config.data, options.data.as_deref())?;
        Self::on(data, config, options, device)
    }

    /// As [`open`](Self::open), on these data.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn on(data: Box<dyn Source>, mut config: RunConfig, options: RunOptions, device: &Device) -> Result<Self> {
        config.data.complete(data.as_ref());
        config.validate()?;
        config.data.check_place(&config.process, data.as_ref())?;
        let range = range(data.as_ref());
        manifest(&config, range, 0, 0.0)?;
        check(&config, data.as_ref())?;
        let init = options.init_from.as_deref().map(|path| read_init(path, &config, device)).transpose()?;
        let out = &options.out;
        let lock = folder::lock(out)?;
        let mut trainer = Trainer::new(config, device);
        let (from, before) = start(&mut trainer, &options, init, device)?;
        output::write(&out.join(CONFIG), trainer.config().to_toml()?.as_bytes())?;
        let (step, steps) = (trainer.steps_done(), trainer.config().train.steps);
        let mut log = Log::open(out, step, before.partial)?;
        let mut saved = None;
        if let Start::Checkpoint(changes) = &from {
            saved = Some(step);
            if !changes.is_empty() {
                log.changed(step, changes)?;
            }
        }
        // A run that ended between the last checkpoint and the weights of it.
        let due = Due { checkpoint: step == steps && !out.join(WEIGHTS).exists(), samples: false };
        Ok(Self {
            started: Some(Started { step, steps, parameters: trainer.parameters(), from }),
            device: device.clone(),
            data,
            range,
            log,
            _lock: lock,
            due,
            stopped: false,
            before: (step, before.seconds),
            begun: Instant::now(),
            saved,
            trainer,
            options,
        })
    }

    /// Does the next thing there is to do, and says what it was; none at the run's end.
    ///
    /// # Errors
    /// When a file cannot be written, or the loss is no longer finite; the last checkpoint is then kept.
    #[expect(clippy::should_implement_trait, reason = "a step may fail, after which there is no next one")]
    pub fn next(&mut self) -> Result<Option<Event>> {
        if let Some(started) = self.started.take() {
            return Ok(Some(Event::Started(started)));
        }
        let step = self.trainer.steps_done();
        if std::mem::take(&mut self.due.checkpoint) {
            self.save()?;
            return Ok(Some(Event::Saved { step }));
        }
        if std::mem::take(&mut self.due.samples) {
            let model = Model::new(
                manifest(self.trainer.config(), self.range, step, self.seconds())?,
                self.trainer.averaged(),
            )?;
            let picture = preview::grid(&model, self.trainer.config().train.seed, &self.device)?;
            output::write(&self.options.out.join(SAMPLES).join(format!("step-{step:06}.png")), &picture.png()?)?;
            return Ok(Some(Event::Sampled { step }));
        }
        let plan = self.trainer.config().train;
        if self.stopped || step == plan.steps {
            return Ok(None);
        }
        let stats = self.trainer.step(self.data.as_ref()).map_err(|error| self.remedied(error))?;
        let last = stats.step == plan.steps;
        self.log.add(stats, [self.samples_per_second(), self.seconds()], plan.log_every, last)?;
        self.due = Due {
            checkpoint: last || stats.step.is_multiple_of(plan.checkpoint_every),
            samples: plan.sample_every > 0 && (last || stats.step.is_multiple_of(plan.sample_every)),
        };
        Ok(Some(Event::Step(stats)))
    }

    /// Makes no more steps: the events to come are those of a checkpoint and its samples, unless they are there
    /// already.
    pub fn stop(&mut self) {
        let step = self.trainer.steps_done();
        let plan = self.trainer.config().train;
        self.stopped = true;
        if self.saved != Some(step) {
            self.due = Due { checkpoint: true, samples: plan.sample_every > 0 && step > self.before.0 };
        }
    }

    /// The last logged mean loss, or that of the steps so far.
    #[must_use]
    pub fn loss(&self) -> Option<f64> {
        self.log.loss()
    }

    /// Samples a second since this start.
    #[must_use]
    pub fn samples_per_second(&self) -> f64 {
        let steps = self.trainer.steps_done() - self.before.0;
        steps as f64 * self.trainer.config().train.batch as f64 / self.begun.elapsed().as_secs_f64()
    }

    /// What the run has come to.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let step = self.trainer.steps_done();
        Outcome {
            step,
            loss: self.loss(),
            seconds: self.seconds(),
            samples_per_second: self.samples_per_second(),
            interrupted: step < self.trainer.config().train.steps,
            weights: self.options.out.join(WEIGHTS),
        }
    }

    fn seconds(&self) -> f64 {
        self.before.1 + self.begun.elapsed().as_secs_f64()
    }

    /// Writes checkpoint, weights and loss curve. Nothing is written of a state that nobody could go on from.
    fn save(&mut self) -> Result<()> {
        let (out, trainer) = (&self.options.out, &self.trainer);
        let before = Before { seconds: self.seconds(), partial: self.log.partial };
        let state = checkpoint::to_bytes(trainer, before).map_err(|error| self.remedied(error))?;
        let manifest = manifest(trainer.config(), self.range, trainer.steps_done(), self.seconds())?;
        let bytes = weights::to_bytes(WEIGHTS, &trainer.averaged(), &manifest, weights::Storage::F16)?;
        output::write(&out.join(checkpoint::FILE), &state)?;
        output::write(&out.join(WEIGHTS), &bytes)?;
        self.saved = Some(self.trainer.steps_done());
        let points = self.log.curve();
        // A run that is saved before its first log line has no curve yet.
        if points.is_empty() {
            return Ok(());
        }
        // Implicit and sliced score matching have losses below 0.
        let positive = points.iter().all(|&(_, loss)| loss > 0.0);
        let axes = [Axis { name: "step", log: true }, Axis { name: "loss", log: positive }];
        let curve = Curve { name: String::new(), points, marked: false };
        let title = format!("{}: training loss", self.trainer.config().name);
        output::write(
            &self.options.out.join("loss.svg"),
            svg::curves(&title, axes[0], axes[1], &[curve], Legend::LowerLeft)?.as_bytes(),
        )
    }

    /// The error of a step, or of the state after it, with what to do about it in this folder.
    fn remedied(&self, mut error: Error) -> Error {
        let Error::NotFinite { remedy, .. } = &mut error else {
            return error;
        };
        let rate = format!("--set optimiser.lr={:e}", self.trainer.config().optimiser.lr / 10.0);
        *remedy = match self.saved {
            None => format!("train anew at a lower learning rate (`{rate}`)"),
            // Not one step was made from there.
            Some(step) if step == self.trainer.steps_done() => {
                let anew = shell(&elsewhere(&self.options.out));
                format!("its checkpoint leads nowhere: train anew at a lower learning rate (`--out {anew} {rate}`)")
            }
            Some(step) => format!("go on from step {step} at a lower learning rate (`--resume {rate}`)"),
        };
        error
    }
}

/// The network must fit the data.
fn check(config: &RunConfig, data: &dyn Source) -> Result<()> {
    let (given, expected) = (config.model.space(), data.space());
    if given != expected {
        let (field, expected) = match expected {
            Space::Image(_) => ("model.shape", expected.to_string()),
            Space::Points(d) => ("model.dim", format!("{d}, of a network of points")),
        };
        return Err(Error::setting(field, given, expected));
    }
    let (given, classes) = (config.model.classes(), data.classes());
    if given != 0 && given != classes {
        return Err(Error::setting("model.classes", given, format!("0 or the data's {classes}")));
    }
    Ok(())
}

/// Brings the trainer to its first step; returns where that is, and what was done before.
fn start(trainer: &mut Trainer, options: &RunOptions, init: Option<Model>, device: &Device) -> Result<(Start, Before)> {
    let out = &options.out;
    let from = match (options.resume, out.join(checkpoint::FILE).exists()) {
        (true, true) => {
            let (before, changes) = checkpoint::load(trainer, out, device)?;
            return Ok((Start::Checkpoint(changes), before));
        }
        (false, true) => {
            return Err(Error::Run {
                folder: out.display().to_string(),
                problem: "it holds a run already".to_owned(),
                remedy: format!(
                    "go on with it (`--resume`), or give another folder (`--out {}`)",
                    shell(&elsewhere(out))
                ),
            });
        }
        (_, false) if init.is_some() => Start::Weights,
        (true, false) => Start::NothingToResume,
        (false, false) => Start::Fresh,
    };
    if let Some(model) = init {
        trainer.warm_start(&model.network()?.denoiser().net);
    }
    Ok((from, Before::default()))
}

/// The weights to start from, which must be of the config's network.
fn read_init(path: &Path, config: &RunConfig, device: &Device) -> Result<Model> {
    let file = path.display().to_string();
    let model = Model::from_bytes(&file, &weights::read_file(path)?, device)?;
    let given = model.network()?.manifest();
    if given.architecture != config.model {
        let given = toml::Value::try_from(&given.architecture);
        let given = given.map_err(|e| Error::setting("model", e, "what TOML can hold"))?;
        let remedy = format!("take its network (`--set 'model={given}'`), or leave out --init-from");
        return Err(Error::weights(file, "its network is not the config's", remedy));
    }
    let wanted = config.objective().parameterisation();
    let edm = |parameterisation| matches!(parameterisation, Parameterisation::Edm { .. });
    // EDM's F has unit variance whatever the data's standard deviation is.
    if given.parameterisation != wanted && !(edm(given.parameterisation) && edm(wanted)) {
        let text = |parameterisation| serde_json::to_string(&parameterisation).expect("plain data serialises");
        let problem = format!("its output means {}, the objective's {}", text(given.parameterisation), text(wanted));
        return Err(Error::weights(
            file,
            problem,
            "choose the objective that it was trained by, or leave out --init-from",
        ));
    }
    Ok(model)
}
