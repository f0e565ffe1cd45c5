//! What an evaluation of a network costs on a GPU, by the [account](crate::compute::account) of its kernels, and the least
//! that it could cost.
//!
//! [`least`] is a bound for the same arithmetic (no Winograd) layer by layer (no layer is computed twice to save its
//! result): weights are read once, x twice (by the first layer and by the preconditioning after the last), the score
//! is written once, and every result of a convolution and of attention is written once and read once by each
//! convolution that needs it. All else is taken to happen within those: normalisations, whose statistics the layer
//! before gathers, FiLM, activations, residual sums, concatenations, changes of shape, the 1×1 convolution of a skip
//! (part of its block's last), the preconditioning, and the embedding's few numbers.

use std::collections::BTreeMap;

use burn::{
    Tensor,
    tensor::{Device, Distribution},
};
use serde::Serialize;

use crate::{
    compute::account::{Cost, counted},
    net::UNetConfig,
    score::{
        Score,
        network::{Denoiser, NetworkScore},
    },
    sde::Level,
};

/// An evaluation's account.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// Channels, height and width of a sample.
    pub shape: [usize; 3],
    /// Samples.
    pub batch: usize,
    /// Whether it is guided: the network then sees every sample twice.
    pub guided: bool,
    /// By kernel.
    pub kernels: BTreeMap<&'static str, Cost>,
    /// Of all of them.
    pub total: Cost,
    /// See [`least`].
    pub least: Cost,
    /// What the convolutions, 3×3 and 1×1, have of the least FLOPs.
    pub least_convolution_flops: u64,
}

/// Evaluates the score of a network of this configuration on a GPU, with weights of its own (a weight's value changes
/// no cost) and the last class, and counts.
#[must_use]
pub fn evaluation(config: &UNetConfig, batch: usize, guided: bool, device: &Device) -> Evaluation {
    let net = config.init(0, device);
    let denoiser = Denoiser { net, shape: config.shape, sigma_data: 1.0 };
    let label = config.classes.checked_sub(1);
    let guidance = if guided { 2.0 } else { 1.0 };
    let score = NetworkScore::new(denoiser, &vec![label; batch], guidance, config.null_class(), device);
    let x = Tensor::random([batch, config.shape.iter().product()], Distribution::Default, device);
    let (_, kernels) = counted(|| score.score(x, &Level { t: 0.5, alpha: 0.8, sigma: 0.9 }));
    let mut total = Cost::default();
    for cost in kernels.values() {
        total += *cost;
    }
    let least = Least::of(config, batch, score.evaluations() as usize);
    Evaluation {
        shape: config.shape,
        batch,
        guided: score.evaluations() == 2,
        kernels,
        total,
        least: least.cost(),
        least_convolution_flops: 2 * least.convolutions as u64,
    }
}

/// The least that an evaluation of `batch` samples can cost, as the module's head has it. `halves`: how often the network
/// sees a sample, 2 under guidance.
#[must_use]
pub fn least(config: &UNetConfig, batch: usize, halves: usize) -> Cost {
    Least::of(config, batch, halves).cost()
}

/// In values and multiply-adds.
#[derive(Default)]
struct Least {
    /// Images that the network sees.
    images: usize,
    dispatches: usize,
    /// Multiply-adds.
    convolutions: usize,
    /// Multiply-adds of linear layers and attention.
    others: usize,
    weights: usize,
    read: usize,
    written: usize,
}

impl Least {
    fn of(config: &UNetConfig, batch: usize, halves: usize) -> Self {
        let [channels, height, width] = config.shape;
        let (image, patch) = (channels * height * width, config.patch);
        let mut sum = Self { images: batch * halves, ..Self::default() };
        let mut pixels = (height / patch) * (width / patch);
        let input = channels * patch * patch;
        let widths: Vec<usize> = config.multipliers.iter().map(|m| m * config.width).collect();
        // x is read once, however often the network sees it, and the same again after the last layer.
        sum.read += 2 * batch * image;
        sum.written += batch * image;

        let e = config.embedding;
        // Both layers with their biases, the waves' frequencies and the classes' rows.
        sum.weights +=
            2 * (e * e + e) + e / 2 + if config.classes > 0 { sum.images.min(config.classes + 1) * e } else { 0 };
        // One level for all; one embedding for each class.
        sum.others += e * e + e * e * sum.embeddings(config);
        sum.dispatches += 1;

        sum.convolution(pixels, 3, input, config.width);
        sum.written += sum.images * pixels * config.width;
        let mut now = config.width;
        for (level, &width) in widths.iter().enumerate() {
            for _ in 0..config.blocks {
                sum.block(config, pixels, std::mem::replace(&mut now, width), width);
            }
            if level + 1 < widths.len() {
                pixels /= 4;
                sum.layer(pixels, 1, 4 * now, now);
            }
        }
        sum.block(config, pixels, now, now);
        if config.heads > 0 {
            sum.normalisation(now);
            sum.layer(pixels, 1, now, 3 * now);
            // Two products; q, k and v are read, the result is written.
            sum.others += sum.images * 2 * pixels * pixels * now;
            sum.read += sum.images * pixels * 3 * now;
            sum.written += sum.images * pixels * now;
            sum.dispatches += 1;
            sum.layer(pixels, 1, now, now);
            sum.read += sum.images * pixels * now;
        }
        sum.block(config, pixels, now, now);
        for (level, &width) in widths.iter().enumerate().rev() {
            for _ in 0..config.blocks {
                sum.block(config, pixels, std::mem::replace(&mut now, width) + width, width);
            }
            if level > 0 {
                sum.layer(pixels, 1, now, 4 * widths[level - 1]);
                now = widths[level - 1];
                pixels *= 4;
            }
        }
        sum.normalisation(now);
        sum.read += sum.images * pixels * now;
        sum.convolution(pixels, 3, now, input);
        sum
    }

    /// Embeddings that differ.
    fn embeddings(&self, config: &UNetConfig) -> usize {
        if config.classes > 0 { self.images.min(config.classes + 1) } else { 1 }
    }

    /// A convolution's arithmetic and weights.
    fn convolution(&mut self, pixels: usize, k: usize, input: usize, output: usize) {
        self.convolutions += self.images * pixels * k * k * input * output;
        self.weights += k * k * input * output + output;
        self.dispatches += 1;
    }

    /// A convolution between two results.
    fn layer(&mut self, pixels: usize, k: usize, input: usize, output: usize) {
        self.convolution(pixels, k, input, output);
        self.read += self.images * pixels * input;
        self.written += self.images * pixels * output;
    }

    /// A normalisation's parameters.
    fn normalisation(&mut self, channels: usize) {
        self.weights += 2 * channels;
    }

    fn block(&mut self, config: &UNetConfig, pixels: usize, input: usize, output: usize) {
        self.normalisation(input);
        self.layer(pixels, 3, input, output);
        self.others += self.embeddings(config) * config.embedding * 2 * output;
        self.weights += config.embedding * 2 * output + 2 * output;
        self.normalisation(output);
        self.layer(pixels, 3, output, output);
        // The block's input again, for the residual sum.
        self.read += self.images * pixels * input;
        if input != output {
            self.convolution(pixels, 1, input, output);
            self.dispatches -= 1;
        }
    }

    fn cost(&self) -> Cost {
        let bytes = |values: usize| (size_of::<f32>() * values) as u64;
        Cost {
            dispatches: self.dispatches as u64,
            flops: 2 * (self.convolutions + self.others) as u64,
            read: bytes(self.weights + self.read),
            written: bytes(self.written),
        }
    }
}

#[cfg(test)]
mod tests;
