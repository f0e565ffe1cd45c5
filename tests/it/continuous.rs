//! The continuous denoising loss against closed forms on Gaussian data, for every prediction, and a run that trains by
//! it.

use std::path::Path;

use burn::tensor::Device;
use scorefield::{
    data::{Dataset, DatasetName, Split},
    model::Model,
    net::{Evaluate as _, NetworkConfig as _},
    noise::{Noise, Purpose},
    objective::{Batch, ContinuousConfig, Objective as _, Times, regression::Regression},
    score::{Coefficients, Conditioning, Parameterisation, Prediction, Score as _, network::Denoiser},
    sde::{Process, Ve, Vp},
    train::{
        RunConfig, flat,
        native::{Run, RunOptions},
    },
    weights::{Architecture, File},
};

const STD: f64 = 0.5;
const ROWS: usize = 4000;
const DIM: usize = 6;
const STEP: u64 = 3;
const ALL: [Prediction; 5] =
    [Prediction::Epsilon, Prediction::X0, Prediction::V, Prediction::Score, Prediction::ScaledScore];
const PROCESSES: [Process; 2] =
    [Process::Vp(Vp { beta_min: 0.1, beta_max: 20.0 }), Process::Ve(Ve { sigma_min: 0.01, sigma_max: 50.0 })];

/// Rows of N(0, STD²).
fn clean() -> Vec<f32> {
    let mut x = vec![0.0; ROWS * DIM];
    Noise::new(98).fill_normal(0, Purpose::Prior, 0, &mut x);
    x.iter().map(|v| (f64::from(*v) * STD) as f32).collect()
}

fn config(prediction: Prediction) -> ContinuousConfig {
    ContinuousConfig { prediction, times: Times::Uniform { t_min: 1e-3 }, ..ContinuousConfig::default() }
}

/// Input, c_noise, target and weight, the last 1 where there is none.
fn batch(prediction: Prediction, process: &Process) -> [Vec<f64>; 4] {
    let objective = config(prediction).init(process, STD);
    let Regression { input, c_noise, target, weight } =
        objective.batch(&clean(), DIM, &Noise::new(1), STEP, &Device::flex());
    let weight = weight.map_or(vec![1.0; ROWS], |weight| weight.into_data().iter().collect());
    let [input, c_noise, target] = [input, c_noise, target].map(|t| t.into_data().iter::<f64>().collect());
    [input, c_noise, target, weight]
}

/// The best F of Gaussian data, which is linear: its score is −x/(α²·STD² + σ²).
fn best(prediction: Prediction, process: &Process, c_noise: f64, input: f64) -> f64 {
    let level = process.level(process.time_of_ratio((4.0 * c_noise).exp()));
    let parameterisation = Parameterisation::Prediction { prediction, conditioning: Conditioning::LogRatio };
    let Coefficients { input: scale, skip, out, .. } = parameterisation.at(&level);
    let x = input / scale;
    (-x / ((level.alpha * STD).powi(2) + level.sigma.powi(2)) - skip * x) / out
}

/// With the true score σ²·|s + ε/σ|² is the variance of ε given x, α²·STD²/(α²·STD² + σ²) in each dimension, whatever
/// the network predicts; its mean over t is an integral.
#[test]
fn the_true_score_has_the_loss_that_bayes_gives_it() {
    for process in &PROCESSES {
        let expected = (0..100_000).map(|i| {
            let level = process.level(1e-3 + (1.0 - 1e-3) * (f64::from(i) + 0.5) / 1e5);
            let data = (level.alpha * STD).powi(2);
            data / (data + level.sigma.powi(2))
        });
        let expected = expected.sum::<f64>() / 1e5;
        for prediction in ALL {
            let [input, c_noise, target, weight] = batch(prediction, process);
            // Rows are independent.
            let losses: Vec<f64> = (0..ROWS)
                .map(|row| {
                    let errors = (row * DIM..(row + 1) * DIM)
                        .map(|i| (best(prediction, process, c_noise[row], input[i]) - target[i]).powi(2));
                    weight[row] * errors.sum::<f64>() / DIM as f64
                })
                .collect();
            let mean = losses.iter().sum::<f64>() / ROWS as f64;
            let variance = losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / ROWS as f64;
            // Four standard errors; the seed is fixed.
            let bound = 4.0 * (variance / ROWS as f64).sqrt();
            assert!((mean - expected).abs() < bound, "{process:?} {prediction:?}: {mean}, not {expected} ± {bound}");
        }
    }
}

