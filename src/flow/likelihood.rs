//! Log-likelihood by the probability flow's instantaneous change of variables (Song et al. 2021,
//! <https://arxiv.org/abs/2011.13456>, section 4.3 and appendix D.2; Chen et al. 2018; Grathwohl et al. 2019).
//!
//! In the variables of [`crate::flow`], y = x/N and θ = atan(σ/α), ℓ = (log p)/d obeys
//!
//! dℓ/dθ = tan θ·(N²·(tr ∂s/∂x)/d + 1),
//!
//! and is integrated beside y from t_end to 1. Then, with N₀ and N₁ at the two ends,
//!
//! log p(x) = log π(x₁) + d·(ln N₁ − ln N₀ − ∫ dℓ), π = N(0, prior_std²) the prior.
//!
//! x counts as a draw at t = t_end. What comes out is an estimate, never exact: the solver has tolerances, VE's prior
//! ignores the data's mean, the flow ends before 0, and Hutchinson's divergence has a variance.
//!
//! The divergence tr ∂s/∂x is the score's own closed form where it has one
//! ([`Density::divergence`](crate::score::Density::divergence)), and else comes in forward mode or by automatic
//! differentiation ([`crate::score::divergence`]), which not every engine of the browser has.
//!
//! The solver controls the error of ℓ, in nats per dimension, by the same tolerances as that of y, and takes the larger of
//! the two.

use burn::Tensor;
use serde::Serialize;

use crate::{
    Error, Result, flow,
    flow::{
        Flow, T_END,
        dormand_prince::{DormandPrince, Tolerance},
    },
    noise::{Noise, Purpose},
    score::{
        Score,
        divergence::{Divergence, Probe},
    },
    sde::{Level, Process},
};

/// Most probes of Hutchinson's estimate.
const MOST_PROBES: usize = 1000;

/// Bits per dimension that 8-bit data on [−1, 1) have in addition to their density's: log₂ 128, since a level is 1/128 wide.
pub const OFFSET: f64 = 7.0;

/// Up to so many dimensions a divergence is exact where nobody says: a derivative per dimension is affordable.
pub const LOW_DIMENSION: usize = 16;

/// How the divergence is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "divergence")]
pub enum Method {
    /// The score's closed form where it has one, or else a direction per dimension.
    Exact,
    /// Hutchinson's estimate: the same probes from t_end to 1, fresh ones in each repeat.
    Hutchinson {
        /// Their law.
        probe: Probe,
        /// How many are averaged.
        probes: usize,
    },
}

/// How a likelihood is computed.
#[derive(Clone, Debug, PartialEq)]
pub struct LikelihoodSettings {
    /// The solver's tolerance, in y and in nats per dimension.
    pub tolerance: Tolerance,
    /// Time of the data.
    pub t_end: f64,
    /// How the divergence is computed.
    pub method: Method,
    /// Seed of the probes.
    pub seed: u64,
    /// The first sample's index: a batch that is taken in parts gives each part its own.
    pub first_sample: u64,
    /// Which of several estimates this is, from 0.
    pub repeat: u64,
}

impl Default for LikelihoodSettings {
    fn default() -> Self {
        Self {
            tolerance: Tolerance::default(),
            t_end: T_END,
            method: Method::Hutchinson { probe: Probe::Rademacher, probes: 1 },
            seed: 0,
            first_sample: 0,
            repeat: 0,
        }
    }
}

impl LikelihoodSettings {
    /// # Errors
    /// For tolerances or a number of probes out of range.
    pub fn validate(&self) -> Result<()> {
        self.tolerance.validate()?;
        match self.method {
            Method::Hutchinson { probes, .. } if !(1..=MOST_PROBES).contains(&probes) => {
                Err(Error::setting("probes", probes, format!("1 to {MOST_PROBES}")))
            }
            Method::Hutchinson { .. } | Method::Exact => Ok(()),
        }
    }

    /// Whether `score` has a closed form of its divergence, asked at the start of the flow.
    fn has_closed_form(score: &dyn Score, x: &Tensor<2>, start: &Level) -> bool {
        score.density().is_some_and(|density| density.divergence(x.clone(), start).is_some())
    }

