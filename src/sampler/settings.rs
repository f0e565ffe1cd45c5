//! What every sampler takes: the same on the command line, in TOML, JSON and JavaScript.
//!
//! The field comments are the command line's help.

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result, noise,
    schedule::{self, Grid},
    sde::Process,
};

/// The most samples that one run may draw.
pub const MAX_SAMPLES: usize = 65_536;

/// A sampler, by the name that it has everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum SamplerKind {
    /// Reverse SDE by Euler–Maruyama.
    EulerMaruyama,
    /// Reverse SDE discretised as the forward process is.
    ReverseDiffusion,
    /// Predictor–corrector: --predictor and --corrector in any pairing.
    Pc,
    /// Probability-flow ODE by Heun's method in σ/α (order 2).
    #[default]
    Heun,
    /// Probability-flow ODE by Euler's method in σ/α (order 1).
    Euler,
    /// DDIM, from deterministic (--eta 0) to ancestral (--eta 1).
    Ddim,
}

impl SamplerKind {
    /// Every sampler.
    #[must_use]
    pub fn all() -> &'static [Self] {
        use SamplerKind::{Ddim, Euler, EulerMaruyama, Heun, Pc, ReverseDiffusion};
        &[EulerMaruyama, ReverseDiffusion, Pc, Heun, Euler, Ddim]
    }

    /// The name on the command line, in files and in JavaScript.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EulerMaruyama => "euler-maruyama",
            Self::ReverseDiffusion => "reverse-diffusion",
            Self::Pc => "pc",
            Self::Heun => "heun",
            Self::Euler => "euler",
            Self::Ddim => "ddim",
        }
    }

    /// One line on what it does, and its evaluations a step.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::EulerMaruyama => "reverse SDE by Euler–Maruyama; stochastic, 1 NFE a step",
            Self::ReverseDiffusion => "reverse SDE discretised as the forward process is; stochastic, 1 NFE a step",
            Self::Pc => "predictor–corrector in any pairing; stochastic, 1 NFE a predictor and corrector step",
            Self::Heun => "probability-flow ODE by Heun's method; order 2, 2 NFE a step (1 where a step is too long)",
            Self::Euler => "probability-flow ODE by Euler's method; order 1, 1 NFE a step",
            Self::Ddim => "DDIM; order 1, 1 NFE a step, --eta from deterministic (0) to ancestral (1)",
        }
    }

    /// The grid used where none is asked for: EDM's for VE, and for Heun on VP; else even in t. These
    /// have the smallest Fréchet distance of the four at 10 to 100 steps on Gaussian data with a
    /// spectrum like an image's (exact score, closed-form covariances).
    #[must_use]
    pub fn default_grid(self, process: &Process) -> Grid {
        match (process, self) {
            (Process::Ve(_), _) | (Process::Vp(_), Self::Heun) => Grid::Karras,
            (Process::Vp(_) | Process::SubVp(_), _) => Grid::Uniform,
        }
    }
}

/// The predictor of `pc`: a step of the reverse process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Predictor {
    /// The forward process's own discretisation, reversed.
    #[default]
    ReverseDiffusion,
    /// Euler–Maruyama on the reverse SDE.
    EulerMaruyama,
    /// Euler on the probability flow (DDIM).
    Euler,
    /// No predictor: correctors only.
    None,
}

/// The corrector of `pc`: Langevin dynamics at one noise level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Corrector {
    /// Langevin steps, sized by the signal-to-noise ratio --snr.
    #[default]
    Langevin,
    /// No corrector.
    None,
}

/// Which comes first in a step of `pc`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum PcOrder {
    /// Predict, then correct at the new level (the paper's algorithm 1).
    #[default]
    Paper,
    /// Correct at the old level, then predict (the paper's code).
    ScoreSde,
}

/// Over what the corrector's step rule takes its norms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Norms {
    /// Each sample its own, so that a sample does not depend on its batch.
    #[default]
    Sample,
    /// Means over the batch, as in score_sde: steadier where samples have only a few dimensions.
    Batch,
}

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
    /// Last time; without it 1e-3 for VP and sub-VP, 1e-5 for VE
    #[cfg_attr(not(target_family = "wasm"), arg(long))]
    pub t_end: Option<f64>,
    /// Time grid; without it karras for VE and for heun on VP, else uniform
    #[cfg_attr(not(target_family = "wasm"), arg(long, value_enum))]
    pub grid: Option<Grid>,
    /// End with Tweedie's estimate at t-end, for one more evaluation
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
    /// Signal-to-noise ratio of the corrector: its step is 2α(snr·‖z‖/‖s‖)²
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
            first_sample: 0,
        }
    }
}

