//! The module: F(x̂, c_noise, class) by blocks.

use std::iter;

use burn::{
    Tensor,
    module::{Module, Param},
    tensor::Int,
};

use super::UNetConfig;
use crate::{
    compute::{ops, parallel::among_workers},
    net::{
        Evaluate,
        block::{Attention, Conv, Linear, Norm, ResBlock},
        image,
        init::Init,
    },
};

/// One resolution of either side.
#[derive(Module, Debug)]
struct Resolution {
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
    down: Vec<Resolution>,
    middle: ResBlock,
    attention: Option<Attention>,
    middle2: ResBlock,
    up: Vec<Resolution>,
    norm: Norm,
    head: Conv,
    patch: usize,
    #[module(skip)]
    shape: [usize; 3],
}

/// What is held between two blocks.
#[derive(Clone, Debug)]
struct Activations {
    h: Tensor<4>,
    embedding: Tensor<2>,
    /// The results of the blocks on the way down that the way up has yet to take.
    skips: Vec<Tensor<4>>,
}

/// What an evaluation goes through, in this order.
enum Block<'a> {
    Stem(&'a Conv, usize),
    Down(&'a ResBlock),
    Shrink(&'a Conv),
    Middle(&'a ResBlock),
    Attention(&'a Attention),
    Up(&'a ResBlock),
    Grow(&'a Conv),
    Head(&'a Norm, &'a Conv, usize),
}

impl Block<'_> {
    fn apply(self, activations: Activations) -> Activations {
        let Activations { h, embedding, mut skips } = activations;
        let h = match self {
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
        Activations { h, embedding, skips }
    }
}

impl UNetConfig {
    /// The network with weights by `init`.
    pub(super) fn net(&self, init: &Init<'_>) -> UNet {
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
            down.push(Resolution { blocks, resize });
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
            up.push(Resolution { blocks, resize });
        }
        UNet {
            frequencies: self.time.frequencies(init, self.embedding / 2).expect("a U-Net sees the noise level"),
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
            shape: self.shape,
        }
    }
}

impl Evaluate for UNet {
    fn forward(&self, x: Tensor<2>, c_noise: Tensor<2>, class: Tensor<1, Int>) -> Tensor<2> {
        let device = x.device();
        among_workers(&device, || {
            let begun = self.begin(x, c_noise, class);
            image::to_rows(self.blocks().fold(begun, |activations, block| block.apply(activations)).h)
        })
    }

    fn by_blocks(self, x: Tensor<2>, c_noise: Tensor<2>, class: Tensor<1, Int>) -> Box<dyn Iterator<Item = ()>> {
        let mut activations = self.begin(x, c_noise, class);
        Box::new((0..self.blocks().count()).map(move |index| {
            if let Some(block) = self.blocks().nth(index) {
                activations = block.apply(activations.clone());
            }
        }))
    }
}

impl UNet {
    fn begin(&self, x: Tensor<2>, c_noise: Tensor<2>, class: Tensor<1, Int>) -> Activations {
        let h = image::from_rows(x, self.shape);
        Activations { h, embedding: self.embed(c_noise, class), skips: Vec::new() }
    }

    /// In the order, and as many, as the configuration's layers have them.
    fn blocks(&self) -> impl Iterator<Item = Block<'_>> {
        iter::once(Block::Stem(&self.stem, self.patch))
            .chain(self.down.iter().flat_map(|resolution| {
                resolution.blocks.iter().map(Block::Down).chain(resolution.resize.iter().map(Block::Shrink))
            }))
            .chain(iter::once(Block::Middle(&self.middle)))
            .chain(self.attention.iter().map(Block::Attention))
            .chain(iter::once(Block::Middle(&self.middle2)))
            .chain(self.up.iter().flat_map(|resolution| {
                resolution.blocks.iter().map(Block::Up).chain(resolution.resize.iter().map(Block::Grow))
            }))
            .chain(iter::once(Block::Head(&self.norm, &self.head, self.patch)))
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
