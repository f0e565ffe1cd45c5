//! The score under training, at the rows of a batch, each at its own level: s = skip·x + out·F(input·x) with one number
//! of each [coefficient](Coefficients) a row.

use burn::{Tensor, tensor::Int};

use super::Samples;
use crate::score::{Coefficients, network::Denoiser};

/// A score at the rows of a batch, whose levels it knows.
pub trait RowScore {
    /// s(x). Of k·n rows, k copies of the batch one below the other, moved about, each row is at the level that it has
    /// in the batch.
    ///
    /// # Shapes
    /// `x` and the result: `[k·n, d]`.
    fn score(&self, x: Tensor<2>) -> Tensor<2>;

    /// s and (∂s/∂x)·v for each direction v.
    ///
    /// # Shapes
    /// `x`, each direction and each result: `[n, d]`.
    ///
    /// # Panics
    /// Where the network has no derivative in forward mode; a run that needs it is refused by its configuration.
    fn jvp(&self, x: Tensor<2>, directions: &[Tensor<2>]) -> (Tensor<2>, Vec<Tensor<2>>);
}

/// A network's score.
#[derive(Clone, Debug)]
pub struct Learned<'a> {
    denoiser: &'a Denoiser,
    class: &'a Tensor<1, Int>,
    input: Tensor<2>,
    c_noise: Tensor<2>,
    skip: Tensor<2>,
    out: Tensor<2>,
}

impl<'a> Learned<'a> {
    /// The score of `denoiser` at the levels of `samples`.
    ///
    /// # Shapes
    /// `class`: `[n]`.
    #[must_use]
    pub fn new(denoiser: &'a Denoiser, samples: &Samples, class: &'a Tensor<1, Int>) -> Self {
        let coefficients: Vec<_> = samples.levels.iter().map(|level| denoiser.parameterisation.at(level)).collect();
        let column = |of: fn(&Coefficients) -> f64| samples.tensor(coefficients.iter().map(of).collect(), 1);
        Self {
            denoiser,
            class,
            input: column(|c| c.input),
            c_noise: column(|c| c.c_noise),
            skip: column(|c| c.skip),
            out: column(|c| c.out),
        }
    }
}

impl RowScore for Learned<'_> {
    fn score(&self, x: Tensor<2>) -> Tensor<2> {
        let copies = x.dims()[0] / self.input.dims()[0];
        let column = |column: &Tensor<2>| column.clone().repeat_dim(0, copies);
        let class = self.class.clone().repeat_dim(0, copies);
        let f = self.denoiser.forward(x.clone() * column(&self.input), column(&self.c_noise), class);
        x * column(&self.skip) + f * column(&self.out)
    }
    /// ∂s/∂x = skip·I + out·input·∂F/∂x̂.
    fn jvp(&self, x: Tensor<2>, directions: &[Tensor<2>]) -> (Tensor<2>, Vec<Tensor<2>>) {
        let scaled = x.clone() * self.input.clone();
        let (f, tangents) = self.denoiser.jvp(scaled, self.c_noise.clone(), self.class.clone(), directions);
        let inner = self.out.clone() * self.input.clone();
        let of = |(tangent, v): (Tensor<2>, &Tensor<2>)| v.clone() * self.skip.clone() + tangent * inner.clone();
        let tangents = tangents.into_iter().zip(directions).map(of).collect();
        (x * self.skip.clone() + f * self.out.clone(), tangents)
    }
}
