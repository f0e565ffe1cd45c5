//! Divergence, likelihood and codes of a small network, whose parameters are those of `tests/reference/unet.py`.

use std::collections::BTreeMap;

use burn::{
    Tensor,
    tensor::{DType, Device, TensorData},
};
use futures_lite::future::block_on;
use safetensors::{Dtype, SafeTensors};
use scorefield::{
    data::{Dataset, DatasetName, Split},
    flow::{
        codes,
        codes::{decode, encode},
        dormand_prince::Tolerance,
        likelihood::{LikelihoodSettings, Method, log_likelihood},
    },
    net::{NetworkConfig, UNetConfig},
    noise::{Noise, Purpose},
    score::{
        Parameterisation, Score as _,
        divergence::{Divergence, Probe},
        network::{Denoiser, NetworkScore},
    },
    sde::{Process, Vp},
    weights,
};

use crate::eval::{refused, result, untrained};

const FIXTURE: &[u8] = include_bytes!("../reference/unet.safetensors");
/// 2·8·12 values an image.
const D: usize = 192;

/// The network as a score for `n` samples of class 1.
fn score(n: usize) -> NetworkScore {
    let device = Device::flex();
    let (_, header) = SafeTensors::read_metadata(FIXTURE).unwrap();
    let settings: serde_json::Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["settings"]).unwrap();
    let config: UNetConfig = serde_json::from_value(settings["config"].clone()).unwrap();
    let tensors: BTreeMap<String, TensorData> = SafeTensors::deserialize(FIXTURE)
        .unwrap()
        .tensors()
        .into_iter()
        .filter_map(|(name, view)| {
            let name = name.strip_prefix("parameter.")?.to_owned();
            assert_eq!(view.dtype(), Dtype::F16);
            let data = TensorData::from_bytes_vec(view.data().to_vec(), view.shape().to_vec(), DType::F16);
            Some((name, data.convert::<f32>()))
        })
        .collect();
    let (classes, net) = (config.classes, config.init(0, &device));
    let net = weights::with_tensors("unet.safetensors", net, &tensors).unwrap();
    let parameterisation = Parameterisation::Edm { sigma_data: 0.5 };
    NetworkScore::new(Denoiser { net, parameterisation }, &vec![Some(1); n], 1.0, classes, &device)
}

fn process() -> Process {
    Process::Vp(Vp::default())
}

/// One sample, `n` times.
fn copies(n: usize) -> Tensor<2> {
    (Noise::new(4).normal(0, [1, D], Purpose::Prior, 0, &Device::flex()) * 0.5).repeat_dim(0, n)
}

fn read(x: &Tensor<2>) -> Vec<f64> {
    x.clone().into_data().iter().collect()
}

fn tolerance(both: f64) -> Tolerance {
    Tolerance { rtol: both, atol: both }
}

#[test]
fn hutchinsons_divergence_is_unbiased() {
    const N: usize = 512;
    let noise = Noise::new(9);
    for t in [0.05, 0.5] {
        let level = process().level(t);
        let exact = read(&Divergence::Exact.evaluate(&score(1), &copies(1), &level).1)[0];
        for law in [Probe::Rademacher, Probe::Gaussian] {
            // Copies of one sample, each with its own probe.
            let probe = law.draw(&noise, 0, [N, D], 0, &Device::flex());
            let terms = read(&Divergence::Hutchinson(vec![probe]).evaluate(&score(N), &copies(N), &level).1);
            let mean = terms.iter().sum::<f64>() / N as f64;
            let variance = terms.iter().map(|term| (term - mean).powi(2)).sum::<f64>() / (N - 1) as f64;
            let error = (variance / N as f64).sqrt();
            assert!((mean - exact).abs() < 4.0 * error, "{law:?} {t}: {mean} ± {error}, exactly {exact}");
            // An estimate that says something: a probe's deviation is less than the divergence.
            assert!(variance.sqrt() < exact.abs(), "{law:?} {t}: {variance}");
        }
    }
}

