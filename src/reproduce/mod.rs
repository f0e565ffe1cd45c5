//! Published results, re-created: each number beside the published one, with the tolerance and its reason, and a figure.
//!
//! Most run on exact scores of analytic mixtures, or are arithmetic: what differs from the paper is then the sampler, not
//! the network. `ncsn_learned` and `ssm` train networks of seconds. A new result is a file with a `run` and an arm of [`Experiment`].

mod annealed_bias;
mod ladders;
mod langevin_bias;
mod likelihood;
mod ncsn_learned;
mod ncsn_mixture;
mod one_dimensional;
mod solvers;
mod ssm;

use burn::{
    Tensor,
    tensor::{DType, Device},
};
use serde::Serialize;

use crate::{
    Result,
    sampler::{Sampler, Settings},
    score::Score,
    sde::Process,
};

/// The seed of what is random.
pub const SEED: u64 = 1;

/// A published result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Experiment {
    /// Plain Langevin loses a mixture's weights, annealed Langevin recovers them.
    NcsnMixture,
    /// The same with learned scores: where they are right, and what plain and annealed Langevin make of them.
    NcsnMixtureLearned,
    /// A 1-D mixture from 10,000 uniform starts, over time.
    OneDimensional,
    /// ULA's bias, and its removal by MALA and HMC.
    LangevinBias,
    /// Annealed Langevin's bias, and its fall with the steps per level.
    AnnealedBias,
    /// Orders of convergence on an exact score.
    SolverOrders,
    /// EDM's gains on its own grid.
    EdmGain,
    /// DDIM's gain at 10 to 1000 steps.
    DdimGain,
    /// Likelihood of Gaussian data by the probability flow.
    GaussianLikelihood,
    /// NCSNv2's five noise ladders.
    Ladders,
    /// Sliced score matching against the exact trace.
    Ssm,
}

/// One number beside the published one.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What is compared.
    pub what: String,
    /// The published value.
    pub published: f64,
    /// What we get.
    pub ours: f64,
    /// By how much they may differ.
    pub tolerance: f64,
    /// Why by so much.
    pub reason: String,
    /// The published value is the least that it may be.
    pub at_least: bool,
}

impl Check {
    fn new(what: impl Into<String>, published: f64, ours: f64, tolerance: f64, reason: impl Into<String>) -> Self {
        Self { what: what.into(), published, ours, tolerance, reason: reason.into(), at_least: false }
    }

    /// What was said to be large: at least `least`.
    fn at_least(what: impl Into<String>, least: f64, ours: f64, reason: impl Into<String>) -> Self {
        Self { at_least: true, ..Self::new(what, least, ours, 0.0, reason) }
    }

    /// Whether the two agree. A NaN does not.
    #[must_use]
    pub fn holds(&self) -> bool {
        let above = self.ours - self.published;
        if self.at_least { above >= 0.0 } else { above.abs() <= self.tolerance }
    }
}

/// A re-created result.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The numbers.
    pub checks: Vec<Check>,
    /// File names and SVG texts.
    pub figures: Vec<(String, String)>,
    /// Score evaluations that it took.
    pub nfe: u64,
}

impl Experiment {
    /// Every result.
    pub const ALL: &[Self] = &[
        Self::NcsnMixture,
        Self::NcsnMixtureLearned,
        Self::OneDimensional,
        Self::LangevinBias,
        Self::AnnealedBias,
        Self::SolverOrders,
        Self::EdmGain,
        Self::DdimGain,
        Self::GaussianLikelihood,
        Self::Ladders,
        Self::Ssm,
    ];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NcsnMixture => "ncsn-mixture",
            Self::NcsnMixtureLearned => "ncsn-mixture-learned",
            Self::OneDimensional => "mixture-1d",
            Self::LangevinBias => "langevin-bias",
            Self::AnnealedBias => "annealed-bias",
            Self::SolverOrders => "solver-orders",
            Self::EdmGain => "edm-gain",
            Self::DdimGain => "ddim-gain",
            Self::GaussianLikelihood => "gaussian-likelihood",
            Self::Ladders => "ncsnv2-ladders",
            Self::Ssm => "ssm",
        }
    }

    /// What it shows, and where that was published.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::NcsnMixture => {
                "plain Langevin loses a mixture's weights, annealed Langevin recovers them (Song & Ermon 2019, figures 2, 3)"
            }
            Self::NcsnMixtureLearned => {
                "learned scores are right where there are data: plain and noise-conditional training (Song & Ermon 2019, figures 2, 3)"
            }
            Self::OneDimensional => "0.6·N(2, 0.5²) + 0.4·N(−2, 0.2²) by Langevin from 10,000 uniform starts",
            Self::LangevinBias => "ULA's bias on N(0, 1), and its removal by MALA and HMC (Roberts & Tweedie 1996)",
            Self::AnnealedBias => {
                "annealed Langevin's bias in a mixture's weights, which falls with the steps per level (Song & Ermon 2020)"
            }
            Self::SolverOrders => "orders of convergence on an exact score (Lu et al. 2022; Karras et al. 2022)",
            Self::EdmGain => "Euler and Heun on EDM's grid (Karras et al. 2022)",
            Self::DdimGain => "DDIM's gain on N(0, 1) (Song, Meng & Ermon 2021)",
            Self::GaussianLikelihood => {
                "log-likelihood by the probability flow against the closed form (Song et al. 2021)"
            }
            Self::Ladders => "NCSNv2's five published noise ladders (Song & Ermon 2020)",
            Self::Ssm => {
                "sliced score matching against the exact trace: bias, variance, error, cost (Song et al. 2019)"
            }
        }
    }

    /// Re-creates it.
    ///
    /// # Errors
    /// When the device fails.
    pub fn run(self, device: &Device) -> Result<Report> {
        match self {
            Self::NcsnMixture => ncsn_mixture::run(device),
            Self::NcsnMixtureLearned => ncsn_learned::run(device),
            Self::OneDimensional => one_dimensional::run(device),
            Self::LangevinBias => langevin_bias::run(device),
            Self::AnnealedBias => annealed_bias::run(device),
            Self::SolverOrders => solvers::orders(),
            Self::EdmGain => solvers::edm_gain(),
            Self::DdimGain => solvers::ddim_gain(),
            Self::GaussianLikelihood => likelihood::run(),
            Self::Ladders => ladders::run(),
            Self::Ssm => ssm::run(device),
        }
    }
}

/// Runs a sampler to its end.
fn finish(sampler: &mut Sampler, score: &dyn Score) -> Result<()> {
    while sampler.step(score)?.is_some() {}
    Ok(())
}

/// The samples of a run from `x`, in f64 on the CPU, and its evaluations.
fn solve(settings: &Settings, process: &Process, x: &[f64], score: &dyn Score) -> Result<(Vec<f64>, u64)> {
    let data = burn::tensor::TensorData::new(x.to_vec(), [x.len(), 1]);
    let x = Tensor::from_data(data, (&Device::flex(), DType::F64));
    let settings = Settings { n: x.dims()[0], ..settings.clone() };
    let mut sampler = Sampler::with_init(&settings.plan(process, 1)?, x)?;
    finish(&mut sampler, score)?;
    Ok((values(sampler.x()), sampler.nfe()))
}

/// All values of a tensor.
fn values<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().convert::<f64>().iter::<f64>().collect()
}

/// Mean and variance.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n)
}
