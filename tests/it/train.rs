//! Training as a user runs it: exact resumption, the folder's lock, NaN, warm starts, and the same losses on a GPU.

use std::path::Path;

use burn::tensor::Device;
use scorefield::{
    Error,
    data::{Dataset, DatasetName, Source, Split},
    device::DeviceChoice,
    space::Space,
    train::{
        Event, RunConfig, TrainConfig, Trainer,
        native::{Outcome, Run, RunOptions},
    },
};

use crate::resume::follow;

/// The shipped config with a network small enough for a test.
pub(crate) fn config(overrides: &[&str]) -> RunConfig {
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

pub(crate) fn options(out: &Path) -> RunOptions {
    RunOptions { out: out.to_owned(), resume: false, init_from: None, data: None }
}

pub(crate) fn resumed(out: &Path) -> RunOptions {
    RunOptions { resume: true, ..options(out) }
}

fn run(config: &RunConfig, options: &RunOptions) -> scorefield::Result<Outcome> {
    finish(Run::open(config.clone(), options.clone(), &Device::flex())?)
}

pub(crate) fn finish(mut run: Run) -> scorefield::Result<Outcome> {
    while run.next()?.is_some() {}
    Ok(run.outcome())
}

/// Pictures of one number each, so that a test needs no files; one that is not finite spoils its step.
struct Grey(Vec<f32>);

impl Source for Grey {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn space(&self) -> Space {
        Space::Image([1, 28, 28])
    }

    fn classes(&self) -> usize {
        10
    }

    fn fill(&self, index: usize, out: &mut [f32]) {
        out.fill(self.0[index]);
    }
}

pub(crate) fn on(data: &[f32], config: &RunConfig, options: &RunOptions) -> scorefield::Result<Run> {
    Run::on(Box::new(Grey(data.to_vec())), config.clone(), options.clone(), &Device::flex())
}

/// The lines of the log, and of them those that have this key.
pub(crate) fn log(out: &Path, key: &str) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(out.join("log.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.filter(|line| line.get(key).is_some()).collect()
}

/// The tensors of a checkpoint; its header holds seconds, which differ.
pub(crate) fn vectors(out: &Path) -> Vec<(String, Vec<u8>)> {
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

    // Stopped after the first step; then to the sixth; then to the end.
    let mut stopped = Run::open(config.clone(), options(&parts), &Device::flex()).unwrap();
    while !matches!(stopped.next().unwrap(), Some(Event::Step(_))) {}
    stopped.stop();
    assert_eq!(stopped.next().unwrap(), Some(Event::Saved { step: 1 }));
    assert_eq!(stopped.next().unwrap(), None);
    assert!(stopped.outcome().interrupted && stopped.outcome().step == 1, "{:?}", stopped.outcome());
    drop(stopped);
    for steps in [6, 12] {
        let config = RunConfig { train: TrainConfig { steps, ..config.train }, ..config.clone() };
        let outcome = run(&config, &resumed(&parts)).unwrap();
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
    let losses = |out: &Path| -> Vec<(u64, f64)> {
        let lines = log(out, "loss");
        lines.iter().map(|line| (line["step"].as_u64().unwrap(), line["loss"].as_f64().unwrap())).collect()
    };
    assert_eq!(losses(&straight), losses(&parts), "the logs");
}

#[test]
fn a_folder_is_one_runs_own() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&["train.steps=1"]);
    // Resuming nothing starts afresh.
    run(&config, &resumed(folder.path())).unwrap();
    let Err(Error::Run { problem, remedy, .. }) = run(&config, &options(folder.path())) else {
        panic!("it holds a run")
    };
    assert!(problem.contains("holds a run") && remedy.contains("--resume"), "{problem}; {remedy}");

    let lock = std::fs::File::create(folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let Err(Error::Run { problem, .. }) = run(&config, &resumed(folder.path())) else { panic!("it is locked") };
    assert!(problem.contains("another process"), "{problem}");
    drop(lock);

    let longer = RunConfig { train: TrainConfig { steps: 3, ..config.train }, ..config.clone() };
    run(&longer, &resumed(folder.path())).unwrap();
    let error = run(&config, &resumed(folder.path())).unwrap_err().to_string();
    assert!(error.contains("at step 3") && error.contains("train.steps = 1"), "{error}");

    // Ended between the checkpoint and the weights of it.
    std::fs::remove_file(folder.path().join("weights.safetensors")).unwrap();
    let outcome = run(&longer, &resumed(folder.path())).unwrap();
    assert!(outcome.weights.is_file(), "the weights are written anew");

    let error = run(&config_with_width_16(&config), &resumed(folder.path())).unwrap_err();
    assert!(error.to_string().contains("model.width = 16 (was 8)"), "{error}");
}

/// The bytes of a checkpoint with 10,000 numbers of one of its vectors changed.
pub(crate) fn spoilt(checkpoint: &Path, vector: &str, to: f32) -> Vec<u8> {
    let mut bytes = std::fs::read(checkpoint).unwrap();
    let start = {
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        file.tensor(vector).unwrap().data().as_ptr() as usize - bytes.as_ptr() as usize
    };
    bytes[start..start + 40_000].chunks_mut(4).for_each(|value| value.copy_from_slice(&to.to_le_bytes()));
    bytes
}

#[test]
fn nan_stops_a_run_and_keeps_the_last_good_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let good = config(&["train.steps=4", "train.checkpoint_every=2"]);
    run(&good, &options(folder.path())).unwrap();
    let before = vectors(folder.path());
    // Parameters of 1e38 overflow in the first product.
    let checkpoint = folder.path().join("checkpoint.safetensors");
    let bytes = spoilt(&checkpoint, "parameters", 1e38);
    std::fs::write(&checkpoint, &bytes).unwrap();
    let more = config(&["train.steps=6", "train.checkpoint_every=2"]);
    let error = run(&more, &resumed(folder.path())).unwrap_err();
    assert!(matches!(error, Error::NotFinite { step: 5, .. }), "{error}");
    // From such a checkpoint no rate helps.
    assert!(error.to_string().contains("train anew") && !follow(&error.to_string()).0, "{error}");
    assert_eq!(std::fs::read(&checkpoint).unwrap(), bytes, "the checkpoint is as it was");
    assert_ne!(before, vectors(folder.path()), "the test did change it");
}

#[test]
fn a_config_that_no_weights_file_can_hold_is_refused_before_the_first_step() {
    let sigmas: Vec<String> = (0..10_000).map(|i| format!("{}.25", 20_000 - i)).collect();
    let long = format!("process={{ kind = 'smld', sigmas = [{}] }}", sigmas.join(", "));
    let folder = tempfile::tempdir().unwrap();
    let long = config(&["objective.times={ kind = 'uniform', t_min = 0.01 }", &long]);
    let Err(error) = on(&[0.0], &long, &options(&folder.path().join("run"))) else { panic!("no file can hold it") };
    assert!(error.to_string().contains("training.config"), "{error}");
    assert!(!folder.path().join("run").exists());
}

#[test]
fn no_file_is_too_long_to_be_refused() {
    let error = RunConfig::parse(&"#".repeat(1 << 21), "long.toml", &[]).unwrap_err().to_string();
    assert!(error.contains("long.toml") && error.contains("longer than"), "{error}");
    #[cfg(target_os = "linux")]
    assert!(RunConfig::read(Path::new("/dev/zero"), &[]).is_err(), "a file without an end");
}

#[test]
fn no_batch_takes_more_memory_than_machines_have() {
    // 4 GiB are 341 samples of 3·1024² numbers.
    let read = |batch: &str| {
        let assignments = ["model.shape=[3, 1024, 1024]", "model.patch=8", batch].map(str::to_owned);
        RunConfig::read(Path::new("configs/fashion-mnist.toml"), &assignments)
    };
    let error = read("train.batch=342").unwrap_err().to_string();
    assert!(error.starts_with("train.batch = 342") && error.contains("at most 341"), "{error}");
    read("train.batch=341").unwrap();
}

#[test]
fn a_run_starts_from_the_weights_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let config = config(&["train.steps=30", "train.checkpoint_every=30", "optimiser.lr=0.003"]);
    let before = run(&config, &options(&first)).unwrap();
    let warm = RunOptions { init_from: Some(before.weights.clone()), ..options(&second) };
    run(&RunConfig { train: TrainConfig { steps: 2, ..config.train }, ..config.clone() }, &warm).unwrap();
    let loss = |out: &Path| log(out, "loss")[0]["loss"].as_f64().unwrap();
    // The first two steps see the same images and noise: the warm start's loss must be clearly lower than a fresh
    // one's.
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
        ("model.kind=rnn", "unknown variant `rnn`"),
        // What could be trained and not be saved: refused before the first step.
        ("model={shape=[1,28,28],patch=1,width=1024,multipliers=[1,1,1],blocks=16}", "parameters: expected at most"),
        ("model={shape=[1,1024,1024],patch=1,width=64,heads=0}", "of activations per sample: expected at most"),
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
