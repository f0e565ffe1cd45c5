//! What a run's weights file says of itself.

use super::{Origin, RunConfig};
use crate::{
    Result,
    data::DataName,
    net::NetworkConfig as _,
    weights,
    weights::{Data, Manifest, Training},
};

/// The manifest of the weights after `steps` steps and so many seconds, on data of this range.
///
/// # Errors
/// When the config has what no weights file can: better before the first step than at the first checkpoint.
pub fn manifest(config: &RunConfig, range: [f64; 2], steps: u64, seconds: f64) -> Result<Manifest> {
    let (name, classes, licence): (_, &[_], _) = match config.data.origin()? {
        Origin::Name(DataName::Published(set)) => {
            let published = set.published();
            (published.name, published.classes, published.licence)
        }
        Origin::Name(DataName::Distribution(distribution)) => (distribution.name(), &[], "drawn from a formula"),
        Origin::File(file) => (file.rsplit(['/', '\\']).next().unwrap_or(file), &[], "that of the file"),
    };
    let manifest = Manifest {
        version: weights::VERSION,
        architecture: config.model.clone(),
        process: config.process.clone(),
        parameterisation: config.objective().parameterisation(),
        data: Data {
            name: name.to_owned(),
            shape: config.model.space(),
            range,
            classes: match config.model.classes() {
                0 => Vec::new(),
                _ => classes.iter().map(|&class| class.to_owned()).collect(),
            },
            licence: licence.to_owned(),
            sigma_data: config.data.sigma_data(),
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
