//! Initial weights: a pure function of (seed, parameter name), so that a run repeats exactly on any device.

use burn::{
    Tensor,
    module::Param,
    tensor::{Device, Shape, TensorData},
};

use crate::noise::{Noise, Purpose};

/// Makes parameters by name. [`Init::at`] descends into a block.
#[derive(Clone, Debug)]
pub struct Init<'a> {
    device: &'a Device,
    /// None: zeros.
    noise: Option<Noise>,
    path: String,
}

impl<'a> Init<'a> {
    /// The root of a network on `device`.
    #[must_use]
    pub fn new(device: &'a Device, seed: u64) -> Self {
        Self { device, noise: Some(Noise::new(seed)), path: String::new() }
    }

    /// The root of a network whose weights will be loaded: zeros, which take no time to draw.
    #[must_use]
    pub fn blank(device: &'a Device) -> Self {
        Self { device, noise: None, path: String::new() }
    }

    /// The same inside the block `name`.
    #[must_use]
    pub fn at(&self, name: impl std::fmt::Display) -> Self {
        Self { path: format!("{}{name}.", self.path), ..self.clone() }
    }

    /// Entries N(0, std²).
    #[must_use]
    pub fn normal<const D: usize>(&self, name: &str, shape: [usize; D], std: f64) -> Param<Tensor<D>> {
        let Some(noise) = self.noise.filter(|_| std > 0.0) else { return self.constant(shape, 0.0) };
        let mut values = vec![0.0f32; shape.iter().product()];
        noise.fill_normal(hash(&format!("{}{name}", self.path)), Purpose::Weights, 0, &mut values);
        for v in &mut values {
            *v = (f64::from(*v) * std) as f32;
        }
        Param::from_tensor(Tensor::from_data(TensorData::new(values, Shape::new(shape)), self.device))
    }

    /// Every entry `value`.
    #[must_use]
    pub fn constant<const D: usize>(&self, shape: [usize; D], value: f64) -> Param<Tensor<D>> {
        Param::from_tensor(Tensor::full(shape, value, self.device))
    }
}

/// FNV-1a over the name: the stream of a parameter.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
