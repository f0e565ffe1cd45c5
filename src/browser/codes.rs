//! Latent codes and log-likelihoods: work along the probability flow, pulled one solver's step at a time, so that the
//! worker hears of an abort between them.

use burn::{
    Tensor,
    tensor::{Device, TensorData},
};
use js_sys::{Float32Array, Float64Array};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;

use super::{engine::Engine, report, report::unreadable, run::Heartbeat};
use crate::{
    Error, Result, compute,
    data::range::Range,
    flow::{
        T_END, codes,
        codes::{Direction, Integration, MOST_FRAMES},
        dormand_prince::Tolerance,
        likelihood::{Estimate, LOW_DIMENSION, LikelihoodSettings, Method, bits_per_dim},
    },
    model::{Kind, Model},
    score::divergence::Probe,
    sde::Process,
    space::Space,
};

/// Samples that take the solver's steps together, as on the command line.
const BATCH: usize = 64;

/// The command line's flags of `encode`, `decode` and `likelihood`, as far as they mean something here.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    label: Option<usize>,
    rtol: f64,
    atol: f64,
    t_end: f64,
}

impl Default for Options {
    fn default() -> Self {
        let Tolerance { rtol, atol } = Tolerance::default();
        Self { label: None, rtol, atol, t_end: T_END }
    }
}

/// The command line's flags of `likelihood`, likewise.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LikelihoodOptions {
    label: Option<usize>,
    rtol: f64,
    atol: f64,
    t_end: f64,
    /// Without it, exact of a mixture and in few dimensions, else Hutchinson's.
    divergence: Option<DivergenceKind>,
    probe: Probe,
    probes: usize,
    seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DivergenceKind {
    Exact,
    Hutchinson,
}

impl Default for LikelihoodOptions {
    fn default() -> Self {
        let Options { label, rtol, atol, t_end } = Options::default();
        Self { label, rtol, atol, t_end, divergence: None, probe: Probe::default(), probes: 1, seed: 0 }
    }
}

impl LikelihoodOptions {
    fn flow(&self) -> Options {
        Options { label: self.label, rtol: self.rtol, atol: self.atol, t_end: self.t_end }
    }

    fn method(&self, model: &Model) -> Method {
        let exact = match self.divergence {
            Some(kind) => kind == DivergenceKind::Exact,
            None => model.kind() == Kind::Mixture || model.dim() <= LOW_DIMENSION,
        };
        if exact { Method::Exact } else { Method::Hutchinson { probe: self.probe, probes: self.probes } }
    }
}

impl Options {
    fn tolerance(&self) -> Tolerance {
        Tolerance { rtol: self.rtol, atol: self.atol }
    }
}

/// Rows of `d` numbers on a device.
fn rows(values: &[f32], d: usize, device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len() / d, d]), device)
}

async fn numbers(x: Tensor<2>) -> Result<Vec<f32>> {
    let data = x.into_data_async().await.map_err(|error| unreadable(&error))?;
    data.try_into_vec::<f32>().map_err(|error| unreadable(&error))
}

/// What all work along the flow holds: the rows, of which a batch is on its way.
struct Work {
    model: Model,
    device: Device,
    options: Options,
    values: Vec<f32>,
    /// The first row that has not been taken.
    next: usize,
    /// Network evaluations and steps of the batch that took the most.
    nfe: u64,
    steps: [usize; 2],
}

impl Work {
    fn new(engine: &Engine, what: &str, values: Vec<f32>, options: Options) -> Result<Self> {
        let model = engine.model()?.clone();
        engine.count_rows(what, &values)?;
        // Of the label, before the work begins.
        model.score(&[options.label], 1.0, &engine.device)?;
        // What the last run left, perhaps one of another size.
        compute::release(&engine.device);
        let device = engine.device.clone();
        Ok(Self { model, device, options, values, next: 0, nfe: 0, steps: [0; 2] })
    }

    /// The next batch and its score; None when all are taken.
    fn take(&mut self) -> Result<Option<(Tensor<2>, Heartbeat)>> {
        let d = self.model.dim();
        let all = self.values.len() / d;
        let count = BATCH.min(all - self.next);
        if count == 0 {
            return Ok(None);
        }
        let x = rows(&self.values[self.next * d..][..count * d], d, &self.device);
        let score = self.model.score(&vec![self.options.label; count], 1.0, &self.device)?;
        self.next += count;
        Ok(Some((x, Heartbeat(score))))
    }

    /// Refuses pixels from 0 to 255, which no model's images are.
    fn check_range(&self) -> Result<()> {
        let range = Range::of(&self.values);
        if matches!(self.model.space(), Space::Image(_)) && range.is_pixels() {
            let given = format!("values from {} to {}", range.low, range.high);
            return Err(Error::setting("x", given, "images in [-1, 1], pixels p as p/127.5 - 1"));
        }
        Ok(())
    }

    fn process(&self) -> &Process {
        self.model.process()
    }

    fn settings(&self) -> codes::SolverSettings {
        codes::SolverSettings { tolerance: self.options.tolerance(), t_end: self.options.t_end }
    }

