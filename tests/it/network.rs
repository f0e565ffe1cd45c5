//! The U-Net and its preconditioning against the same in PyTorch, float64: `tests/reference/unet.py`.

use std::collections::BTreeMap;

use burn::{
    Tensor,
    tensor::{DType, Device, Int, TensorData},
};
use safetensors::{Dtype, SafeTensors};
use scorefield::{
    net::{Network, NetworkConfig, TimeEmbedding, UNetConfig},
    score::{
        Parameterisation, Score,
        network::{Denoiser, NetworkScore},
    },
    sde::Process,
    train::flat,
    weights,
};
use serde::Deserialize;

const FIXTURE: &[u8] = include_bytes!("../reference/unet.safetensors");

/// What the fixture says of itself.
#[derive(Deserialize)]
struct Settings {
    config: UNetConfig,
    sigma_data: f64,
    process: Process,
    times: Vec<f64>,
    guidance: Vec<f64>,
    labels: Vec<Option<usize>>,
}

struct Fixture {
    settings: Settings,
    tensors: BTreeMap<String, TensorData>,
}

impl Fixture {
    fn load() -> Self {
        let (_, header) = SafeTensors::read_metadata(FIXTURE).unwrap();
        let settings = serde_json::from_str(&header.metadata().as_ref().unwrap()["settings"]).unwrap();
        let tensors = SafeTensors::deserialize(FIXTURE).unwrap().tensors().into_iter();
        let tensors = tensors
            .map(|(name, view)| {
                let dtype = match view.dtype() {
                    Dtype::F16 => DType::F16,
                    Dtype::F32 => DType::F32,
                    Dtype::I32 => DType::I32,
                    other => panic!("{name} is {other:?}"),
                };
                let data = TensorData::from_bytes_vec(view.data().to_vec(), view.shape().to_vec(), dtype);
                (name, if dtype == DType::F16 { data.convert::<f32>() } else { data })
            })
            .collect();
        Self { settings, tensors }
    }

    fn under(&self, prefix: &str) -> BTreeMap<String, TensorData> {
        self.tensors.iter().filter_map(|(k, v)| Some((k.strip_prefix(prefix)?.to_owned(), v.clone()))).collect()
    }

    fn net(&self, device: &Device) -> Network {
        let net = self.settings.config.init(0, device);
        weights::with_tensors("unet.safetensors", net, &self.under("parameter.")).unwrap()
    }

    fn denoiser(&self, device: &Device) -> Denoiser {
        let parameterisation = Parameterisation::Edm { sigma_data: self.settings.sigma_data };
        Denoiser { net: self.net(device), parameterisation }
    }

    /// `name`, with each image (channels first) in a row: `[n, d]`.
    fn rows(&self, name: &str, device: &Device) -> Tensor<2> {
        let data = &self.tensors[name];
        let rows = data.shape()[0];
        Tensor::<1>::from_data(data.as_slice::<f32>().unwrap(), device).reshape([rows as i32, -1])
    }

    fn numbers(&self, name: &str) -> &[f32] {
        self.tensors[name].as_slice().unwrap()
    }
}

/// max|a − b| / max|b|.
fn distance(actual: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(actual.len(), expected.len());
    // Of several numbers the total order takes NaN for the largest.
    let largest = |values: Vec<f32>| values.into_iter().map(f32::abs).max_by(f32::total_cmp).unwrap();
    largest(actual.iter().zip(expected).map(|(a, b)| a - b).collect()) / largest(expected.to_vec())
}

/// Rounding alone. f32's unit is 6e-8, and the longest path through the network crosses some thirty sums of
/// up to 288 terms and as many normalisations, there and back: measured 8e-7 for the output and at most 6e-6
/// for a gradient, the largest for biases, whose gradients cancel most over the pixels.
const TOLERANCE: f32 = 2e-5;

