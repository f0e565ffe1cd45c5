//! What a weights file says of itself: a JSON string under one key of the safetensors metadata.
//!
//! The version is read before anything else. Unknown fields are refused, and so are architectures
//! and processes with a field left out: a default taken silently (say, another number of heads)
//! would fit every tensor's shape and yet be another network.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Error, Result,
    error::brief,
    net::{Architecture, Limits},
    score::Parameterisation,
    sde::Process,
    space::Space,
};

/// The metadata key that holds the manifest.
pub const MANIFEST_KEY: &str = "scorefield";

/// The manifest version that this build reads and writes.
pub const VERSION: u32 = 1;

/// The self-description of a weights file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`VERSION`].
    pub version: u32,
    /// The network that the tensors belong to.
    pub architecture: Architecture,
    /// The forward process that it was trained for.
    pub process: Process,
    /// How the network's output becomes a score.
    pub parameterisation: Parameterisation,
    /// What it was trained on.
    pub data: Data,
    /// How it was trained.
    pub training: Training,
}

/// The data that a network was trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// The data set's name.
    pub name: String,
    /// What one sample is: an image's channels, height and width, or a point's dimension.
    pub shape: Space,
    /// Of images the values of black and white, −1 and 1; of points where they lie, in every dimension.
    pub range: [f64; 2],
    /// Class names by label; empty when they have none.
    #[serde(default)]
    pub classes: Vec<String>,
    /// The data's licence.
    pub licence: String,
    /// Standard deviation of the data, as measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigma_data: Option<f64>,
}

/// How a network was trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Optimiser steps.
    pub steps: u64,
    /// Images per step.
    pub batch: u64,
    /// Seed of the run.
    pub seed: u64,
    /// Decay of the weights' moving average; 0 when these are the raw weights.
    pub ema: f64,
    /// Hours of training.
    pub hours: f64,
    /// The run's configuration, as TOML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
}

impl Manifest {
    /// Reads and checks a manifest. `file` is only named in errors.
    ///
    /// # Errors
    /// When the text is no manifest, its version is unknown, or a field is missing or out of range.
    pub fn parse(file: &str, json: &str) -> Result<Self> {
        Self::parse_within(file, json, &Limits::HERE)
    }

    /// [`Manifest::parse`] with other limits of the network.
    ///
    /// # Errors
    /// As there.
    pub fn parse_within(file: &str, json: &str, limits: &Limits) -> Result<Self> {
        let bad = |problem: String| {
            Error::weights(file, format!("manifest: {problem}"), "get the file again, or save it anew")
        };
        let value: Value = serde_json::from_str(json).map_err(|e| bad(format!("not JSON: {e}")))?;
        match value.get("version") {
            Some(version) if version.as_u64() == Some(u64::from(VERSION)) => {}
            Some(version) => {
                return Err(Error::weights(
                    file,
                    format!(
                        "manifest version {} is unknown, this build reads version {VERSION}",
                        brief(&version.to_string(), 40)
                    ),
                    "update Scorefield, or save the model with this version",
                ));
            }
            None => return Err(bad("the field version is missing".into())),
        }
        let manifest = Self::deserialize(&value).map_err(|e| bad(e.to_string()))?;
        let full = serde_json::to_value(&manifest).map_err(|e| bad(e.to_string()))?;
        for field in ["architecture", "process", "parameterisation"] {
            if let Some(missing) = first_missing(&value[field], &full[field], field) {
                return Err(bad(format!("the field {missing} is missing")));
            }
        }
        manifest.validate_within(limits).map_err(|e| bad(e.to_string()))?;
        Ok(manifest)
    }

    /// The manifest as one line of JSON.
    ///
    /// # Errors
    /// When a field is out of range, so that nothing is written that could not be read.
    pub fn to_json(&self) -> Result<String> {
        self.validate()?;
        serde_json::to_string(self).map_err(|e| Error::weights("manifest", e.to_string(), "change that field"))
    }
}

/// The path of the first object key of `full` that `given` lacks.
fn first_missing(given: &Value, full: &Value, path: &str) -> Option<String> {
    full.as_object()?.iter().find_map(|(key, inner)| {
        let path = format!("{path}.{key}");
        match given.get(key) {
            Some(value) => first_missing(value, inner, &path),
            None => Some(path),
        }
    })
}
