//! What denoising losses have in common: at a perturbed input the network learns a target that is known.
//!
//! Input and target are combinations of the clean x₀ and the noise ε with coefficients of the row's noise level, and
//! the loss is the mean over rows and dimensions of w·(F − F*)².

use burn::{
    Tensor,
    tensor::{Device, Int, TensorData},
};

use crate::{
    compute::parallel::map_rows,
    noise::{Noise, Purpose},
    score::network::Denoiser,
};

/// What one row's noise level makes of x₀ and ε, both pairs of coefficients in this order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// What the network sees.
    pub input: [f64; 2],
    /// The level as the network is told it.
    pub c_noise: f64,
    /// What the network is to say: F*.
    pub target: [f64; 2],
    /// w.
    pub weight: f64,
}

/// A batch for the network: what it sees and what it should say.
#[derive(Clone, Debug)]
pub struct Regression {
    /// `[n, d]`.
    pub input: Tensor<2>,
    /// `[n, 1]`.
    pub c_noise: Tensor<2>,
    /// F*, `[n, d]`.
    pub target: Tensor<2>,
    /// w, `[n, 1]`; none where all are 1.
    pub weight: Option<Tensor<2>>,
}

impl Regression {
    /// Perturbs the rows of `clean`, `d` numbers each. The noise is a function of (`noise`, `step`, row) alone, and
    /// `row` is to be one, too.
    #[must_use]
    pub fn draw(
        clean: &[f32],
        d: usize,
        (noise, step): (&Noise, u64),
        device: &Device,
        row: impl Fn(u64) -> Row + Sync,
    ) -> Self {
        let n = clean.len() / d;
        let (mut input, mut target) = (vec![0.0f32; n * d], vec![0.0f32; n * d]);
        let mut rows: Vec<_> = clean.chunks(d).zip(input.chunks_mut(d)).zip(target.chunks_mut(d)).collect();
        let levels = map_rows(&mut rows, 1, d, |index, rows| {
            let Row { input: [keep, add], c_noise, target: [of_data, of_noise], weight } = row(index as u64);
            let mut epsilon = vec![0.0; d];
            noise.fill_normal(index as u64, Purpose::Perturbation, step, &mut epsilon);
            for ((clean, input), target) in rows {
                for (((x0, e), input), target) in clean.iter().zip(&epsilon).zip(&mut **input).zip(&mut **target) {
                    let (x0, e) = (f64::from(*x0), f64::from(*e));
                    *input = (keep * x0 + add * e) as f32;
                    *target = (of_data * x0 + of_noise * e) as f32;
                }
            }
            (c_noise as f32, weight as f32)
        });
        let tensor = |values: Vec<f32>, d| Tensor::from_data(TensorData::new(values, [n, d]), device);
        let (c_noise, weight): (Vec<f32>, Vec<f32>) = levels.into_iter().unzip();
        let weight = weight.iter().any(|&weight| weight != 1.0).then_some(weight);
        Self {
            input: tensor(input, d),
            c_noise: tensor(c_noise, 1),
            target: tensor(target, d),
            weight: weight.map(|weight| tensor(weight, 1)),
        }
    }

    /// The mean of w·(F − F*)².
    ///
    /// # Shapes
    /// `class`: `[n]`; result: `[1]`.
    #[must_use]
    pub fn loss(self, denoiser: &Denoiser, class: &Tensor<1, Int>) -> Tensor<1> {
        let output = denoiser.forward(self.input, self.c_noise, class.clone());
        let squares = (output - self.target).square();
        match self.weight {
            None => squares.mean(),
            Some(weight) => (squares * weight).mean(),
        }
    }
}
