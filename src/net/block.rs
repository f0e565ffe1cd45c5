//! The blocks of the U-Net, on NHWC activations.
//!
//! Residual block with FiLM (Dhariwal & Nichol 2021, <https://arxiv.org/abs/2105.05233>, "AdaGN"):
//! h = conv(silu(GN(x))); [s, b] = W·e; h = conv(silu((1 + s)·GN(h) + b)); y = (skip(x) + h)/√2.
//! The last convolution of a block starts at zero, so that an untrained block passes its input on.

use burn::{Tensor, module::Module, module::Param, tensor::activation};

use super::{init::Init, ops};

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
        x.matmul(self.weight.val()) + self.bias.val().unsqueeze()
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

    /// silu((1 + s)·GN(x) + b), with a scale and a shift for each sample.
    ///
    /// # Shapes
    /// `x` and the result: `[n, h, w, c]`; `scale`, `shift`: `[n, c]`.
    #[must_use]
    pub fn film_silu(&self, x: Tensor<4>, scale: Tensor<2>, shift: Tensor<2>) -> Tensor<4> {
        let scale = scale + 1.0;
        let gamma = scale.clone() * self.gamma.val().unsqueeze();
        let beta = scale * self.beta.val().unsqueeze() + shift;
        ops::group_norm_silu(x, gamma, beta, self.groups)
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

    /// # Shapes
    /// `x`: `[n, h, w, in]`, `embedding`: `[n, e]`; result: `[n, h, w, out]`.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, embedding: Tensor<2>) -> Tensor<4> {
        let h = self.conv1.forward(self.norm1.silu(x.clone()));
        let mut film = self.film.forward(embedding).chunk(2, 1);
        let (shift, scale) = (film.remove(1), film.remove(0));
        let h = self.conv2.forward(self.norm2.film_silu(h, scale, shift));
        let x = match &self.skip {
            Some(skip) => skip.forward(x),
            None => x,
        };
        (x + h) * std::f64::consts::FRAC_1_SQRT_2
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

    /// # Shapes
    /// `x` and the result: `[n, h, w, c]`.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [n, h, w, c] = x.dims();
        let (tokens, width) = (h * w, c / self.heads);
        let qkv = self.qkv.forward(self.norm.forward(x.clone()));
        // [n, h, w, 3c] → 3 × [n, heads, tokens, width]
        let qkv = qkv.reshape([n, tokens, 3, self.heads, width]).permute([2, 0, 3, 1, 4]);
        let [q, k, v] = [0, 1, 2].map(|i| qkv.clone().narrow(0, i, 1).reshape([n, self.heads, tokens, width]));
        let logits = q.matmul(k.swap_dims(2, 3)) * (1.0 / (width as f64).sqrt());
        let y = activation::softmax(logits, 3).matmul(v);
        let y = self.proj.forward(y.swap_dims(1, 2).reshape([n, h, w, c]));
        (x + y) * std::f64::consts::FRAC_1_SQRT_2
    }
}
