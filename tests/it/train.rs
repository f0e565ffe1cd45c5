//! Training as a user runs it: exact resumption, the folder's lock, NaN, warm starts, and the same losses on a GPU.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use burn::tensor::Device;
use scorefield::{
    Error,
    data::{Dataset, DatasetName, Split},
    device::DeviceChoice,
    train::{Outcome, RunConfig, RunOptions, TrainConfig, Trainer, train},
};

/// The shipped config with a network small enough for a test.
fn config(overrides: &[&str]) -> RunConfig {
    let small = [
        "model.width=8",
        "model.groups=4",
        "model.heads=2",
        "model.embedding=16",
        "optimiser.warmup=3",
        "optimiser.decay=constant",
        "train.batch=8",
        "train.log_every=2",
        "train.sample_every=0",
    ];
    let overrides: Vec<String> = small.iter().chain(overrides).map(|&s| s.to_owned()).collect();
    RunConfig::read(Path::new("configs/fashion-mnist.toml"), &overrides).unwrap()
}

fn options(out: &Path) -> RunOptions {
    RunOptions {
        out: out.to_owned(),
        resume: false,
        init_from: None,
        data: None,
        stop: Arc::new(AtomicBool::new(false)),
    }
}

fn run(config: &RunConfig, options: &RunOptions) -> scorefield::Result<Outcome> {
    train(config.clone(), options, &Device::flex())
}

/// The tensors of a checkpoint; its header holds seconds, which differ.
fn vectors(out: &Path) -> Vec<(String, Vec<u8>)> {
    let bytes = std::fs::read(out.join("checkpoint.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut vectors: Vec<_> = file.tensors().into_iter().map(|(name, view)| (name, view.data().to_vec())).collect();
    vectors.sort();
    vectors
}

#[test]
fn a_resumed_run_equals_a_straight_one_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let (straight, parts) = (folder.path().join("straight"), folder.path().join("parts"));
    let config = config(&["train.steps=12", "train.checkpoint_every=6"]);
    run(&config, &options(&straight)).unwrap();

    // Interrupted as by Ctrl-C, after the first step; then to the sixth; then to the end.
    let stopped = RunOptions { stop: Arc::new(AtomicBool::new(true)), ..options(&parts) };
    let outcome = run(&config, &stopped).unwrap();
    assert!(outcome.interrupted && outcome.step == 1, "one step, then a checkpoint: {outcome:?}");
    let resumed = RunOptions { resume: true, ..options(&parts) };
    for steps in [6, 12] {
        let config = RunConfig { train: TrainConfig { steps, ..config.train }, ..config.clone() };
        let outcome = run(&config, &resumed).unwrap();
        assert_eq!((outcome.step, outcome.interrupted), (steps, false));
    }

    assert_eq!(vectors(&straight), vectors(&parts), "parameters, average and moments");
    let weights = |out: &Path| {
        let bytes = std::fs::read(out.join("weights.safetensors")).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        file.tensors()
            .into_iter()
            .map(|(name, view)| (name, view.data().to_vec()))
            .collect::<std::collections::BTreeMap<_, _>>()
    };
    assert_eq!(weights(&straight), weights(&parts), "the weights files");
    let log = |out: &Path| -> Vec<(u64, f64)> {
        let text = std::fs::read_to_string(out.join("log.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.map(|line| (line["step"].as_u64().unwrap(), line["loss"].as_f64().unwrap())).collect()
    };
    assert_eq!(log(&straight), log(&parts), "the logs");
}

#[test]
fn a_folder_is_one_runs_own() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&["train.steps=1"]);
    // Resuming nothing starts afresh.
    run(&config, &RunOptions { resume: true, ..options(folder.path()) }).unwrap();
    let Err(Error::Run { problem, remedy, .. }) = run(&config, &options(folder.path())) else {
        panic!("it holds a run")
    };
    assert!(problem.contains("holds a run") && remedy.contains("--resume"), "{problem}; {remedy}");

    let lock = std::fs::File::create(folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let Err(Error::Run { problem, .. }) = run(&config, &RunOptions { resume: true, ..options(folder.path()) }) else {
        panic!("it is locked")
    };
    assert!(problem.contains("another process"), "{problem}");
    drop(lock);

    let longer = RunConfig { train: TrainConfig { steps: 3, ..config.train }, ..config.clone() };
    run(&longer, &RunOptions { resume: true, ..options(folder.path()) }).unwrap();
    let error = run(&config, &RunOptions { resume: true, ..options(folder.path()) }).unwrap_err().to_string();
    assert!(error.contains("at step 3") && error.contains("train.steps = 1"), "{error}");

    // Ended between the checkpoint and the weights of it.
    std::fs::remove_file(folder.path().join("weights.safetensors")).unwrap();
    let outcome = run(&longer, &RunOptions { resume: true, ..options(folder.path()) }).unwrap();
    assert!(outcome.weights.is_file(), "the weights are written anew");

    let error =
        run(&config_with_width_16(&config), &RunOptions { resume: true, ..options(folder.path()) }).unwrap_err();
    assert!(error.to_string().contains("the network in the config is another one"), "{error}");
}

#[test]
fn nan_stops_a_run_and_keeps_the_last_good_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let good = config(&["train.steps=4", "train.checkpoint_every=2"]);
    run(&good, &options(folder.path())).unwrap();
    let before = vectors(folder.path());
    // Parameters of 1e38 overflow in the first product.
    let checkpoint = folder.path().join("checkpoint.safetensors");
    let mut bytes = std::fs::read(&checkpoint).unwrap();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let start = {
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let view = file.tensor("parameters").unwrap();
        view.data().as_ptr() as usize - bytes.as_ptr() as usize
    };
    assert!(start >= header);
    for value in bytes[start..start + 40_000].chunks_mut(4) {
        value.copy_from_slice(&1e38f32.to_le_bytes());
    }
    std::fs::write(&checkpoint, &bytes).unwrap();
    let more = config(&["train.steps=6", "train.checkpoint_every=2"]);
    let error = run(&more, &RunOptions { resume: true, ..options(folder.path()) }).unwrap_err();
    assert!(matches!(error, Error::NotFinite { step: 5, .. }), "{error}");
    assert_eq!(std::fs::read(&checkpoint).unwrap(), bytes, "the checkpoint is as it was");
    assert_ne!(before, vectors(folder.path()), "the test did change it");
}

#[test]
fn a_run_starts_from_the_weights_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let config = config(&["train.steps=30", "train.checkpoint_every=30", "optimiser.lr=0.003"]);
    let before = run(&config, &options(&first)).unwrap();
    let warm = RunOptions { init_from: Some(before.weights.clone()), ..options(&second) };
    run(&RunConfig { train: TrainConfig { steps: 2, ..config.train }, ..config.clone() }, &warm).unwrap();
    let loss = |out: &Path| {
        let text = std::fs::read_to_string(out.join("log.jsonl")).unwrap();
        serde_json::from_str::<serde_json::Value>(text.lines().next().unwrap()).unwrap()["loss"].as_f64().unwrap()
    };
    // The first two steps see the same images and noise: the warm start's loss must be clearly lower than a fresh one's.
    assert!(loss(&second) < 0.9 * loss(&first), "{} against {}", loss(&second), loss(&first));

    let other = config_with_width_16(&config);
    let error = run(&other, &RunOptions { init_from: Some(before.weights), ..options(&folder.path().join("third")) });
    assert!(error.unwrap_err().to_string().contains("its network is not the config's"));
}

