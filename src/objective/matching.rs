//! Objectives that know no target but ask something of the score itself at samples of a density, a [`Criterion`]: for the
//! data as they are where the process is `none`; where it has noise, for the process's densities pₜ, at levels that are
//! drawn as a denoising loss's are, with the weight λ(t) = σ².
//!
//! The parameterisation is EDM's at noise levels, as that of `denoising`, with which such an objective can be compared.

use std::fmt;

use burn::{
    Tensor,
    tensor::{DType, Device, TensorData},
};

use super::{Batch, Learned, Objective, RowScore, Times};
use crate::{
    Error, Result,
    compute::parallel::map_chunks,
    data::Source,
    noise::{Noise, Purpose},
    score::{Parameterisation, network::Denoiser},
    sde::{Level, Process},
};

/// What is asked of a score at samples.
pub trait Criterion: fmt::Debug + Send + Sync {
    /// Whether rows are compared with one another, so that a batch must be at one level.
    const ONE_LEVEL: bool = false;

    /// As [`Objective::prepare`].
    ///
    /// # Errors
    /// As there.
    fn prepare(&mut self, data: &dyn Source) -> Result<()> {
        let _ = data;
        Ok(())
    }

    /// The loss. What is drawn for it is a function of (`noise`, `step`, row) alone.
    ///
    /// # Shapes
    /// Result: `[1]`.
    fn loss(&self, score: &dyn RowScore, samples: &Samples, noise: &Noise, step: u64) -> Tensor<1>;
}

/// Samples, one of pₜ a row with its level.
#[derive(Clone, Debug)]
pub struct Samples {
    /// x, row by row.
    pub x: Vec<f64>,
    /// Numbers in a row.
    pub dim: usize,
    /// Where on the process each row is.
    pub levels: Vec<Level>,
    /// The length over which the score changes, one a row: σ at a noise level, the data's standard deviation without noise.
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

/// A criterion as the objective of one process.
#[derive(Clone, Debug)]
pub struct Matching<C> {
    /// What is asked of the score.
    pub criterion: C,
    process: Process,
    times: Times,
    sigma_data: f64,
}

impl<C: Criterion> Matching<C> {
    /// For `process` with these `times`, where it has noise, and data of standard deviation `sigma_data`.
    #[must_use]
    pub fn new(criterion: C, process: &Process, times: Option<Times>, sigma_data: f64) -> Self {
        Self { criterion, process: process.clone(), times: times.unwrap_or_default(), sigma_data }
    }
}

/// Checks times that a process without noise has no use for.
///
/// # Errors
/// When a number is out of its range, or there are times without noise.
pub(super) fn check_times(times: Option<&Times>, process: &Process) -> Result<()> {
    match times {
        Some(_) if *process == Process::None => {
            Err(Error::setting("objective.times", "given", "none where process.kind = none, which has no levels"))
        }
        Some(times) => times.validate(),
        None => Ok(()),
    }
}

impl<C: Criterion> Objective for Matching<C> {
    fn parameterisation(&self) -> Parameterisation {
        let sigma_data = self.sigma_data;
        match self.process {
            Process::None => Parameterisation::Clean { sigma_data },
            _ => Parameterisation::Edm { sigma_data },
        }
    }

    fn prepare(&mut self, data: &dyn Source) -> Result<()> {
        self.criterion.prepare(data)
    }

    fn loss(&self, denoiser: &Denoiser, batch: &Batch, noise: &Noise, step: u64) -> Tensor<1> {
        let clean = (&batch.clean[..], batch.dim);
        let process = (&self.process, &self.times, self.sigma_data);
        let samples = Samples::draw(clean, process, C::ONE_LEVEL, (noise, step), &batch.device());
        let score = Learned::new(denoiser, &samples.levels, &batch.class);
        self.criterion.loss(&score, &samples, noise, step)
    }
}