    fn count(&mut self, nfe: u64, steps: [usize; 2]) {
        if nfe > self.nfe {
            (self.nfe, self.steps) = (nfe, steps);
        }
    }
}

/// Data on their way to codes, or codes on their way to data.
#[wasm_bindgen]
pub struct Integrations {
    work: Work,
    direction: Direction,
    batch: Option<(Integration, Heartbeat)>,
    /// The rows that have arrived.
    solved: Vec<f32>,
}

impl Integrations {
    fn new(work: Work, direction: Direction) -> Result<Self> {
        let mut integrations = Self { work, direction, batch: None, solved: Vec::new() };
        integrations.begin()?;
        Ok(integrations)
    }

    fn begin(&mut self) -> Result<()> {
        self.batch = match self.work.take()? {
            Some((x, score)) => {
                Some((Integration::new(self.work.process(), x, &self.work.settings(), self.direction)?, score))
            }
            None => None,
        };
        Ok(())
    }

    async fn advance(&mut self) -> Result<bool> {
        let Some((integration, score)) = &mut self.batch else { return Ok(true) };
        integration.step(&*score).await?;
        if !integration.done() {
            return Ok(false);
        }
        let solution = integration.solution();
        self.work.count(solution.nfe, solution.steps);
        let values = numbers(solution.x).await?;
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let row = (self.solved.len() + at) / self.work.model.dim();
            let remedy = "use a larger t_end, or check the model".to_owned();
            return Err(Error::NotFinite { what: format!("sample {row}"), step: 1, remedy });
        }
        self.solved.extend(values);
        self.begin()?;
        Ok(self.batch.is_none())
    }
}

#[wasm_bindgen]
impl Integrations {
    /// One step of the solver; true when all rows have arrived.
    ///
    /// # Errors
    /// Where the solver cannot go on.
    pub async fn step(&mut self) -> Result<bool, JsValue> {
        self.advance().await.map_err(report::error)
    }

    /// The rows that have arrived.
    pub fn values(&self) -> Float32Array {
        Float32Array::from(self.solved.as_slice())
    }
}

/// Log-likelihoods on their way.
#[wasm_bindgen]
pub struct Likelihoods {
    work: Work,
    options: LikelihoodOptions,
    /// How the divergence is computed.
    method: Method,
    batch: Option<(Estimate, Heartbeat)>,
    log_p: Vec<f64>,
}

/// What was computed, and how: the command line's fields.
#[derive(Serialize)]
struct Protocol<'a> {
    estimate: &'a str,
    divergence: &'a str,
    /// Of each sample, where the divergence is an estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    probes: Option<usize>,
    ends: [f64; 2],
    rtol: f64,
    atol: f64,
    dequantisation: &'a str,
    offset: f64,
    dimensions: usize,
    process: &'a Process,
    prior_std: f64,
    batch: usize,
    steps: usize,
    rejected: usize,
}

/// What JavaScript sees beside the log-likelihoods themselves.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found<'a> {
    bits_per_dim: f64,
    nfe: u64,
    protocol: Protocol<'a>,
}

impl Likelihoods {
    fn new(work: Work, options: LikelihoodOptions) -> Result<Self> {
        let method = options.method(&work.model);
        let mut likelihoods = Self { work, options, method, batch: None, log_p: Vec::new() };
        likelihoods.begin()?;
        Ok(likelihoods)
    }

    fn begin(&mut self) -> Result<()> {
        let codes::SolverSettings { tolerance, t_end } = self.work.settings();
        let (seed, first_sample) = (self.options.seed, self.work.next as u64);
        self.batch = match self.work.take()? {
            Some((x, score)) => {
                let method = self.method;
                let settings = LikelihoodSettings { tolerance, t_end, method, seed, first_sample, repeat: 0 };
                Some((Estimate::new(&score, self.work.process(), x, &settings)?, score))
            }
            None => None,
        };
        Ok(())
    }

    async fn advance(&mut self) -> Result<bool> {
        let Some((estimate, score)) = &mut self.batch else { return Ok(true) };
        estimate.step(&*score).await?;
        if !estimate.done() {
            return Ok(false);
        }
        let found = estimate.likelihood().await?;
        self.work.count(found.nfe, found.steps);
        self.log_p.extend(found.log_p);
        self.begin()?;
        Ok(self.batch.is_none())
    }
}

#[wasm_bindgen]
impl Likelihoods {
    /// One step of the solver; true when all rows have arrived.
    ///
    /// # Errors
    /// Where the solver cannot go on.
    pub async fn step(&mut self) -> Result<bool, JsValue> {
        self.advance().await.map_err(report::error)
    }

    /// log p of the rows that have arrived, in nats.
    pub fn values(&self) -> Float64Array {
        Float64Array::from(self.log_p.as_slice())
    }

