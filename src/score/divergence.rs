//! The divergence ∇·s = tr ∂s/∂x of a score, in forward mode where it has one ([`Differentiable`]), else by automatic
//! differentiation of its input alone: tensors without autodiff are constants to burn, so that a loaded network needs no
//! second copy. In a browser only the engine with
//! gradients has it; the others have forward mode, or [`Density::divergence`](super::Density::divergence), the closed form.
//!
//! | method | tr ∂s/∂x | costs |
//! |---|---|---|
//! | exact | Σᵢ eᵢᵀ(∂s/∂x)eᵢ | a forward and a backward pass per dimension |
//! | Hutchinson | mean of vᵀ(∂s/∂x)v over probes v with `E[v·vᵀ] = I` | a forward and a backward pass per probe |
//!
//! In forward mode the directions of one pass share the evaluation, which then counts once.
//!
//! Hutchinson (1990; Skilling 1989) is unbiased. With entries ±1 (Rademacher) its variance is 2·Σᵢ≠ⱼ Jᵢⱼ² for a symmetric
//! J, none for a diagonal one; with Gaussian entries 2·Σᵢⱼ Jᵢⱼ².

use burn::{Tensor, tensor::Device};
use serde::{Deserialize, Serialize};

use super::{Differentiable, Score};
use crate::{
    noise::{Noise, Purpose},
    sde::Level,
};

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
#[derive(Clone, Debug)]
pub enum Divergence {
    /// Every dimension.
    Exact,
    /// Hutchinson's estimate with these probes, `[n, d]` each, at least one.
    Hutchinson(Vec<Tensor<2>>),
}

/// Directions of one pass in forward mode: each is a batch's activations more.
const AT_ONCE: usize = 16;

impl Divergence {
    /// The score and its divergence at every row of `x`.
    ///
    /// # Shapes
    /// `x`: `[n, d]`; results: `[n, d]` and `[n, 1]`.
    ///
    /// # Panics
    /// When there is no dimension or no probe, or no forward mode in an engine without gradients.
    pub fn evaluate(&self, score: &dyn Score, x: &Tensor<2>, level: &Level) -> (Tensor<2>, Tensor<2>) {
        let count = self.directions(x.dims()[1]);
        let (s, sum) = match score.differentiable() {
            Some(score) => self.forward(score, x, level, count),
            None => self.backward(score, x, level, count),
        };
        match self {
            Self::Exact => (s, sum),
            Self::Hutchinson(_) => (s, sum / count as f64),
        }
    }

    /// The score and Σ vᵀ(∂s/∂x)v, in forward mode.
    fn forward(
        &self,
        score: &dyn Differentiable,
        x: &Tensor<2>,
        level: &Level,
        count: usize,
    ) -> (Tensor<2>, Tensor<2>) {
        let mut result: Option<(Tensor<2>, Tensor<2>)> = None;
        for first in (0..count).step_by(AT_ONCE) {
            let indices = first..count.min(first + AT_ONCE);
            let directions: Vec<_> = indices
                .clone()
                .map(|i| match self {
                    Self::Exact => {
                        let zeros = x.zeros_like();
                        let ones = zeros.clone().narrow(1, 0, 1) + 1.0;
                        zeros.slice_assign([0..x.dims()[0], i..i + 1], ones)
                    }
                    Self::Hutchinson(probes) => probes[i].clone(),
                })
                .collect();
            let (s, tangents) = score.jvp(x.clone(), level, &directions);
            for (i, tangent) in indices.zip(tangents) {
                let term = match self {
                    Self::Exact => tangent.narrow(1, i, 1),
                    Self::Hutchinson(probes) => (tangent * probes[i].clone()).sum_dim(1),
                };
                let sum = result.take().map_or_else(|| term.clone(), |(_, sum)| sum + term.clone());
                result = Some((s.clone(), sum));
            }
        }
        result.expect("a dimension or a probe")
    }

    /// The same by a backward pass for each.
    #[cfg(any(not(target_family = "wasm"), feature = "training"))]
    fn backward(&self, score: &dyn Score, x: &Tensor<2>, level: &Level, count: usize) -> (Tensor<2>, Tensor<2>) {
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
        let (s, first) = term(0);
        (s, (1..count).fold(first, |sum, pass| sum + term(pass).1))
    }

    #[cfg(all(target_family = "wasm", not(feature = "training")))]
    fn backward(&self, _: &dyn Score, _: &Tensor<2>, _: &Level, _: usize) -> (Tensor<2>, Tensor<2>) {
        panic!("this engine has no gradients")
    }

    /// Evaluations of `score` in `d` dimensions, with as many backward passes where it has no forward mode.
    #[must_use]
    pub fn passes(&self, score: &dyn Score, d: usize) -> usize {
        let directions = self.directions(d);
        if score.differentiable().is_some() { directions.div_ceil(AT_ONCE) } else { directions }
    }

    /// How many directions it takes in `d` dimensions.
    fn directions(&self, d: usize) -> usize {
        match self {
            Self::Exact => d,
            Self::Hutchinson(probes) => probes.len(),
        }
    }
}

#[cfg(test)]
mod tests;