#[test]
fn one_forward_and_one_backward_pass_agree_with_pytorch() {
    let fixture = Fixture::load();
    let device = Device::flex().autodiff();
    let denoiser = fixture.denoiser(&device);
    let class = Tensor::<1, Int>::from_data(fixture.tensors["class"].clone(), &device);
    let output = denoiser.forward(fixture.rows("x", &device), fixture.rows("c_noise", &device), class);
    let loss = (output.clone() - fixture.rows("target", &device)).square().mean();

    let mut distances = BTreeMap::new();
    let output = output.into_data();
    distances.insert("output".to_owned(), distance(output.as_slice().unwrap(), fixture.numbers("output")));
    let value = loss.clone().into_data();
    distances.insert("loss".to_owned(), distance(value.as_slice().unwrap(), fixture.numbers("loss")));

    let gradient = flat::gradient(&denoiser.net, &loss.backward()).into_data();
    let mut rest = gradient.as_slice::<f32>().unwrap();
    let mut expected = fixture.under("gradient.");
    for (name, size) in flat::layout(&denoiser.net) {
        let (part, others) = rest.split_at(size);
        rest = others;
        if name == "frequencies" {
            assert!(part.iter().all(|g| *g == 0.0), "the frequencies are fixed");
            continue;
        }
        let expected = expected.remove(&name).unwrap_or_else(|| panic!("PyTorch's network has no {name}"));
        distances.insert(name, distance(part, expected.as_slice().unwrap()));
    }
    assert!(rest.is_empty() && expected.is_empty(), "no gradient for {:?}", expected.keys());
    let worst = distances.iter().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
    println!("output {:e}, worst {worst:?}", distances["output"]);
    let off: Vec<_> = distances.iter().filter(|(_, d)| d.is_nan() || **d > TOLERANCE).collect();
    assert!(off.is_empty(), "max|Δ|/max|·| beyond {TOLERANCE:e}: {off:#?}");
}

/// s = (αD(x/α; σ/α) − x)/σ² with EDM's D, and s∅ + w(s_c − s∅), from nearly pure noise to nearly clean.
#[test]
fn scores_agree_with_edms_denoiser_in_pytorch() {
    let fixture = Fixture::load();
    let device = Device::flex();
    let Settings { config, process, times, guidance, labels, .. } = &fixture.settings;
    for (i, t) in times.iter().enumerate() {
        let x = fixture.rows(&format!("score.{i}.x"), &device);
        for (j, weight) in guidance.iter().enumerate() {
            let denoiser = fixture.denoiser(&device);
            let score = NetworkScore::new(denoiser, labels, *weight, config.null_class(), &device);
            let s = score.score(x.clone(), &process.level(*t)).into_data();
            let distance = distance(s.as_slice().unwrap(), fixture.numbers(&format!("score.{i}.{j}")));
            println!("t = {t}, w = {weight}: {distance:e}");
            assert!(distance <= TOLERANCE, "t = {t}, w = {weight}: max|Δ|/max|s| = {distance:e}");
            assert_eq!(score.evaluations(), if *weight == 2.0 { 2 } else { 1 });
        }
    }
}

/// A sample's score does not depend on the samples beside it.
#[test]
fn a_score_is_of_its_own_sample_alone() {
    let fixture = Fixture::load();
    let device = Device::flex();
    let Settings { config, process, times, labels, .. } = &fixture.settings;
    let x = fixture.rows("score.1.x", &device);
    for row in 0..labels.len() {
        let denoiser = fixture.denoiser(&device);
        let score = NetworkScore::new(denoiser, &labels[row..=row], 2.0, config.null_class(), &device);
        let s = score.score(x.clone().narrow(0, row, 1), &process.level(times[1])).into_data();
        let all = fixture.numbers("score.1.2");
        let d = all.len() / labels.len();
        let distance = distance(s.as_slice().unwrap(), &all[row * d..(row + 1) * d]);
        assert!(distance <= TOLERANCE, "sample {row}: {distance:e}");
    }
}

#[test]
fn sinusoidal_frequencies_are_ddpms() {
    let fixture = Fixture::load();
    let config = UNetConfig { time: TimeEmbedding::Sinusoidal, ..fixture.settings.config.clone() };
    let tensors = weights::tensors_of(&config.init(0, &Device::flex())).unwrap();
    let (_, frequencies) = tensors.iter().find(|(name, _)| name == "frequencies").unwrap();
    // Both were rounded once to f32, the smallest entry is 0.1.
    for (actual, expected) in frequencies.as_slice::<f32>().unwrap().iter().zip(fixture.numbers("sinusoidal")) {
        assert!((actual - expected).abs() <= 2e-7 * expected, "{actual} is not {expected}");
    }
}
