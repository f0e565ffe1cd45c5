//! What every sampler takes: the same on the command line, in TOML, JSON and JavaScript.
//!
//! The field comments are the command line's help.

use serde::{Deserialize, Serialize};

use super::{
    choices::{Convention, Corrector, Norms, PcOrder, Predictor, SamplerKind, Variance},
    langevin,
};
use crate::{
    Error, Result, noise, schedule,
    schedule::{Grid, Spacing},
    sde::Process,
};

/// The most samples that one run may draw.
pub const MAX_SAMPLES: usize = 65_536;

/// The discretisation that DDPM's sampler gives VP: the 1000 steps of Ho et al. and of `score_sde`.
const VP_STEPS: usize = 1000;

/// What a sampler takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::Args), command(about = None, long_about = None))]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The sampler (--list-samplers says what each does)
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_enum, default_value_t = SamplerKind::Heun))]
    pub sampler: SamplerKind,
    /// Updates, on one time more from 1 to t-end
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = 18))]
    pub steps: usize,
    /// Samples
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = 16))]
    pub n: usize,
    /// Seed, 0 to 9007199254740991 (2⁵³ − 1): one seed gives one picture on every device
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = 0))]
    pub seed: u64,
    /// Class to draw, counted from 0; without it, whatever the model gives unconditionally
    #[cfg_attr(not(target_family = "wasm"), arg(long))]
    pub label: Option<usize>,
    /// Classifier-free guidance w: s∅ + w·(s_label − s∅), 1 is plain conditional; values but 0 and 1 cost two NFE
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = 1.0))]
    pub guidance: f64,
    /// Last time, and the level of ula, mala and hmc; without it 1e-3 for VP and sub-VP, 1e-5 for VE, sigma_min/sigma_max
    /// for EDM, 1/N for DDPM, 0 for SMLD and where --spacing rules
    #[cfg_attr(not(target_family = "wasm"), arg(long))]
    pub t_end: Option<f64>,
    /// Time grid; without it --spacing's levels where there are such, else the sampler's own: karras for VE and EDM and for
    /// heun on VP, log-snr for dpm and annealed-langevin, quadratic for stochastic-heun, else uniform
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_enum))]
    pub grid: Option<Grid>,
    /// End with Tweedie's estimate at t-end, for one more evaluation: data, where off leaves samples at the level of
    /// t-end; without noise there it does nothing
    #[cfg_attr(
        not(target_family = "wasm"),
        arg(long, value_name = "on|off", action = clap::ArgAction::Set, value_parser = on_off(), default_value = "on")
    )]
    pub denoise: bool,
    /// Predictor of pc
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_enum, default_value_t = Predictor::ReverseDiffusion))]
    pub predictor: Predictor,
    /// Corrector of pc
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_enum, default_value_t = Corrector::Langevin))]
    pub corrector: Corrector,
    /// Corrector steps of pc at each level
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = 1))]
    pub corrector_steps: usize,
    /// Signal-to-noise ratio of the corrector: its step is 2α(snr·‖z‖/‖s‖)²; ald's 2α(snr·σ)², a leap of hmc's 2√α·snr·σ
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = 0.16))]
    pub snr: f64,
    /// Order of pc's two halves
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_enum, default_value_t = PcOrder::Paper))]
    pub pc_order: PcOrder,
    /// Norms of the corrector's step rule
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_enum, default_value_t = Norms::Sample))]
    pub norms: Norms,
    /// Noise of ddim, 0 (none) to 1 (ancestral)
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = 0.0))]
    pub eta: f64,
    /// The times themselves, from 1 to the last, in place of --steps, --grid and --t-end
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_delimiter = ',', value_name = "1,T,…"))]
    pub times: Option<Vec<f64>>,
    /// Levels that ddpm visits, and ddim and ancestral on a ddpm or smld model; a --grid or --times overrides it
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_enum, default_value_t = Spacing::Leading))]
    pub spacing: Spacing,
    /// Variance of ddpm's steps
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_enum, default_value_t = Variance::Small))]
    pub variance: Variance,
    /// Order of dpm-solver, 1 to 3: as many evaluations a step
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = 2))]
    pub order: usize,
    /// Relative tolerance of ode
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = 1e-5))]
    pub rtol: f64,
    /// Absolute tolerance of ode
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = 1e-5))]
    pub atol: f64,
    /// Noise that edm adds before its steps (S_churn); 0 is its deterministic sampler, heun
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = 0.0))]
    pub churn: f64,
    /// Least σ/α at which edm adds noise (S_min)
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = 0.0))]
    pub churn_min: f64,
    /// Largest σ/α at which edm adds noise (S_max)
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = 1e9))]
    pub churn_max: f64,
    /// Standard deviation of edm's noise (S_noise)
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = 1.0))]
    pub churn_noise: f64,
    /// What Langevin's step size means: half (ε/2, √ε), full (ε, √2ε) or squared (ε²/2, ε)
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_enum, default_value_t = Convention::Full))]
    pub convention: Convention,
    /// Step size ε of ula and mala, of annealed-langevin at its last level, and of one leap of hmc (without convention);
    /// without it the sampler's own, by its level's σ
    #[cfg_attr(not(target_family = "wasm"), arg(long))]
    pub step_size: Option<f64>,
    /// Leapfrog steps of one move of hmc, the sampler or the corrector
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = 10))]
    pub leapfrog_steps: usize,
    /// Langevin steps of annealed-langevin at each level (T); --steps counts the levels
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = 5))]
    pub level_steps: usize,
    /// Largest size of a value of the denoised estimate; without it no limit
    #[cfg_attr(not(target_family = "wasm"), arg(long))]
    pub clip: Option<f64>,
    /// Dynamic thresholding of the denoised estimate at this quantile of each sample's sizes, down to --clip or 1
    #[cfg_attr(not(target_family = "wasm"), arg(long))]
    pub threshold: Option<f64>,
    /// The first sample's index: a batch that is drawn in parts gives each part its own.
    #[serde(skip)]
    #[cfg_attr(not(target_family = "wasm"), arg(skip))]
    pub first_sample: u64,
}

