//! Every sampler by its name, on the shipped model and on a mixture.

use burn::tensor::Device;
use scorefield::{
    data::DatasetName,
    eval::judge::Judge,
    figure,
    model::Model,
    sampler::{Plan, Sampler, SamplerKind, Settings},
};
use serde_json::{Value, json};

/// The numbers that a browser's engine has to reach (tests/browser/samplers.test.js).
const FIXTURE: &str = "tests/browser/samplers.json";
/// The shipped model's images.
const SHAPE: [usize; 3] = [1, 28, 28];

fn model(path: &str) -> Model {
    let bytes = std::fs::read(path).expect("the file is in the repository");
    Model::from_bytes(path, &bytes, &Device::flex()).expect("it is a good file")
}

/// The last samples, or the error that the run ends with.
fn run(model: &Model, plan: &Plan, labels: &[Option<usize>]) -> Result<Vec<f32>, String> {
    let device = Device::flex();
    let score = model.score(labels, 1.0, &device).expect("the labels are good");
    let mut sampler = Sampler::new(plan, &device).map_err(|error| error.to_string())?;
    while sampler.step(&*score).map_err(|error| error.to_string())?.is_some() {}
    Ok(sampler.x().into_data().iter::<f32>().collect())
}

fn rms(values: impl Iterator<Item = f32>) -> f32 {
    let squares: Vec<f32> = values.map(|value| value * value).collect();
    (squares.iter().sum::<f32>() / squares.len() as f32).sqrt()
}

/// A run of 64 samples of the ten classes in turn; at 50 steps, but for the solver that chooses its own.
fn of_every_class(sampler: SamplerKind) -> (Settings, Vec<Option<usize>>) {
    let steps = sampler.info().steps.map(|_| 50);
    let settings = Settings { sampler, steps, n: 64, seed: 2, ..Settings::default() };
    (settings, (0..64).map(|i| Some(i % 10)).collect())
}

#[test]
fn on_the_shipped_model_fifty_steps_show_what_was_asked_for() {
    let (model, device) = (model("web/models/fashion.safetensors"), Device::flex());
    let judge = Judge::shipped(DatasetName::FashionMnist, &device).expect("the judge is in the repository");
    let (settings, labels) = of_every_class(SamplerKind::Heun);
    let wanted: Vec<u8> = labels.iter().flatten().map(|&label| label as u8).collect();
    let fine = run(&model, &model.plan(&settings).unwrap(), &labels).expect("heun runs");
    let mut beyond = Vec::new();
    for &kind in SamplerKind::all() {
        let (name, info) = (kind.name(), kind.info());
        let plan = model.plan(&of_every_class(kind).0).unwrap();
        let result = run(&model, &plan, &labels);
        if info.needs_density {
            let error = result.expect_err("a network has no log-density");
            assert!(error.contains(name) && error.contains("log-density"), "{error}");
            continue;
        }
        let x = result.unwrap_or_else(|error| panic!("{name}: {error}"));
        let pixels: Vec<u8> = x.iter().map(|&value| figure::byte(value).expect("it is finite")).collect();
        let judged = judge.classifier.judge(&pixels, SHAPE, &device, |_| ()).unwrap();
        let agreement = judged.agreement(&wanted);
        println!("{name}: agreement {agreement:.2}");
        // Dynamics at the lowest level never leave the noise that they start from.
        let least = if info.stays { continue } else { 0.6 };
        if agreement < least {
            beyond.push(format!("{name}: {agreement:.2} of the samples show their class, not {least}"));
        }
        // Solvers of one flow from one start end in one picture; those of order 1 an eighth of the range of [−1, 1] off
        // in the mean.
        let most = match kind {
            SamplerKind::Euler | SamplerKind::Ddim => 0.25,
            SamplerKind::Rk4
            | SamplerKind::Ode
            | SamplerKind::DpmSolver
            | SamplerKind::Dpmpp2s
            | SamplerKind::Dpmpp2m
            | SamplerKind::UniPc
            | SamplerKind::Edm => 0.1,
            _ => continue,
        };
        let off = rms(x.iter().zip(&fine).map(|(a, b)| a - b));
        if off >= most {
            beyond.push(format!("{name}: {off} from heun's pictures"));
        }
    }
    assert!(beyond.is_empty(), "{}", beyond.join("\n"));
}

