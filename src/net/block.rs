//! The blocks of the U-Net, on NHWC activations.
//!
//! Residual block with FiLM (Dhariwal & Nichol 2021, <https://arxiv.org/abs/2105.05233>, "AdaGN"):
//! h = conv(silu(GN(x))); [s, b] = W·e; h = conv(silu((1 + s)·GN(h) + b)); y = (skip(x) + h)/√2.
//! The last convolution of a block starts at zero, so that an untrained block passes its input on.

use burn::{
    Tensor,
    module::{Module, Param},
};

use super::{
    init::Init,
    layers::{Layers, Rows, Size},
};
use crate::compute::ops;

/// y = x·W + b, with W stored `[in, out]`.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[in, out]`.
    pub weight: Param<Tensor<2>>,
    /// `[out]`.
    pub bias: Param<Tensor<1>>,
}

impl Linear {
    /// Weights N(0, gain²/in), bias 0.
    #[must_use]
    pub fn new(init: &Init, [input, output]: [usize; 2], gain: f64) -> Self {
        Self {
            weight: init.normal("weight", [input, output], gain / (input as f64).sqrt()),
            bias: init.constant([output], 0.0),
        }
    }

    /// # Shapes
    /// `x`: `[n, in]`; result: `[n, out]`.
    #[must_use]
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        ops::linear(x, self.weight.val(), self.bias.val())
    }
}

/// Convolution with stride 1 that keeps the size, weights stored `[k, k, in, out]`.
#[derive(Module, Debug)]
pub struct Conv {
    /// `[k, k, in, out]`.
    pub weight: Param<Tensor<4>>,
    /// `[out]`.
    pub bias: Param<Tensor<1>>,
}

impl Conv {
    /// Weights N(0, gain²/(k²·in)), bias 0.
    #[must_use]
    pub fn new(init: &Init, kernel: usize, [input, output]: [usize; 2], gain: f64) -> Self {
        let fan_in = (kernel * kernel * input) as f64;
        Self {
            weight: init.normal("weight", [kernel, kernel, input, output], gain / fan_in.sqrt()),
            bias: init.constant([output], 0.0),
        }
    }

    /// # Shapes
    /// `x`: `[n, h, w, in]`; result: `[n, h, w, out]`.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        ops::conv2d(x, self.weight.val(), self.bias.val())
    }

    /// (residual + conv(x))/√2.
    ///
    /// # Shapes
    /// `x`: `[n, h, w, in]`; `residual` and the result: `[n, h, w, out]`.
    #[must_use]
    pub fn add(&self, x: Tensor<4>, residual: Tensor<4>) -> Tensor<4> {
        ops::conv2d_add(x, self.weight.val(), self.bias.val(), residual)
    }

    /// The convolution between blocks of `input`×`input` pixels, each seen as one, and such of `output`×`output`.
    ///
    /// # Shapes
    /// `x`: `[n, h·input, w·input, in/input²]`; result: `[n, h·output, w·output, out/output²]`.
    #[must_use]
    pub fn fold(&self, x: Tensor<4>, input: usize, output: usize) -> Tensor<4> {
        ops::conv2d_shuffle(x, self.weight.val(), self.bias.val(), input, output)
    }
}

/// Group normalisation with a learned scale and shift.
#[derive(Module, Debug)]
pub struct Norm {
    /// `[c]`.
    pub gamma: Param<Tensor<1>>,
    /// `[c]`.
    pub beta: Param<Tensor<1>>,
    groups: usize,
}

impl Norm {
    /// Scale 1, shift 0.
    #[must_use]
    pub fn new(init: &Init, channels: usize, groups: usize) -> Self {
        Self { gamma: init.constant([channels], 1.0), beta: init.constant([channels], 0.0), groups }
    }

    /// GN(x).
    ///
    /// # Shapes
    /// `x` and the result: `[n, h, w, c]`.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        ops::group_norm(x, self.gamma.val().unsqueeze(), self.beta.val().unsqueeze(), self.groups)
    }

    /// silu(GN(x)).
    ///
    /// # Shapes
    /// `x` and the result: `[n, h, w, c]`.
    #[must_use]
    pub fn silu(&self, x: Tensor<4>) -> Tensor<4> {
        ops::group_norm_silu(x, self.gamma.val().unsqueeze(), self.beta.val().unsqueeze(), self.groups)
    }

    /// silu((1 + s)·GN(x) + b), with a scale and a shift for each sample, [s, b] = `film`(embedding).
    ///
    /// # Shapes
    /// `x` and the result: `[n, h, w, c]`; `embedding`: `[n, e]`.
    #[must_use]
    pub fn film_silu(&self, x: Tensor<4>, film: &Linear, embedding: Tensor<2>) -> Tensor<4> {
        let affine = [self.gamma.val().unsqueeze(), self.beta.val().unsqueeze()];
        let film = (film.weight.val(), film.bias.val());
        ops::group_norm_film(x, affine, embedding, film, self.groups)
    }
}