#[cfg(not(target_family = "wasm"))]
fn on_off() -> impl clap::builder::TypedValueParser<Value = bool> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    PossibleValuesParser::new(["on", "off"]).map(|value| value == "on")
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sampler: SamplerKind::default(),
            steps: 18,
            n: 16,
            seed: 0,
            label: None,
            guidance: 1.0,
            t_end: None,
            grid: None,
            denoise: true,
            predictor: Predictor::default(),
            corrector: Corrector::default(),
            corrector_steps: 1,
            snr: 0.16,
            pc_order: PcOrder::default(),
            norms: Norms::default(),
            eta: 0.0,
            times: None,
            spacing: Spacing::default(),
            variance: Variance::default(),
            order: 2,
            rtol: 1e-5,
            atol: 1e-5,
            churn: 0.0,
            churn_min: 0.0,
            churn_max: 1e9,
            churn_noise: 1.0,
            convention: Convention::default(),
            step_size: None,
            leapfrog_steps: 10,
            level_steps: 5,
            clip: None,
            threshold: None,
            first_sample: 0,
        }
    }
}

impl Settings {
    /// Checks every field, those that the chosen sampler ignores too. That `label` is a class of the
    /// model is for the model to check.
    ///
    /// # Errors
    /// For the first field that is out of its range, with the range.
    pub fn validate(&self, process: &Process) -> Result<()> {
        let whole = |field: &str, value: u64, least: u64, most: u64| {
            let ok = (least..=most).contains(&value);
            ok.then_some(()).ok_or_else(|| Error::setting(field, value, format!("{least} to {most}")))
        };
        let real = |field: &str, value: f64, least: f64, most: f64| {
            let ok = (least..=most).contains(&value);
            ok.then_some(()).ok_or_else(|| Error::setting(field, value, format!("a number from {least} to {most}")))
        };
        process.validate()?;
        match &self.times {
            Some(times) => schedule::check_times(process, times)?,
            None => {
                schedule::check_steps(self.steps)?;
                match self.ladder(process) {
                    Some(intervals) => self.spaced(intervals).map(drop)?,
                    None => schedule::check_t_end(process, self.t_end(process))?,
                }
            }
        }
        whole("n", self.n as u64, 1, MAX_SAMPLES as u64)?;
        whole("seed", self.seed, 0, noise::MAX_SEED)?;
        whole("corrector_steps", self.corrector_steps as u64, 1, 1000)?;
        crate::score::check_guidance(self.guidance)?;
        real("snr", self.snr, 1e-4, 10.0)?;
        real("eta", self.eta, 0.0, 1.0)?;
        whole("order", self.order as u64, 1, 3)?;
        real("rtol", self.rtol, 1e-12, 1.0)?;
        real("atol", self.atol, 1e-12, 1.0)?;
        real("churn", self.churn, 0.0, 1e6)?;
        real("churn_min", self.churn_min, 0.0, self.churn_max)?;
        real("churn_max", self.churn_max, 0.0, 1e9)?;
        real("churn_noise", self.churn_noise, 0.0, 10.0)?;
        whole("leapfrog_steps", self.leapfrog_steps as u64, 1, 1000)?;
        whole("level_steps", self.level_steps as u64, 1, 10_000)?;
        if let Some(step_size) = self.step_size {
            real("step_size", step_size, 1e-12, 1e6)?;
        }
        if let Some(clip) = self.clip {
            real("clip", clip, 1e-3, 1e6)?;
        }
        if let Some(threshold) = self.threshold {
            real("threshold", threshold, 0.5, 1.0)?;
        }
        if matches!(process, Process::None) && !self.sampler.stays() {
            let expected = "ula, mala or hmc: the model is a clean density, without a process from noise to it";
            return Err(Error::setting("sampler", self.sampler.name(), expected));
        }
        if self.sampler == SamplerKind::Ddpm && !matches!(process, Process::Ddpm(_) | Process::Vp(_)) {
            let expected = "a model whose process is ddpm or vp; ancestral runs on the others, too";
            return Err(Error::setting("sampler", format!("ddpm on {}", process.name()), expected));
        }
        if self.sampler.stays() && self.times.is_some() {
            let expected = format!("none: {} stays at --t-end for --steps moves", self.sampler.name());
            return Err(Error::setting("times", "given", expected));
        }
        let idle = self.predictor == Predictor::None && self.corrector == Corrector::None;
        if self.sampler == SamplerKind::Pc && idle {
            return Err(Error::setting("corrector", "none", "langevin, ald or hmc where the predictor is none"));
        }
        Ok(())
    }

