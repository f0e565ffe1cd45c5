//! The perceptron's configuration and its limits.

use serde::{Deserialize, Serialize};

use crate::{
    Result,
    checks::range,
    net::{
        Activation, Network, NetworkConfig, TimeEmbedding,
        init::Init,
        layers::{Layer, Layers, Rows},
    },
    space::Space,
};

const MAX_WIDTH: usize = 8192;
const MAX_DEPTH: usize = 32;
const MAX_CLASSES: usize = 10_000;

/// Configuration of [`Mlp`](super::Mlp).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MlpConfig {
    /// Dimensions of a point.
    pub dim: usize,
    /// Units of a hidden layer.
    pub width: usize,
    /// Hidden layers.
    pub depth: usize,
    /// What follows each of them.
    pub activation: Activation,
    /// How the noise level enters the first.
    pub time: TimeEmbedding,
    /// Waves of the noise level, even; without bearing where `time` is none.
    pub embedding: usize,
    /// Classes; 0 for an unconditional network. One more row is the null class of guidance.
    pub classes: usize,
    /// Whether the network is the gradient of an energy.
    pub energy: bool,
}

impl Default for MlpConfig {
    fn default() -> Self {
        Self {
            dim: 2,
            width: 128,
            depth: 3,
            activation: Activation::Silu,
            time: TimeEmbedding::Fourier { scale: 1.0 },
            embedding: 32,
            classes: 0,
            energy: false,
        }
    }
}

impl NetworkConfig for MlpConfig {
    fn space(&self) -> Space {
        Space::Points(self.dim)
    }

    fn classes(&self) -> usize {
        self.classes
    }

    fn validate(&self) -> Result<()> {
        let Self { width, depth, time, embedding, classes, .. } = *self;
        self.space().validate("architecture.dim")?;
        range("architecture.width", width, 1, MAX_WIDTH)?;
        range("architecture.depth", depth, 1, MAX_DEPTH)?;
        time.validate(embedding)?;
        range("architecture.classes", classes, 0, MAX_CLASSES)
    }

    fn layers(&self) -> Vec<Layer> {
        let Self { dim, width, depth, embedding, classes, .. } = *self;
        let mut layers = Layers::new(self.space());
        let mut inputs = vec![0];
        if self.sees_level() {
            let waves = layers.constants("frequencies", embedding / 2);
            inputs.push(layers.projection("time", Rows::Levels, &[waves], [embedding, width]));
        }
        if classes > 0 {
            inputs.push(layers.table("class", classes + 1, width));
        }
        let mut hidden = vec![layers.linear("hidden.0", Rows::Samples, &inputs, [dim, width])];
        for index in 1..depth {
            let from = hidden[index - 1];
            hidden.push(layers.linear(&format!("hidden.{index}"), Rows::Samples, &[from], [width, width]));
        }
        let last = hidden[depth - 1];
        if !self.energy {
            layers.linear("head", Rows::Samples, &[last], [width, dim]);
            return layers.list();
        }
        // E, and back through the layers.
        let mut back = layers.projection("head", Rows::Samples, &[last], [width, 1]);
        for index in (1..depth).rev() {
            back = layers.transposed(&[back, hidden[index], hidden[index - 1]], [width, width]);
        }
        layers.transposed(&[back, hidden[0]], [width, dim]);
        layers.list()
    }

    fn sees_level(&self) -> bool {
        self.time != TimeEmbedding::None
    }

    fn has_jvp(&self) -> bool {
        true
    }

    fn has_energy(&self) -> bool {
        self.energy
    }

    fn build(&self, init: &Init<'_>) -> Network {
        self.net(init).into()
    }
}
