//! A network as the list of its layers with their sizes. What a network costs follows from it: its parameters, the values
//! that an evaluation holds at once, the least arithmetic and memory traffic ([`super::cost`]), and the blocks that an
//! evaluation can be parted into.
//!
//! All counts are u64, of configurations within their limits: no product leaves its range.

use crate::space::Space;

/// How many rows a layer works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// One for each noise level: one for a whole batch.
    Levels,
    /// One for each class among the samples.
    Classes,
    /// One for each sample.
    Samples,
}

/// What a layer computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Nothing: x̂ itself.
    Input,
    /// Fixed numbers, such as the frequencies of a time embedding.
    Constants,
    /// A row of a learned table, by the class.
    Table,
    /// x·W + b.
    Linear,
    /// A convolution; a second input is added to its result.
    Convolution,
    /// A 1×1 convolution beside a block, within the sum of the block's last layer.
    Shortcut,
    /// A group normalisation, with what modulates it and an activation.
    Normalisation,
    /// softmax(q·kᵀ/√d)·v.
    Attention,
    /// The channels of two inputs side by side.
    Join,
    /// The same values in another order, such as space-to-depth.
    Rearrangement,
}

/// A layer, sizes per row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The path of its parameters, or that of its only one; empty where it has none.
    pub name: String,
    /// What it computes.
    pub operator: Operator,
    /// Which block of the network it is in: see [`blocks`].
    pub block: usize,
    /// The layers whose results it takes, each before it in the list.
    pub inputs: Vec<usize>,
    /// The rows that it works on.
    pub rows: Rows,
    /// Values of its result.
    pub values: u64,
    /// Values that it holds beside its result while it computes.
    pub scratch: u64,
    /// Parameters, of all rows together.
    pub parameters: u64,
    /// Multiply-adds.
    pub products: u64,
}

/// The parameters of a network, exactly.
#[must_use]
pub fn parameters(layers: &[Layer]) -> u64 {
    layers.iter().map(|layer| layer.parameters).sum()
}

/// Values that are held at once at an evaluation's widest, per sample: every layer's result from the layer itself to the
/// last that takes it. It is a count of tensors as they stand in the list; kernels that take several steps at once hold
/// fewer, training holds nearly all.
#[must_use]
pub fn peak(layers: &[Layer]) -> u64 {
    // Of each result, the last layer that takes it; the network's own is not taken by any.
    let mut last = vec![None; layers.len()];
    for (index, layer) in layers.iter().enumerate() {
        for &input in &layer.inputs {
            last[input] = Some(index);
        }
    }
    let (mut held, mut peak) = (0, 0);
    for (index, layer) in layers.iter().enumerate() {
        held += layer.values;
        peak = peak.max(held + layer.scratch);
        for &input in &layer.inputs {
            if last[input].take_if(|last| *last == index).is_some() {
                held -= layers[input].values;
            }
        }
    }
    peak
}

/// How many blocks an evaluation is made of: runs of layers that are taken one after the other.
#[must_use]
pub fn blocks(layers: &[Layer]) -> usize {
    layers.last().map_or(0, |layer| layer.block + 1)
}

/// Lists the layers of a network. Each method adds one, and gives its index.
#[derive(Clone, Debug)]
pub struct Layers {
    list: Vec<Layer>,
    block: usize,
}

/// The size of a layer's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Pixels.
    pub pixels: usize,
    /// Channels.
    pub channels: usize,
}

impl Size {
    fn values(self) -> u64 {
        self.pixels as u64 * self.channels as u64
    }
}

impl Layers {
    /// The network's input, layer 0, in the first block.
    #[must_use]
    pub fn new(space: Space) -> Self {
        let mut layers = Self { list: Vec::new(), block: 0 };
        layers.add("", Operator::Input, Rows::Samples, &[], space.dim() as u64);
        layers
    }

    /// What comes now is the next block's.
    pub fn next_block(&mut self) {
        self.block += 1;
    }

    /// The whole list.
    #[must_use]
    pub fn list(self) -> Vec<Layer> {
        self.list
    }

