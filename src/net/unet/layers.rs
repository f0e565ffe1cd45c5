//! The U-Net's layers, in the order and under the names of the module.

use super::UNetConfig;
use crate::net::{
    NetworkConfig as _,
    block::{Attention, ResBlock},
    layers::{Layer, Layers, Rows, Size},
};

pub(super) fn layers(config: &UNetConfig) -> Vec<Layer> {
    let UNetConfig { shape: [channels, height, width], patch, blocks, embedding, classes, .. } = *config;
    let (pixel, mut pixels) = (channels * patch * patch, (height / patch) * (width / patch));
    let widths: Vec<usize> = config.multipliers.iter().map(|m| m * config.width).collect();
    let mut layers = Layers::new(config.space());

    let waves = layers.constants("frequencies", embedding / 2);
    let hidden = layers.linear("time1", Rows::Levels, &[waves], [embedding; 2]);
    let class = (classes > 0).then(|| layers.table("class", classes + 1, embedding));
    let inputs: Vec<usize> = [hidden].into_iter().chain(class).collect();
    let condition = layers.linear("time2", Rows::Classes, &inputs, [embedding; 2]);
    let block = |layers: &mut Layers, name: &str, from: usize, input: usize, output: Size| {
        layers.next_block();
        ResBlock::layers(layers, name, [from, condition], [input, embedding], output)
    };

    let folded = layers.rearrangement(0);
    let mut now = config.width;
    let mut h = layers.convolution("stem", &[folded], 3, pixel, Size { pixels, channels: now });
    let mut skips = Vec::new();
    for (level, &channels) in widths.iter().enumerate() {
        for i in 0..blocks {
            let name = format!("down.{level}.blocks.{i}");
            h = block(&mut layers, &name, h, std::mem::replace(&mut now, channels), Size { pixels, channels });
            skips.push(h);
        }
        if level + 1 < widths.len() {
            layers.next_block();
            pixels /= 4;
            let folded = layers.rearrangement(h);
            h = layers.convolution(&format!("down.{level}.resize"), &[folded], 1, 4 * now, Size { pixels, channels });
        }
    }
    let lowest = Size { pixels, channels: now };
    h = block(&mut layers, "middle", h, now, lowest);
    if config.heads > 0 {
        layers.next_block();
        h = Attention::layers(&mut layers, "attention", h, config.heads, lowest);
    }
    h = block(&mut layers, "middle2", h, now, lowest);
    for (position, (level, &channels)) in widths.iter().enumerate().rev().enumerate() {
        for i in 0..blocks {
            let skip = skips.pop().expect("the two sides have as many blocks");
            let joined = layers.join(h, skip);
            let name = format!("up.{position}.blocks.{i}");
            let input = std::mem::replace(&mut now, channels) + channels;
            h = block(&mut layers, &name, joined, input, Size { pixels, channels });
        }
        if level > 0 {
            layers.next_block();
            let next = widths[level - 1];
            let size = Size { pixels, channels: 4 * next };
            let unfolded = layers.convolution(&format!("up.{position}.resize"), &[h], 1, now, size);
            h = layers.rearrangement(unfolded);
            (now, pixels) = (next, 4 * pixels);
        }
    }
    layers.next_block();
    let size = Size { pixels, channels: now };
    let normal = layers.normalisation("norm", &[h], size);
    let head = layers.convolution("head", &[normal], 3, now, Size { pixels, channels: pixel });
    layers.rearrangement(head);
    layers.list()
}