/// The residual block.
#[derive(Module, Debug)]
pub struct ResBlock {
    norm1: Norm,
    conv1: Conv,
    film: Linear,
    norm2: Norm,
    conv2: Conv,
    skip: Option<Conv>,
}

impl ResBlock {
    /// A block from `input` to `output` channels, modulated by an embedding of `embedding` numbers.
    #[must_use]
    pub fn new(init: &Init, [input, output]: [usize; 2], embedding: usize, groups: usize) -> Self {
        Self {
            norm1: Norm::new(&init.at("norm1"), input, groups),
            conv1: Conv::new(&init.at("conv1"), 3, [input, output], 1.0),
            film: Linear::new(&init.at("film"), [embedding, 2 * output], 0.5),
            norm2: Norm::new(&init.at("norm2"), output, groups),
            conv2: Conv::new(&init.at("conv2"), 3, [output, output], 0.0),
            skip: (input != output).then(|| Conv::new(&init.at("skip"), 1, [input, output], 1.0)),
        }
    }

    /// Its layers under `name`, from the results of layer `from` and of the embedding: `input` channels, an embedding of
    /// `embedding` numbers.
    pub fn layers(
        layers: &mut Layers,
        name: &str,
        [from, condition]: [usize; 2],
        [input, embedding]: [usize; 2],
        output: Size,
    ) -> usize {
        let at = |part: &str| format!("{name}.{part}");
        let Size { pixels, channels } = output;
        let h = layers.normalisation(&at("norm1"), &[from], Size { pixels, channels: input });
        let h = layers.convolution(&at("conv1"), &[h], 3, input, output);
        let film = layers.linear(&at("film"), Rows::Classes, &[condition], [embedding, 2 * channels]);
        let h = layers.normalisation(&at("norm2"), &[h, film], output);
        let x = if input == channels { from } else { layers.shortcut(&at("skip"), from, input, output) };
        layers.convolution(&at("conv2"), &[h, x], 3, channels, output)
    }

    /// # Shapes
    /// `x`: `[n, h, w, in]`, `embedding`: `[n, e]`; result: `[n, h, w, out]`.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, embedding: Tensor<2>) -> Tensor<4> {
        let h = self.conv1.forward(self.norm1.silu(x.clone()));
        let h = self.norm2.film_silu(h, &self.film, embedding);
        let x = match &self.skip {
            Some(skip) => skip.forward(x),
            None => x,
        };
        self.conv2.add(h, x)
    }
}

/// Self-attention over all pixels: y = (x + proj(softmax(q·kᵀ/√d)·v))/√2 with q, k, v from GN(x).
#[derive(Module, Debug)]
pub struct Attention {
    norm: Norm,
    qkv: Conv,
    proj: Conv,
    heads: usize,
}

impl Attention {
    /// `heads` divides `channels`.
    #[must_use]
    pub fn new(init: &Init, channels: usize, heads: usize, groups: usize) -> Self {
        Self {
            norm: Norm::new(&init.at("norm"), channels, groups),
            qkv: Conv::new(&init.at("qkv"), 1, [channels, 3 * channels], 1.0),
            proj: Conv::new(&init.at("proj"), 1, [channels, channels], 0.0),
            heads,
        }
    }

    /// Its layers under `name`, from the result of layer `from`.
    pub fn layers(layers: &mut Layers, name: &str, from: usize, heads: usize, size: Size) -> usize {
        let at = |part: &str| format!("{name}.{part}");
        let h = layers.normalisation(&at("norm"), &[from], size);
        let qkv = Size { channels: 3 * size.channels, ..size };
        let qkv = layers.convolution(&at("qkv"), &[h], 1, size.channels, qkv);
        let h = layers.attention(qkv, heads, size);
        layers.convolution(&at("proj"), &[h, from], 1, size.channels, size)
    }

    /// # Shapes
    /// `x` and the result: `[n, h, w, c]`.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = ops::attention(self.qkv.forward(self.norm.forward(x.clone())), self.heads);
        self.proj.add(y, x)
    }
}
