//! Samples at which a score is asked something: of the data, or of a process's pₜ at levels that are drawn, one a row,
//! each with the weight λ(t) = σ².

use burn::{
    Tensor,
    tensor::{DType, Device, TensorData},
};

use super::Times;
use crate::{
    compute::parallel::map_chunks,
    noise::{Noise, Purpose},
    sde::{Level, Process},
};

/// Samples, one of pₜ a row with its level.
#[derive(Clone, Debug)]
pub struct Samples {
    /// x, row by row.
    pub x: Vec<f64>,
    /// Numbers in a row.
    pub dim: usize,
    /// Where on the process each row is.
    pub levels: Vec<Level>,
    /// The length over which the score changes, one a row: σ at a noise level, the data's standard deviation without
    /// noise.
    pub scales: Vec<f64>,
    /// λ, one a row; none where all are 1.
    pub weights: Option<Vec<f64>>,
    /// Where and in which precision tensors are.
    pub options: (Device, DType),
}

impl Samples {
    /// Perturbs the rows of `clean`, `dim` numbers each, or leaves them where `process` is none.
    #[must_use]
    pub fn draw(
        (clean, dim): (&[f32], usize),
        (process, times, sigma_data): (&Process, &Times, f64),
        one_level: bool,
        (noise, step): (&Noise, u64),
        device: &Device,
    ) -> Self {
        let mut x: Vec<f64> = clean.iter().map(|x| f64::from(*x)).collect();
        let options = (device.clone(), DType::F32);
        if *process == Process::None {
            let levels = vec![process.level(0.0); clean.len() / dim];
            return Self { scales: vec![sigma_data; levels.len()], x, dim, levels, weights: None, options };
        }
        let levels: Vec<_> = map_chunks(&mut x, dim, |row, x| {
            let level = times.level(process, noise, step, if one_level { 0 } else { row as u64 });
            let mut epsilon = vec![0.0; dim];
            noise.fill_normal(row as u64, Purpose::Perturbation, step, &mut epsilon);
            x.iter_mut().zip(&epsilon).for_each(|(x, e)| *x = level.alpha * *x + level.sigma * f64::from(*e));
            level
        });
        let scales: Vec<_> = levels.iter().map(|level| level.sigma).collect();
        let weights = Some(scales.iter().map(|sigma| sigma * sigma).collect());
        Self { x, dim, levels, scales, weights, options }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.levels.len()
    }

    /// Host numbers as a tensor.
    ///
    /// # Shapes
    /// `values`: rows of `width`.
    #[must_use]
    pub fn tensor(&self, values: Vec<f64>, width: usize) -> Tensor<2> {
        let (device, dtype) = &self.options;
        let rows = values.len() / width;
        let data = TensorData::new(values, [rows, width]);
        // Not every device has f64: the host rounds.
        let data = if *dtype == DType::F64 { data } else { data.convert::<f32>() };
        Tensor::from_data(data, (device, *dtype))
    }

    /// x, `[n, d]`.
    #[must_use]
    pub fn tensor_of_x(&self) -> Tensor<2> {
        self.tensor(self.x.clone(), self.dim)
    }

    /// The mean over rows of λ times `terms`.
    ///
    /// # Shapes
    /// `terms`: `[n, 1]`; result: `[1]`.
    #[must_use]
    pub fn mean(&self, terms: Tensor<2>) -> Tensor<1> {
        match &self.weights {
            None => terms.mean(),
            Some(weights) => (terms * self.tensor(weights.clone(), 1)).mean(),
        }
    }
}
