//! What the commands along the probability flow share: their labels, tolerances and batches.

use anyhow::Result;
use burn::{
    Tensor,
    tensor::{Device, TensorData},
};
use indicatif::{ProgressBar, ProgressStyle};

use super::{model, npy, samples::Values};
use crate::{
    flow::{T_END, codes::SolverSettings, dormand_prince::Tolerance},
    model::Model,
    schedule,
};

/// Samples that take the solver's steps together: the rest waits, so that memory does not grow with --n.
pub(super) const BATCH: usize = 64;

/// The flow and its tolerances.
#[derive(clap::Args)]
pub(super) struct Args {
    /// A shipped model's name, a weights file, or a mixture's TOML file.
    #[arg(long, default_value = model::DEFAULT)]
    pub model: String,
    /// Class, counted from 0; without it the unconditional score.
    #[arg(long)]
    pub label: Option<usize>,
    /// Relative tolerance of the solver.
    #[arg(long, default_value_t = 1e-5)]
    pub rtol: f64,
    /// Absolute tolerance of the solver.
    #[arg(long, default_value_t = 1e-5)]
    pub atol: f64,
    /// Time of the data.
    #[arg(long, default_value_t = T_END)]
    pub t_end: f64,
    /// What the numbers of an NPY file of images are; without it they must lie in [−1, 1], and look so.
    #[arg(long, value_enum)]
    pub values: Option<Values>,
}

impl Args {
    pub fn tolerance(&self) -> Tolerance {
        Tolerance { rtol: self.rtol, atol: self.atol }
    }

    pub fn settings(&self) -> SolverSettings {
        SolverSettings { tolerance: self.tolerance(), t_end: self.t_end }
    }

    /// Loads the model, and finds what would fail once the work has begun.
    pub fn open(&self, device: &Device) -> Result<Model> {
        let model = model::load(&self.model, device)?;
        self.tolerance().validate()?;
        schedule::check_t_end(model.process(), self.t_end)?;
        model.score(&[self.label], 1.0, device)?;
        Ok(model)
    }
}

/// Rows of `d` numbers on a device.
pub(super) fn rows(values: &[f32], d: usize, device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len() / d, d]), device)
}

/// A bar of `total` batches, on standard error.
pub(super) fn bar(total: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} batches · {msg} · {eta} left")
        .expect("the template is a constant that parses");
    ProgressBar::new(total as u64).with_style(style)
}

/// An NPY file of samples or codes of `model`.
pub(super) fn read_rows(path: &std::path::Path, model: &Model) -> Result<Vec<f32>> {
    let array = npy::read(path)?;
    array.rows(path, model.space())?;
    Ok(array.values)
}
