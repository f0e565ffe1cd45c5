//! The least that an evaluation of a network can cost on a GPU; what it does cost is in
//! [`crate::score::account`].
//!
//! It is a bound for the same arithmetic (no Winograd) layer by layer (no layer is computed twice to save its
//! result), by the network's [list of them](super::layers): weights are read once, x twice (by the first layer and by the
//! preconditioning after the last), the score is written once, and every result of a convolution, of attention and of a
//! linear layer on samples is written once and read once by each of these that needs it. All else is taken to happen within
//! those: normalisations, whose statistics the layer before gathers, FiLM, activations, residual sums, concatenations,
//! changes of shape, the 1×1 convolution of a skip (part of its block's last), the preconditioning, and the embedding's few
//! numbers.

use super::{
    Architecture, NetworkConfig as _,
    layers::{Layer, Operator, Rows},
};
use crate::compute::account::Cost;

/// The least that an evaluation of `batch` samples can cost, as the module's head has it. `halves`: how often the network
/// sees a sample, 2 under guidance.
#[must_use]
pub fn least(architecture: &Architecture, batch: usize, halves: usize) -> Cost {
    Least::of(architecture, batch, halves).cost()
}

/// In values and multiply-adds.
#[derive(Default)]
struct Least {
    dispatches: u64,
    /// Multiply-adds.
    convolutions: u64,
    /// Multiply-adds of linear layers and attention.
    others: u64,
    weights: u64,
    read: u64,
    written: u64,
}

impl Least {
    fn of(architecture: &Architecture, batch: usize, halves: usize) -> Self {
        let (layers, sample) = (architecture.layers(), architecture.space().dim() as u64);
        let (batch, seen) = (batch as u64, (batch * halves) as u64);
        // One embedding for each class; without classes one for all.
        let classes = match architecture.classes() as u64 {
            0 => 1,
            classes => seen.min(classes + 1),
        };
        // x is read once, however often the network sees it, and the same again after the last layer.
        let mut sum = Self { read: 2 * batch * sample, written: batch * sample, ..Self::default() };
        // What conditions the samples takes one dispatch in all.
        sum.dispatches += u64::from(layers.iter().any(|layer| layer.operator == Operator::Linear && !is_kept(layer)));
        let last = layers.iter().rposition(is_kept);
        for (index, layer) in layers.iter().enumerate() {
            let rows = match layer.rows {
                Rows::Levels => 1,
                Rows::Classes => classes,
                Rows::Samples => seen,
            };
            // Of a table the rows in use.
            sum.weights += if layer.operator == Operator::Table { rows * layer.values } else { layer.parameters };
            match layer.operator {
                Operator::Convolution | Operator::Shortcut => sum.convolutions += rows * layer.products,
                _ => sum.others += rows * layer.products,
            }
            if is_kept(layer) {
                sum.dispatches += 1;
                sum.read += layer.inputs.iter().map(|&input| seen * kept_values(&layers, input)).sum::<u64>();
                sum.written += if Some(index) == last { 0 } else { seen * layer.values };
            }
        }
        sum
    }

    fn cost(&self) -> Cost {
        let bytes = |values: u64| size_of::<f32>() as u64 * values;
        Cost {
            dispatches: self.dispatches,
            flops: 2 * (self.convolutions + self.others),
            read: bytes(self.weights + self.read),
            written: bytes(self.written),
        }
    }
}

/// Whether a layer's result is written, to be read by others.
fn is_kept(layer: &Layer) -> bool {
    match layer.operator {
        Operator::Convolution | Operator::Attention => true,
        Operator::Linear => layer.rows == Rows::Samples,
        _ => false,
    }
}

/// Values per sample that are read for the result of layer `index`: its own, or those of what it is made of on the way. x
/// itself is counted once for all.
fn kept_values(layers: &[Layer], index: usize) -> u64 {
    let layer = &layers[index];
    if is_kept(layer) {
        return layer.values;
    }
    layer.inputs.iter().map(|&input| kept_values(layers, input)).sum()
}

#[cfg(test)]
mod tests;