/// Checks the weight of classifier-free guidance.
///
/// # Errors
/// When it is not a number from 0 to 100.
pub fn check_guidance(guidance: f64) -> Result<()> {
    let ok = (0.0..=100.0).contains(&guidance);
    ok.then_some(()).ok_or_else(|| Error::setting("guidance", guidance, "a number from 0 to 100"))
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
        schedule::check_steps(self.steps)?;
        schedule::check_t_end(process, self.t_end(process))?;
        whole("n", self.n as u64, 1, MAX_SAMPLES as u64)?;
        whole("seed", self.seed, 0, noise::MAX_SEED)?;
        whole("corrector_steps", self.corrector_steps as u64, 1, 1000)?;
        check_guidance(self.guidance)?;
        real("snr", self.snr, 1e-4, 10.0)?;
        real("eta", self.eta, 0.0, 1.0)?;
        let idle = self.predictor == Predictor::None && self.corrector == Corrector::None;
        if self.sampler == SamplerKind::Pc && idle {
            return Err(Error::setting("corrector", "none", "langevin where the predictor is none"));
        }
        Ok(())
    }

    /// The last time: what was asked for, or the process's default.
    #[must_use]
    pub fn t_end(&self, process: &Process) -> f64 {
        self.t_end.unwrap_or_else(|| process.default_t_end())
    }

    /// The sampler's times, from 1 to `t_end`.
    ///
    /// # Errors
    /// Where [`Grid::times`] has none.
    pub fn times(&self, process: &Process) -> Result<Vec<f64>> {
        let grid = self.grid.unwrap_or_else(|| self.sampler.default_grid(process));
        grid.times(process, self.steps, self.t_end(process))
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser, ValueEnum};

    use super::*;

    /// About the command.
    #[derive(Parser)]
    struct Host {
        #[command(flatten)]
        settings: Settings,
    }

    fn parse(line: &str) -> Result<Settings, String> {
        let words = std::iter::once("host").chain(line.split_whitespace());
        Host::try_parse_from(words).map(|host| host.settings).map_err(|error| error.to_string())
    }

    #[test]
    fn flags_json_and_rust_have_the_same_defaults() {
        assert_eq!(parse(""), Ok(Settings::default()));
        assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
        assert!(Settings::default().validate(&Process::default()).is_ok());
    }

    #[test]
    fn a_flag_and_a_json_field_mean_the_same() {
        let flags = parse(
            "--sampler pc --steps 200 --n 4 --seed 9007199254740991 --label 3 --guidance 2 --t-end 1e-4 \
             --grid log-snr --denoise off --predictor euler-maruyama --corrector none --corrector-steps 2 \
             --snr 0.1 --pc-order score-sde --norms batch --eta 0.5",
        );
        let json = r#"{"sampler":"pc","steps":200,"n":4,"seed":9007199254740991,"label":3,"guidance":2,"t_end":1e-4,
            "grid":"log-snr","denoise":false,"predictor":"euler-maruyama","corrector":"none","corrector_steps":2,
            "snr":0.1,"pc_order":"score-sde","norms":"batch","eta":0.5}"#;
        assert_eq!(flags.unwrap(), serde_json::from_str(json).unwrap());
    }

    #[test]
    fn help_is_the_hosts_with_the_fields_comments() {
        let help = Host::command().render_long_help().to_string();
        assert!(help.starts_with("About the command"), "{help}");
        assert!(help.contains("--pc-order") && help.contains("[default: on]") && help.contains("paper's algorithm 1"));
        assert!(!help.contains("first-sample"));
    }

    #[test]
    fn unknown_names_are_refused_with_the_known_ones() {
        let json = |text: &str| serde_json::from_str::<Settings>(text).unwrap_err().to_string();
        assert!(json(r#"{"step":3}"#).contains("`steps`"));
        assert!(json(r#"{"first_sample":3}"#).contains("unknown field"));
        assert!(json(r#"{"sampler":"heunn"}"#).contains("`heun`"));
        assert!(parse("--sampler heunn").unwrap_err().contains("euler-maruyama"));
        assert!(parse("--denoise maybe").unwrap_err().contains("off"));
    }

    #[test]
    fn all_lists_every_sampler_by_its_serde_and_flag_names() {
        assert_eq!(SamplerKind::all(), SamplerKind::value_variants());
        for kind in SamplerKind::all() {
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("{:?}", kind.name()));
            assert_eq!(kind.to_possible_value().unwrap().get_name(), kind.name());
        }
    }

    #[test]
    fn what_is_out_of_range_is_named_with_its_range() {
        let vp = Process::default();
        let refused = |json: &str| {
            let settings: Settings = serde_json::from_str(json).unwrap();
            settings.validate(&vp).unwrap_err().to_string()
        };
        for (json, message) in [
            (r#"{"steps":0}"#, "steps = 0: expected 1 to 100000"),
            (r#"{"n":0}"#, "n = 0: expected 1 to 65536"),
            (r#"{"n":65537}"#, "n = 65537"),
            (r#"{"seed":9007199254740992}"#, "seed = 9007199254740992: expected 0 to 9007199254740991"),
            (r#"{"t_end":1.0}"#, "t_end = 1: expected 1e-8 or more and below 1"),
            (r#"{"eta":1.01}"#, "eta = 1.01: expected a number from 0 to 1"),
            (r#"{"guidance":-1}"#, "guidance = -1: expected a number from 0 to 100"),
            (r#"{"snr":0}"#, "snr = 0"),
            (r#"{"corrector_steps":0}"#, "corrector_steps = 0: expected 1 to 1000"),
            (r#"{"sampler":"pc","predictor":"none","corrector":"none"}"#, "corrector = none"),
        ] {
            assert!(refused(json).starts_with(message), "{json}: {}", refused(json));
        }
        let nan = Settings { guidance: f64::NAN, ..Settings::default() };
        assert!(nan.validate(&vp).unwrap_err().to_string().starts_with("guidance = NaN"));
    }
}
