//! The requests of the protocol, and what is timed.

use std::{
    cell::OnceCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use burn::{
    Tensor,
    tensor::{Device, Int, TensorData},
};
use scorefield::{
    data::{Dataset, DatasetName, Points},
    device::DeviceChoice,
    model::Model,
    net::{Architecture, NetworkConfig as _, cost},
    noise::{Noise, Purpose},
    objective::ObjectiveConfig,
    sampler::{Sampler, SamplerKind, Settings},
    score::{Parameterisation, Score, account, network::Denoiser},
    sde::Level,
    space::Space,
    train::{RunConfig, Trainer},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// The class of every sample.
const LABEL: usize = 3;
/// The recipe of the shipped model.
const RECIPE: &str = "configs/fashion-mnist.toml";

/// What the driver may ask.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Versions and the processor's features.
    Info,
    /// α and σ at time t, and c_noise.
    Level { t: f64 },
    /// F of the first rows of the file `x`, into the file `out`.
    Output { batch: usize, x: PathBuf, c_noise: f32, out: PathBuf },
    /// Seconds that the score of a batch takes, the mean of `repeat`; with `shape` of a fresh network for such images.
    Evaluate { batch: usize, x: PathBuf, t: f64, repeat: usize, shape: Option<[usize; 3]> },
    /// Seconds of a whole run, and its evaluations.
    Sample { sampler: SamplerKind, steps: usize, n: usize },
    /// Seconds an evaluation of the network, and what each sampler adds to it.
    Samplers { n: usize },
    /// Makes a trainer of the shipped weights.
    TrainPrepare { batch: usize },
    /// Seconds a training step, the mean of `repeat`.
    Train { repeat: usize },
    /// Makes a trainer of the score lab's network, 2-128-128-128-2 without a noise level, by an objective.
    LabPrepare { objective: String, batch: usize },
    /// Seconds a step of that trainer, the mean of `repeat`.
    Lab { objective: String, repeat: usize },
    /// Takes some steps; writes each one's batch into `folder`, and gives losses, gradients' norms and rates.
    TrainCheck { batch: usize, steps: u64, folder: PathBuf },
    /// Dispatches, FLOPs and bytes of an evaluation on a GPU, and the least possible.
    Counts { batch: usize },
    /// Peak resident bytes of this process.
    Memory,
}

/// N(0, 1)'s score: next to nothing to evaluate.
struct Free;

impl Score for Free {
    fn score(&self, x: Tensor<2>, _: &Level) -> Tensor<2> {
        -x
    }
}

/// The state between requests.
pub struct Bench {
    device: Device,
    described: String,
    model: Model,
    architecture: Architecture,
    gpu: OnceCell<Option<Device>>,
    inputs: BTreeMap<(PathBuf, Vec<usize>), Tensor<2>>,
    fresh: BTreeMap<[usize; 3], Model>,
    training: Option<(Trainer, Dataset)>,
    labs: BTreeMap<String, (Trainer, Points)>,
}

impl Bench {
    pub fn open(path: &str) -> Result<Self> {
        let (device, described) = DeviceChoice::Cpu.init()?;
        let bytes = std::fs::read(path).with_context(|| format!("{path} cannot be read"))?;
        let model = Model::from_bytes("fashion", &bytes, &device)?;
        let architecture = model.network()?.manifest().architecture.clone();
        Ok(Self {
            device,
            described,
            model,
            architecture,
            gpu: OnceCell::new(),
            inputs: BTreeMap::new(),
            fresh: BTreeMap::new(),
            training: None,
            labs: BTreeMap::new(),
        })
    }

    pub fn answer(&mut self, request: Request) -> Result<Value> {
        Ok(match request {
            Request::Info => json!({
                "scorefield": env!("CARGO_PKG_VERSION"),
                "device": self.described,
            }),
            Request::Level { t } => {
                let level = self.model.level(t)?;
                let Parameterisation::Edm { sigma_data } = self.denoiser()?.parameterisation else {
                    bail!("the comparison knows EDM's preconditioning alone");
                };
                json!({ "alpha": level.alpha, "sigma": level.sigma, "sigma_data": sigma_data,
                        "c_noise": 0.25 * level.ratio().ln() })
            }
            Request::Output { batch, x, c_noise, out } => {
                let x = self.input(&x, batch, self.model.dim())?;
                let c_noise = Tensor::full([batch, 1], c_noise, &self.device);
                let class = Tensor::<1, Int>::full([batch], LABEL as i32, &self.device);
                write(&out, &values(self.denoiser()?.forward(x, c_noise, class))?)?;
                json!({})
            }
            Request::Evaluate { batch, x, t, repeat, shape } => self.evaluate(batch, &x, t, repeat, shape)?,
            Request::Sample { sampler, steps, n } => {
                let settings = Settings { sampler, steps: Some(steps), n, ..Settings::default() };
                let score = self.model.score(&vec![Some(LABEL); n], 1.0, &self.device)?;
                let begun = Instant::now();
                let mut sampler = Sampler::new(&self.model.plan(&settings)?, &self.device)?;
                while sampler.step(&*score)?.is_some() {}
                json!({ "seconds": begun.elapsed().as_secs_f64(), "nfe": sampler.nfe() })
            }
            Request::Samplers { n } => self.samplers(n)?,
            Request::TrainPrepare { batch } => {
                self.training = Some(self.trainer(batch)?);
                json!({})
            }
            Request::Train { repeat } => {
                let (trainer, data) = self.training.as_mut().context("train_prepare comes first")?;
                let begun = Instant::now();
                for _ in 0..repeat {
                    trainer.step(data)?;
                }
                json!({ "seconds": begun.elapsed().as_secs_f64() / repeat as f64 })
            }
            Request::LabPrepare { objective, batch } => {
                let lab = self.lab(&objective, batch)?;
                self.labs.insert(objective, lab);
                json!({})
            }
            Request::Lab { objective, repeat } => {
                let (trainer, data) = self.labs.get_mut(&objective).context("lab_prepare comes first")?;
                let begun = Instant::now();
                for _ in 0..repeat {
                    trainer.step(data)?;
                }
                json!({ "seconds": begun.elapsed().as_secs_f64() / repeat as f64 })
            }
            Request::TrainCheck { batch, steps, folder } => self.train_check(batch, steps, &folder)?,
            Request::Counts { batch } => {
                // The account needs a GPU, any: without one there is the least alone. A process can open one once.
                let gpu = self.gpu.get_or_init(|| DeviceChoice::Gpu.init().ok().map(|(device, _)| device)).as_ref();
                let account = gpu.map(|device| account::evaluation(&self.architecture, batch, false, device).total);
                json!({ "least": cost::least(&self.architecture, batch, 1), "account": account })
            }
            Request::Memory => json!({ "peak": peak() }),
        })
    }

    fn denoiser(&self) -> Result<&Denoiser> {
        Ok(self.model.network()?.denoiser())
    }

    /// The first rows of a file of f32.
    fn input(&mut self, path: &Path, n: usize, d: usize) -> Result<Tensor<2>> {
        let key = (path.to_owned(), vec![n, d]);
        if !self.inputs.contains_key(&key) {
            let bytes = std::fs::read(path)?;
            let bytes = bytes.get(..4 * n * d).context("the input is too short")?;
            let x = TensorData::new(bytemuck::pod_collect_to_vec::<u8, f32>(bytes), [n, d]);
            self.inputs.insert(key.clone(), Tensor::from_data(x, &self.device));
        }
        Ok(self.inputs[&key].clone())
    }

    /// A network's score as a sampler asks for it: preconditioning and all.
    fn evaluate(&mut self, n: usize, x: &Path, t: f64, repeat: usize, shape: Option<[usize; 3]>) -> Result<Value> {
        if let Some(shape) = shape
            && !self.fresh.contains_key(&shape)
        {
            let mut manifest = self.model.network()?.manifest().clone();
            let mut fields = serde_json::to_value(&self.architecture)?;
            fields["shape"] = json!(shape);
            manifest.architecture = serde_json::from_value(fields)?;
            manifest.data.shape = Space::Image(shape);
            let net = manifest.architecture.init(1, &self.device);
            self.fresh.insert(shape, Model::new(manifest, net)?);
        }
        let d = shape.map_or(self.model.dim(), |shape| shape.iter().product());
        let x = self.input(x, n, d)?;
        let model = shape.map_or(&self.model, |shape| &self.fresh[&shape]);
        let level = model.level(t)?;
        let score = model.score(&vec![Some(LABEL); n], 1.0, &self.device)?;
        let begun = Instant::now();
        for _ in 0..repeat {
            std::hint::black_box(score.score(x.clone(), &level));
        }
        Ok(json!({ "seconds": begun.elapsed().as_secs_f64() / repeat as f64 }))
    }

    /// The network's evaluation as Euler asks for it, and every sampler's own time an evaluation of a score that is free.
    fn samplers(&self, n: usize) -> Result<Value> {
        let network = self.model.score(&vec![Some(LABEL); n], 1.0, &self.device)?;
        // The least of three runs: whatever else the machine does only adds.
        let least = |sampler: SamplerKind, steps: usize, score: &dyn Score| -> Result<f64> {
            let settings = Settings { sampler, steps: Some(steps), n, ..Settings::default() };
            let mut least = f64::INFINITY;
            for _ in 0..3 {
                let mut sampler = Sampler::new(&self.model.plan(&settings)?, &self.device)?;
                let begun = Instant::now();
                while sampler.step(score)?.is_some() {}
                least = least.min(begun.elapsed().as_secs_f64() / sampler.nfe() as f64);
            }
            Ok(least)
        };
        let evaluation = least(SamplerKind::Euler, 8, &*network)?;
        let mut own = BTreeMap::new();
        for &kind in SamplerKind::all() {
            // They need a log-density, which the network does not have.
            if !matches!(kind, SamplerKind::Mala | SamplerKind::Hmc) {
                own.insert(kind.name(), least(kind, 20, &Free)?);
            }
        }
        Ok(json!({ "evaluation": evaluation, "own": own }))
    }

    /// The trainer of the shipped recipe, from the shipped weights, on 128 times one picture: what is in a picture takes
    /// no time.
    fn trainer(&self, batch: usize) -> Result<(Trainer, Dataset)> {
        let set = format!("train.batch={batch}");
        let config = RunConfig::read(Path::new(RECIPE), &[set, "data.class_dropout=0.0".into()])?;
        let mut trainer = Trainer::new(config, &self.device);
        trainer.warm_start(&self.denoiser()?.net);
        let Space::Image(shape) = self.model.space() else { bail!("training takes images") };
        let picture: Vec<u8> = (0..self.model.dim()).map(|i| (i * i % 251) as u8).collect();
        let data = Dataset {
            name: DatasetName::FashionMnist,
            shape,
            images: picture.repeat(128),
            labels: vec![LABEL as u8; 128],
            classes: self.model.network()?.manifest().data.classes.clone(),
            licence: String::new(),
        };
        Ok((trainer, data))
    }

    /// A trainer of points from N(0, I): denoising over all noise levels of VP, or implicit score matching of the data as they
    /// are.
    fn lab(&self, objective: &str, batch: usize) -> Result<(Trainer, Points)> {
        let process = if objective == "denoising" { "vp" } else { "none" };
        let config = format!(
            "name = 'lab'
             data = {{ name = 'two-moons', sigma_data = 1.0 }}
             model = {{ kind = 'mlp', dim = 2, width = 128, depth = 3, time = {{ kind = 'none' }} }}
             process = {{ kind = '{process}' }}
             objective = {{ kind = '{objective}' }}
             train = {{ batch = {batch}, steps = 1_000_000 }}"
        );
        let config = RunConfig::parse(&config, "lab", &[])?;
        let mut points = vec![0.0; 2 * 10_000];
        Noise::new(1).fill_normal(0, Purpose::Data, 0, &mut points);
        Ok((Trainer::new(config, &self.device), Points::new(points, 2)?))
    }

    /// Steps of the trainer, and the batches that it drew for them: noise is counted, so they can be drawn again.
    fn train_check(&self, batch: usize, steps: u64, folder: &Path) -> Result<Value> {
        let (mut trainer, data) = self.trainer(batch)?;
        let config = trainer.config().clone();
        let ObjectiveConfig::Denoising(objective) = config.objective else {
            bail!("the comparison knows denoising with EDM's weighting alone");
        };
        let objective =
            objective.init(&config.process, config.data.sigma_data().context("the recipe's data are named")?);
        let noise = Noise::new(config.train.seed);
        let d = data.dim();
        let mut clean = vec![0.0; batch * d];
        for row in clean.chunks_mut(d) {
            data.fill(0, false, row);
        }
        let (mut losses, mut norms, mut rates) = (Vec::new(), Vec::new(), Vec::new());
        for step in 0..steps {
            let drawn = objective.batch(&clean, d, &noise, step, &self.device);
            for (name, tensor) in [("input", drawn.input), ("target", drawn.target), ("c_noise", drawn.c_noise)] {
                write(&folder.join(format!("{step}.{name}")), &values(tensor)?)?;
            }
            std::fs::write(folder.join(format!("{step}.label")), bytemuck::cast_slice(&vec![LABEL as i32; batch]))?;
            let stats = trainer.step(&data)?;
            losses.push(stats.loss);
            norms.push(stats.gradient_norm);
            rates.push(stats.rate);
        }
        Ok(json!({ "losses": losses, "norms": norms, "rates": rates }))
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    tensor.into_data().try_into_vec::<f32>().map_err(|error| anyhow::anyhow!("{error:?}"))
}

fn write(path: &Path, values: &[f32]) -> Result<()> {
    std::fs::write(path, bytemuck::cast_slice(values)).with_context(|| path.display().to_string())
}

/// Peak resident bytes, where the system tells a process so (Linux).
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(1024 * line.split_whitespace().next()?.parse::<u64>().ok()?)
}
