//! Training in a worker, pulled some steps at a time; the learned score beside the true one where that is known; and
//! particles that follow either.

use burn::{
    Tensor,
    tensor::{Device, TensorData},
};
use js_sys::{Float32Array, Uint8Array};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::{engine::Engine, report, report::unreadable};
use crate::{
    Error, Result,
    data::{DataName, Points, Source},
    model::Model,
    net::NetworkConfig as _,
    sampler::{MAX_BROWSER_SAMPLES, Sampler, Settings},
    score::Score,
    sde::Level,
    space::Space,
    train::{Origin, RunConfig, Trainer, manifest, range},
    weights,
    weights::{File, Storage},
};

/// The name of exported weights, and of such as are loaded back, in messages.
const FILE: &str = "weights";
/// The most points that a field is asked for at once.
const MAX_ROWS: usize = 1 << 20;

/// A network in training.
#[wasm_bindgen]
pub struct Training {
    device: Device,
    data: Box<dyn Source>,
    trainer: Trainer,
    /// The density of the data, where it is known.
    truth: Option<Model>,
    /// The model of the averaged weights after so many steps.
    learned: Option<(u64, Model)>,
    /// Weights that it began with; without them, those of the config's seed.
    start: Option<Vec<u8>>,
}

/// What JavaScript sees of some steps.
#[derive(Serialize)]
struct Steps {
    step: u64,
    losses: Vec<f64>,
}

#[wasm_bindgen]
impl Engine {
    /// Begins to train by a run's config, as its TOML file has it, on the data that it names or on `points` (rows of
    /// numbers); from fresh weights, or from those of a weights file, whose own config is taken where `config` is null.
    ///
    /// # Errors
    /// When the config, the points or the weights are not good ones, or do not fit one another.
    pub fn train(
        &self,
        config: &JsValue,
        points: Option<Vec<f32>>,
        weights: Option<Vec<u8>>,
    ) -> Result<Training, JsValue> {
        Training::open(config, points, weights, &self.device).map_err(report::error)
    }
}

#[wasm_bindgen]
impl Training {
    /// The config, with all that was left out.
    ///
    /// # Errors
    /// When it cannot be an object of JavaScript's.
    pub fn config(&self) -> Result<JsValue, JsValue> {
        report::plain(self.trainer.config())
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.trainer.parameters()
    }

    /// `count` optimiser steps: `{ step, losses }`.
    ///
    /// # Errors
    /// When a loss is not finite: the state is then that before the step.
    pub async fn step(&mut self, count: usize) -> Result<JsValue, JsValue> {
        let mut losses = Vec::with_capacity(count);
        for _ in 0..count {
            let stats = self.trainer.advance(self.data.as_ref()).await.map_err(report::error)?;
            losses.push(stats.loss);
        }
        report::plain(&Steps { step: self.trainer.steps_done(), losses })
    }

    /// The first `n` points of the data, or all where there are fewer.
    pub fn data(&self, n: usize) -> Float32Array {
        let d = self.data.space().dim();
        let mut rows = vec![0.0; n.min(self.data.len()) * d];
        for (index, row) in rows.chunks_exact_mut(d).enumerate() {
            self.data.fill(index, row);
        }
        Float32Array::from(rows.as_slice())
    }

    /// The scores at rows of `x`: `{ learned, truth }`, the second null where the density is not known.
    ///
    /// # Errors
    /// When `x` is not whole rows of finite numbers, or there is no score at t.
    pub async fn field(&mut self, x: Vec<f32>, t: f64) -> Result<JsValue, JsValue> {
        self.values(x, t, |score, x, level| Some(score.score(x, level))).await.map_err(report::error)
    }

    /// log pₜ at rows of `x`, up to a constant: `{ learned, truth }`, null where there is no density.
    ///
    /// # Errors
    /// As [`Training::field`].
    pub async fn log_density(&mut self, x: Vec<f32>, t: f64) -> Result<JsValue, JsValue> {
        let density = |score: &dyn Score, x, level: &_| score.density().map(|density| density.log_density(x, level));
        self.values(x, t, density).await.map_err(report::error)
    }

    /// Particles that a sampler moves by the learned score, or by the true one; from the prior, or from rows of numbers.
    ///
    /// # Errors
    /// When a setting is unknown or out of range, or the density is not known.
    pub fn sample(&mut self, settings: &JsValue, truth: bool, from: Option<Vec<f32>>) -> Result<Particles, JsValue> {
        self.particles(settings, truth, from).map_err(report::error)
    }

