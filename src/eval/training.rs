//! Training the judge: cross-entropy with label smoothing, Adam with a cosine schedule, mirrored images.
//!
//! A function of (data, configuration, seed): initial weights, order and flips are counted noise.

use burn::{
    Tensor,
    module::Module,
    tensor::{Device, TensorData, activation},
};
use serde::{Deserialize, Serialize};

use super::classifier::{Classifier, ClassifierConfig, batch};
use crate::{
    Error, Result,
    data::Dataset,
    noise::{Noise, Purpose},
    train::{
        flat,
        optimiser::{Decay, Optimiser, OptimiserConfig},
    },
};

/// How the judge is trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Passes over the data.
    pub epochs: usize,
    /// Images per step.
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

impl Recipe {
    /// Adam of `steps` steps, without clipping or an average.
    fn optimiser(&self, steps: usize) -> OptimiserConfig {
        OptimiserConfig {
            lr: self.rate,
            warmup: (steps / 20).max(1) as u64,
            decay: Decay::Cosine,
            clip: f64::INFINITY,
            ema: 0.0,
            ..OptimiserConfig::default()
        }
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
    let steps = recipe.epochs * (data.len() / recipe.batch);
    let inner = device;
    let device = device.clone().autodiff();
    let noise = Noise::new(recipe.seed);
    let mut classifier = config.init(recipe.seed, &device);
    let mut optimiser = Optimiser::new(recipe.optimiser(steps), flat::flatten(&classifier), inner);
    let d = data.dim();
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
            let gradient = flat::gradient(&classifier, &loss.backward());
            // Its norm is for clipping alone.
            optimiser.step(gradient, 0.0, step as u64, steps as u64);
            classifier = flat::unflatten(classifier, &optimiser.parameters);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DatasetName, Split};

    #[test]
    fn a_judge_learns_and_is_a_function_of_its_seed() {
        let device = Device::flex();
        let mut data =
            Dataset::load(DatasetName::FashionMnist, Split::Train, None).expect("the tests need Fashion-MNIST");
        let (n, d) = (2500, data.dim());
        let (unseen, labels) = (data.images[n * d..][..500 * d].to_vec(), data.labels[n..][..500].to_vec());
        data.images.truncate(n * d);
        data.labels.truncate(n);
        let config = ClassifierConfig { widths: [8, 16], features: 16, ..ClassifierConfig::default() };
        let recipe = Recipe { epochs: 3, batch: 50, ..Recipe::default() };
        let run = || {
            let mut losses = Vec::new();
            let classifier = train(&config, &recipe, &data, &device, |_, _, loss| losses.push(loss)).unwrap();
            (classifier, losses)
        };
        let (classifier, losses) = run();
        assert_eq!(losses.len(), 150);
        // ln 10 to begin with, as any class is as likely as another.
        assert!((f64::from(losses[0]) - 10_f64.ln()).abs() < 0.7, "{}", losses[0]);
        let judged = classifier.judge(&unseen, data.shape, &device, |_| ()).unwrap().agreement(&labels);
        // Chance is 0.1; seven of ten garments are told apart by their outline.
        assert!(judged > 0.6, "{judged}");
        assert_eq!(run().1, losses, "one seed, one judge");
    }
}
