//! Training the judge: cross-entropy with label smoothing, Adam with a cosine schedule, mirrored images.
//!
//! A function of (data, configuration, seed): initial weights, order and flips are counted noise.

use burn::{
    Tensor,
    module::Module,
    optim::{AdamConfig, GradientsParams},
    tensor::{Device, TensorData, activation},
};
use serde::{Deserialize, Serialize};

use super::classifier::{Classifier, ClassifierConfig, batch};
use crate::{
    Error, Result,
    data::Dataset,
    noise::{Noise, Purpose},
};

/// How the judge is trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Passes over the data.
    pub epochs: usize,
    /// Images a step.
    pub batch: usize,
    /// The learning rate's peak: a linear warm-up over a twentieth of the steps, then a half cosine to 0.
    pub rate: f64,
    /// Probability taken from the true class and spread over all.
    pub smoothing: f64,
    /// Seed of everything.
    pub seed: u64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self { epochs: 8, batch: 128, rate: 3e-3, smoothing: 0.05, seed: 0 }
    }
}

/// Trains a classifier on `data`; `progress` is given the step, the number of steps and the loss.
///
/// # Errors
/// [`Error::NotFinite`] when the loss is not.
pub fn train(
    config: &ClassifierConfig,
    recipe: &Recipe,
    data: &Dataset,
    device: &Device,
    mut progress: impl FnMut(usize, usize, f32),
) -> Result<Classifier> {
    let device = device.clone().autodiff();
    let noise = Noise::new(recipe.seed);
    let mut classifier = config.init(recipe.seed, &device);
    let mut adam = AdamConfig::new().with_epsilon(1e-8).init();
    let d = data.dim();
    let steps = recipe.epochs * (data.len() / recipe.batch);
    let mut step = 0;
    for epoch in 0..recipe.epochs as u64 {
        let order = shuffled(data.len(), &noise, epoch);
        let mut flips = vec![0.0; data.len()];
        noise.fill_uniform(epoch, Purpose::Flip, 0, &mut flips);
        for rows in order.chunks_exact(recipe.batch) {
            let mut images = Vec::with_capacity(recipe.batch * d);
            for &row in rows {
                let image = &data.images[row * d..][..d];
                image.chunks(data.shape[2]).for_each(|line| match flips[row] < 0.5 {
                    true => images.extend(line.iter().rev()),
                    false => images.extend(line),
                });
            }
            let labels: Vec<u8> = rows.iter().map(|&row| data.labels[row]).collect();
            let logits = classifier.forward(batch(&images, data.shape, &device)).logits;
            let targets = targets(&labels, config.classes, recipe.smoothing, &device);
            let loss = (activation::log_softmax(logits, 1) * targets).sum() / -(recipe.batch as f64);
            let value = loss.clone().into_scalar::<f32>();
            if !value.is_finite() {
                let remedy = "lower the learning rate".to_owned();
                return Err(Error::NotFinite { what: "the classifier's loss".to_owned(), step, remedy });
            }
            let gradients = GradientsParams::from_grads(loss.backward(), &classifier);
            classifier = adam.step(rate(recipe.rate, step, steps), classifier, gradients);
            step += 1;
            progress(step, steps, value);
        }
    }
    Ok(classifier.valid())
}

/// The indices below `n` in the order of their draws.
fn shuffled(n: usize, noise: &Noise, epoch: u64) -> Vec<usize> {
    let mut keys = vec![0.0; n];
    noise.fill_uniform(epoch, Purpose::Shuffle, 0, &mut keys);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| keys[a].total_cmp(&keys[b]));
    order
}

/// 1 − s + s/k at the label and s/k elsewhere.
fn targets(labels: &[u8], classes: usize, smoothing: f64, device: &Device) -> Tensor<2> {
    let rest = smoothing / classes as f64;
    let row = |label: u8| {
        (0..classes).map(move |class| (rest + if class == usize::from(label) { 1.0 - smoothing } else { 0.0 }) as f32)
    };
    let values: Vec<f32> = labels.iter().flat_map(|&label| row(label)).collect();
    Tensor::from_data(TensorData::new(values, [labels.len(), classes]), device)
}

/// The schedule.
fn rate(peak: f64, step: usize, steps: usize) -> f64 {
    let warmup = (steps / 20).max(1);
    let done = (step + 1) as f64;
    if step < warmup {
        return peak * done / warmup as f64;
    }
    let progress = (done - warmup as f64) / (steps - warmup).max(1) as f64;
    peak * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
}