    /// How the divergence of `score` is computed, for the rows of `x` at the level where the flow starts.
    fn trace(&self, score: &dyn Score, x: &Tensor<2>, start: &Level) -> Result<Trace> {
        if self.method == Method::Exact && Self::has_closed_form(score, x, start) {
            return Ok(Trace::Closed);
        }
        if !GRADIENTS && score.differentiable().is_none() {
            let expected =
                "a mixture or a perceptron: another network's log-likelihood needs the engine with gradients";
            return Err(Error::setting("model", "a network", expected));
        }
        let Method::Hutchinson { probe, probes } = self.method else {
            return Ok(Trace::Derivatives(Divergence::Exact));
        };
        let noise = Noise::new(self.seed);
        let draw = |i: usize| {
            let draw = self.repeat * MOST_PROBES as u64 + i as u64;
            probe.draw(&noise, self.first_sample, x.dims(), draw, &x.device()).cast(x.dtype())
        };
        Ok(Trace::Derivatives(Divergence::Hutchinson((0..probes).map(draw).collect())))
    }
}

/// Whether this engine has automatic differentiation.
const GRADIENTS: bool = cfg!(any(not(target_family = "wasm"), feature = "training"));

/// Where tr ∂s/∂x comes from.
enum Trace {
    /// The score's own closed form.
    Closed,
    /// Its derivatives.
    Derivatives(Divergence),
}

impl Trace {
    /// The score and its divergence at every row of `x`.
    fn evaluate(&self, score: &dyn Score, x: Tensor<2>, level: &Level) -> (Tensor<2>, Tensor<2>) {
        match self {
            Self::Closed => {
                let divergence = score.density().and_then(|density| density.divergence(x.clone(), level));
                let divergence = divergence.expect("a score that has a closed form has it everywhere");
                (score.score(x, level), divergence)
            }
            Self::Derivatives(divergence) => divergence.evaluate(score, &x, level),
        }
    }

    /// Evaluations of the score, in `d` dimensions.
    fn passes(&self, score: &dyn Score, d: usize) -> u64 {
        match self {
            Self::Closed => 1,
            Self::Derivatives(divergence) => divergence.passes(score, d) as u64,
        }
    }
}

/// Log-likelihoods of a batch.
#[derive(Clone, Debug)]
pub struct Likelihood {
    /// log p(x) in nats, one per sample.
    pub log_p: Vec<f64>,
    /// The samples' codes at t = 1, `[n, d]`.
    pub code: Tensor<2>,
    /// Network evaluations.
    pub nfe: u64,
    /// Whether the divergence was the score's closed form, without derivatives.
    pub closed_form: bool,
    /// Whether there was a backward pass to each evaluation: not in closed form, and not in forward mode.
    pub backward: bool,
    /// Steps of the solver, accepted and rejected.
    pub steps: [usize; 2],
}

/// log p(x) of every row of `x`.
///
/// # Shapes
/// `x`: `[n, d]`, on a device without autodiff.
///
/// # Errors
/// For settings out of range, or where the solver cannot go on.
pub async fn log_likelihood(
    score: &dyn Score,
    process: &Process,
    x: Tensor<2>,
    settings: &LikelihoodSettings,
) -> Result<Likelihood> {
    let mut estimate = Estimate::new(score, process, x, settings)?;
    while !estimate.done() {
        estimate.step(score).await?;
    }
    estimate.likelihood().await
}

/// Log-likelihoods integrated one solver step per call, for callers with other work between steps.
pub struct Estimate {
    flow: Flow,
    solver: DormandPrince,
    trace: Trace,
    backward: bool,
    /// The prior's standard deviation.
    prior: f64,
    nfe: u64,
}

impl Estimate {
    /// The integration at its start.
    ///
    /// # Shapes
    /// `x`: `[n, d]`, on a device without autodiff.
    ///
    /// # Errors
    /// For settings out of range, or where the score's divergence cannot be computed.
    pub fn new(score: &dyn Score, process: &Process, x: Tensor<2>, settings: &LikelihoodSettings) -> Result<Self> {
        settings.validate()?;
        let flow = Flow::new(process, settings.t_end)?;
        let ([n, _], [one, t_end]) = (x.dims(), flow.angles());
        let start = flow.level(t_end);
        let trace = settings.trace(score, &x, &start)?;
        let density = Tensor::zeros([n, 1], (&x.device(), x.dtype()));
        let state = vec![x / flow::norm(&start), density];
        let solver = DormandPrince::new(settings.tolerance, [t_end, one], state);
        let backward = !matches!(trace, Trace::Closed) && score.differentiable().is_none();
        Ok(Self { flow, solver, trace, backward, prior: process.prior_std(), nfe: 0 })
    }