/// An error of F in one prediction is an error of ε in all of them: w·(F − F*)² with F a prediction of the same score.
#[test]
fn the_loss_is_of_the_score_and_not_of_what_is_predicted() {
    for process in &PROCESSES {
        let [input, c_noise, epsilon, weight] = batch(Prediction::Epsilon, process);
        assert!(weight.iter().all(|&weight| weight == 1.0));
        for prediction in &ALL[1..] {
            let prediction = *prediction;
            let [same, again, target, weight] = batch(prediction, process);
            assert!(same == input && again == c_noise, "all see the same");
            for row in 0..ROWS {
                for i in row * DIM..(row + 1) * DIM {
                    let ours =
                        weight[row].sqrt() * (best(prediction, process, c_noise[row], input[i]) - target[i]).abs();
                    let error = (best(Prediction::Epsilon, process, c_noise[row], input[i]) - epsilon[i]).abs();
                    // Input, target and weight are f32, rounded by a relative 6e-8; what is rounded in x₀ or x is
                    // divided by σ in ε, and c_noise, of up to 2.2, moves σ by a relative 4·1.2e-7.
                    let sigma = process.level(process.time_of_ratio((4.0 * c_noise[row]).exp())).sigma;
                    let bound = 2e-6 * (1.0 + error) + 1e-6 / sigma.min(1.0);
                    assert!((ours - error).abs() < bound, "{process:?} {prediction:?} row {row}: {ours}, not {error}");
                }
            }
        }
    }
}

/// A small network with weights that are not zero anywhere.
fn network(device: &Device) -> (scorefield::net::Network, Architecture) {
    let architecture = small(&[]).model;
    let net = architecture.init(5, device);
    let p = flat::flatten(&net).dims()[0];
    let noise = Noise::new(8).normal(0, [1, p], Purpose::Weights, 0, device).reshape([p]);
    (flat::unflatten(net, &(noise * 0.1)), architecture)
}

/// A denoiser of any prediction is F(x/√(α² + σ²), c_noise) read as that prediction.
#[test]
fn a_denoiser_reads_its_network_as_what_it_predicts() {
    let device = Device::flex();
    let (net, architecture) = network(&device);
    let d = architecture.space().dim();
    let x = Noise::new(2).normal(0, [2, d], Purpose::Prior, 0, &device);
    let values = |x: burn::Tensor<2>| x.into_data().iter::<f64>().collect::<Vec<_>>();
    for (process, t) in [(&PROCESSES[0], 0.3), (&PROCESSES[1], 0.6)] {
        let level = process.level(t);
        let (alpha, sigma) = (level.alpha, level.sigma);
        let norm = f64::hypot(alpha, sigma);
        for (conditioning, c_noise) in
            [(Conditioning::LogRatio, (sigma / alpha).ln() / 4.0), (Conditioning::Time, 999.0 * t)]
        {
            let level_row = burn::Tensor::<2>::from_data([[c_noise as f32]], &device);
            let class = burn::Tensor::<1, burn::tensor::Int>::from_data([1, 4], &device);
            let f = values(net.forward(x.clone() / norm, level_row, class));
            for prediction in ALL {
                let parameterisation = Parameterisation::Prediction { prediction, conditioning };
                let denoiser = Denoiser { net: net.clone(), parameterisation };
                let score = scorefield::score::network::NetworkScore::new(
                    denoiser,
                    &[Some(1), Some(4)],
                    1.0,
                    architecture.null_class(),
                    &device,
                );
                let scores = values(score.score(x.clone(), &level));
                let expected = values(x.clone()).into_iter().zip(&f).map(|(x, f)| match prediction {
                    Prediction::Epsilon => -f / sigma,
                    Prediction::X0 => (alpha * f - x) / (sigma * sigma),
                    Prediction::V => -(sigma * x + alpha * norm * f) / (norm * norm * sigma),
                    Prediction::Score => *f,
                    Prediction::ScaledScore => f / sigma,
                });
                for (ours, expected) in scores.iter().zip(expected) {
                    // f32 sums of two products, and a network that sees x in one rounding or another: a relative 1e-5.
                    let bound = 1e-5 * (1.0 + expected.abs()) / sigma.min(1.0).powi(2);
                    assert!(
                        (ours - expected).abs() < bound,
                        "{process:?} {parameterisation:?}: {ours}, not {expected}"
                    );
                }
            }
        }
    }
}

