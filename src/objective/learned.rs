//! The score under training, at the rows of a batch, each at its own level: s = skip·x + out·F(input·x) with one number of
//! each [coefficient](crate::score::Coefficients) a row.

use burn::{
    Tensor,
    tensor::{Int, TensorData},
};

use crate::{
    score::{Parameterisation, network::Denoiser},
    sde::Level,
};

/// A score at the rows of a batch, whose levels it knows.
pub trait RowScore {
    /// s(x). Of k·n rows, k copies of the batch one below the other, moved about, each row is at the level that it has in
    /// the batch.
    ///
    /// # Shapes
    /// `x` and the result: `[k·n, d]`.
    fn score(&self, x: Tensor<2>) -> Tensor<2>;
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
    /// The score of `denoiser`, read by `parameterisation`, at one level a row.
    ///
    /// # Shapes
    /// `class`: `[n]`.
    #[must_use]
    pub fn new(denoiser: &'a Denoiser, levels: &[Level], class: &'a Tensor<1, Int>) -> Self {
        let at = |level| Parameterisation::at(&denoiser.parameterisation, level);
        let coefficients: Vec<_> = levels.iter().map(at).collect();
        let column = |value: fn(&crate::score::Coefficients) -> f64| {
            let values: Vec<f32> = coefficients.iter().map(|c| value(c) as f32).collect();
            Tensor::from_data(TensorData::new(values, [levels.len(), 1]), &class.device())
        };
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
}
