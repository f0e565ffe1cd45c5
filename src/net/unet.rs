//! The score U-Net: a space-to-depth stem, residual blocks at each resolution, attention at the
//! lowest, skip connections by concatenation (Ronneberger et al. 2015; Ho et al. 2020).
//!
//! It computes F(x̂, c_noise, class) on inputs of unit variance; [`crate::score::network`] makes a score
//! of it. Levels are joined by space-to-depth and depth-to-space with 1×1 convolutions, which lose
//! nothing and cost little.

use std::iter;

use burn::{
    Tensor,
    module::{Module, Param},
    tensor::{Device, Int},
};
use serde::{Deserialize, Serialize};

use crate::compute::parallel::among_workers;

use super::{
    block::{Attention, Conv, Linear, Norm, ResBlock},
    init::Init,
};
use crate::compute::ops;

/// How the noise level, c_noise = ¼ ln(σ/α), enters the network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum TimeEmbedding {
    /// sin and cos of 2π·w·c_noise with fixed Gaussian frequencies w ~ N(0, scale²)
    /// (Tancik et al. 2020).
    Fourier {
        /// Standard deviation of the frequencies.
        scale: f64,
    },
    /// sin and cos of w·1000·c_noise with the transformer's frequencies w = 10⁻⁴ … 1, geometric.
    Sinusoidal,
}

/// Configuration of [`UNet`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UNetConfig {
    /// Channels, height and width of an image.
    pub shape: [usize; 3],
    /// Side of the space-to-depth stem's block; 1 for none.
    pub patch: usize,
    /// Channels of the first level.
    pub width: usize,
    /// Each level's channels, as a multiple of `width`; the resolution halves between levels.
    pub multipliers: Vec<usize>,
    /// Residual blocks a level, on each side.
    pub blocks: usize,
    /// Attention heads at the lowest resolution; 0 for no attention.
    pub heads: usize,
    /// Groups of every group normalisation.
    pub groups: usize,
    /// Width of the time embedding, even.
    pub embedding: usize,
    /// How the noise level enters.
    pub time: TimeEmbedding,
    /// Classes; 0 for an unconditional network. One more row is the null class of guidance.
    pub classes: usize,
}

impl Default for UNetConfig {
    fn default() -> Self {
        Self {
            shape: [1, 28, 28],
            patch: 2,
            width: 48,
            multipliers: vec![1, 2],
            blocks: 1,
            heads: 4,
            groups: 8,
            embedding: 128,
            time: TimeEmbedding::Fourier { scale: 1.0 },
            classes: 10,
        }
    }
}

/// One resolution of either side.
#[derive(Module, Debug)]
struct Stage {
    blocks: Vec<ResBlock>,
    /// The 1×1 convolution to the next resolution, beside a change of shape; none at the end.
    resize: Option<Conv>,
}

/// The network.
#[derive(Module, Debug)]
pub struct UNet {
    frequencies: Param<Tensor<1>>,
    time1: Linear,
    time2: Linear,
    class: Option<Param<Tensor<2>>>,
    stem: Conv,
    down: Vec<Stage>,
    middle: ResBlock,
    attention: Option<Attention>,
    middle2: ResBlock,
    up: Vec<Stage>,
    norm: Norm,
    head: Conv,
    patch: usize,
}

/// An evaluation on its way through the network.
#[derive(Clone, Debug)]
pub struct Pass {
    /// The activations.
    pub h: Tensor<4>,
    embedding: Tensor<2>,
    skips: Vec<Tensor<4>>,
}

