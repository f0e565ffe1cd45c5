//! A model: something with a score, and a process. Either a network with the weights file that describes it, or a
//! mixture of Gaussians whose score is exact.

use std::sync::Arc;

use burn::tensor::{DType, Device};
use serde::Serialize;

use crate::{
    Error, Result,
    net::{self, NetworkConfig as _},
    sampler::{Plan, Settings},
    score::{
        Mixture, MixtureConfig, MixtureScore, Score, check_guidance,
        network::{Denoiser, NetworkScore},
    },
    sde::{Level, Process},
    space::Space,
    weights::{File, Manifest},
};

/// Tensors of a sample's size that a run holds beside the evaluation: x, its noise, scores and estimates of some steps.
const REMEMBERED: u64 = 8;

/// A loaded model.
#[derive(Clone, Debug)]
pub enum Model {
    /// Weights with their manifest.
    Network(Box<Network>),
    /// A mixture's TOML file.
    Mixture(Analytic),
}

/// What a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A trained network, of images or points.
    Network,
    /// An exact score, of points.
    Mixture,
}

/// A network and what its file says of itself.
#[derive(Clone, Debug)]
pub struct Network {
    manifest: Manifest,
    denoiser: Denoiser,
}

/// A mixture with its process.
#[derive(Clone, Debug)]
pub struct Analytic {
    name: String,
    mixture: Arc<Mixture>,
    process: Process,
}

impl Network {
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
}

impl Analytic {
    /// The file's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The density of the data.
    #[must_use]
    pub fn mixture(&self) -> &Mixture {
        &self.mixture
    }
}

impl Model {
    /// Joins a network with the manifest that describes it.
    ///
    /// # Errors
    /// When a field of the manifest is out of range.
    pub fn new(manifest: Manifest, net: net::Network) -> Result<Self> {
        manifest.validate()?;
        let denoiser = Denoiser { net, parameterisation: manifest.parameterisation };
        Ok(Self::Network(Box::new(Network { manifest, denoiser })))
    }

    /// Reads the bytes of a weights file, or of a mixture's TOML file, onto `device`; `name` is named in errors.
    ///
    /// # Errors
    /// [`Error::Weights`] or [`Error::Mixture`] when the bytes are not such a file.
    pub fn from_bytes(name: &str, bytes: &[u8], device: &Device) -> Result<Self> {
        if MixtureConfig::is_meant(name, bytes) {
            let (config, mixture) = MixtureConfig::parse(name, bytes)?;
            return Ok(Self::mixture(name, mixture, config.process, device));
        }
        let file = File::parse(name, bytes)?;
        let net = file.network(device)?;
        Self::new(file.manifest, net)
    }

    /// A mixture under a process.
    #[must_use]
    pub fn mixture(name: &str, mixture: Mixture, process: Process, device: &Device) -> Self {
        let mixture = Arc::new(mixture.on(device, DType::F32));
        Self::Mixture(Analytic { name: name.to_owned(), mixture, process })
    }

