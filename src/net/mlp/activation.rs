//! Activations with their derivatives, which forward mode needs as functions of their own.

use burn::{Tensor, tensor::activation};
use serde::{Deserialize, Serialize};

/// What follows a hidden layer: a(z), by value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// z·s(z), s(z) = 1/(1 + e⁻ᶻ).
    #[default]
    Silu,
    /// ln(1 + eᶻ).
    Softplus,
    /// tanh z.
    Tanh,
}

impl Activation {
    /// a(z).
    #[must_use]
    pub fn value<const D: usize>(self, z: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Silu => activation::silu(z),
            Self::Softplus => activation::softplus(z, 1.0),
            Self::Tanh => z.tanh(),
        }
    }

    /// a′(z).
    #[must_use]
    pub fn slope<const D: usize>(self, z: Tensor<D>) -> Tensor<D> {
        match self {
            // s·(1 + z·(1 − s))
            Self::Silu => {
                let s = activation::sigmoid(z.clone());
                s.clone() * (z * (-s + 1.0) + 1.0)
            }
            Self::Softplus => activation::sigmoid(z),
            Self::Tanh => -z.tanh().square() + 1.0,
        }
    }

    /// a″(z).
    #[must_use]
    pub fn curvature<const D: usize>(self, z: Tensor<D>) -> Tensor<D> {
        match self {
            // s·(1 − s)·(2 + z·(1 − 2s))
            Self::Silu => {
                let s = activation::sigmoid(z.clone());
                (s.clone() - s.clone().square()) * (z * (s * -2.0 + 1.0) + 2.0)
            }
            Self::Softplus => {
                let s = activation::sigmoid(z);
                s.clone() - s.square()
            }
            Self::Tanh => {
                let t = z.tanh();
                (t.clone().powi_scalar(3) - t) * 2.0
            }
        }
    }
}