    /// `{ bitsPerDim, nfe, protocol }`: the mean in bits a dimension, the evaluations, and how it was done.
    ///
    /// # Errors
    /// When it cannot be an object of JavaScript's.
    pub fn report(&self) -> Result<JsValue, JsValue> {
        let Work { model, options, nfe, steps: [steps, rejected], .. } = &self.work;
        let (n, dimensions) = (self.log_p.len(), model.dim());
        let mean = self.log_p.iter().sum::<f64>() / n as f64;
        let (estimate, divergence, probes) = match self.method {
            Method::Exact => ("probability flow, exact divergence", "exact", None),
            Method::Hutchinson { probes, .. } => ("probability flow, stochastic estimate", "hutchinson", Some(probes)),
        };
        report::plain(&Found {
            bits_per_dim: bits_per_dim(mean, dimensions, 0.0),
            nfe: *nfe,
            protocol: Protocol {
                estimate,
                divergence,
                probes,
                ends: [options.t_end, 1.0],
                rtol: options.rtol,
                atol: options.atol,
                dequantisation: "none",
                offset: 0.0,
                dimensions,
                process: model.process(),
                prior_std: model.process().prior_std(),
                batch: BATCH.min(n),
                steps: *steps,
                rejected: *rejected,
            },
        })
    }
}

#[wasm_bindgen]
impl Engine {
    /// Rows of data to their codes, x at t = 1.
    ///
    /// # Errors
    /// When `x` is not whole rows or holds pixels from 0 to 255, or an option is unknown or out of range.
    pub fn encode(&self, x: Vec<f32>, options: &JsValue) -> Result<Integrations, JsValue> {
        let work = report::read("options", options)
            .and_then(|options| Work::new(self, "x", x, options))
            .map_err(report::error)?;
        work.check_range().map_err(report::error)?;
        Integrations::new(work, Direction::ToCodes).map_err(report::error)
    }

    /// Rows of codes to their data.
    ///
    /// # Errors
    /// When `codes` is not whole rows, or an option is unknown or out of range.
    pub fn decode(&self, codes: Vec<f32>, options: &JsValue) -> Result<Integrations, JsValue> {
        let work = report::read("options", options)
            .and_then(|options| Work::new(self, "codes", codes, options))
            .map_err(report::error)?;
        Integrations::new(work, Direction::ToData).map_err(report::error)
    }

    /// log p of rows of data.
    ///
    /// # Errors
    /// When the model is a network, `x` is not whole rows, or an option is unknown or out of range.
    pub fn likelihood(&self, x: Vec<f32>, options: &JsValue) -> Result<Likelihoods, JsValue> {
        let begin = || {
            let options: LikelihoodOptions = report::read("options", options)?;
            Likelihoods::new(Work::new(self, "x", x, options.flow())?, options)
        };
        begin().map_err(report::error)
    }

    /// Codes times `temperature`, moved before that by `strength` times the way between the mean codes of `from` and
    /// `to`, where those are not empty.
    ///
    /// # Errors
    /// When something is not whole rows or out of range, or the device does not answer.
    pub async fn edit(
        &self,
        codes: Vec<f32>,
        from: Vec<f32>,
        to: Vec<f32>,
        strength: f64,
        temperature: f64,
    ) -> Result<Float32Array, JsValue> {
        let edited = self.edited(&codes, &from, &to, strength, temperature).map_err(report::error)?;
        let values = numbers(edited).await.map_err(report::error)?;
        Ok(Float32Array::from(values.as_slice()))
    }

    /// The arc between two codes, times `temperature`: `frames` + 1 rows, both ends included.
    ///
    /// # Errors
    /// When `codes` is not two rows, something is out of range, or the device does not answer.
    pub async fn arc(&self, codes: Vec<f32>, frames: f64, temperature: f64) -> Result<Float32Array, JsValue> {
        let arc = self.arc_between(&codes, frames, temperature).map_err(report::error)?;
        let values = numbers(arc).await.map_err(report::error)?;
        Ok(Float32Array::from(values.as_slice()))
    }
}

impl Engine {
    fn edited(&self, codes: &[f32], from: &[f32], to: &[f32], strength: f64, temperature: f64) -> Result<Tensor<2>> {
        codes::check_edit(temperature, strength)?;
        let given = |what: &str, values: &[f32]| -> Result<Tensor<2>> {
            let d = self.count_rows(what, values)?;
            Ok(rows(values, d, &self.device))
        };
        let mut code = given("codes", codes)?;
        if !(from.is_empty() && to.is_empty()) {
            code = codes::edit(code, given("from", from)?.mean_dim(0), given("to", to)?.mean_dim(0), strength);
        }
        Ok(codes::temper(code, temperature))
    }

    fn arc_between(&self, values: &[f32], frames: f64, temperature: f64) -> Result<Tensor<2>> {
        codes::check_edit(temperature, 0.0)?;
        let d = self.count_rows("a and b", values)?;
        if values.len() != 2 * d {
            return Err(Error::setting("a and b", format!("{} samples", values.len() / d), "one sample each"));
        }
        if frames.fract() != 0.0 || !(1.0..=MOST_FRAMES as f64).contains(&frames) {
            return Err(Error::setting("frames", frames, format!("a whole number from 1 to {MOST_FRAMES}")));
        }
        codes::path(codes::temper(rows(values, d, &self.device), temperature), frames as usize)
    }
}
