//! One sampler, pulled step by step, and its frames.

use burn::{Tensor, tensor::Transaction};
use js_sys::{Float32Array, Uint8ClampedArray};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::{report, report::unreadable};
use crate::{
    Error, Result,
    figure::View,
    sampler::{Plan, Sampler, Step},
    score::{Density, Differentiable, Score},
    sde::Level,
};

/// A score that gives the page a sign of life after every evaluation: a worker that computes hears nothing, but can be
/// heard.
pub(super) struct Heartbeat(pub(super) Box<dyn Score>);

impl Score for Heartbeat {
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

    // Its evaluations are short: networks of points alone have it.
    fn differentiable(&self) -> Option<&dyn Differentiable> {
        self.0.differentiable()
    }
}

/// A run: a sampler over a score.
#[wasm_bindgen]
pub struct Run {
    sampler: Sampler,
    score: Heartbeat,
    view: View,
    n: usize,
    /// Network evaluations of a step, at most; a guided one is two.
    evaluations: u64,
    last: Option<Step>,
    #[cfg(feature = "browser-gpu")]
    canvas: Option<super::canvas::Shared>,
}

/// What JavaScript sees of a run before its first step. `n` counts pictures: points make one.
#[derive(Serialize)]
struct Info {
    total: Option<usize>,
    n: usize,
    shape: [usize; 3],
    evaluations: u64,
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
    pub(super) fn new(sampler: Sampler, score: Box<dyn Score>, view: View, plan: &Plan) -> Self {
        let evaluations = plan.evaluations() as u64 * score.evaluations();
        Self {
            sampler,
            score: Heartbeat(score),
            view,
            n: plan.settings.n,
            evaluations,
            last: None,
            #[cfg(feature = "browser-gpu")]
            canvas: None,
        }
    }

    /// Draws its frames on a canvas.
    #[cfg(feature = "browser-gpu")]
    pub(super) fn on(self, canvas: Option<super::canvas::Shared>) -> Self {
        Self { canvas, ..self }
    }

    /// The samples, the estimates and the acceptances (if moves are accepted or rejected) of the last step: one
    /// readback for all.
    async fn read(&self) -> Result<(Vec<f32>, Vec<f32>, Option<Vec<f32>>)> {
        let Some(step) = &self.last else {
            return Err(Error::figure("a frame", "there is no step yet", "make a step first"));
        };
        let mut transaction = Transaction::default().register(step.x.clone()).register(step.denoised());
        if let Some(acceptance) = &step.acceptance {
            transaction = transaction.register(acceptance.clone());
        }
        let read = transaction.execute_async().await.map_err(|error| unreadable(&error))?;
        let mut values = read.into_iter().map(|data| data.try_into_vec::<f32>().map_err(|error| unreadable(&error)));
        let mut next = || values.next().transpose();
        let (Some(x), Some(denoised)) = (next()?, next()?) else {
            return Err(unreadable(&"a tensor is missing"));
        };
        check(&x, step.index)?;
        Ok((x, denoised, next()?))
    }
}

fn check(x: &[f32], step: usize) -> Result<()> {
    if x.iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    let remedy = "use more steps or the model's recommended sampler; or the weights are bad".into();
    Err(Error::NotFinite { what: "a sample".into(), step, remedy })
}

#[cfg(feature = "browser-gpu")]
#[wasm_bindgen]
impl Run {
    /// Draws the last step's samples and estimates on the engine's canvas: `{ columns, rows, gap }`, the images a row, the
    /// rows of either, and the pixels between them; null where this run's frames are to be read back. To be followed by [`Run::settle`], since
    /// nothing here waits for the device.
    ///
    /// # Errors
    /// When the browser gives the canvas nothing to draw on.
    pub fn draw(&self) -> Result<JsValue, JsValue> {
        let (View::Images(shape), Some(canvas), Some(step)) = (self.view, &self.canvas, &self.last) else {
            return Ok(JsValue::NULL);
        };
        // A number that the page shows has to be read; so may the pixels be.
        if step.acceptance.is_some() {
            return Ok(JsValue::NULL);
        }
        let sheet = canvas.borrow_mut().draw(&step.x, &step.denoised(), shape).map_err(report::error)?;
        sheet.map_or(Ok(JsValue::NULL), |sheet| report::plain(&sheet))
    }

    /// Reads the last step's samples to see that they are finite: drawn frames only show it.
    ///
    /// # Errors
    /// When one is not, or the device does not answer.
    pub async fn check(&self) -> Result<(), JsValue> {
        let Some(step) = &self.last else { return Ok(()) };
        let read = async {
            let data = step.x.clone().into_data_async().await.map_err(|error| unreadable(&error))?;
            check(&data.try_into_vec::<f32>().map_err(|error| unreadable(&error))?, step.index)
        };
        read.await.map_err(report::error)
    }
}

#[wasm_bindgen]
impl Run {
    /// `{ total, n, shape, evaluations }`: steps in all, where that is known; pictures, and the shape of an image or plot;
    /// network evaluations of one step, at most.
    ///
    /// # Errors
    /// When it cannot be an object of JavaScript's.
    pub fn info(&self) -> Result<JsValue, JsValue> {
        report::plain(&Info {
            total: self.sampler.total(),
            n: self.view.pictures(self.n),
            shape: self.view.shape(),
            evaluations: self.evaluations,
        })
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

    /// Waits until a GPU has done the last step: without that a browser queues any number of steps. The CPU has.
    ///
    /// # Errors
    /// When the device does not answer.
    pub async fn settle(&self) -> Result<(), JsValue> {
        #[cfg(feature = "browser-gpu")]
        if let Some(step) = &self.last {
            super::canvas::settle(&step.x).await.map_err(report::error)?;
        }
        Ok(())
    }

    /// The last step's samples and estimates as RGBA, samples first: `{ x, denoised }`, `Uint8ClampedArray`s; with
    /// `values` also `{ values: { x, denoised } }`, the numbers themselves; and the mean `acceptance`, where there is one.
    ///
    /// # Errors
    /// When a sample is not finite, or the device does not answer.
    pub async fn frame(&self, values: bool) -> Result<JsValue, JsValue> {
        let (x, denoised, acceptance) = self.read().await.map_err(report::error)?;
        let pixels = |values: &[f32]| -> Result<JsValue, JsValue> {
            let bytes = self.view.pixels(values).map_err(report::error)?;
            Ok(Uint8ClampedArray::from(bytes.as_slice()).into())
        };
        let mut frame = vec![("x", pixels(&x)?), ("denoised", pixels(&denoised)?)];
        if let Some(acceptance) = acceptance {
            let mean = acceptance.iter().map(|&rate| f64::from(rate)).sum::<f64>() / acceptance.len() as f64;
            frame.push(("acceptance", mean.into()));
        }
        if values {
            let numbers = |values: &[f32]| JsValue::from(Float32Array::from(values));
            let pair = [("x", numbers(&x)), ("denoised", numbers(&denoised))];
            frame.push(("values", report::object(&pair)));
        }
        Ok(report::object(&frame))
    }
}