#[test]
fn on_a_mixture_fifty_steps_find_the_weights() {
    // 0.6·N((2, 0), 0.5²) and 0.4·N((−2, 1), diag(0.2², 0.4²)).
    const N: usize = 2000;
    let model = model("tests/reference/mixture2d.toml");
    for &kind in SamplerKind::all() {
        let (name, info) = (kind.name(), kind.info());
        let steps = info.steps.map(|_| 50);
        let settings = Settings { sampler: kind, steps, n: N, seed: 2, ..Settings::default() };
        let x = run(&model, &model.plan(&settings).unwrap(), &[None; N]).unwrap_or_else(|e| panic!("{name}: {e}"));
        let near = x.chunks_exact(2).filter(|p| {
            let (a, b) = ((p[0] - 2.0).hypot(p[1]) / 0.5, ((p[0] + 2.0) / 0.2).hypot((p[1] - 1.0) / 0.4));
            a.min(b) < 4.0
        });
        assert!(near.count() as f64 > 0.95 * N as f64, "{name}: stray points");
        // Those that come down from noise find the weights; those that stay at the data's level keep to the basin of
        // their start, and annealed dynamics to that of the level at which the components part.
        if !info.stays && kind != SamplerKind::AnnealedLangevin {
            let right = x.chunks_exact(2).filter(|point| point[0] > 0.0).count() as f64 / N as f64;
            // √(0.6·0.4/2000) = 0.011; the rest is the bias of 50 steps.
            assert!((right - 0.6).abs() < 0.04 + 4.0 * 0.011, "{name}: {right} of the mass is right");
        }
    }
}

/// Every sampler on a mixture, with its numbers.
fn numbers() -> Vec<Value> {
    let model = model("tests/reference/mixture2d.toml");
    let mut all = Vec::new();
    for &kind in SamplerKind::all() {
        let counts: &[Option<usize>] =
            if kind.info().steps.is_some() { &[Some(1), Some(2), Some(10), Some(50)] } else { &[None] };
        for &steps in counts {
            let settings = Settings { sampler: kind, steps, n: 8, seed: 5, ..Settings::default() };
            let x =
                run(&model, &model.plan(&settings).unwrap(), &[None; 8]).expect("a mixture has all that is asked for");
            let mut given = json!({ "sampler": kind.name(), "n": 8, "seed": 5 });
            if let Some(steps) = steps {
                given["steps"] = json!(steps);
            }
            all.push(json!({ "settings": given, "values": x }));
        }
    }
    all
}

#[test]
fn the_numbers_are_those_that_browsers_are_held_to() {
    let ours = numbers();
    if std::env::var_os("SCOREFIELD_UPDATE").is_some() {
        let lines: Vec<String> = ours.iter().map(Value::to_string).collect();
        std::fs::write(FIXTURE, format!("[\n{}\n]\n", lines.join(",\n"))).expect("the file can be written");
    }
    let again = "SCOREFIELD_UPDATE=1 cargo test --release --test it samplers:: writes it anew";
    let text = std::fs::read_to_string(FIXTURE).unwrap_or_else(|error| panic!("{FIXTURE}: {error}; {again}"));
    let kept: Vec<Value> = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(kept.len(), ours.len(), "{FIXTURE} has other runs; {again}");
    for (ours, kept) in ours.iter().zip(&kept) {
        assert_eq!(ours["settings"], kept["settings"], "{again}");
        let values = |run: &Value| -> Vec<f32> { serde_json::from_value(run["values"].clone()).expect("numbers") };
        let (ours, kept, what) = (values(ours), values(kept), &kept["settings"]);
        // f32 on another processor: an SDE's 50 steps amplify a few units in the last place.
        let off = rms(ours.iter().zip(&kept).map(|(a, b)| a - b));
        assert!(ours.len() == kept.len() && off < 1e-3, "{what}: {off} from {FIXTURE}; {again}");
    }
}
