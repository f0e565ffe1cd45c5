//! What is known of a sampler before it runs. Each stands in the sampler's own file; help, names, checks, defaults, the
//! page's form and the types of JavaScript are made of them.

use std::pin::Pin;

use burn::Tensor;

use super::{Plan, Settings, State};
use crate::{Result, schedule::Grid, score::Score, sde::Process};

/// The processes that lead from noise to data, by name.
pub const MOVING: &[&str] = &["vp", "sub-vp", "ve", "edm", "ddpm", "smld"];

/// Those, and the clean density, which has none.
pub(super) const ANY: &[&str] = &["vp", "sub-vp", "ve", "edm", "ddpm", "smld", "none"];

/// What the samplers take that move on a grid of times.
pub(super) const GRID: &[&str] = &["steps", "grid", "t_end", "times", "denoise", "clip", "threshold"];

/// A sampler's facts.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// The name on the command line, in files and in JavaScript.
    pub name: &'static str,
    /// A short title, for a list.
    pub title: &'static str,
    /// The list that it stands in.
    pub group: Group,
    /// As a caption says what it did: "… with the caption's words".
    pub caption: &'static str,
    /// One line on what it does, and its evaluations per step.
    pub help: &'static str,
    /// Where it is from: an address, or a book.
    pub paper: &'static str,
    /// Whether it draws noise on its way.
    pub stochastic: bool,
    /// Whether it accepts moves by a log-density, which a network does not have.
    pub needs_density: bool,
    /// Whether it stays at the level of t_end, where it samples pₜ; the others come down to it from t = 1.
    pub stays: bool,
    /// Steps where none are asked for; none for a sampler that chooses its own.
    pub steps: Option<usize>,
    /// Names of the settings that apply, beside those of every run ([`super::EVERY`]).
    pub settings: &'static [&'static str],
    /// Names of the processes on which it runs.
    pub processes: &'static [&'static str],
    /// Network evaluations of a step, at most and without guidance; of an adaptive solver, if it takes its first try.
    pub evaluations: fn(&Settings) -> usize,
    /// Whether a sample depends on those that are drawn with it.
    pub couples: fn(&Settings) -> bool,
    /// The grid where none is asked for, for a sampler that takes one.
    pub grid: fn(&Process) -> Grid,
    /// M of the ladder i/M that `spacing` strides over, where it does.
    pub ladder: fn(&Process) -> Option<usize>,
    /// Its times: update i goes from time i to time i + 1.
    pub(super) times: fn(&Settings, &Process) -> Result<Vec<f64>>,
    /// Fills in the settings whose defaults are rules, such as step sizes.
    pub(super) defaults: fn(&mut Plan),
    /// The sampler itself.
    pub(super) method: fn(&Plan) -> Result<Method>,
}

impl Info {
    /// Whether it takes the setting of this name.
    #[must_use]
    pub fn takes(&self, setting: &str) -> bool {
        super::EVERY.contains(&setting) || self.settings.contains(&setting)
    }
}

/// EDM's grid where the noise grows without the data shrinking, else even in t.
pub(super) fn usual_grid(process: &Process) -> Grid {
    match process {
        Process::Ve(_) | Process::Edm(_) | Process::Smld(_) => Grid::Karras.unless_far(process),
        Process::Vp(_) | Process::Ddpm(_) | Process::SubVp(_) | Process::None => Grid::Uniform,
    }
}

/// The lists that samplers stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Along the probability flow.
    Ode,
    /// Along the reverse SDE.
    Sde,
    /// On a discrete chain's own levels.
    Discrete,
    /// Dynamics whose stationary density is pₜ.
    Langevin,
}

impl Group {
    /// The list's title.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Ode => "ODE",
            Self::Sde => "SDE",
            Self::Discrete => "Discrete",
            Self::Langevin => "Langevin",
        }
    }
}

/// One update of a sampler.
pub(super) trait Update {
    /// The samples at the level that the current update reaches.
    fn update(&mut self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Tensor<2>;
}

/// One update of a sampler that waits for the device.
pub(super) trait AdaptiveUpdate {
    /// The samples at the level that it has chosen.
    fn update<'a>(&'a mut self, x: Tensor<2>, state: &'a mut State, score: &'a dyn Score) -> Updated<'a>;
}

/// Samples to wait for.
pub(super) type Updated<'a> = Pin<Box<dyn Future<Output = Result<Tensor<2>>> + 'a>>;

/// How a sampler moves.
pub(super) enum Method {
    /// On the times of its plan, without waiting for the device.
    Planned(Box<dyn Update>),
    /// On times that it chooses by an error that the device has computed.
    Adaptive(Box<dyn AdaptiveUpdate>),
}

impl Method {
    pub(super) fn of(update: impl Update + 'static) -> Self {
        Self::Planned(Box::new(update))
    }

    pub(super) async fn update(&mut self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Result<Tensor<2>> {
        match self {
            Self::Planned(method) => Ok(method.update(x, state, score)),
            Self::Adaptive(method) => method.update(x, state, score).await,
        }
    }
}