/// The objective's loss of a network is the mean of weighted squares that its batch has.
#[test]
fn the_loss_is_the_weighted_mean_of_squares() {
    let device = Device::flex();
    let (net, architecture) = network(&device);
    let (d, n) = (architecture.space().dim(), 3);
    let clean: Vec<f32> = (0..n * d).map(|i| ((i * i % 251) as f32) / 125.5 - 1.0).collect();
    for prediction in [Prediction::Epsilon, Prediction::V] {
        let objective = config(prediction).init(&PROCESSES[0], STD);
        let class = burn::Tensor::<1, burn::tensor::Int>::from_data([1, 2, 3], &device);
        let batch = Batch { clean: clean.clone(), dim: d, class: class.clone() };
        let denoiser = Denoiser { net: net.clone(), parameterisation: objective.parameterisation() };
        let ours: f64 = objective.loss(&denoiser, &batch, &Noise::new(1), STEP).into_scalar::<f32>().into();
        let Regression { input, c_noise, target, weight } = objective.batch(&clean, d, &Noise::new(1), STEP, &device);
        assert_eq!(weight.is_some(), prediction == Prediction::V);
        let weight: Vec<f64> = weight.map_or(vec![1.0; n], |weight| weight.into_data().iter().collect());
        let output: Vec<f64> = net.forward(input, c_noise, class).into_data().iter().collect();
        let target: Vec<f64> = target.into_data().iter().collect();
        let sum: f64 = (0..n * d).map(|i| weight[i / d] * (output[i] - target[i]).powi(2)).sum();
        let expected = sum / (n * d) as f64;
        // A sum of 2,352 numbers in f32.
        assert!((ours - expected).abs() < 1e-5 * expected, "{prediction:?}: {ours}, not {expected}");
    }
}

fn small(overrides: &[&str]) -> RunConfig {
    let small = ["model.width=8", "model.groups=4", "model.heads=2", "model.embedding=16", "train.sample_every=0"];
    let overrides: Vec<String> = small.iter().chain(overrides).map(|&s| s.to_owned()).collect();
    RunConfig::read(Path::new("configs/fashion-mnist.toml"), &overrides).unwrap()
}

