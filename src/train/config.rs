//! One TOML file a run.

use serde::{Deserialize, Serialize};

use super::{DataConfig, optimiser::OptimiserConfig};
use crate::{
    Error, Result,
    net::{Architecture, NetworkConfig as _, unet_by_default},
    objective::{Objective, ObjectiveConfig, denoising_by_default},
    sde::Process,
};

/// The longest file that is read as a config.
const MAX_BYTES: u64 = 1 << 20;

/// The most numbers of a batch: 4 GiB of them.
const MAX_VALUES: usize = 1 << 30;

/// A training run, as its TOML file has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// The model's name.
    pub name: String,
    /// The data.
    pub data: DataConfig,
    /// The network; the U-Net where it has no `kind`.
    #[serde(default, deserialize_with = "unet_by_default")]
    pub model: Architecture,
    /// The forward process.
    #[serde(default)]
    pub process: Process,
    /// The objective; `denoising` where it has no `kind`.
    #[serde(default, deserialize_with = "denoising_by_default")]
    pub objective: ObjectiveConfig,
    /// Adam, clipping and averaging.
    #[serde(default)]
    pub optimiser: OptimiserConfig,
    /// Length, batch and what is written when.
    #[serde(default)]
    pub train: TrainConfig,
}

/// Length, batch and what is written when.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Optimiser steps.
    pub steps: u64,
    /// Samples a step.
    pub batch: usize,
    /// Seed of weights, data order and noise.
    pub seed: u64,
    /// Steps between lines of the log.
    pub log_every: u64,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Steps between pictures of samples; 0 for none.
    pub sample_every: u64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self { steps: 10_000, batch: 128, seed: 0, log_every: 10, checkpoint_every: 250, sample_every: 500 }
    }
}

impl RunConfig {
    /// Reads a file and applies `section.key=value` overrides.
    ///
    /// # Errors
    /// When the file is missing or is not such a config; the error names the key.
    #[cfg(not(target_family = "wasm"))]
    pub fn read(path: &std::path::Path, overrides: &[String]) -> Result<Self> {
        use std::io::Read as _;

        let file = std::fs::File::open(path).map_err(Error::io(path))?;
        let mut text = String::new();
        file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(Error::io(path))?;
        Self::parse(&text, &path.display().to_string(), overrides)
    }

    /// The config as TOML text.
    ///
    /// # Errors
    /// When a number is larger than TOML's.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| Error::setting("config", e, "numbers that TOML can hold"))
    }

    /// Parses TOML text; `file` names it in errors.
    ///
    /// # Errors
    /// As for [`RunConfig::read`].
    pub fn parse(text: &str, file: &str, overrides: &[String]) -> Result<Self> {
        let problem =
            |problem: String| Error::Config { file: file.to_owned(), problem: problem.trim().replace('\n', ", ") };
        if text.len() as u64 > MAX_BYTES {
            return Err(problem(format!("longer than {MAX_BYTES} bytes, which no config is")));
        }
        let mut table: toml::Table = text.parse().map_err(|e: toml::de::Error| problem(e.to_string()))?;
        for assignment in overrides {
            set(&mut table, assignment)?;
        }
        let config: Self = table.try_into().map_err(|e: toml::de::Error| problem(e.to_string()))?;
        config.validate()?;
        Ok(config)
    }

    /// The loss of this process and these data. Their standard deviation counts as 1 where it is left to a file that
    /// has not been read: see [`DataConfig::complete`].
    #[must_use]
    pub fn objective(&self) -> Box<dyn Objective> {
        self.objective.init(&self.process, self.data.sigma_data().unwrap_or(1.0))
    }

    /// # Errors
    /// When a number is out of its range; the error names the key.
    pub fn validate(&self) -> Result<()> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(plain) || self.name.starts_with('.') {
            return Err(Error::setting("name", &self.name, "1 to 64 letters, digits, -, _ or ., for file names"));
        }
        self.model.validate().map_err(|error| match error {
            Error::Setting { field, value, expected } => {
                Error::Setting { field: field.replace("architecture", "model"), value, expected }
            }
            other => other,
        })?;
        self.data.validate()?;
        self.process.validate()?;
        self.objective.validate(&self.process)?;
        if self.objective.needs_jvp() && !self.model.has_jvp() {
            let expected =
                "finite-difference-sliced or denoising: this network has no derivative in forward mode, as mlp has";
            return Err(Error::setting("objective.kind", self.objective.kind(), expected));
        }
        let OptimiserConfig { lr, beta1, beta2, epsilon, clip, ema, .. } = self.optimiser;
        let fraction = 0.0..1.0;
        let checks = [
            ("optimiser.lr", lr, lr > 0.0 && lr < 1.0, "a number in (0, 1)"),
            ("optimiser.beta1", beta1, fraction.contains(&beta1), "a number in [0, 1)"),
            ("optimiser.beta2", beta2, fraction.contains(&beta2), "a number in [0, 1)"),
            ("optimiser.epsilon", epsilon, epsilon >= f64::from(f32::MIN_POSITIVE), "a positive number of f32"),
            ("optimiser.clip", clip, clip > 0.0, "a positive number"),
            ("optimiser.ema", ema, fraction.contains(&ema), "a number in [0, 1)"),
        ];
        for (field, value, good, expected) in checks {
            if !(good && value.is_finite()) {
                return Err(Error::setting(field, value, expected));
            }
        }
        let TrainConfig { steps, batch, seed, log_every, checkpoint_every, .. } = self.train;
        let [least, most] = self.objective.batch();
        let counts = [
            ("train.steps", steps, 1, 100_000_000),
            ("train.batch", batch as u64, least as u64, most as u64),
            ("train.seed", seed, 0, crate::noise::MAX_SEED),
            ("train.log_every", log_every, 1, 1_000_000),
            ("train.checkpoint_every", checkpoint_every, 1, 100_000_000),
        ];
        for (field, value, low, high) in counts {
            if !(low..=high).contains(&value) {
                return Err(Error::setting(field, value, format!("an integer {low} … {high}")));
            }
        }
        let most = MAX_VALUES / self.model.space().dim().max(1);
        if batch > most {
            return Err(Error::setting(
                "train.batch",
                batch,
                format!("at most {most} samples of {}", self.model.space()),
            ));
        }
        Ok(())
    }
}

/// Applies one `section.key=value`; the value is TOML, or else a plain string.
fn set(table: &mut toml::Table, assignment: &str) -> Result<()> {
    let bad = || Error::setting("--set", assignment, "section.key=value, such as train.steps=20");
    let (path, value) = assignment.split_once('=').ok_or_else(bad)?;
    let value = format!("v = {value}")
        .parse::<toml::Table>()
        .ok()
        .and_then(|mut t| t.remove("v"))
        .unwrap_or_else(|| toml::Value::String(value.to_owned()));
    let mut keys: Vec<&str> = path.trim().split('.').collect();
    let last = keys.pop().filter(|key| !key.is_empty()).ok_or_else(bad)?;
    let mut table = table;
    for key in keys {
        let entry = table.entry(key).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        table = entry.as_table_mut().ok_or_else(bad)?;
    }
    table.insert(last.to_owned(), value);
    Ok(())
}