    /// Network or mixture.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Network(_) => Kind::Network,
            Self::Mixture(_) => Kind::Mixture,
        }
    }

    /// The network, for what needs one.
    ///
    /// # Errors
    /// When this is a mixture.
    pub fn network(&self) -> Result<&Network> {
        match self {
            Self::Network(network) => Ok(network),
            Self::Mixture(analytic) => Err(Error::setting(
                "model",
                &analytic.name,
                "a network's weights file (.safetensors): this is a mixture",
            )),
        }
    }

    /// The process that it is to be sampled by: the one that a network was trained for, or that a mixture's file gives.
    #[must_use]
    pub fn process(&self) -> &Process {
        match self {
            Self::Network(network) => &network.manifest.process,
            Self::Mixture(analytic) => &analytic.process,
        }
    }

    /// What its samples are.
    #[must_use]
    pub fn space(&self) -> Space {
        match self {
            Self::Network(network) => network.manifest.data.shape,
            Self::Mixture(analytic) => Space::Points(analytic.mixture.dim()),
        }
    }

    /// Numbers in a sample.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.space().dim()
    }

    /// Values that a run holds per sample: an evaluation's activations at their widest, and what a sampler remembers. A
    /// mixture is evaluated in parts, so that its components do not count.
    #[must_use]
    pub fn activations(&self) -> u64 {
        let evaluation = match self {
            Self::Network(network) => network.manifest.architecture.activations(),
            Self::Mixture(_) => 0,
        };
        evaluation + REMEMBERED * self.dim() as u64
    }

    /// The most samples of one run that hold no more than `values`, where the model sees each so many times at once (twice
    /// under guidance).
    #[must_use]
    pub fn samples_within(&self, values: u64, times: u64) -> usize {
        usize::try_from(values / (times.max(1) * self.activations())).unwrap_or(usize::MAX)
    }

    /// Samples of a batch: `most`, or as many as 4 GiB hold of a large network.
    #[cfg(not(target_family = "wasm"))]
    #[must_use]
    pub fn batch(&self, most: usize, times: u64) -> usize {
        self.samples_within(1 << 30, times).clamp(1, most)
    }

    /// Number of classes: a mixture's components; 0 when a network is unconditional.
    #[must_use]
    pub fn classes(&self) -> usize {
        match self {
            Self::Network(network) => network.manifest.architecture.classes(),
            Self::Mixture(analytic) => analytic.mixture.weights().len(),
        }
    }

    /// The level at time `t`.
    ///
    /// # Errors
    /// When t is not in [0, 1], or there is no score: of a process with noise a network has none without it, and neither
    /// has a point.
    pub fn level(&self, t: f64) -> Result<Level> {
        let level = self.process().level(t);
        let clean = match self {
            // Without a process it has learnt the score of the data themselves.
            Self::Network(network) => network.manifest.process == Process::None,
            Self::Mixture(analytic) => !analytic.mixture.has_points(),
        };
        if (0.0..=1.0).contains(&t) && (level.sigma > 0.0 || clean) {
            return Ok(level);
        }
        let zero = if level.sigma > 0.0 || clean { "from 0" } else { "above 0, where there is noise," };
        Err(Error::setting("t", t, format!("a number {zero} to 1")))
    }

    /// The run that these settings are for this model.
    ///
    /// # Errors
    /// Those of [`Settings::plan`].
    pub fn plan(&self, settings: &Settings) -> Result<Plan> {
        let narrowest = match self {
            Self::Network(_) => None,
            Self::Mixture(analytic) => Some(analytic.mixture.narrowest()),
        };
        settings.plan_for(self.process(), self.dim(), narrowest)
    }

    /// The score for one label per sample, under guidance.
    ///
    /// # Errors
    /// When a label is not below the number of classes, or there is guidance without one or out of its range.
    pub fn score(&self, labels: &[Option<usize>], guidance: f64, device: &Device) -> Result<Box<dyn Score>> {
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
        Ok(match self {
            Self::Network(network) => {
                Box::new(NetworkScore::new(network.denoiser.clone(), labels, guidance, classes, device))
            }
            Self::Mixture(Analytic { mixture, .. }) => Box::new(MixtureScore::new(mixture.clone(), labels, guidance)),
        })
    }
}

#[cfg(test)]
mod tests {
    use burn::{Tensor, tensor::TensorData};

    use super::*;
    use crate::{
        sampler::{Sampler, SamplerKind},
        score::{Conditioning, Parameterisation, Prediction},
        weights::{self, Data, Training},
    };

    const MIXTURE: &[u8] = include_bytes!("../tests/reference/mixture2d.toml");

    fn read(name: &str, bytes: &[u8]) -> Result<Model> {
        Model::from_bytes(name, bytes, &Device::flex())
    }

    #[test]
    fn a_mixture_is_a_model_by_its_text() {
        let model = read("downloaded", MIXTURE).unwrap();
        assert_eq!((model.kind(), model.space(), model.classes()), (Kind::Mixture, Space::Points(2), 2));
        assert_eq!(model.process().name(), "vp");
        // At x = (2, 0) of component 0, at t = 0: its own score is 0, the other's share e^(−½·(20² + 2.5²))·… too.
        let level = model.level(0.0).unwrap();
        let x = || Tensor::<2>::from_data(TensorData::from([[2.0f32, 0.0]]), &Device::flex());
        let score = |label, guidance| {
            let score = model.score(&[label], guidance, &Device::flex()).unwrap();
            assert!(score.density().is_some());
            score.score(x(), &level).into_data().try_to_vec::<f32>().unwrap()
        };
        assert_eq!(score(None, 1.0), [0.0, 0.0]);
        // −(4/0.04, −1/0.16), to the rounding of 1/0.2² in f32.
        let own = score(Some(1), 1.0);
        assert!((own[0] + 100.0).abs() < 1e-4 && (own[1] - 6.25).abs() < 1e-5, "{own:?}");
        let error = |label, guidance| model.score(&[label], guidance, &Device::flex()).err().unwrap().to_string();
        assert!(error(Some(2), 1.0).starts_with("label = 2: expected 0 … 1"));
        assert!(error(None, 2.0).starts_with("guidance = 2"));
        assert!(model.network().unwrap_err().to_string().contains("downloaded: expected a network's weights file"));
    }

