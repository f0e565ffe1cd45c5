//! A mixture with labels and guidance: a component is a class, and both scores are exact.
//!
//! With responsibilities rₖ and a label l, s∅ + w·(s_l − s∅) = Σₖ cₖ·∇log N(x; α·mₖ, Sₖ), c = (1 − w)·r + w·1ₗ.

use std::{ops::Range, sync::Arc};

use burn::Tensor;

use super::Mixture;
use crate::{
    score::{Density, Score, constant},
    sde::Level,
};

/// A mixture with a label a sample, under guidance: s = s∅ + w·(s_k − s∅), where s∅ is the mixture's score and s_k that
/// of component k alone. Both come of one pass over the components.
#[derive(Clone, Debug)]
pub struct MixtureScore {
    mixture: Arc<Mixture>,
    /// Empty when no sample has one.
    labels: Vec<Option<usize>>,
    guidance: f64,
}

impl MixtureScore {
    /// Conditions on one component a sample; `None` is no label. With `guidance` 1 the score is the conditional one,
    /// with 0 the unconditional.
    #[must_use]
    pub fn new(mixture: Arc<Mixture>, labels: &[Option<usize>], guidance: f64) -> Self {
        let idle = guidance == 0.0 || labels.iter().all(Option::is_none);
        Self { mixture, labels: if idle { Vec::new() } else { labels.to_vec() }, guidance }
    }

    /// For c of the rows that have a label: 1 − w, `[1, n, 1]`, and w·1ₗ, `[components, n, 1]`; 1 and 0 for the others.
    fn guide(&self, rows: Range<usize>, x: &Tensor<2>) -> (Tensor<3>, Tensor<3>) {
        let (labels, count) = (&self.labels[rows], self.mixture.weights.len());
        let n = labels.len();
        let rest = labels.iter().map(|label| if label.is_some() { 1.0 - self.guidance } else { 1.0 }).collect();
        let mut own = vec![0.0; count * n];
        for (row, label) in labels.iter().enumerate() {
            if let Some(k) = label {
                own[k * n + row] = self.guidance;
            }
        }
        (constant(rest, [1, n, 1], x), constant(own, [count, n, 1], x))
    }
}

impl Score for MixtureScore {
    /// # Panics
    /// When `x` has not as many columns as the mixture has dimensions, or not as many rows as there are labels, or a label
    /// is not below the number of components.
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        if self.labels.is_empty() {
            return self.mixture.score(x, level);
        }
        self.mixture.in_parts(x, |x, rows| {
            let (rest, own) = self.guide(rows, &x);
            let components = self.mixture.components(x, level);
            let c = components.responsibilities() * rest + own;
            components.gradient(c)
        })
    }

    /// 2 under guidance, as for a network.
    fn evaluations(&self) -> u64 {
        1 + u64::from(!self.labels.is_empty() && self.guidance != 1.0)
    }

    fn density(&self) -> Option<&dyn Density> {
        Some(self)
    }
}

impl Density for MixtureScore {
    /// (1 − w)·log pₜ(x) + w·log N(x; α·mₖ, Sₖ) where there is a label k: under guidance that is not normalised.
    ///
    /// # Panics
    /// As [`MixtureScore::score`].
    fn log_density(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        if self.labels.is_empty() {
            return self.mixture.log_density(x, level);
        }
        self.mixture.in_parts(x, |x, rows| {
            let (rest, own) = self.guide(rows, &x);
            let logs = self.mixture.weights.iter().map(|weight| libm::log(*weight)).collect();
            let log_weights = constant(logs, [self.mixture.weights.len(), 1, 1], &x);
            let components = self.mixture.components(x, level);
            let conditional = ((components.log.clone() - log_weights) * own).sum_dim(0);
            (components.log_sum() * rest + conditional).squeeze_dim(0)
        })
    }

    /// (1 − w)·∇·s∅ − w·tr Sₖ⁻¹ where there is a label k.
    ///
    /// # Panics
    /// As [`MixtureScore::score`].
    fn divergence(&self, x: Tensor<2>, level: &Level) -> Option<Tensor<2>> {
        if self.labels.is_empty() {
            return self.mixture.divergence(x, level);
        }
        Some(self.mixture.in_parts(x, |x, rows| {
            let (rest, own) = self.guide(rows, &x);
            let components = self.mixture.components(x, level);
            let conditional = (components.traces() * own).sum_dim(0);
            (components.divergence() * rest + conditional).squeeze_dim(0)
        }))
    }
}
