//! A network as a score: F and its [`Parameterisation`], with classifier-free guidance.

use burn::{
    Tensor,
    tensor::{Device, Int},
};

use super::{Coefficients, Parameterisation, Score, constant};
use crate::{
    compute::vectors::{term, term_rows},
    net::{Evaluate, Network},
    sde::Level,
};

/// A network, and what its output means.
#[derive(Clone, Debug)]
pub struct Denoiser {
    /// F.
    pub net: Network,
    /// How F becomes a score.
    pub parameterisation: Parameterisation,
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

    /// F and (∂F/∂x̂)·v for each direction v: see [`Evaluate::jvp`].
    ///
    /// # Shapes
    /// As there.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn jvp(
        &self,
        x: Tensor<2>,
        c_noise: Tensor<2>,
        class: Tensor<1, Int>,
        directions: &[Tensor<2>],
    ) -> (Tensor<2>, Vec<Tensor<2>>) {
        self.net.jvp(x, c_noise, class, directions)
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
    /// Conditions on one class per sample; `None` is no label. `null` is the null class's row.
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
        let Coefficients { input, c_noise, skip, out } = self.denoiser.parameterisation.at(level);
        let n = x.dims()[0];
        let scaled = term(&x) * input;
        // One row: the whole batch is at one level.
        let c_noise = constant(vec![c_noise], [1, 1], &x);
        match &self.condition {
            Condition::Single(class) => {
                let f = self.denoiser.forward(scaled.value(), c_noise, class.clone());
                (term(&f) * out + term(&x) * skip).value()
            }
            Condition::Guided(class, weight) => {
                let both = self.denoiser.forward(scaled.stacked(2), c_noise, class.clone());
                let (conditional, null) = (term_rows(&both, 0..n), term_rows(&both, n..2 * n));
                let f = null * (1.0 - weight) + conditional * *weight;
                (f * out + term(&x) * skip).value()
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