    /// The last time: what was asked for, or the default. Where `spacing` rules, it is rounded to the ladder, and the
    /// default is 0.
    #[must_use]
    pub fn t_end(&self, process: &Process) -> f64 {
        if let Some(intervals) = self.ladder(process) {
            return self.t_end.map_or(0.0, |t_end| libm::round(t_end * intervals as f64) / intervals as f64);
        }
        let last = self.times.as_ref().and_then(|times| times.last().copied());
        last.or(self.t_end).unwrap_or_else(|| process.default_t_end())
    }

    /// The grid: what was asked for, or the sampler's default; none where `times` are given or `spacing` rules, and for samplers that
    /// have no grid.
    #[must_use]
    pub fn grid(&self, process: &Process) -> Option<Grid> {
        let other = self.sampler.stays()
            || self.sampler == SamplerKind::Ode
            || self.times.is_some()
            || self.ladder(process).is_some();
        (!other).then(|| self.grid.unwrap_or_else(|| self.sampler.default_grid(process)))
    }

    /// M of the ladder i/M that `spacing` strides over: the process's own for `ddpm`, `ddim` and `ancestral`, and 1000
    /// for `ddpm` on VP, unless a grid or times are given.
    fn ladder(&self, process: &Process) -> Option<usize> {
        let ladder = match (self.sampler, process) {
            (SamplerKind::Ddpm, Process::Vp(_)) => Some(VP_STEPS),
            (SamplerKind::Ddpm | SamplerKind::Ddim | SamplerKind::Ancestral, _) => process.ladder(),
            _ => None,
        };
        ladder.filter(|_| self.grid.is_none() && self.times.is_none())
    }

