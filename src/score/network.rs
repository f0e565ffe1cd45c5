//! A network as a score: F and its [`Parameterisation`], with classifier-free guidance.

use burn::{
    Tensor,
    tensor::{Device, Int},
};

use super::{Coefficients, Density, Differentiable, Parameterisation, Score, constant};
use crate::{
    compute::vectors::{Sum, term, term_rows},
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

/// What the network sees, and what it says, of a batch at one level.
struct Asked {
    coefficients: Coefficients,
    x: Tensor<2>,
    c_noise: Tensor<2>,
    class: Tensor<1, Int>,
}

impl NetworkScore {
    /// `x` as the network is asked: under guidance twice below itself.
    fn ask(&self, x: &Tensor<2>, level: &Level) -> Asked {
        let coefficients = self.denoiser.parameterisation.at(level);
        // One row: the whole batch is at one level.
        let c_noise = constant(vec![coefficients.c_noise], [1, 1], x);
        let (class, times) = match &self.condition {
            Condition::Single(class) => (class.clone(), 1),
            Condition::Guided(class, _) => (class.clone(), 2),
        };
        Asked { coefficients, x: (term(x) * coefficients.input).stacked(times), c_noise, class }
    }

    /// `output` by `scale`, under guidance ∅ + w·(c − ∅) of its halves.
    fn combined<'a>(&self, output: &'a Tensor<2>, scale: f64) -> Sum<'a> {
        let combined = match &self.condition {
            Condition::Single(_) => term(output),
            Condition::Guided(_, weight) => {
                let n = output.dims()[0] / 2;
                let (conditional, null) = (term_rows(output, 0..n), term_rows(output, n..2 * n));
                null * (1.0 - weight) + conditional * *weight
            }
        };
        combined * scale
    }
}

impl Score for NetworkScore {
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        let Asked { coefficients: Coefficients { skip, out, .. }, x: scaled, c_noise, class } = self.ask(&x, level);
        let f = self.denoiser.forward(scaled, c_noise, class);
        (self.combined(&f, out) + term(&x) * skip).value()
    }

    fn evaluations(&self) -> u64 {
        match self.condition {
            Condition::Single(_) => 1,
            Condition::Guided(..) => 2,
        }
    }

    fn density(&self) -> Option<&dyn Density> {
        self.denoiser.net.has_energy().then_some(self)
    }

    fn differentiable(&self) -> Option<&dyn Differentiable> {
        self.denoiser.net.has_jvp().then_some(self)
    }
}

impl Differentiable for NetworkScore {
    fn jvp(&self, x: Tensor<2>, level: &Level, directions: &[Tensor<2>]) -> (Tensor<2>, Vec<Tensor<2>>) {
        let Asked { coefficients, x: scaled, c_noise, class } = self.ask(&x, level);
        let Coefficients { input, skip, out, .. } = coefficients;
        let times = self.evaluations() as usize;
        let repeated: Vec<_> = directions.iter().map(|v| term(v).stacked(times)).collect();
        let (f, tangents) = self.denoiser.jvp(scaled, c_noise, class, &repeated);
        let score = (self.combined(&f, out) + term(&x) * skip).value();
        let along = tangents.iter().zip(directions);
        (score, along.map(|(t, v)| (self.combined(t, out * input) + term(v) * skip).value()).collect())
    }
}

/// With F = −∇E the score skip·x + out·F(input·x) is the gradient of
///
/// log p(x) = ½·skip·|x|² − (out/input)·E(input·x) + const,
///
/// whatever the parameterisation, at every level; the constant depends on the level. Guidance combines densities as it does
/// scores.
impl Density for NetworkScore {
    fn log_density(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        let Asked { coefficients, x: scaled, c_noise, class } = self.ask(&x, level);
        let Coefficients { input, skip, out, .. } = coefficients;
        let energy = self.denoiser.net.energy(scaled, c_noise, class).expect("only an energy network has a density");
        let quadratic = x.square().sum_dim(1);
        (self.combined(&energy, -out / input) + term(&quadratic) * (0.5 * skip)).value()
    }
}

#[cfg(test)]
mod tests;
