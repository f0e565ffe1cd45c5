//! What every sampler takes: the same on the command line, in TOML, JSON and JavaScript.
//!
//! The field comments are the command line's help. A setting is a field, its default and its facts ([`SETTINGS`]).

use serde::{Deserialize, Serialize};

use super::{
    Bh, Convention, Corrector, Norms, PcOrder, Predictor, SamplerKind, Variance,
    facts::{Kind, Setting, integer, number},
};
use crate::{
    noise,
    schedule::{Grid, MAX_STEPS, Spacing},
    score::MAX_GUIDANCE,
};

/// The most samples that one run may draw.
pub const MAX_SAMPLES: usize = 65_536;

/// The most of one run in a browser: activations take about half a megabyte each, and WebAssembly has 4 GB.
pub const MAX_BROWSER_SAMPLES: usize = 1024;

/// What a sampler takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::Args), command(about = None, long_about = None))]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The sampler (--list-samplers says what each does)
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_enum, default_value_t = SamplerKind::default()))]
    pub sampler: SamplerKind,
    /// Updates, on one time more from 1 to t-end; without it the sampler's own number
    #[cfg_attr(not(target_family = "wasm"), arg(long))]
    pub steps: Option<usize>,
    /// Samples
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = Settings::default().n))]
    pub n: usize,
    /// Seed, 0 to 9007199254740991 (2⁵³ − 1): one seed gives one picture on every device
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = Settings::default().seed))]
    pub seed: u64,
    /// Class to draw, counted from 0; without it, whatever the model gives unconditionally
    #[cfg_attr(not(target_family = "wasm"), arg(long))]
    pub label: Option<usize>,
    /// Classifier-free guidance w: s∅ + w·(s_label − s∅), 1 is plain conditional; values but 0 and 1 cost two NFE
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = Settings::default().guidance))]
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
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_enum, default_value_t = Predictor::default()))]
    pub predictor: Predictor,
    /// Corrector of pc
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_enum, default_value_t = Corrector::default()))]
    pub corrector: Corrector,
    /// Corrector steps of pc at each level
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = Settings::default().corrector_steps))]
    pub corrector_steps: usize,
    /// Signal-to-noise ratio of the corrector: its step is 2α(snr·‖z‖/‖s‖)²; ald's 2α(snr·σ)², a leap of hmc's 2√α·snr·σ
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = Settings::default().snr))]
    pub snr: f64,
    /// Order of pc's two halves
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_enum, default_value_t = PcOrder::default()))]
    pub pc_order: PcOrder,
    /// Norms of the corrector's step rule
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_enum, default_value_t = Norms::default()))]
    pub norms: Norms,
    /// Noise of ddim, 0 (none) to 1 (ancestral)
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = Settings::default().eta))]
    pub eta: f64,
    /// The times themselves, from 1 to the last, in place of --steps, --grid and --t-end
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_delimiter = ',', value_name = "1,T,…"))]
    pub times: Option<Vec<f64>>,
    /// Levels that ddpm visits, and ddim and ancestral on a ddpm or smld model; a --grid or --times overrides it
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_enum, default_value_t = Spacing::default()))]
    pub spacing: Spacing,
    /// Variance of ddpm's steps
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_enum, default_value_t = Variance::default()))]
    pub variance: Variance,
    /// Order of dpm-solver, 1 to 3: as many evaluations per step; and of unipc's predictor
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = Settings::default().order))]
    pub order: usize,
    /// B(h) of unipc's steps
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_enum, default_value_t = Bh::default()))]
    pub bh: Bh,
    /// Relative tolerance of ode
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = Settings::default().rtol))]
    pub rtol: f64,
    /// Absolute tolerance of ode
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = Settings::default().atol))]
    pub atol: f64,
    /// Noise that edm adds before its steps (S_churn); 0 is its deterministic sampler, heun
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = Settings::default().churn))]
    pub churn: f64,
    /// Least σ/α at which edm adds noise (S_min)
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = Settings::default().churn_min))]
    pub churn_min: f64,
    /// Largest σ/α at which edm adds noise (S_max)
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = Settings::default().churn_max))]
    pub churn_max: f64,
    /// Standard deviation of edm's noise (S_noise)
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = Settings::default().churn_noise))]
    pub churn_noise: f64,
    /// What Langevin's step size means: half (ε/2, √ε), full (ε, √2ε) or squared (ε²/2, ε)
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_enum, default_value_t = Convention::default()))]
    pub convention: Convention,
    /// Step size ε of ula and mala, of annealed-langevin at its last level, and of one leap of hmc (without convention);
    /// without it the sampler's own, by the narrowest width that the samples can have
    #[cfg_attr(not(target_family = "wasm"), arg(long))]
    pub step_size: Option<f64>,
    /// Leapfrog steps of one move of hmc, the sampler or the corrector; without it about a quarter turn of the narrowest
    /// direction, by steps that vary a little
    #[cfg_attr(not(target_family = "wasm"), arg(long))]
    pub leapfrog_steps: Option<usize>,
    /// Langevin steps of annealed-langevin at each level (T), whose bias in the weights of a mixture falls with them; --steps
    /// counts the levels
    #[cfg_attr(not(target_family = "wasm"), arg(long, default_value_t = Settings::default().level_steps))]
    pub level_steps: usize,
    /// Largest size of a value of the denoised estimate; without it no limit
    #[cfg_attr(not(target_family = "wasm"), arg(long))]
    pub clip: Option<f64>,
    /// Dynamic thresholding of the denoised estimate at this quantile of each sample's sizes, down to --clip or 1
    #[cfg_attr(not(target_family = "wasm"), arg(long))]
    pub threshold: Option<f64>,
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
            steps: None,
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
            bh: Bh::default(),
            rtol: 1e-5,
            atol: 1e-5,
            churn: 0.0,
            churn_min: 0.0,
            churn_max: 1e9,
            churn_noise: 1.0,
            convention: Convention::default(),
            step_size: None,
            leapfrog_steps: None,
            level_steps: 5,
            clip: None,
            threshold: None,
        }
    }
}