/// What an evaluation goes through, in this order.
enum Part<'a> {
    Stem(&'a Conv, usize),
    Down(&'a ResBlock),
    Shrink(&'a Conv),
    Middle(&'a ResBlock),
    Attention(&'a Attention),
    Up(&'a ResBlock),
    Grow(&'a Conv),
    Head(&'a Norm, &'a Conv, usize),
}

impl Part<'_> {
    fn apply(pass: Pass, part: Self) -> Pass {
        let Pass { h, embedding, mut skips } = pass;
        let h = match part {
            Self::Stem(conv, patch) => conv.fold(h, patch, 1),
            Self::Down(block) => {
                let h = block.forward(h, embedding.clone());
                skips.push(h.clone());
                h
            }
            Self::Shrink(conv) => conv.fold(h, 2, 1),
            Self::Middle(block) => block.forward(h, embedding.clone()),
            Self::Attention(attention) => attention.forward(h),
            Self::Up(block) => {
                let skip = skips.pop().expect("the two sides have as many blocks");
                block.forward(ops::join(h, skip), embedding.clone())
            }
            Self::Grow(conv) => conv.fold(h, 1, 2),
            Self::Head(norm, conv, patch) => conv.fold(norm.silu(h), 1, patch),
        };
        Pass { h, embedding, skips }
    }
}

impl UNetConfig {
    /// The network with fresh weights, which depend on `seed` and the parameters' names alone.
    ///
    /// The configuration is taken as checked: [`crate::weights::Manifest`] does that for files, the
    /// trainer for configs.
    #[must_use]
    pub fn init(&self, seed: u64, device: &Device) -> UNet {
        self.build(&Init::new(device, seed))
    }

    /// The network with weights of zero, for others to be loaded.
    #[must_use]
    pub fn blank(&self, device: &Device) -> UNet {
        self.build(&Init::blank(device))
    }

    fn build(&self, init: &Init<'_>) -> UNet {
        let widths: Vec<usize> = self.multipliers.iter().map(|m| m * self.width).collect();
        let pixel = self.shape[0] * self.patch * self.patch;
        let block = |init: Init, io| ResBlock::new(&init, io, self.embedding, self.groups);

        let mut down = Vec::new();
        let mut channels = self.width;
        for (level, &width) in widths.iter().enumerate() {
            let init = init.at("down").at(level);
            let blocks = (0..self.blocks)
                .map(|i| block(init.at("blocks").at(i), [std::mem::replace(&mut channels, width), width]))
                .collect();
            let resize = (level + 1 < widths.len())
                .then(|| Conv::new(&init.at("resize"), 1, [4 * width, std::mem::replace(&mut channels, width)], 1.0));
            down.push(Stage { blocks, resize });
        }
        let lowest = channels;
        let mut up = Vec::new();
        for (position, level) in (0..widths.len()).rev().enumerate() {
            let init = init.at("up").at(position);
            let width = widths[level];
            let blocks = (0..self.blocks)
                .map(|i| block(init.at("blocks").at(i), [std::mem::replace(&mut channels, width) + width, width]))
                .collect();
            let resize = (level > 0).then(|| {
                let next = widths[level - 1];
                Conv::new(&init.at("resize"), 1, [std::mem::replace(&mut channels, next), 4 * next], 1.0)
            });
            up.push(Stage { blocks, resize });
        }
        UNet {
            frequencies: self.frequencies(init),
            time1: Linear::new(&init.at("time1"), [self.embedding, self.embedding], 1.0),
            time2: Linear::new(&init.at("time2"), [self.embedding, self.embedding], 1.0),
            class: (self.classes > 0).then(|| init.normal("class", [self.classes + 1, self.embedding], 1.0)),
            stem: Conv::new(&init.at("stem"), 3, [pixel, self.width], 1.0),
            down,
            middle: block(init.at("middle"), [lowest, lowest]),
            attention: (self.heads > 0).then(|| Attention::new(&init.at("attention"), lowest, self.heads, self.groups)),
            middle2: block(init.at("middle2"), [lowest, lowest]),
            up,
            norm: Norm::new(&init.at("norm"), channels, self.groups),
            head: Conv::new(&init.at("head"), 3, [channels, pixel], 0.0),
            patch: self.patch,
        }
    }

    fn frequencies(&self, init: &Init) -> Param<Tensor<1>> {
        let half = self.embedding / 2;
        match self.time {
            TimeEmbedding::Fourier { scale } => init.normal("frequencies", [half], std::f64::consts::TAU * scale),
            TimeEmbedding::Sinusoidal => {
                let param = init.constant([half], 0.0);
                let last = (half.max(2) - 1) as f64;
                let values: Vec<f32> = (0..half).map(|i| (1e3 * libm::pow(1e-4, i as f64 / last)) as f32).collect();
                param.map(|t| Tensor::from_data(values.as_slice(), &t.device()))
            }
        }
    }

    /// The null class's row, which stands for "no label".
    #[must_use]
    pub fn null_class(&self) -> usize {
        self.classes
    }
}

impl UNet {
    /// F(x̂, c_noise, class).
    ///
    /// # Shapes
    /// `x`: `[n, h, w, c]` of about unit variance; `c_noise`: `[n, 1]`, or `[1, 1]` where all are at one level, whose
    /// waves are then computed once; `class`: `[n]`, ignored by an unconditional network; result: `[n, h, w, c]`.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, c_noise: Tensor<2>, class: Tensor<1, Int>) -> Tensor<4> {
        let device = x.device();
        among_workers(&device, || self.parts().fold(self.begin(x, c_noise, class), Part::apply).h)
    }

    /// [`UNet::forward`], to be taken part by part with [`UNet::advance`]: for who has something else to do in between.
    ///
    /// # Shapes
    /// As there.
    #[must_use]
    pub fn begin(&self, x: Tensor<4>, c_noise: Tensor<2>, class: Tensor<1, Int>) -> Pass {
        Pass { h: x, embedding: self.embed(c_noise, class), skips: Vec::new() }
    }

    /// Takes part `index`, after those before it.
    #[must_use]
    pub fn advance(&self, pass: Pass, index: usize) -> Pass {
        match self.parts().nth(index) {
            Some(part) => Part::apply(pass, part),
            None => pass,
        }
    }

    /// How many parts there are.
    #[must_use]
    pub fn count_parts(&self) -> usize {
        self.parts().count()
    }

    fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        iter::once(Part::Stem(&self.stem, self.patch))
            .chain(
                self.down
                    .iter()
                    .flat_map(|stage| stage.blocks.iter().map(Part::Down).chain(stage.resize.iter().map(Part::Shrink))),
            )
            .chain(iter::once(Part::Middle(&self.middle)))
            .chain(self.attention.iter().map(Part::Attention))
            .chain(iter::once(Part::Middle(&self.middle2)))
            .chain(
                self.up
                    .iter()
                    .flat_map(|stage| stage.blocks.iter().map(Part::Up).chain(stage.resize.iter().map(Part::Grow))),
            )
            .chain(iter::once(Part::Head(&self.norm, &self.head, self.patch)))
    }

    /// silu(W₂·silu(W₁·[cos, sin](w·c_noise)) + class row).
    ///
    /// # Shapes
    /// `c_noise`: `[n, 1]` or `[1, 1]`, `class`: `[n]`; result: `[n, embedding]`, or `[1, embedding]` where neither level
    /// nor class tells the samples apart.
    fn embed(&self, c_noise: Tensor<2>, class: Tensor<1, Int>) -> Tensor<2> {
        // The frequencies are fixed: detached, so that training leaves them as they are.
        let frequencies = self.frequencies.val().detach();
        let (first, second) = (&self.time1, &self.time2);
        let hidden = ops::waves_layer(c_noise, frequencies, first.weight.val(), first.bias.val());
        let rows = self.class.as_ref().map(Param::val);
        ops::class_layer(hidden, second.weight.val(), second.bias.val(), rows, class)
    }
}
