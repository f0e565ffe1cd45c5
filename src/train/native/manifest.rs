//! What a run's weights file says of itself.

use crate::{
    Result,
    net::NetworkConfig as _,
    train::RunConfig,
    weights,
    weights::{Data, Manifest, Training},
};

/// The manifest of the weights after `steps` steps and so many seconds.
///
/// # Errors
/// When the config has what no weights file can: better before the first step than at the first checkpoint.
pub(super) fn manifest(config: &RunConfig, steps: u64, seconds: f64) -> Result<Manifest> {
    let published = config.data.name.published();
    let manifest = Manifest {
        version: weights::VERSION,
        architecture: config.model.clone(),
        process: config.process.clone(),
        parameterisation: config.objective().parameterisation(),
        data: Data {
            name: published.name.to_owned(),
            shape: config.model.space(),
            range: [-1.0, 1.0],
            classes: match config.model.classes() {
                0 => Vec::new(),
                _ => published.classes.iter().map(|&class| class.to_owned()).collect(),
            },
            licence: published.licence.to_owned(),
            sigma_data: Some(config.data.sigma_data),
        },
        training: Training {
            steps,
            batch: config.train.batch as u64,
            seed: config.train.seed,
            ema: config.optimiser.ema,
            hours: (seconds / 36.0).round() / 100.0,
            config: Some(config.to_toml()?),
        },
    };
    manifest.validate()?;
    Ok(manifest)
}
