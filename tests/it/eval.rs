//! `scorefield eval` and `scorefield data` as a user runs them.

use std::process::{Command, Output};

use burn::tensor::Device;
use scorefield::{
    net::UNetConfig,
    sde::Process,
    weights::{Architecture, Data, Manifest, Parameterisation, Storage, Training, VERSION, atomic_write, to_bytes},
};
use serde_json::Value;

fn scorefield(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_scorefield")).args(args).output().expect("the program runs")
}

fn result(args: &[&str]) -> Value {
    let output = scorefield(args);
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{args:?}: {err}");
    serde_json::from_str(out.lines().last().expect("a line of output")).expect("the last line is JSON")
}

fn refused(args: &[&str]) -> String {
    let output = scorefield(args);
    assert!(!output.status.success() && output.stdout.is_empty(), "{args:?} should be refused");
    String::from_utf8(output.stderr).expect("errors are text")
}

/// A small network with fresh weights, whose last convolution is zero: its samples are noise that shrinks to 0.
fn untrained(data: &str) -> tempfile::NamedTempFile {
    let config = UNetConfig { width: 8, heads: 0, embedding: 8, ..UNetConfig::default() };
    let manifest = Manifest {
        version: VERSION,
        architecture: Architecture::UNet(config.clone()),
        process: Process::default(),
        parameterisation: Parameterisation::Edm { sigma_data: 0.7 },
        data: Data {
            name: data.to_owned(),
            shape: config.shape,
            range: [-1.0, 1.0],
            classes: (0..config.classes).map(|class| class.to_string()).collect(),
            licence: "none".to_owned(),
            sigma_data: None,
        },
        training: Training { steps: 0, batch: 1, seed: 0, ema: 0.0, hours: 0.0, config: None },
    };
    let file = tempfile::Builder::new().suffix(".safetensors").tempfile().expect("a temporary file");
    let bytes = to_bytes("untrained", &config.init(0, &Device::flex()), &manifest, Storage::F16).expect("valid");
    atomic_write(file.path(), &bytes).expect("written");
    file
}

#[test]
fn eval_prints_the_whole_protocol() {
    let file = untrained("fashion-mnist");
    let model = file.path().to_str().expect("a path in UTF-8");
    let settings =
        ["--n", "40", "--sampler", "ddim", "--steps", "4", "--seed", "7", "--batch", "16", "--device", "cpu", "--json"];
    let value = result(&[&["eval", "--model", model, "--guidance", "2"], &settings[..]].concat());
    let number = |field: &str| value[field].as_f64().unwrap_or_else(|| panic!("{field} in {value}"));
    // An evaluation a step and the final denoising's, each of them twice under guidance.
    assert_eq!((number("nfe"), number("n"), number("seed")), (10.0, 40.0, 7.0));
    assert!(number("frechet_floor") < number("frechet") && number("frechet") < 3.0 * number("frechet_ceiling"));
    assert!((number("frechet_percent") - 100.0 * number("frechet") / number("frechet_ceiling")).abs() < 1e-9);
    assert!(number("judge_accuracy") >= 0.91 && number("seconds") >= number("sampling_seconds"));
    // What an untrained network draws shows no class: the judge calls all or most of it one, as each tenth is.
    assert!(number("label_agreement") < 0.4, "{value}");
    for field in
        ["/settings/sampler", "/settings/denoise", "/judge/sha256", "/model/sha256", "/grid", "/t_end", "/device"]
    {
        assert!(value.pointer(field).is_some_and(|value| !value.is_null()), "{field} in {value}");
    }

    assert!(refused(&["eval", "--model", model, "--label", "3"]).contains("every class is drawn in turn"));
    assert!(refused(&["eval", "--model", model, "--n", "0"]).contains("n = 0"));
    assert!(refused(&["eval", "--model", model, "--batch", "0"]).contains("batch = 0"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dir = folder.path().to_str().expect("a path in UTF-8");
    assert!(refused(&["eval", "--model", model, "--data", dir]).contains("scorefield data get fashion-mnist"));
}

#[test]
fn eval_refuses_what_it_cannot_judge() {
    let file = untrained("my-cats");
    let error = refused(&["eval", "--model", file.path().to_str().expect("a path in UTF-8")]);
    assert!(error.contains("my-cats") && error.contains("fashion-mnist"), "{error}");
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
