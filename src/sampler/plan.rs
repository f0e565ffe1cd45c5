//! What a run will do, computed once from its settings: the defaults filled in, the times, and whose noise it takes.

use super::{Settings, facts};
use crate::{Error, Result, schedule, sde::Process};

/// A run, before it starts. [`Settings::plan`] makes it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// The settings, with their defaults filled in: steps, grid, t_end and the sampler's own.
    pub settings: Settings,
    /// The model's process.
    pub process: Process,
    /// Dimensions of a sample.
    pub d: usize,
    /// Update i goes from time i to time i + 1. From 1 (or, with a leading spacing, a little below) down to `t_end`;
    /// of a sampler that chooses its steps the first alone.
    pub times: Vec<f64>,
    /// Where it will end.
    pub t_end: f64,
    /// The smallest standard deviation of the data in any direction, where it is known.
    pub narrowest: Option<f64>,
    /// By how much the lengths of Hamiltonian trajectories vary.
    pub(super) jitter: f64,
    /// Whether Tweedie's estimate is to come: where no noise is left there is nothing to denoise.
    pub denoise: bool,
    /// The first sample's index: a batch that is drawn in parts gives each part its own.
    pub first_sample: u64,
}

impl Settings {
    /// The run that these settings are for a model's process and dimensions.
    ///
    /// # Errors
    /// For the first setting that is out of its range, with the range; for a sampler that does not run on the process;
    /// and where there are no such times.
    pub fn plan(&self, process: &Process, d: usize) -> Result<Plan> {
        self.plan_for(process, d, None)
    }

    /// The same for data whose smallest standard deviation in any direction is known: dynamics at one level, which need
    /// not come down from noise, take their steps by it.
    ///
    /// # Errors
    /// Those of [`Settings::plan`].
    pub fn plan_for(&self, process: &Process, d: usize, narrowest: Option<f64>) -> Result<Plan> {
        process.validate()?;
        facts::check_ranges(self)?;
        let info = self.sampler.info();
        if !info.processes.contains(&process.name()) {
            return Err(Error::setting(
                "sampler",
                format!("{} on {}", info.name, process.name()),
                facts::expected_on(info, process),
            ));
        }
        if d == 0 {
            return Err(Error::shape("a sample", "no numbers", "one dimension or more"));
        }
        let (steps, t_end) = (self.steps.or(info.steps), t_end(self, process));
        let settings = Self { steps, ..self.clone() };
        let times = match &self.times {
            Some(times) => {
                schedule::check_times(process, times)?;
                if !info.takes("times") {
                    return Err(Error::setting("times", "given", facts::taken(info)));
                }
                (info.times)(&settings, process)?
            }
            None => {
                steps.map_or(Ok(()), schedule::check_steps)?;
                if ladder(&settings, process).is_none() {
                    schedule::check_t_end(process, t_end)?;
                }
                (info.times)(&settings, process)?
            }
        };
        let mut plan = Plan {
            denoise: self.denoise && process.level(t_end).sigma > 0.0,
            settings: Self { grid: grid(&settings, process), t_end: Some(t_end), ..settings },
            process: process.clone(),
            d,
            times,
            t_end,
            narrowest,
            jitter: 0.0,
            first_sample: 0,
        };
        (info.defaults)(&mut plan);
        // A pairing that makes no sampler is refused here.
        (info.method)(&plan)?;
        Ok(plan)
    }
}

impl Plan {
    /// Steps in all, the final denoising included, where that is known beforehand.
    #[must_use]
    pub fn total(&self) -> Option<usize> {
        self.settings.sampler.info().steps.map(|_| self.times.len() - 1 + usize::from(self.denoise))
    }

    /// Network evaluations of one step, at most; of a guided score each is two.
    #[must_use]
    pub fn evaluations(&self) -> usize {
        (self.settings.sampler.info().evaluations)(&self.settings)
    }

    /// Whether a sample depends on those that are drawn with it.
    #[must_use]
    pub fn couples(&self) -> bool {
        (self.settings.sampler.info().couples)(&self.settings)
    }

    /// The `n` samples from the one of index `first` on.
    #[must_use]
    pub fn batch(&self, first: usize, n: usize) -> Self {
        let settings = Settings { n, ..self.settings.clone() };
        Self { settings, first_sample: self.first_sample + first as u64, ..self.clone() }
    }

