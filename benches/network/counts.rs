//! Work of one evaluation, from the architecture: floating-point operations of its matrix products, and the bytes that
//! they must move when each product, normalisation and join reads its inputs once and writes its output once.
//!
//! A convolution k×k from cᵢ to cₒ channels at h×w takes 2k²cᵢcₒhw operations a sample; softmax(q·kᵀ/√d)·v over p pixels
//! 4p²c. Elementwise operations are not counted: they are 1 % of these. What a browser's GPU is in fact given to do is
//! counted there, in `bench/gpu.js`.

use scorefield::net::UNetConfig;
use serde_json::{Value, json};

const F32: usize = 4;

/// Sums over the operators, a sample; weights are a batch's.
#[derive(Default)]
struct Sums {
    flops: usize,
    read: usize,
    written: usize,
    weights: usize,
    operators: usize,
}

impl Sums {
    fn conv(&mut self, pixels: usize, kernel: usize, input: usize, output: usize, residual: bool) {
        self.flops += 2 * kernel * kernel * input * output * pixels;
        self.read += pixels * (input + output * usize::from(residual));
        self.written += pixels * output;
        self.weights += (kernel * kernel * input + 1) * output;
        self.operators += 1;
    }

    fn linear(&mut self, input: usize, output: usize) {
        self.conv(1, 1, input, output, false);
    }

    fn pass(&mut self, pixels: usize, channels: usize) {
        self.read += pixels * channels;
        self.written += pixels * channels;
        self.weights += 2 * channels;
        self.operators += 1;
    }

    fn join(&mut self, pixels: usize, channels: usize) {
        self.read += pixels * channels;
        self.written += pixels * channels;
        self.operators += 1;
    }

    fn block(&mut self, config: &UNetConfig, pixels: usize, input: usize, output: usize) {
        self.pass(pixels, input);
        self.conv(pixels, 3, input, output, false);
        self.linear(config.embedding, 2 * output);
        self.pass(pixels, output);
        if input != output {
            self.conv(pixels, 1, input, output, false);
        }
        self.conv(pixels, 3, output, output, true);
    }
}

/// Of a batch of `n`: one dispatch an operator.
pub fn evaluation(config: &UNetConfig, n: usize) -> Value {
    let [c, h, w] = config.shape;
    let folded = config.patch * config.patch;
    let widths: Vec<usize> = config.multipliers.iter().map(|m| m * config.width).collect();
    let pixels = |level: usize| h * w / folded / (1 << (2 * level));
    let mut sums = Sums::default();
    sums.linear(config.embedding, config.embedding);
    sums.linear(config.embedding, config.embedding);
    sums.weights += (config.classes + 1) * config.embedding;
    sums.conv(pixels(0), 3, c * folded, config.width, false);
    let (mut channels, mut skips) = (config.width, Vec::new());
    for (level, &width) in widths.iter().enumerate() {
        for _ in 0..config.blocks {
            sums.block(config, pixels(level), channels, width);
            skips.push(width);
            channels = width;
        }
        if level + 1 < widths.len() {
            sums.conv(pixels(level + 1), 1, 4 * width, width, false);
        }
    }
    let lowest = pixels(widths.len() - 1);
    sums.block(config, lowest, channels, channels);
    if config.heads > 0 {
        sums.pass(lowest, channels);
        sums.conv(lowest, 1, channels, 3 * channels, false);
        sums.flops += 4 * lowest * lowest * channels;
        sums.read += 3 * lowest * channels;
        sums.written += lowest * channels;
        sums.operators += 1;
        sums.conv(lowest, 1, channels, channels, true);
    }
    sums.block(config, lowest, channels, channels);
    for level in (0..widths.len()).rev() {
        for _ in 0..config.blocks {
            let skip = skips.pop().unwrap_or_default();
            sums.join(pixels(level), channels + skip);
            sums.block(config, pixels(level), channels + skip, widths[level]);
            channels = widths[level];
        }
        if level > 0 {
            sums.conv(pixels(level), 1, channels, 4 * widths[level - 1], false);
            channels = widths[level - 1];
        }
    }
    sums.pass(pixels(0), channels);
    sums.conv(pixels(0), 3, channels, c * folded, false);
    json!({
        "dispatches": sums.operators,
        "flops": n * sums.flops,
        "read": F32 * (sums.weights + n * sums.read),
        "written": F32 * n * sums.written,
    })
}