    /// Begins anew: step 0, and the weights of the start.
    ///
    /// # Errors
    /// None: the start was one before.
    pub fn reset(&mut self) -> Result<(), JsValue> {
        self.learned = None;
        self.trainer = Trainer::new(self.trainer.config().clone(), &self.device);
        self.warm_start().map_err(report::error)
    }

    /// The averaged weights as a file, which the command line loads.
    ///
    /// # Errors
    /// When they are not finite.
    pub fn export(&mut self) -> Result<Uint8Array, JsValue> {
        let bytes = || {
            let manifest = manifest(self.trainer.config(), range(self.data.as_ref()), self.trainer.steps_done(), 0.0)?;
            weights::to_bytes(FILE, &self.trainer.averaged(), &manifest, Storage::F32)
        };
        bytes().map(|bytes| Uint8Array::from(bytes.as_slice())).map_err(report::error)
    }
}

impl Training {
    fn open(config: &JsValue, points: Option<Vec<f32>>, weights: Option<Vec<u8>>, device: &Device) -> Result<Self> {
        let mut config = match &weights {
            Some(bytes) if config.is_null() || config.is_undefined() => config_of(bytes)?,
            _ => report::parse("config", config)?,
        };
        let data = data_of(&config, points)?;
        config.data.complete(data.as_ref());
        config.validate()?;
        config.data.check_place(&config.process, data.as_ref())?;
        let truth = data.mixture().map(|mixture| Model::mixture("data", mixture, config.process.clone(), device));
        let trainer = Trainer::new(config, device);
        let mut training = Self { device: device.clone(), data, trainer, truth, learned: None, start: weights };
        training.warm_start()?;
        Ok(training)
    }

    /// Takes the weights that it began with, where it did not begin with fresh ones.
    fn warm_start(&mut self) -> Result<()> {
        let Some(bytes) = &self.start else { return Ok(()) };
        let file = File::parse(FILE, bytes)?;
        if file.manifest.architecture != self.trainer.config().model {
            let remedy = "begin with the file's own config, or with fresh weights";
            return Err(Error::weights(FILE, "its network is not the config's", remedy));
        }
        self.trainer.warm_start(&file.network(&self.device)?);
        Ok(())
    }

    /// The model of the averaged weights.
    fn learned(&mut self) -> Result<&Model> {
        let step = self.trainer.steps_done();
        if self.learned.as_ref().is_none_or(|(at, _)| *at != step) {
            let manifest = manifest(self.trainer.config(), range(self.data.as_ref()), step, 0.0)?;
            self.learned = Some((step, Model::new(manifest, self.trainer.averaged())?));
        }
        let (_, model) = self.learned.as_ref().expect("it has just been made");
        Ok(model)
    }

    async fn values(
        &mut self,
        x: Vec<f32>,
        t: f64,
        of: impl Fn(&dyn Score, Tensor<2>, &Level) -> Option<Tensor<2>>,
    ) -> Result<JsValue> {
        let d = self.data.space().dim();
        let n = rows_of("x", &x, d, MAX_ROWS)?;
        let device = self.device.clone();
        let x = Tensor::<2>::from_data(TensorData::new(x, [n, d]), &device);
        let evaluated = |model: &Model, level: Level| -> Result<Option<Tensor<2>>> {
            Ok(of(model.score(&vec![None; n], 1.0, &device)?.as_ref(), x.clone(), &level))
        };
        let model = self.learned()?;
        let learned = evaluated(model, model.level(t)?)?;
        // Gaussians without width have no density where there is no noise.
        let truth = self.truth.as_ref().and_then(|truth| Some((truth, truth.level(t).ok()?)));
        let truth = truth.map(|(truth, level)| evaluated(truth, level)).transpose()?.flatten();
        let array = async |values: Option<Tensor<2>>| match values {
            None => Ok(JsValue::NULL),
            Some(values) => Ok(Float32Array::from(numbers(values).await?.as_slice()).into()),
        };
        Ok(report::object(&[("learned", array(learned).await?), ("truth", array(truth).await?)]))
    }

