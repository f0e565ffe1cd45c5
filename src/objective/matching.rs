//! Objectives that know no target but ask something of the score itself at samples of a density, a [`Criterion`]: for
//! the data as they are where the process is `none`; where it has noise, for the process's densities pₜ, at levels that
//! are drawn as a denoising loss's are, with the weight λ(t) = σ².
//!
//! Without noise the network is the score itself ([`Parameterisation::Clean`]); the parameterisation is EDM's at noise
//! levels, as that of `denoising`, with which such an objective can be compared.

use std::fmt;

use burn::Tensor;

use super::{Batch, Learned, Objective, RowScore, Samples, Times};
use crate::{
    Error, Result,
    data::Source,
    noise::Noise,
    score::{Parameterisation, network::Denoiser},
    sde::Process,
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

    /// Each row's part of the loss, which is their mean weighted by λ. What is drawn for it is a function of (`noise`,
    /// `step`, row) alone.
    ///
    /// # Shapes
    /// Result: `[n, 1]`.
    fn terms(&self, score: &dyn RowScore, samples: &Samples, noise: &Noise, step: u64) -> Tensor<2>;
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
        let score = Learned::new(denoiser, &samples, &batch.class);
        samples.mean(self.criterion.terms(&score, &samples, noise, step))
    }
}