    /// The run of one of `parts` as equal as can be, counted from 0; `None` where there is no sample for it. Where samples
    /// are coupled the first part has all.
    ///
    /// Sample i starts from its own noise and follows its own way, and so does not depend on those beside it, to the
    /// rounding of sums in another order.
    #[must_use]
    pub fn part(&self, part: usize, parts: usize) -> Option<Self> {
        let n = self.settings.n;
        let parts = if self.couples() { 1 } else { parts.clamp(1, n.max(1)) };
        let edge = |part: usize| part * n / parts;
        (part < parts).then(|| self.batch(edge(part), edge(part + 1) - edge(part)))
    }
}

/// The last time: what was asked for, or the default. Where `spacing` rules, it is rounded to the ladder, and the
/// default is 0.
fn t_end(settings: &Settings, process: &Process) -> f64 {
    if let Some(intervals) = ladder(settings, process) {
        return settings.t_end.map_or(0.0, |t_end| libm::round(t_end * intervals as f64) / intervals as f64);
    }
    let last = settings.times.as_ref().and_then(|times| times.last().copied());
    last.or(settings.t_end).unwrap_or_else(|| process.default_t_end())
}

/// The grid: what was asked for, or the sampler's default; none where `times` are given or `spacing` rules, and for
/// samplers that have no grid.
fn grid(settings: &Settings, process: &Process) -> Option<schedule::Grid> {
    let info = settings.sampler.info();
    let other = !info.takes("grid") || settings.times.is_some() || ladder(settings, process).is_some();
    settings.grid.or_else(|| (!other).then(|| (info.grid)(process)))
}

/// M of the ladder i/M that `spacing` strides over, unless a grid or times are given.
pub(super) fn ladder(settings: &Settings, process: &Process) -> Option<usize> {
    let ladder = (settings.sampler.info().ladder)(process);
    ladder.filter(|_| settings.grid.is_none() && settings.times.is_none())
}

/// The times that `spacing` gives.
fn spaced(settings: &Settings, intervals: usize) -> Result<Vec<f64>> {
    let t_end = settings.t_end.unwrap_or(0.0);
    let last = libm::round(t_end * intervals as f64);
    if !(0.0..intervals as f64).contains(&last) || !(0.0..1.0).contains(&t_end) {
        let below = (intervals - 1) as f64 / intervals as f64;
        return Err(Error::setting("t_end", t_end, format!("0 to {below}, a time of the ladder i/{intervals}")));
    }
    settings.spacing.times(intervals, steps(settings), last as usize)
}

/// Steps asked for, or the sampler's own.
pub(super) fn steps(settings: &Settings) -> usize {
    settings.steps.or(settings.sampler.info().steps).unwrap_or(1)
}

/// The times of a sampler that descends from 1 to t_end: those given, those that `spacing` gives, or those of the grid.
pub(super) fn descend(settings: &Settings, process: &Process) -> Result<Vec<f64>> {
    if let Some(times) = &settings.times {
        return Ok(times.clone());
    }
    if let Some(intervals) = ladder(settings, process) {
        return spaced(settings, intervals);
    }
    grid_times(settings, process, steps(settings))
}

/// The times of a sampler that stays at t_end.
pub(super) fn stay(settings: &Settings, process: &Process) -> Result<Vec<f64>> {
    Ok(vec![t_end(settings, process); steps(settings) + 1])
}

/// `count` steps of the grid.
pub(super) fn grid_times(settings: &Settings, process: &Process, count: usize) -> Result<Vec<f64>> {
    let grid = settings.grid.unwrap_or_else(|| (settings.sampler.info().grid)(process));
    grid.times(process, count, t_end(settings, process))
}

/// The ladder of annealed dynamics: 1, where it starts, and then `steps` levels from 1 to t_end (a single one is at
/// t_end; as many as SMLD's process has are its own).
pub(super) fn anneal(settings: &Settings, process: &Process) -> Result<Vec<f64>> {
    let (steps, end) = (steps(settings), t_end(settings, process));
    let own = matches!(process, Process::Smld(_)) && settings.grid.is_none() && end == 0.0;
    let ladder = match &settings.times {
        Some(times) => times.clone(),
        None if steps <= 1 => vec![end],
        None if own && process.ladder() == Some(steps - 1) => {
            let last = steps - 1;
            (0..=last).map(|i| (last - i) as f64 / last as f64).collect()
        }
        None => grid_times(settings, process, steps - 1)?,
    };
    Ok(std::iter::once(1.0).chain(ladder).collect())
}