    #[test]
    fn samples_of_a_mixture_have_its_moments() {
        const N: usize = 4000;
        let (device, model) = (Device::flex(), read("mixture2d.toml", MIXTURE).unwrap());
        // Of the file's numbers: Σ wₖmₖ and Σ wₖ(sₖ² + mₖ²) − mean², and component 1 alone.
        let cases = [(None, [0.4, 0.4], [4.006, 0.454]), (Some(1), [-2.0, 1.0], [0.04, 0.16])];
        for (label, mean, variance) in cases {
            let settings = Settings { n: N, steps: Some(40), ..Settings::default() };
            let score = model.score(&vec![label; N], 1.0, &device).unwrap();
            let mut sampler = Sampler::new(&model.plan(&settings).unwrap(), &device).unwrap();
            while sampler.step(&score).unwrap().is_some() {}
            let samples = sampler.x().into_data().try_to_vec::<f32>().unwrap();
            for i in 0..2 {
                let column: Vec<_> = samples.iter().skip(i).step_by(2).map(|x| f64::from(*x) - mean[i]).collect();
                let moment = |p| column.iter().map(|x| x.powi(p)).sum::<f64>() / N as f64;
                let (m, v, fourth) = (moment(1), moment(2), moment(4));
                // Four standard errors, and 2 % of the variance: Heun's gain at 40 steps is off by 1 % (EDM's own figure).
                assert!(m.abs() < 4.0 * (variance[i] / N as f64).sqrt(), "{label:?} {i}: mean off by {m}");
                let error = 4.0 * ((fourth - v * v) / N as f64).sqrt() + 0.02 * variance[i];
                assert!((v - variance[i]).abs() < error, "{label:?} {i}: variance {v}, not {} ± {error}", variance[i]);
            }
        }
    }

    #[test]
    fn points_have_no_score_without_noise() {
        let toml = b"weights = [1]\nmeans = [[1]]\nstds = [0]\nprocess = { kind = 'vp' }";
        let model = read("points.toml", toml).unwrap();
        assert!(model.level(0.0).unwrap_err().to_string().contains("above 0, where there is noise"));
        assert!(model.level(0.1).is_ok() && model.level(1.1).is_err());
        // Without a process there is no noise at any t, and none is needed.
        let clean = read("clean.toml", b"weights = [1]\nmeans = [[1]]\nstds = [1]").unwrap();
        assert_eq!(clean.level(1.0).unwrap().sigma, 0.0);
    }

