//! `scorefield eval` and `scorefield data` as a user runs them.

use std::{
    path::Path,
    process::{Command, Output},
};

use burn::tensor::Device;
use scorefield::{
    net::{NetworkConfig, UNetConfig},
    sde::Process,
    weights::{Architecture, Data, Manifest, Parameterisation, Storage, Training, VERSION, sha256, to_bytes},
};
use serde_json::{Value, json};

fn scorefield(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_scorefield")).args(args).output().expect("the program runs")
}

pub(crate) fn result(args: &[&str]) -> Value {
    let output = scorefield(args);
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{args:?}: {err}");
    serde_json::from_str(out.lines().last().expect("a line of output")).expect("the last line is JSON")
}

pub(crate) fn refused(args: &[&str]) -> String {
    let output = scorefield(args);
    assert!(!output.status.success() && output.stdout.is_empty(), "{args:?} should be refused");
    String::from_utf8(output.stderr).expect("errors are text")
}

/// A small network with fresh weights, whose last convolution is zero: its samples are noise that shrinks to 0.
pub(crate) fn untrained(data: &str, classes: usize) -> tempfile::NamedTempFile {
    let config = UNetConfig { width: 8, heads: 0, embedding: 8, classes, ..UNetConfig::default() };
    let manifest = Manifest {
        version: VERSION,
        architecture: Architecture::UNet(config.clone()),
        process: Process::default(),
        parameterisation: Parameterisation::Edm { sigma_data: 0.7 },
        data: Data {
            name: data.to_owned(),
            shape: config.space(),
            range: [-1.0, 1.0],
            classes: (0..config.classes).map(|class| class.to_string()).collect(),
            licence: "none".to_owned(),
            sigma_data: None,
        },
        training: Training { steps: 0, batch: 1, seed: 0, ema: 0.0, hours: 0.0, config: None },
    };
    let file = tempfile::Builder::new().suffix(".safetensors").tempfile().expect("a temporary file");
    let bytes = to_bytes("untrained", &config.init(0, &Device::flex()), &manifest, Storage::F16).expect("valid");
    std::fs::write(file.path(), &bytes).expect("written");
    file
}

#[test]
fn eval_prints_the_whole_protocol() {
    let file = untrained("fashion-mnist", 10);
    let model = file.path().to_str().expect("a path in UTF-8");
    let settings =
        ["--n", "40", "--sampler", "ddim", "--steps", "4", "--seed", "7", "--batch", "16", "--device", "cpu", "--json"];
    let value = result(&[&["eval", "--model", model, "--guidance", "2"], &settings[..]].concat());
    let number = |field: &str| value[field].as_f64().unwrap_or_else(|| panic!("{field} in {value}"));
    // An evaluation per step and the final denoising's, each of them twice under guidance.
    assert_eq!((number("nfe"), number("n"), number("seed")), (10.0, 40.0, 7.0));
    assert!(number("frechet_floor") < number("frechet") && number("frechet") < 3.0 * number("frechet_ceiling"));
    assert!((number("frechet_percent") - 100.0 * number("frechet") / number("frechet_ceiling")).abs() < 1e-9);
    assert!(number("judge_accuracy") >= 0.91 && number("seconds") >= number("sampling_seconds"));
    // What an untrained network draws shows no class: the judge calls all or most of it one, as each tenth is.
    assert!(number("label_agreement") < 0.4, "{value}");
    // VP's own end, and DDIM's grid; the hashes are the files'.
    let hash = |path: &Path| json!(sha256(&std::fs::read(path).expect("the file is there")));
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/eval/fashion-classifier.safetensors");
    for (field, expected) in [
        ("/data", json!("fashion-mnist")),
        ("/model/name", json!(model)),
        ("/model/sha256", hash(file.path())),
        ("/judge/name", json!("fashion-classifier.safetensors")),
        ("/judge/sha256", hash(&judge)),
        ("/settings/sampler", json!("ddim")),
        ("/settings/steps", json!(4)),
        ("/settings/guidance", json!(2.0)),
        ("/settings/denoise", json!(true)),
        ("/process/kind", json!("vp")),
        ("/t_end", json!(1e-3)),
        ("/grid", json!("uniform")),
    ] {
        assert_eq!(value.pointer(field), Some(&expected), "{field} in {value}");
    }
    assert!(value["device"].as_str().is_some_and(|device| device.contains("cpu")), "{value}");

    assert!(refused(&["eval", "--model", model, "--label", "3"]).contains("every class is drawn in turn"));
    assert!(refused(&["eval", "--model", model, "--n", "0"]).contains("n = 0"));
    assert!(refused(&["eval", "--model", model, "--batch", "0"]).contains("batch = 0"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dir = folder.path().to_str().expect("a path in UTF-8");
    assert!(refused(&["eval", "--model", model, "--data", dir]).contains("scorefield data get fashion-mnist"));
}

#[test]
fn eval_refuses_what_it_cannot_judge() {
    let file = untrained("my-cats", 10);
    let error = refused(&["eval", "--model", file.path().to_str().expect("a path in UTF-8")]);
    assert!(error.contains("my-cats") && error.contains("evaluate a model of fashion-mnist"), "{error}");
    // Labels of other classes would not mean the same.
    let seven = untrained("fashion-mnist", 7);
    let seven = seven.path().to_str().expect("a path in UTF-8");
    assert!(refused(&["eval", "--model", seven]).contains("it has 10 classes, the model 7"));
    assert!(refused(&["eval", "--model", seven, "--judge", seven]).contains("no classifier of this program"));
    assert!(refused(&["eval", "--model", "no-such-file.safetensors"]).contains("no such file"));
    assert!(refused(&["eval"]).contains("--model"));
}

#[test]
fn data_list_and_get_find_the_data_set() {
    let listed = result(&["data", "list", "--json"]);
    assert_eq!(listed["datasets"][0]["name"], "fashion-mnist");
    let found = result(&["data", "get", "fashion-mnist", "--json"]);
    assert_eq!(found["found"], true);
    assert_eq!(found["folder"], listed["datasets"][0]["folder"]);
    assert!(refused(&["data", "get", "cifar-10"]).contains("fashion-mnist"));
}