    /// One step of the solver. At the end, nothing. The score is always the same.
    ///
    /// # Errors
    /// Where the solver cannot go on.
    pub async fn step(&mut self, score: &dyn Score) -> Result<()> {
        let Self { flow, solver, trace, nfe, .. } = self;
        let d = solver.y()[0].dims()[1];
        let mut slope = |theta: f64, state: &[Tensor<2>]| {
            let (y, level) = (state[0].clone(), flow.level(theta));
            let scale = flow::norm(&level);
            let (s, trace_of_s) = trace.evaluate(score, y.clone() * scale, &level);
            *nfe += score.evaluations() * trace.passes(score, d);
            let density = (trace_of_s * (scale * scale / d as f64) + 1.0) * level.ratio();
            vec![flow::velocity(y, s, &level), density]
        };
        solver.step(&mut slope).await
    }

    /// Whether the flow has come to t = 1.
    #[must_use]
    pub fn done(&self) -> bool {
        self.solver.done()
    }

    /// The log-likelihoods, once the flow has come to t = 1.
    ///
    /// # Errors
    /// When the device does not answer.
    pub async fn likelihood(&self) -> Result<Likelihood> {
        let [one, t_end] = self.flow.angles().map(|theta| flow::norm(&self.flow.level(theta)));
        let code = self.solver.y()[0].clone() * one;
        let change = read(&self.solver.y()[1]).await?;
        let d = code.dims()[1];
        let dim = d as f64;
        let (variance, squares) = (self.prior.powi(2), read(&code).await?);
        let log_prior = |row: &[f64]| {
            let square: f64 = row.iter().map(|x| x * x).sum();
            -0.5 * (square / variance + dim * libm::log(std::f64::consts::TAU * variance))
        };
        let closed_form = matches!(self.trace, Trace::Closed);
        let scale = libm::log(one / t_end);
        let log_p = squares.chunks_exact(d).zip(change).map(|(row, change)| log_prior(row) + dim * (scale - change));
        let (nfe, backward, steps) = (self.nfe, self.backward, self.solver.steps());
        Ok(Likelihood { log_p: log_p.collect(), code, nfe, closed_form, backward, steps })
    }
}

async fn read(x: &Tensor<2>) -> Result<Vec<f64>> {
    let data = x.clone().into_data_async().await.map_err(|error| Error::Device {
        device: "of this run".to_owned(),
        problem: format!("the likelihood cannot be read ({error})"),
        remedy: "use fewer samples, or the CPU".to_owned(),
    })?;
    Ok(data.iter().collect())
}

/// Bits per dimension: −(log p)/(d·ln 2) + offset.
#[must_use]
pub fn bits_per_dim(log_p: f64, d: usize, offset: f64) -> f64 {
    offset - log_p / (d as f64 * std::f64::consts::LN_2)
}

/// Uniform dequantisation of 8-bit data (Theis, van den Oord & Bethge 2016, <https://arxiv.org/abs/1511.01844>):
/// x = (p + u)/128 − 1 ∈ [−1, 1) with u uniform on [0, 1), counted by `first` and `repeat`.
///
/// The mean of its bits/dim with [`OFFSET`] bounds that of the discrete data from above.
///
/// # Shapes
/// `pixels`: `[n, d]` flattened, and so is the result.
#[must_use]
pub fn dequantise(pixels: &[u8], d: usize, noise: &Noise, first: u64, repeat: u64) -> Vec<f32> {
    let mut uniform = vec![0.0; d];
    let mut values = Vec::with_capacity(pixels.len());
    for (sample, row) in (first..).zip(pixels.chunks_exact(d)) {
        noise.fill_uniform(sample, Purpose::Dequantisation, repeat, &mut uniform);
        values.extend(row.iter().zip(&uniform).map(|(&p, u)| ((f64::from(p) + u) / 128.0 - 1.0) as f32));
    }
    values
}

#[cfg(test)]
mod tests;