    #[test]
    fn a_network_of_clean_data_is_a_model_without_a_process() {
        let device = Device::flex();
        let architecture = |time| net::Architecture::Mlp(net::MlpConfig { time, ..net::MlpConfig::default() });
        let prediction = |prediction| Parameterisation::Prediction { prediction, conditioning: Conditioning::LogRatio };
        let model = |time, process, parameterisation| {
            let architecture = architecture(time);
            let net = architecture.init(1, &device);
            let data = Data {
                name: "points".to_owned(),
                shape: Space::Points(2),
                range: [-1.0, 1.0],
                classes: Vec::new(),
                licence: "CC0-1.0".to_owned(),
                sigma_data: None,
            };
            let training = Training { steps: 1, batch: 1, seed: 0, ema: 0.0, hours: 0.0, config: None };
            let version = weights::VERSION;
            Model::new(Manifest { version, architecture, process, parameterisation, data, training }, net)
        };
        let (blind, waves) = (net::TimeEmbedding::None, net::TimeEmbedding::Sinusoidal);
        // Told 0, or not told.
        let unit = Parameterisation::Clean { sigma_data: 2.0 };
        assert!(model(waves, Process::None, unit).is_ok());
        let noisy = model(waves, Process::default(), unit).err().unwrap().to_string();
        assert!(noisy.starts_with("process.kind = vp: expected none"), "{noisy}");
        let clean = model(blind, Process::None, prediction(Prediction::Score)).unwrap();
        assert_eq!(clean.level(0.0).unwrap(), Level { t: 0.0, alpha: 1.0, sigma: 0.0 });
        let score = clean.score(&[None; 3], 1.0, &device).unwrap();
        for (sampler, refused) in [
            (SamplerKind::Ula, None),
            (SamplerKind::Mala, Some("sampler = mala: expected ula")),
            (SamplerKind::Hmc, Some("sampler = hmc: expected ula")),
        ] {
            let settings = Settings { sampler, n: 3, steps: Some(2), ..Settings::default() };
            let mut sampler = Sampler::new(&clean.plan(&settings).unwrap(), &device).unwrap();
            let error = (0..2).find_map(|_| sampler.step(&score).err()).map(|error| error.to_string());
            assert_eq!(error.is_some(), refused.is_some(), "{error:?}");
            assert!(error.unwrap_or_default().starts_with(refused.unwrap_or_default()));
        }
        let error = |time, parameterisation| model(time, Process::None, parameterisation).err().unwrap().to_string();
        let needs_noise = "process.kind = none: expected a process with noise";
        for parameterisation in [
            prediction(Prediction::Epsilon),
            prediction(Prediction::X0),
            prediction(Prediction::V),
            Parameterisation::Edm { sigma_data: 1.0 },
        ] {
            assert!(error(blind, parameterisation).starts_with(needs_noise), "{parameterisation:?}");
        }
        assert!(error(waves, prediction(Prediction::Score)).contains("architecture.time.kind none"));
        // A network that is not told the level may have one for all, such as NCSNv2's.
        let every = model(blind, Process::default(), prediction(Prediction::Epsilon)).unwrap();
        assert!(every.level(0.0).is_err() && every.level(0.1).is_ok());
    }

    #[test]
    fn what_is_said_of_a_mixture_is_short_whatever_its_file_says() {
        let long = "\\u001bx".repeat(4000);
        let rest = "weights = [1]\nmeans = [[1]]\nstds = [1]";
        for (text, expected) in [
            (format!("{rest}\n\"{long}\" = 1"), "expected one of"),
            (format!("{rest}\n[process]\nkind = \"{long}\""), "expected one of"),
            (format!("weights = \"{}\"", "x".repeat(8000)), "expected a sequence"),
            (format!("weights = [1]\nmeans = [[{}1]]\nstds = [[1]]", "1, ".repeat(8000)), "as means[0] has"),
            (format!("weights = [{}", "[".repeat(8000)), "line 1"),
        ] {
            let message = read("m.toml", text.as_bytes()).err().unwrap().to_string();
            assert!(message.contains(expected), "{message}");
            assert!(message.chars().count() < 3000 && !message.contains('\u{1b}'), "{message}");
        }
    }

    #[test]
    fn what_is_neither_is_refused_as_what_it_is_meant() {
        let error = |name: &str, bytes: &[u8]| read(name, bytes).err().unwrap().to_string();
        assert!(error("m.toml", b"weights = [").starts_with("mixture m.toml: "));
        assert!(error("m.toml", b"\xff\xfe\0").contains("not UTF-8"));
        assert!(error("m.toml", b"").contains("missing field `weights`"));
        assert!(error("readme", b"Some text of a page").contains("text, not weights"));
        // A mixture where only weights will do.
        let file = File::parse("m", MIXTURE).err().unwrap().to_string();
        assert!(file.contains("a mixture's TOML file, which has no weights"), "{file}");
    }

    #[test]
    fn samples_are_as_many_as_their_activations_leave_room_for() {
        let shipped = read("fashion", include_bytes!("../web/models/fashion.safetensors")).unwrap();
        // Its widest place is the attention: the weights of 4 heads between 49 pixels; q, k and v of 96 channels, the
        // result, the block's before and the one kept for the way up; 48 channels at 14×14 kept for it, too; the
        // condition's 128 numbers. Beside that eight of the image's size.
        assert_eq!(shipped.activations(), 4 * 49 * 49 + 49 * (6 * 96) + 196 * 48 + 128 + 8 * 784);
        let one = shipped.activations();
        assert_eq!((shipped.samples_within(10 * one, 1), shipped.samples_within(10 * one + 9, 2)), (10, 5));
        assert_eq!(shipped.samples_within(one - 1, 1), 0);
        assert_eq!((shipped.batch(256, 2), shipped.batch(usize::MAX, 2)), (256, ((1 << 30) / (2 * one)) as usize));
        assert_eq!(read("m.toml", MIXTURE).unwrap().samples_within(160, 1), 10);
    }
}