#[test]
fn a_probes_term_is_that_of_differences() {
    let level = process().level(0.3);
    let probe = Probe::Gaussian.draw(&Noise::new(1), 0, [1, D], 0, &Device::flex());
    let (s, term) = Divergence::Hutchinson(vec![probe.clone()]).evaluate(&score(1), &copies(1), &level);
    let plain = read(&score(1).score(copies(1), &level));
    // f32's rounding: tracked operators are not fused.
    assert!(read(&s).into_iter().zip(plain).all(|(a, b)| (a - b).abs() < 1e-5), "tracking the input changes no value");
    let h = 3e-3;
    let at = |h: f64| score(1).score(copies(1) + probe.clone() * h, &level);
    let difference = read(&((at(h) - at(-h)) * probe.clone()).sum_dim(1))[0] / (2.0 * h);
    let term = read(&term)[0];
    // f32: scores of order 1 rounded to 1e-6 and divided by h, in a sum over 192; and h² of curvature.
    assert!((difference / term - 1.0).abs() < 1e-2, "{term} {difference}");
}

#[test]
fn a_networks_codes_lead_back_to_its_images() {
    let x = Noise::new(7).normal(0, [3, D], Purpose::Prior, 0, &Device::flex()).tanh();
    let psnr = |both: f64| {
        let settings = codes::SolverSettings { tolerance: tolerance(both), ..Default::default() };
        let code = block_on(encode(&score(3), &process(), x.clone(), &settings)).unwrap();
        let back = block_on(decode(&score(3), &process(), code.x, &settings)).unwrap();
        let squares = read(&(back.x - x.clone()).square().mean_dim(1));
        // The worst of three; values span 2.
        squares.into_iter().map(|square| 10.0 * (4.0 / square).log10()).fold(f64::INFINITY, f64::min)
    };
    let [rough, usual, fine] = [1e-2, 1e-4, 1e-5].map(psnr);
    println!("{rough:.1}, {usual:.1}, {fine:.1} dB at rtol 1e-2, 1e-4, 1e-5");
    assert!(rough < usual && usual < fine && fine > 40.0, "{rough} {usual} {fine}");
}

#[test]
fn a_networks_likelihood_by_probes_is_the_exact_ones() {
    // The mean of single-probe estimates of one image against the exact divergence.
    const N: usize = 64;
    let run = |n: usize, method| {
        let settings = LikelihoodSettings { tolerance: tolerance(3e-3), t_end: 5e-2, method, ..Default::default() };
        block_on(log_likelihood(&score(n), &process(), copies(n), &settings)).unwrap()
    };
    let exact = run(1, Method::Exact).log_p[0];
    let likelihood = run(N, Method::Hutchinson { probe: Probe::Rademacher, probes: 1 });
    let mean = likelihood.log_p.iter().sum::<f64>() / N as f64;
    let variance = likelihood.log_p.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (N - 1) as f64;
    let error = (variance / N as f64).sqrt();
    // The solver's own error, 3e-3 a dimension, beside Hutchinson's.
    assert!((mean - exact).abs() < 4.0 * error + 3e-3 * D as f64, "{mean} ± {error}, exactly {exact}");
    assert_eq!(likelihood.nfe, 2 + 6 * likelihood.steps.iter().sum::<usize>() as u64);
}

