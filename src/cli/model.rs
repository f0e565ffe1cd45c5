//! Models as the command line names them.

use std::path::Path;

use anyhow::Result;
use burn::tensor::Device;

use crate::{
    net::UNet,
    score::network::Denoiser,
    weights::{Architecture, File, Manifest, Parameterisation, read_file, sha256},
};

/// A score network ready to sample from.
pub(crate) struct Model {
    /// What it was named.
    pub name: String,
    /// SHA-256 of its file.
    pub sha256: String,
    /// What its file says.
    pub manifest: Manifest,
    /// The network.
    pub denoiser: Denoiser,
    /// Classes; 0 for an unconditional network.
    pub classes: usize,
    /// The null class's row.
    pub null: usize,
}

impl Model {
    /// Reads a weights file.
    pub fn open(name: &str, device: &Device) -> Result<Self> {
        Self::from_bytes(name, &read_file(Path::new(name))?, device)
    }

    fn from_bytes(name: &str, bytes: &[u8], device: &Device) -> Result<Self> {
        let file = File::parse(name, bytes)?;
        let Architecture::UNet(config) = &file.manifest.architecture;
        let Parameterisation::Edm { sigma_data } = file.manifest.parameterisation;
        let net: UNet = file.load_into(config.init(0, device))?;
        let denoiser = Denoiser { net, shape: config.shape, sigma_data };
        let (classes, null) = (config.classes, config.null_class());
        Ok(Self { name: name.to_owned(), sha256: sha256(bytes), manifest: file.manifest, denoiser, classes, null })
    }
}
