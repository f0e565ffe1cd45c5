//! One sampler, pulled step by step, and its frames.

use burn::{Tensor, tensor::Transaction};
use js_sys::Uint8ClampedArray;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::report;
use crate::{
    Error, Result, image,
    sampler::{Sampler, Step},
    score::{Density, Level, Score},
};

/// A score that gives the page a sign of life after every evaluation: a worker that computes hears nothing, but can be
/// heard.
struct Alive(Box<dyn Score>);

impl Score for Alive {
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        let score = self.0.score(x, level);
        report::event("alive", "");
        score
    }

    fn evaluations(&self) -> u64 {
        self.0.evaluations()
    }

    fn density(&self) -> Option<&dyn Density> {
        self.0.density()
    }
}

/// A run: a sampler over a score.
#[wasm_bindgen]
pub struct Run {
    sampler: Sampler,
    score: Alive,
    shape: [usize; 3],
    n: usize,
    last: Option<Step>,
}

/// What JavaScript sees of a run before its first step.
#[derive(Serialize)]
struct Info {
    total: Option<usize>,
    n: usize,
    shape: [usize; 3],
}

/// What JavaScript sees of a step, beside its pixels.
#[derive(Serialize)]
struct Shown {
    index: usize,
    total: Option<usize>,
    progress: f64,
    t: f64,
    sigma: f64,
    nfe: u64,
    done: bool,
}

impl Run {
    pub(super) fn new(sampler: Sampler, score: Box<dyn Score>, shape: [usize; 3], n: usize) -> Self {
        Self { sampler, score: Alive(score), shape, n, last: None }
    }

    /// The samples and the estimates of the last step, `[n, d]` each: one readback for both.
    async fn read(&self) -> Result<[Vec<f32>; 2]> {
        let Some(step) = &self.last else {
            return Err(Error::setting("frame", "before the first step", "a step first"));
        };
        let read = Transaction::default()
            .register(step.x.clone())
            .register(step.denoised.clone())
            .execute_async()
            .await
            .map_err(|error| unreadable(&error))?;
        let mut values = Vec::with_capacity(2);
        for data in read {
            values.push(data.try_into_vec::<f32>().map_err(|error| unreadable(&error))?);
        }
        let pair: [Vec<f32>; 2] = values.try_into().map_err(|_| unreadable(&"a tensor is missing"))?;
        if pair[0].iter().any(|value| !value.is_finite()) {
            return Err(Error::NotFinite {
                what: "a sample".into(),
                step: step.index,
                remedy: "use more steps or the model's recommended sampler; or the weights are bad".into(),
            });
        }
        Ok(pair)
    }
}

#[wasm_bindgen]
impl Run {
    /// `{ total, n, shape }`.
    ///
    /// # Errors
    /// Never, as far as anyone knows.
    pub fn info(&self) -> Result<JsValue, JsValue> {
        report::plain(&Info { total: self.sampler.total(), n: self.n, shape: self.shape })
    }

    /// One update: `{ index, total, progress, t, sigma, nfe, done }`, or null after the last. Only an adaptive solver
    /// waits for the device here: for the others [`Run::frame`] does.
    ///
    /// # Errors
    /// Those of the sampler.
    pub async fn step(&mut self) -> Result<JsValue, JsValue> {
        let Some(step) = self.sampler.advance(&self.score).await.map_err(report::error)? else {
            return Ok(JsValue::NULL);
        };
        let Step { index, total, progress, t, sigma, nfe, .. } = step;
        self.last = Some(step);
        report::plain(&Shown { index, total, progress, t, sigma, nfe, done: Some(index) == total })
    }

    /// Waits until the device has done the last step: without that a browser queues any number of steps.
    ///
    /// # Errors
    /// When the device does not answer.
    pub async fn settle(&self) -> Result<(), JsValue> {
        if let Some(step) = &self.last {
            let first = step.x.clone().slice([0..1, 0..1]);
            first.into_data_async().await.map_err(|error| report::error(unreadable(&error)))?;
        }
        Ok(())
    }

    /// The last step's samples and estimates as RGBA, samples first: `{ x, denoised }`, `Uint8ClampedArray`s.
    ///
    /// # Errors
    /// When a sample is not finite, or the device does not answer.
    pub async fn frame(&self) -> Result<JsValue, JsValue> {
        let [x, denoised] = self.read().await.map_err(report::error)?;
        let frame = [("x", self.pixels(&x)?), ("denoised", self.pixels(&denoised)?)];
        Ok(report::object(&frame))
    }

    fn pixels(&self, values: &[f32]) -> Result<JsValue, JsValue> {
        let [c, h, w] = self.shape;
        let mut bytes = Vec::with_capacity(4 * self.n * h * w);
        for sample in values.chunks_exact(c * h * w) {
            bytes.extend(image::rgba(sample, self.shape).map_err(report::error)?);
        }
        Ok(Uint8ClampedArray::from(bytes.as_slice()).into())
    }
}

fn unreadable(problem: &dyn std::fmt::Display) -> Error {
    Error::Device {
        device: "of this run".into(),
        problem: format!("the samples cannot be read ({problem})"),
        remedy: "use fewer samples, or the CPU".into(),
    }
}