    fn particles(&mut self, settings: &JsValue, truth: bool, from: Option<Vec<f32>>) -> Result<Particles> {
        let given = report::given(settings);
        let mut settings: Settings = report::read("settings", settings)?;
        let (device, d) = (self.device.clone(), self.data.space().dim());
        if let Some(from) = &from {
            settings.n = rows_of("from", from, d, MAX_BROWSER_SAMPLES)?;
        }
        if !(1..=MAX_BROWSER_SAMPLES).contains(&settings.n) {
            return Err(Error::setting("n", settings.n, format!("1 to {MAX_BROWSER_SAMPLES}")));
        }
        let model = match &self.truth {
            Some(model) if truth => model,
            None if truth => {
                return Err(Error::setting("score", "truth", "learned: the density of these data is not known"));
            }
            _ => self.learned()?,
        };
        let plan = model.plan(&settings)?;
        plan.check_given(given.iter().map(String::as_str))?;
        let score = model.score(&vec![settings.label; settings.n], settings.guidance, &device)?;
        let sampler = match from {
            Some(rows) => {
                Sampler::with_init(&plan, Tensor::from_data(TensorData::new(rows, [settings.n, d]), &device))?
            }
            None => Sampler::new(&plan, &device)?,
        };
        Ok(Particles { sampler, score })
    }
}

/// Moving particles.
#[wasm_bindgen]
pub struct Particles {
    sampler: Sampler,
    score: Box<dyn Score>,
}

/// What JavaScript sees of a step, beside its points.
#[derive(Serialize)]
struct Moved {
    index: usize,
    total: Option<usize>,
    t: f64,
    sigma: f64,
    nfe: u64,
}

#[wasm_bindgen]
impl Particles {
    /// Where they are, rows of numbers.
    ///
    /// # Errors
    /// When the device does not say.
    pub async fn x(&self) -> Result<Float32Array, JsValue> {
        let x = numbers(self.sampler.x()).await.map_err(report::error)?;
        Ok(Float32Array::from(x.as_slice()))
    }

    /// One step; null after the last.
    ///
    /// # Errors
    /// When the score is not one that the sampler can follow.
    pub async fn step(&mut self) -> Result<JsValue, JsValue> {
        match self.sampler.advance(self.score.as_ref()).await.map_err(report::error)? {
            None => Ok(JsValue::NULL),
            Some(step) => report::plain(&Moved {
                index: step.index,
                total: step.total,
                t: step.t,
                sigma: step.sigma,
                nfe: step.nfe,
            }),
        }
    }
}

/// The config in a weights file.
fn config_of(bytes: &[u8]) -> Result<RunConfig> {
    let file = File::parse(FILE, bytes)?;
    let missing = || Error::weights(FILE, "it does not say how it was trained", "give a config with it");
    RunConfig::parse(file.manifest.training.config.as_deref().ok_or_else(missing)?, FILE, &[])
}

/// What is trained on.
fn data_of(config: &RunConfig, points: Option<Vec<f32>>) -> Result<Box<dyn Source>> {
    let Space::Points(d) = config.model.space() else {
        let expected = "a network of points, such as kind = \"mlp\": images are trained on natively";
        return Err(Error::setting("model.kind", "a network of images", expected));
    };
    if let Some(points) = points {
        return Ok(Box::new(Points::given("points", points, d)?));
    }
    match config.data.origin()? {
        Origin::Name(DataName::Distribution(distribution)) => Ok(Box::new(distribution.data())),
        Origin::Name(other) => {
            let expected = "a distribution in the plane: images are trained on natively";
            Err(Error::setting("data.name", other.name(), expected))
        }
        Origin::File(file) => Err(Error::setting("data.file", file, "its points, given with the config")),
    }
}

/// How many rows `values` are.
fn rows_of(what: &str, values: &[f32], d: usize, most: usize) -> Result<usize> {
    if values.is_empty() || !values.len().is_multiple_of(d) {
        return Err(Error::setting(what, format!("{} numbers", values.len()), format!("a multiple of {d}")));
    }
    if values.len() / d > most {
        return Err(Error::setting(what, format!("{} rows", values.len() / d), format!("at most {most} at once")));
    }
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        return Err(Error::setting(format!("{what}[{at}]"), values[at], "a finite number"));
    }
    Ok(values.len() / d)
}

async fn numbers(x: Tensor<2>) -> Result<Vec<f32>> {
    let data = x.into_data_async().await.map_err(|error| unreadable(&error))?;
    data.try_into_vec::<f32>().map_err(|error| unreadable(&error))
}
