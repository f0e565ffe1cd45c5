//! The divergence ∇·s = tr ∂s/∂x of a score, by automatic differentiation of its input alone: tensors without
//! autodiff are constants to burn, so that a loaded network needs no second copy. In a browser there is no automatic
//! differentiation: only [`Density::divergence`](super::Density::divergence) then, the closed form of scores that have one.
//!
//! | method | tr ∂s/∂x | costs |
//! |---|---|---|
//! | exact | Σᵢ eᵢᵀ(∂s/∂x)eᵢ | a forward and a backward pass per dimension |
//! | Hutchinson | mean of vᵀ(∂s/∂x)v over probes v with `E[v·vᵀ] = I` | a forward and a backward pass per probe |
//!
//! Hutchinson (1990; Skilling 1989) is unbiased. With entries ±1 (Rademacher) its variance is 2·Σᵢ≠ⱼ Jᵢⱼ² for a symmetric
//! J, none for a diagonal one; with Gaussian entries 2·Σᵢⱼ Jᵢⱼ².

use burn::{Tensor, tensor::Device};
use serde::{Deserialize, Serialize};

use crate::noise::{Noise, Purpose};
#[cfg(not(target_family = "wasm"))]
use crate::{score::Score, sde::Level};

/// The law of Hutchinson's probes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// Entries ±1: the smaller variance.
    #[default]
    Rademacher,
    /// Standard normal entries.
    Gaussian,
}

impl Probe {
    /// Counted probes for the samples `first … first + n − 1`.
    ///
    /// # Shapes
    /// Result: `[n, d]`.
    #[must_use]
    pub fn draw(self, noise: &Noise, first: u64, dims: [usize; 2], draw: u64, device: &Device) -> Tensor<2> {
        match self {
            Self::Gaussian => noise.normal(first, dims, Purpose::Probe, draw, device),
            Self::Rademacher => {
                let below = noise.uniform(first, dims, Purpose::Probe, draw, device).lower_elem(0.5);
                Tensor::ones(dims, device).mask_fill(below, -1.0)
            }
        }
    }
}

/// How a divergence is computed.
#[cfg(not(target_family = "wasm"))]
#[derive(Clone, Debug)]
pub enum Divergence {
    /// Every dimension.
    Exact,
    /// Hutchinson's estimate with these probes, `[n, d]` each, at least one.
    Hutchinson(Vec<Tensor<2>>),
}

#[cfg(not(target_family = "wasm"))]
impl Divergence {
    /// The score and its divergence at every row of `x`.
    ///
    /// # Shapes
    /// `x`: `[n, d]`; results: `[n, d]` and `[n, 1]`.
    ///
    /// # Panics
    /// When there is no dimension or no probe.
    pub fn evaluate(&self, score: &dyn Score, x: &Tensor<2>, level: &Level) -> (Tensor<2>, Tensor<2>) {
        let term = |pass: usize| {
            let x = x.clone().autodiff().require_grad();
            let s = score.score(x.clone(), level);
            let along = match self {
                Self::Exact => s.clone().narrow(1, pass, 1),
                Self::Hutchinson(probes) => s.clone() * probes[pass].clone(),
            };
            // A sample's score does not depend on its neighbours: the sum's gradient is each one's own.
            let sum = along.sum();
            // A constant score has no graph, and no divergence.
            let gradient = sum.is_tracked().then(|| x.grad_remove(&mut sum.backward())).flatten();
            let term = match (gradient, self) {
                (None, _) => x.inner().narrow(1, 0, 1).zeros_like(),
                (Some(gradient), Self::Exact) => gradient.narrow(1, pass, 1),
                (Some(gradient), Self::Hutchinson(probes)) => (gradient * probes[pass].clone()).sum_dim(1),
            };
            (s.inner(), term)
        };
        let passes = self.passes(x.dims()[1]);
        let (s, first) = term(0);
        let sum = (1..passes).fold(first, |sum, pass| sum + term(pass).1);
        match self {
            Self::Exact => (s, sum),
            Self::Hutchinson(_) => (s, sum / passes as f64),
        }
    }

    /// Evaluations of the score, and as many backward passes, in `d` dimensions.
    #[must_use]
    pub fn passes(&self, d: usize) -> usize {
        match self {
            Self::Exact => d,
            Self::Hutchinson(probes) => probes.len(),
        }
    }
}

#[cfg(test)]
mod tests;
