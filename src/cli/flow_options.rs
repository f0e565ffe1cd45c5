//! What the commands along the probability flow share: their data, labels, tolerances and batches.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use burn::{
    Tensor,
    tensor::{Device, TensorData},
};
use indicatif::{ProgressBar, ProgressStyle};

use super::{model, npy};
use crate::{
    Error,
    data::{Dataset, DatasetName, Split},
    flow::{T_END, codes::SolverSettings, dormand_prince::Tolerance},
    model::Model,
    schedule,
};

/// Samples that take the solver's steps together: the rest waits, so that memory does not grow with --n.
pub(super) const BATCH: usize = 64;
/// The shipped data's test set, in place of a file.
const TEST: &str = "test";

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

/// Samples, `[n, d]` flattened; of the test set as bytes.
pub(super) enum Data {
    Numbers(Vec<f32>),
    Pixels(Vec<u8>),
}

impl Data {
    /// The first `n` samples (all of them, where that is not given) of an NPY file or of the test set.
    pub fn read(data: &str, n: Option<usize>, model: &Model) -> Result<Self> {
        let d = model.dim();
        let first = |len: usize| match n {
            Some(n) if !(1..=len).contains(&n) => Err(Error::setting("n", n, format!("1 to {len}, what {data} has"))),
            n => Ok(n.unwrap_or(len) * d),
        };
        if data == TEST {
            let mut set = Dataset::load(DatasetName::default(), Split::Test, None)?;
            if set.shape != model.shape() {
                bail!(
                    "{} has images of {:?}, this model of {:?}: give an NPY file",
                    set.name,
                    set.shape,
                    model.shape()
                );
            }
            let keep = first(set.len())?;
            set.images.truncate(keep);
            return Ok(Self::Pixels(set.images));
        }
        let path = PathBuf::from(data);
        let array = npy::read(&path)?;
        let keep = first(array.rows(&path, model.shape())?)?;
        let mut values = array.values;
        values.truncate(keep);
        Ok(Self::Numbers(values))
    }

    /// The samples as numbers, pixels p as p/127.5 − 1.
    pub fn numbers(self) -> Vec<f32> {
        match self {
            Self::Numbers(values) => values,
            Self::Pixels(pixels) => pixels.into_iter().map(crate::data::unit).collect(),
        }
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

/// Finds a missing folder before the work is done.
pub(super) fn check_folder(path: &std::path::Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        bail!("{}: there is no such folder; make it first", path.display());
    }
    Ok(())
}

/// An NPY file of samples or codes of `model`.
pub(super) fn read_rows(path: &std::path::Path, model: &Model) -> Result<Vec<f32>> {
    let array = npy::read(path)?;
    array.rows(path, model.shape()).context("samples and codes have the model's shape")?;
    Ok(array.values)
}
