//! A model: weights with their manifest, ready to be sampled.

use burn::tensor::Device;

use crate::{
    Error, Result,
    net::UNet,
    sampler::check_guidance,
    score::{
        Level,
        network::{Denoiser, NetworkScore},
    },
    sde::Process,
    weights::{Architecture, File, Manifest, Parameterisation},
};

/// A loaded model.
#[derive(Clone, Debug)]
pub struct Model {
    manifest: Manifest,
    denoiser: Denoiser,
}

impl Model {
    /// Joins a network with the manifest that describes it.
    ///
    /// # Errors
    /// When a field of the manifest is out of range.
    pub fn new(manifest: Manifest, net: UNet) -> Result<Self> {
        manifest.validate()?;
        let Architecture::UNet(config) = &manifest.architecture;
        let Parameterisation::Edm { sigma_data } = manifest.parameterisation;
        let denoiser = Denoiser { net, shape: config.shape, sigma_data };
        Ok(Self { manifest, denoiser })
    }

    /// Reads a weights file's bytes onto `device`; `name` is named in errors.
    ///
    /// # Errors
    /// [`Error::Weights`] when the bytes are not such a file.
    pub fn from_bytes(name: &str, bytes: &[u8], device: &Device) -> Result<Self> {
        let file = File::parse(name, bytes)?;
        let Architecture::UNet(config) = &file.manifest.architecture;
        let net = file.load_into(config.init(0, device))?;
        Self::new(file.manifest.clone(), net)
    }

    /// What the file says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The network with its preconditioning.
    #[must_use]
    pub fn denoiser(&self) -> &Denoiser {
        &self.denoiser
    }

    /// The process that it was trained for.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.manifest.process
    }

    /// Channels, height and width of a sample.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.denoiser.shape
    }

    /// Numbers in a sample.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.denoiser.shape.iter().product()
    }

    /// Number of classes; 0 when the model is unconditional.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.manifest.architecture.classes()
    }

    /// The level at time `t`.
    ///
    /// # Errors
    /// When t is not in [0, 1], or the process has no noise there, and so no score.
    pub fn level(&self, t: f64) -> Result<Level> {
        let level = self.process().level(t);
        if (0.0..=1.0).contains(&t) && level.sigma > 0.0 {
            return Ok(level);
        }
        let zero = if level.sigma > 0.0 { "from 0" } else { "above 0, where there is noise," };
        Err(Error::setting("t", t, format!("a number {zero} to 1")))
    }

    /// The score for one label a sample, under guidance.
    ///
    /// # Errors
    /// When a label is not below the number of classes, or there is guidance without one or out of its range.
    pub fn score(&self, labels: &[Option<usize>], guidance: f64, device: &Device) -> Result<NetworkScore> {
        check_guidance(guidance)?;
        if guidance != 1.0 && guidance != 0.0 && labels.iter().all(Option::is_none) {
            return Err(Error::setting(
                "guidance",
                guidance,
                "1 (or 0) without a label: there is no class to guide to",
            ));
        }
        let classes = self.classes();
        if let Some(label) = labels.iter().flatten().find(|&&label| label >= classes) {
            let expected = match classes {
                0 => "none: this model has no classes".to_owned(),
                _ => format!("0 … {}", classes - 1),
            };
            return Err(Error::setting("label", label, expected));
        }
        Ok(NetworkScore::new(self.denoiser.clone(), labels, guidance, classes, device))
    }
}