fn config_with_width_16(config: &RunConfig) -> RunConfig {
    let mut model = serde_json::to_value(&config.model).unwrap();
    model["width"] = 16.into();
    RunConfig { model: serde_json::from_value(model).unwrap(), ..config.clone() }
}

#[test]
fn a_wrong_key_or_value_is_named() {
    let read = |assignment: &str| {
        RunConfig::read(Path::new("configs/fashion-mnist.toml"), &[assignment.to_owned()]).unwrap_err().to_string()
    };
    for (assignment, names) in [
        ("train.stepz=20", "stepz"),
        ("train.steps=0", "train.steps"),
        ("model.groups=7", "model.groups"),
        ("model.groups=32", "model.groups = 32: expected a divisor of the stem's channels, 48"),
        ("model.kind=mlp", "unknown variant `mlp`"),
        // What could be trained and not be saved: refused before the first step.
        ("model={shape=[1,28,28],patch=1,width=1024,multipliers=[1,1,1],blocks=16}", "parameters: expected at most"),
        ("model={shape=[1,1024,1024],patch=1,heads=0}", "of activations per sample: expected at most"),
        ("name=a/b", "name"),
        ("train.steps=many", "steps"),
        ("optimiser.lr=-1", "optimiser.lr"),
        ("process.beta_min=30", "process.beta_min"),
        ("data.name=imagenet", "imagenet"),
        ("train.seed=9007199254740992", "train.seed"),
        ("steps", "--set"),
    ] {
        let error = read(assignment);
        assert!(error.contains(names), "{assignment}: {error}");
    }
    let missing = RunConfig::read(Path::new("configs/none.toml"), &[]).unwrap_err().to_string();
    assert!(missing.contains("configs/none.toml"), "{missing}");
}

/// Twenty losses on any wgpu adapter (lavapipe where there is no GPU) agree with the CPU's to 1e-3: f32 sums in
/// another order differ by 1e-6 at first, and Adam's division by √v̂ amplifies that over the steps.
#[test]
#[cfg(feature = "gpu")]
fn losses_on_wgpu_agree_with_the_cpus() {
    let gpu = match DeviceChoice::Gpu.init() {
        Ok((device, description)) => {
            println!("wgpu: {description}");
            device
        }
        Err(error) if std::env::var_os("SCOREFIELD_REQUIRE_GPU").is_none() => {
            println!("skipped, as SCOREFIELD_REQUIRE_GPU is not set: {error}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let config = config(&["train.steps=20", "train.batch=4"]);
    let data = Dataset::load(DatasetName::FashionMnist, Split::Train, None).unwrap();
    let losses = |device: &Device| -> Vec<f64> {
        let mut trainer = Trainer::new(config.clone(), device);
        (0..20).map(|_| trainer.step(&data).unwrap().loss).collect()
    };
    let (cpu, gpu) = (losses(&Device::flex()), losses(&gpu));
    for (step, (a, b)) in cpu.iter().zip(&gpu).enumerate() {
        assert!((a - b).abs() <= 1e-3 * a, "step {}: {a} on the CPU, {b} on wgpu", step + 1);
    }
    assert!(cpu[0] != cpu[19], "it trains");
}
