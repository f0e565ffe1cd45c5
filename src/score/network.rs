//! A network as a score, with EDM's preconditioning (Karras et al. 2022,
//! <https://arxiv.org/abs/2206.00364>, table 1) carried to any process xₜ = α·x₀ + σ·ε.
//!
//! The network F sees x/√V, V = σ² + α²σ_d², which has unit variance where the data's standard deviation is
//! σ_d, and c_noise = ¼ ln(σ/α). EDM's denoiser D = c_skip·x/α + c_out·F then gives the score
//!
//! s(x, t) = −x/V + (α·σ_d)/(σ√V)·F,
//!
//! without the cancellation of (αD − x)/σ² at small σ. F's target has unit variance at every σ: see
//! [`crate::objective`]. Since F depends on x/√V and σ/α alone, one network serves any process.

use burn::{
    Tensor,
    tensor::{Device, Int},
};

use super::{Score, constant};
use crate::{
    compute::vectors::{term, term_rows},
    net::{Evaluate as _, Network},
    sde::Level,
};

/// A network with its preconditioning.
#[derive(Clone, Debug)]
pub struct Denoiser {
    /// F.
    pub net: Network,
    /// σ_d, the data's standard deviation.
    pub sigma_data: f64,
}

impl Denoiser {
    /// F on samples that are already scaled.
    ///
    /// # Shapes
    /// `x`: `[n, d]`, `c_noise`: `[n, 1]` or `[1, 1]`, `class`: `[n]`; result: `[n, d]`.
    #[must_use]
    pub fn forward(&self, x: Tensor<2>, c_noise: Tensor<2>, class: Tensor<1, Int>) -> Tensor<2> {
        self.net.forward(x, c_noise, class)
    }
}

/// How a network score is conditioned.
#[derive(Clone, Debug)]
enum Condition {
    /// One evaluation: every sample with its class (the null class where it has none).
    Single(Tensor<1, Int>),
    /// Two: classes first, then as many null classes; with the guidance weight.
    Guided(Tensor<1, Int>, f64),
}

/// The score of a (class-conditional) network, with classifier-free guidance
/// s = s∅ + w·(s_c − s∅) (Ho & Salimans 2022, their weight plus one).
#[derive(Clone, Debug)]
pub struct NetworkScore {
    denoiser: Denoiser,
    condition: Condition,
}

impl NetworkScore {
    /// Conditions on one class a sample; `None` is no label. `null` is the null class's row.
    ///
    /// With `guidance` 1 the score is the conditional one, with 0 the unconditional: one evaluation.
    #[must_use]
    pub fn new(denoiser: Denoiser, labels: &[Option<usize>], guidance: f64, null: usize, device: &Device) -> Self {
        let rows =
            |conditional: bool| labels.iter().map(move |label| label.filter(|_| conditional).unwrap_or(null) as i32);
        let tensor = |rows: Vec<i32>| Tensor::<1, Int>::from_data(rows.as_slice(), device);
        let unlabelled = labels.iter().all(Option::is_none);
        let condition = if guidance == 1.0 || guidance == 0.0 || unlabelled {
            Condition::Single(tensor(rows(guidance != 0.0).collect()))
        } else {
            Condition::Guided(tensor(rows(true).chain(rows(false)).collect()), guidance)
        };
        Self { denoiser, condition }
    }
}

impl Score for NetworkScore {
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        let Level { alpha, sigma, .. } = *level;
        let sigma_data = self.denoiser.sigma_data;
        let variance = sigma * sigma + (alpha * sigma_data).powi(2);
        let n = x.dims()[0];
        let scaled = term(&x) / variance.sqrt();
        // One row: the whole batch is at one level.
        let c_noise = constant(vec![0.25 * libm::log(level.ratio())], [1, 1], &x);
        let c_out = alpha * sigma_data / (sigma * variance.sqrt());
        match &self.condition {
            Condition::Single(class) => {
                let f = self.denoiser.forward(scaled.value(), c_noise, class.clone());
                (term(&f) * c_out - term(&x) / variance).value()
            }
            Condition::Guided(class, weight) => {
                let both = self.denoiser.forward(scaled.stacked(2), c_noise, class.clone());
                let (conditional, null) = (term_rows(&both, 0..n), term_rows(&both, n..2 * n));
                let f = null * (1.0 - weight) + conditional * *weight;
                (f * c_out - term(&x) / variance).value()
            }
        }
    }

    fn evaluations(&self) -> u64 {
        match self.condition {
            Condition::Single(_) => 1,
            Condition::Guided(..) => 2,
        }
    }
}