#[test]
fn a_run_trains_by_it_and_its_weights_say_so() {
    let (folder, device) = (tempfile::tempdir().unwrap(), Device::flex());
    let objective = "objective={ kind = 'continuous', prediction = 'v' }";
    let schedule = ["optimiser.warmup=1", "optimiser.decay=constant", "optimiser.lr=0.003"];
    let config = small(&[&schedule[..], &[objective, "train.batch=16", "train.steps=40"]].concat());
    let options = RunOptions { out: folder.path().into(), resume: false, init_from: None, data: None };
    let data = Dataset::load(DatasetName::FashionMnist, Split::Train, None).unwrap();
    let mut clean = vec![0.0; 64 * 784];
    (0..).zip(clean.chunks_mut(784)).for_each(|(i, row)| data.fill(i, false, row));
    let mut run = Run::on(Box::new(data), config.clone(), options, &device).unwrap();
    while run.next().unwrap().is_some() {}

    let bytes = std::fs::read(run.outcome().weights).unwrap();
    let parameterisation =
        Parameterisation::Prediction { prediction: Prediction::V, conditioning: Conditioning::LogRatio };
    assert_eq!(File::parse("weights", &bytes).unwrap().manifest.parameterisation, parameterisation);
    let model = Model::from_bytes("weights", &bytes, &device).unwrap();
    let trained = model.network().unwrap().denoiser();
    assert_eq!(trained.parameterisation, parameterisation);

    // Nothing else than this loss can start from them.
    let denoising = small(&["train.steps=1"]);
    let warm = RunOptions {
        out: folder.path().join("warm"),
        resume: false,
        init_from: Some(run.outcome().weights),
        data: None,
    };
    let error = Run::open(denoising, warm.clone(), &device).err().unwrap().to_string();
    assert!(error.contains(r#""prediction":"v""#) && error.contains("--init-from"), "{error}");
    Run::open(config.clone(), warm, &device).unwrap();

    // The same 64 pictures, times and noise.
    let untrained = Denoiser { net: config.model.init(config.train.seed, &device), parameterisation };
    let class = burn::Tensor::<1, burn::tensor::Int>::full([64], config.model.null_class() as i32, &device);
    let batch = Batch { clean, dim: 784, class };
    let loss = |denoiser: &Denoiser| -> f64 {
        config.objective().loss(denoiser, &batch, &Noise::new(7), 0).into_scalar::<f32>().into()
    };
    assert!(loss(trained) < 0.8 * loss(&untrained), "{} of {}", loss(trained), loss(&untrained));
}

#[test]
fn an_objective_has_a_kind_and_denoising_is_the_default() {
    let read = |text: &str| small(&[text]).objective;
    assert_eq!(
        read("name=plain"),
        read("objective={ kind = 'denoising', times = { kind = 'log-normal', mean = -0.6, std = 1.5 } }")
    );
    assert_eq!(
        read("objective={ kind = 'continuous' }"),
        scorefield::objective::ObjectiveConfig::Continuous(ContinuousConfig::default())
    );
    // As configs were before there were kinds: those that checkpoints hold are read as what they meant.
    let now = small(&["name=plain"]);
    let mut before = serde_json::to_value(&now).unwrap();
    for section in ["model", "objective"] {
        before[section].as_object_mut().unwrap().remove("kind").unwrap();
    }
    assert_eq!(serde_json::from_value::<RunConfig>(before).unwrap(), now);
    let error = |text: &str| {
        RunConfig::read(Path::new("configs/fashion-mnist.toml"), &[text.to_owned()]).unwrap_err().to_string()
    };
    for (text, said) in [
        ("objective={ kind = 'noise' }", "`denoising`, `continuous`, `ncsn`"),
        ("objective={ kind = 'ncsn' }", "process.kind = vp: expected smld"),
        ("objective={ kind = 'ddpm' }", "process.kind = vp: expected ddpm"),
        ("objective={ kind = 'continuous', weighting = 'g' }", "`sigma-squared` or `likelihood`"),
        (
            "objective={ kind = 'continuous', weighting = 'likelihood', times = { kind = 'log-normal', mean = 0, std = 1 } }",
            "objective.times.kind = log-normal",
        ),
        ("objective={ kind = 'finite-difference-sliced', epsilon = 0 }", "objective.epsilon"),
        ("objective={ kind = 'continuous', prediction = 'noise' }", "epsilon"),
        ("objective={ prediction = 'v' }", "prediction"),
        ("objective={ kind = 'continuous', times = { kind = 'uniform', t_min = 2.0 } }", "objective.times.t_min"),
    ] {
        assert!(error(text).contains(said), "{text}: {}", error(text));
    }
}