    /// The times that `spacing` gives.
    fn spaced(&self, intervals: usize) -> Result<Vec<f64>> {
        let t_end = self.t_end.unwrap_or(0.0);
        let last = libm::round(t_end * intervals as f64);
        if !(0.0..intervals as f64).contains(&last) || !(0.0..1.0).contains(&t_end) {
            let below = (intervals - 1) as f64 / intervals as f64;
            return Err(Error::setting("t_end", t_end, format!("0 to {below}, a time of the ladder i/{intervals}")));
        }
        self.spacing.times(intervals, self.steps, last as usize)
    }

    /// The sampler's times: update i goes from time i to time i + 1.
    ///
    /// They fall from 1 (or, with a leading spacing, a little below) to `t_end`; `ula`, `mala` and `hmc` are at `t_end`
    /// throughout; `annealed-langevin` has 1, where it starts, and then the ladder's, of `steps` levels from 1 to `t_end`
    /// (a single one is at `t_end`; as many as SMLD's process has are its own).
    ///
    /// # Errors
    /// Where [`Grid::times`] or [`Spacing::times`] has none.
    pub fn times(&self, process: &Process) -> Result<Vec<f64>> {
        if self.sampler.stays() {
            schedule::check_steps(self.steps)?;
            return Ok(vec![self.t_end(process); self.steps + 1]);
        }
        if self.sampler == SamplerKind::AnnealedLangevin {
            let ladder = match &self.times {
                Some(times) => times.clone(),
                None if self.steps <= 1 => vec![self.t_end(process)],
                None if self.is_own_ladder(process) => {
                    let last = self.steps - 1;
                    (0..=last).map(|i| (last - i) as f64 / last as f64).collect()
                }
                None => self.grid_times(process, self.steps - 1)?,
            };
            return Ok(std::iter::once(1.0).chain(ladder).collect());
        }
        if let Some(times) = &self.times {
            schedule::check_times(process, times)?;
            return Ok(times.clone());
        }
        if let Some(intervals) = self.ladder(process) {
            return self.spaced(intervals);
        }
        self.grid_times(process, self.steps)
    }

    /// Whether `steps` levels of annealed Langevin are those that SMLD's process was given.
    fn is_own_ladder(&self, process: &Process) -> bool {
        matches!(process, Process::Smld(_))
            && process.ladder() == Some(self.steps - 1)
            && self.grid.is_none()
            && self.t_end(process) == 0.0
    }

    fn grid_times(&self, process: &Process, steps: usize) -> Result<Vec<f64>> {
        let grid = self.grid.unwrap_or_else(|| self.sampler.default_grid(process));
        grid.times(process, steps, self.t_end(process))
    }

    /// The step size ε of the Langevin samplers in `d` dimensions: what was asked for, or a default by the σ of the last
    /// level; `None` for the other samplers.
    ///
    /// With S = σ at `t_end` (0.2 for a model without a process), in the full convention where one applies, it is
    /// 0.1·S² for `ula` (5 % too much variance in the narrowest direction), 1.36·d^(−1/3)·S² for `mala` (the best
    /// acceptance, 0.574, on N(0, S²I)), d^(−1/4)·S for `hmc` (acceptance 0.9 there), and for `annealed-langevin` that of
    /// NCSNv2's technique 4.
    ///
    /// # Errors
    /// Those of [`Settings::times`].
    pub fn step_size(&self, process: &Process, d: usize) -> Result<Option<f64>> {
        let times = self.times(process)?;
        let levels: Vec<_> = times.into_iter().map(|t| process.level(t)).collect();
        let default = langevin::default_step(self.sampler, self.convention, &levels, self.level_steps, d);
        Ok(default.map(|default| self.step_size.unwrap_or(default)))
    }
}

#[cfg(test)]
mod tests;