    /// `count` fixed numbers.
    pub fn constants(&mut self, name: &str, count: usize) -> usize {
        let index = self.add(name, Operator::Constants, Rows::Levels, &[], count as u64);
        self.list[index].parameters = count as u64;
        index
    }

    /// A learned row for each of `count` classes.
    pub fn table(&mut self, name: &str, count: usize, width: usize) -> usize {
        let index = self.add(name, Operator::Table, Rows::Classes, &[], width as u64);
        self.list[index].parameters = count as u64 * width as u64;
        index
    }

    /// x·W + b, of W `[input, output]`.
    pub fn linear(&mut self, name: &str, rows: Rows, inputs: &[usize], [input, output]: [usize; 2]) -> usize {
        let index = self.add(name, Operator::Linear, rows, inputs, output as u64);
        self.weighted(index, input as u64, output)
    }

    /// x·W, of W `[input, output]`, without a bias.
    pub fn projection(&mut self, name: &str, rows: Rows, inputs: &[usize], [input, output]: [usize; 2]) -> usize {
        let index = self.linear(name, rows, inputs, [input, output]);
        self.list[index].parameters -= output as u64;
        index
    }

    /// x·Wᵀ, of another layer's W `[output, input]`.
    pub fn transposed(&mut self, inputs: &[usize], [input, output]: [usize; 2]) -> usize {
        let index = self.linear("", Rows::Samples, inputs, [input, output]);
        self.list[index].parameters = 0;
        index
    }

    /// A convolution of `kernel`×`kernel` taps from `input` channels to `output`; a second input is added to its result.
    pub fn convolution(&mut self, name: &str, inputs: &[usize], kernel: usize, input: usize, output: Size) -> usize {
        let index = self.add(name, Operator::Convolution, Rows::Samples, inputs, output.values());
        self.weighted(index, (kernel * kernel * input) as u64, output.channels)
    }

    /// A 1×1 convolution within the sum of its block's last.
    pub fn shortcut(&mut self, name: &str, from: usize, input: usize, output: Size) -> usize {
        let index = self.add(name, Operator::Shortcut, Rows::Samples, &[from], output.values());
        self.weighted(index, input as u64, output.channels)
    }

    /// A group normalisation of the first input; others modulate it.
    pub fn normalisation(&mut self, name: &str, inputs: &[usize], size: Size) -> usize {
        let index = self.add(name, Operator::Normalisation, Rows::Samples, inputs, size.values());
        self.list[index].parameters = 2 * size.channels as u64;
        index
    }

    /// Attention between all pixels: two products, and the weights of every pair in between.
    pub fn attention(&mut self, qkv: usize, heads: usize, size: Size) -> usize {
        let index = self.add("", Operator::Attention, Rows::Samples, &[qkv], size.values());
        let pairs = size.pixels as u64 * size.pixels as u64;
        let layer = &mut self.list[index];
        (layer.products, layer.scratch) = (2 * pairs * size.channels as u64, heads as u64 * pairs);
        index
    }

    /// The channels of `a`, then those of `b`.
    pub fn join(&mut self, a: usize, b: usize) -> usize {
        let values = self.list[a].values + self.list[b].values;
        self.add("", Operator::Join, Rows::Samples, &[a, b], values)
    }

    /// The values of `a` in another order.
    pub fn rearrangement(&mut self, a: usize) -> usize {
        let values = self.list[a].values;
        self.add("", Operator::Rearrangement, Rows::Samples, &[a], values)
    }

    fn add(&mut self, name: &str, operator: Operator, rows: Rows, inputs: &[usize], values: u64) -> usize {
        let (name, inputs, block) = (name.to_owned(), inputs.to_vec(), self.block);
        self.list.push(Layer { name, operator, block, inputs, rows, values, scratch: 0, parameters: 0, products: 0 });
        self.list.len() - 1
    }

    /// A weight for each of `taps` terms of each output, and a bias.
    fn weighted(&mut self, index: usize, taps: u64, outputs: usize) -> usize {
        let layer = &mut self.list[index];
        layer.products = layer.values * taps;
        layer.parameters = (taps + 1) * outputs as u64;
        index
    }
}