/// The settings of every run.
pub const EVERY: &[&str] = &["sampler", "n", "seed", "label", "guidance"];

/// Every setting, in the order of forms.
pub const SETTINGS: &[Setting] = &[
    Setting::new("sampler", "Sampler", Kind::Choice),
    Setting::new("steps", "Steps", integer(1.0, MAX_STEPS as f64, |s| s.steps.map(|n| n as f64)))
        .placeholder("the sampler’s own"),
    Setting::new("n", "Samples", integer(1.0, MAX_SAMPLES as f64, |s| Some(s.n as f64))),
    Setting::new("seed", "Seed", integer(0.0, noise::MAX_SEED as f64, |s| Some(s.seed as f64))),
    Setting::new("label", "Class", integer(0.0, 65_535.0, |_| None)).placeholder("any"),
    Setting::new("guidance", "Guidance", number(0.0, MAX_GUIDANCE, |s| Some(s.guidance))),
    Setting::new("predictor", "Predictor", Kind::Choice),
    Setting::new("corrector", "Corrector", Kind::Choice),
    Setting::new("corrector_steps", "Corrector steps", integer(1.0, 1000.0, |s| Some(s.corrector_steps as f64)))
        .when("corrector", &["langevin", "ald", "hmc"]),
    Setting::new("snr", "Corrector SNR", number(1e-4, 10.0, |s| Some(s.snr)))
        .when("corrector", &["langevin", "ald", "hmc"]),
    Setting::new("norms", "Corrector norms", Kind::Choice).when("corrector", &["langevin"]),
    Setting::new("pc_order", "Order of the two", Kind::Choice).when("corrector", &["langevin", "ald", "hmc"]),
    Setting::new("eta", "Noise η", number(0.0, 1.0, |s| Some(s.eta))),
    Setting::new("order", "Order", integer(1.0, 3.0, |s| Some(s.order as f64))),
    Setting::new("bh", "B(h)", Kind::Choice),
    Setting::new("churn", "Churn", number(0.0, 1e6, |s| Some(s.churn))),
    Setting::new("churn_min", "Churn from σ/α", number(0.0, 1e9, |s| Some(s.churn_min))),
    Setting::new("churn_max", "Churn to σ/α", number(0.0, 1e9, |s| Some(s.churn_max))).placeholder("any"),
    Setting::new("churn_noise", "Churn noise", number(0.0, 10.0, |s| Some(s.churn_noise))),
    Setting::new("rtol", "Relative tolerance", number(1e-12, 1.0, |s| Some(s.rtol))),
    Setting::new("atol", "Absolute tolerance", number(1e-12, 1.0, |s| Some(s.atol))),
    Setting::new("convention", "Step convention", Kind::Choice),
    Setting::new("step_size", "Step size ε", number(1e-12, 1e6, |s| s.step_size)).placeholder("the sampler’s own"),
    Setting::new("leapfrog_steps", "Leapfrog steps", integer(1.0, 1000.0, |s| s.leapfrog_steps.map(|n| n as f64)))
        .placeholder("a quarter turn")
        .when("corrector", &["hmc"]),
    Setting::new("level_steps", "Steps per level", integer(1.0, 10_000.0, |s| Some(s.level_steps as f64))),
    Setting::new("spacing", "Spacing", Kind::Choice),
    Setting::new("variance", "Variance", Kind::Choice),
    Setting::new("grid", "Time grid", Kind::Choice).placeholder("the sampler’s own"),
    Setting::new("t_end", "Last time", number(0.0, 0.999_999, |s| s.t_end)).placeholder("the process’s own"),
    Setting { replaces: &["steps", "grid", "t_end", "spacing"], ..Setting::new("times", "Times", Kind::Numbers) }
        .placeholder("1, 0.5, 0.001"),
    Setting::new("denoise", "Final denoising", Kind::Boolean),
    Setting::new("clip", "Clip x̂₀ at", number(1e-3, 1e6, |s| s.clip)).placeholder("never"),
    Setting::new("threshold", "Threshold quantile", number(0.5, 1.0, |s| s.threshold)).placeholder("none"),
];

#[cfg(test)]
mod tests;
