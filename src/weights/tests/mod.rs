//! Tests of weights files, and what they share.
//!
//! The well-formed bytes here are put together by hand from the format's description, not by
//! [`super::encode`], and half-precision values are literal IEEE 754 patterns.

mod folder;
mod hostile;
mod limits;
mod property;
mod round_trip;

use burn::{
    Tensor,
    module::{Module, Param},
    tensor::Device,
};
use serde_json::{Value, json};

use super::*;
use crate::{
    Error,
    net::{NetworkConfig as _, UNetConfig},
    sde::Process,
    space::Space,
};

#[derive(Module, Debug)]
struct Block {
    weight: Param<Tensor<2>>,
    bias: Option<Param<Tensor<1>>>,
}

#[derive(Module, Debug)]
struct Small {
    down: Vec<Block>,
    middle: Option<Block>,
    attention: Option<Block>,
    kernel: Param<Tensor<4>>,
    patch: usize,
}

fn block(start: f32, bias: bool) -> Block {
    let device = Device::flex();
    Block {
        weight: Param::from_data([[start, start + 0.1], [start + 0.2, -start]], &device),
        bias: bias.then(|| Param::from_data([start * 1e-3, 3.0], &device)),
    }
}

fn small(start: f32) -> Small {
    let kernel = Tensor::<1>::from_data([start, 1.0 / 3.0, -2.0], &Device::flex()).reshape([1, 1, 3, 1]);
    Small {
        down: vec![block(start, true), block(start + 1.0, false)],
        middle: Some(block(start + 2.0, true)),
        attention: None,
        kernel: Param::from_tensor(kernel),
        patch: 2,
    }
}

fn values(module: &Small) -> Vec<(String, Vec<f32>)> {
    let tensors = tensors_of(module).unwrap();
    tensors.into_iter().map(|(path, data)| (path, data.try_to_vec().unwrap())).collect()
}

fn manifest() -> Manifest {
    let classes = ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"];
    Manifest {
        version: VERSION,
        architecture: Architecture::UNet(UNetConfig::default()),
        process: Process::default(),
        parameterisation: Parameterisation::Edm { sigma_data: 0.5 },
        data: Data {
            name: "Fashion-MNIST".into(),
            shape: Space::Image([1, 28, 28]),
            range: [-1.0, 1.0],
            classes: classes.map(String::from).to_vec(),
            licence: "MIT".into(),
            sigma_data: Some(0.7),
        },
        training: Training {
            steps: 4800,
            batch: 128,
            seed: 1,
            ema: 0.999,
            hours: 0.5,
            config: Some("[train]\nsteps = 4800\n".into()),
        },
    }
}

/// A file from its parts: header length, header, data.
fn file(header: &Value, data: &[u8]) -> Vec<u8> {
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

/// A good file of one f32 and one f16 tensor.
fn good() -> (Value, Vec<u8>) {
    let header = json!({
        "__metadata__": { "scorefield": serde_json::to_string(&manifest()).unwrap() },
        "a": { "dtype": "F32", "shape": [2], "data_offsets": [0, 8] },
        "b.0": { "dtype": "F16", "shape": [1, 3], "data_offsets": [8, 14] },
    });
    // f32: 1, −2. f16: 1, 65504 (the largest), 2⁻²⁴ (the smallest).
    let data = [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0x00, 0x3c, 0xff, 0x7b, 0x01, 0x00];
    (header, data.to_vec())
}

/// The problem and the remedy of a file that must be refused.
fn refusal(bytes: &[u8]) -> (String, String) {
    match File::parse("m.safetensors", bytes) {
        Err(Error::Weights { file, problem, remedy }) => {
            assert_eq!(file, "m.safetensors");
            assert!(!remedy.is_empty(), "{problem} has no remedy");
            (problem, remedy)
        }
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn refused(bytes: &[u8], problem: &str) {
    let (found, _) = refusal(bytes);
    assert!(found.contains(problem), "{found:?} does not say {problem:?}");
}