/// An NPY file of these values, in rows of `d`, as numpy.save writes it.
fn npy(values: &[f32], d: usize) -> tempfile::NamedTempFile {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {d}), }}", values.len() / d);
    let mut bytes = b"\x93NUMPY\x01\0v\0".to_vec();
    bytes.extend(format!("{header:<117}\n").bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    let file = tempfile::Builder::new().suffix(".npy").tempfile().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

#[test]
fn eight_bit_images_are_recognised_and_dequantised_when_asked() {
    let test = Dataset::load(DatasetName::FashionMnist, Split::Test, None).expect("the tests need Fashion-MNIST");
    let pixels: Vec<f32> = test.images[..2 * 784].iter().map(|&pixel| f32::from(pixel)).collect();
    let (bytes, unit) = (npy(&pixels, 784), npy(&pixels.iter().map(|pixel| pixel / 255.0).collect::<Vec<_>>(), 784));
    let [bytes, unit] = [&bytes, &unit].map(|file| file.path().to_str().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.npy");
    let out = out.to_str().unwrap();

    let commands: [&[&str]; 4] = [
        &["likelihood", "--data"],
        &["encode", "--npy", out, "--data"],
        &["interpolate", "--npy", out, "--data"],
        &["decode", "--npy", out, "--codes", unit, "--compare"],
    ];
    for command in commands {
        let said = refused(&[command, &[bytes]].concat());
        assert!(said.contains("from 0 to 255, 8-bit pixels") && said.contains("--values bytes"), "{said}");
        let said = refused(&[command, &[unit]].concat());
        assert!(said.contains("from 0 to 1") && said.contains("--values unit"), "{said}");
        assert!(!std::path::Path::new(out).exists(), "refused before the work");
    }

    // The remedy, followed: the same pixels with the same noise are the test set's own likelihood, 3.5 bits/dim or so.
    let flow = ["--rtol", "1e-2", "--atol", "1e-2", "--t-end", "1e-3", "--device", "cpu", "--json"];
    let likelihood = |data: &[&str]| result(&[&["likelihood"], data, &flow[..]].concat());
    let (file, own) =
        (likelihood(&["--data", bytes, "--values", "bytes"]), likelihood(&["--data", "test", "--n", "2"]));
    assert_eq!(file["bits_per_dim"], own["bits_per_dim"]);
    assert_eq!((&file["protocol"], &file["n"]), (&own["protocol"], &own["n"]));
    let bits = own["bits_per_dim"].as_f64().unwrap();
    // Tolerances of 1e-2 and an end at 1e-3 cost it some tenths of README's 3.47; images differ by as much.
    assert!((2.0..6.0).contains(&bits), "{bits}");
    assert!(refused(&["likelihood", "--data", "test", "--values", "unit"]).contains("the test set's are known"));
}

#[test]
fn test_is_the_models_own_test_set() {
    let refused =
        |file: &std::path::Path| refused(&["likelihood", "--data", "test", "--model", file.to_str().unwrap()]);
    let said = refused(untrained("my-cats", 10).path());
    assert!(said.contains("trained on my-cats") && said.contains("give --data an NPY file"), "{said}");
    let said = refused(untrained("fashion-mnist", 7).path());
    assert!(said.contains("it has 10 classes, the model 7"), "{said}");
    let mixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/mixture2d.toml");
    assert!(refused(&mixture).contains("a mixture, which has no test set"));
}

#[test]
fn a_mixtures_likelihood_on_the_command_line_is_scipys() {
    let fixture: serde_json::Value = serde_json::from_str(include_str!("../reference/flow.json")).unwrap();
    let numbers = |value: &serde_json::Value| -> Vec<f64> {
        value
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|x| x.as_array().cloned().unwrap_or_else(|| vec![x.clone()]))
            .map(|x| x.as_f64().unwrap())
            .collect()
    };
    let [x, dop853] = ["x", "dop853"].map(|key| numbers(&fixture["likelihood"][key]));
    let points = npy(&x.iter().map(|&x| x as f32).collect::<Vec<_>>(), 2);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("log_p.npy");
    let mixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/mixture2d.toml");
    let [points, out] = [points.path(), &out].map(|path| path.to_str().unwrap());
    let args = ["likelihood", "--model", mixture, "--data", points, "--npy", out, "--device", "cpu", "--json"];
    let value = result(&args);
    let written = std::fs::read(out).unwrap();
    let values = written.iter().position(|&byte| byte == b'\n').expect("a header's end") + 1;
    let ours: Vec<_> = written[values..].as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    assert_eq!(ours.len(), 4);
    for (ours, exact) in ours.iter().zip(&dop853) {
        // RK45's own error at these tolerances is 1.1e-3 (`flow.py`), and f32 rounds tan θ = 152 beside it.
        assert!((f64::from(*ours) - exact).abs() < 5e-3, "{ours} {exact}");
    }
    // A closed form: an evaluation each, two to start and six per step, and points are no pixels.
    let number = |field: &str| value.pointer(field).and_then(serde_json::Value::as_f64).unwrap();
    assert_eq!(number("/nfe"), 2.0 + 6.0 * (number("/protocol/steps") + number("/protocol/rejected")));
    assert_eq!((number("/protocol/offset"), &value["protocol"]["divergence"]["divergence"]), (0.0, &"exact".into()));
    assert!(refused(&[&args[..], &["--values", "unit"]].concat()).contains("points are taken as they are"));
}
