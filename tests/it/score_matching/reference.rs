//! Losses and their gradients by all weights against PyTorch's reverse mode twice (`tests/reference/objectives.py`),
//! and against central differences, in f64.

use std::collections::BTreeMap;

use burn::{
    Tensor,
    tensor::{DType, Device, Int, TensorData},
};
use scorefield::{
    data::Points,
    net::{Architecture, MlpConfig, NetworkConfig as _, TimeEmbedding},
    noise::Noise,
    objective::{
        Batch, ContinuousConfig, DdpmLossConfig, Directions, ExplicitConfig, ImplicitConfig, Learned, NcsnConfig,
        Objective, ObjectiveConfig, OneLevelConfig, Samples, SteinConfig, Times, Weighting, matching::Criterion,
    },
    score::{
        Parameterisation,
        network::Denoiser,
        stein::{SteinKernel, discrepancy},
    },
    sde::{BetaSchedule, Ddpm, Level, Process, Smld, Vp},
    train::flat,
};
use serde::Deserialize;

use super::{Terms, finite_difference, sliced, terms, values};

const SEED: u64 = 5;
const STEP: u64 = 3;
const SIGMA_DATA: f64 = 0.7;

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
    denoising: Denoising,
}

#[derive(Deserialize)]
struct Case {
    energy: bool,
    noisy: bool,
    parameters: BTreeMap<String, Vec<f64>>,
    x: Vec<f64>,
    alpha: Vec<f64>,
    sigma: Vec<f64>,
    scores: Vec<f64>,
    objectives: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
struct Denoising {
    parameters: BTreeMap<String, Vec<f64>>,
    x0: Vec<f64>,
    objectives: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
struct Expected {
    loss: f64,
    gradient: Vec<f64>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../../reference/objectives.json")).unwrap()
}

/// The script's perceptron with `parameters`, in their precision.
fn denoiser(
    parameters: &[f64],
    (energy, noisy): (bool, bool),
    parameterisation: Parameterisation,
    dtype: DType,
) -> Denoiser {
    let time = if noisy { TimeEmbedding::Fourier { scale: 1.0 } } else { TimeEmbedding::None };
    let config = MlpConfig { dim: 2, width: 6, depth: 2, time, embedding: 4, energy, ..MlpConfig::default() };
    let net = Architecture::Mlp(config).init(0, &Device::flex().autodiff());
    let data = TensorData::new(parameters.to_vec(), [parameters.len()]).convert_dtype(dtype);
    let parameters = Tensor::<1>::from_data(data, (&Device::flex(), dtype));
    Denoiser { net: flat::unflatten(net, &parameters), parameterisation }
}

/// The script's parameters in the order of the network's own.
fn ordered(parameters: &BTreeMap<String, Vec<f64>>, (energy, noisy): (bool, bool)) -> Vec<f64> {
    let count = parameters.values().map(Vec::len).sum();
    let any = Parameterisation::Clean { sigma_data: 1.0 };
    let layout = flat::layout(&denoiser(&vec![0.0; count], (energy, noisy), any, DType::F64).net);
    let named = layout.iter().map(|(name, size)| (name.clone(), *size));
    assert_eq!(named.collect::<BTreeMap<_, _>>(), parameters.iter().map(|(k, v)| (k.clone(), v.len())).collect());
    layout.iter().flat_map(|(name, _)| parameters[name].clone()).collect()
}

/// A gradient of the script, whose parameters are in the order of its dictionary: that of the network's.
fn is_close(ours: &[f64], theirs: &[f64], tolerance: f64) -> bool {
    let size = theirs.iter().fold(0.0f64, |most, g| most.max(g.abs()));
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| (a - b).abs() <= tolerance * size.max(1.0))
}

/// The objective that the script calls `name`.
fn criterion(name: &str) -> Terms {
    let process = &Process::None;
    let reduced = name.ends_with("-variance-reduced");
    let directions = if name.contains("sphere") { Directions::Sphere } else { Directions::Gaussian };
    match name {
        "implicit" => terms(ImplicitConfig::default().init(process, SIGMA_DATA).criterion),
        "one-level" => terms(OneLevelConfig { sigma: 0.3, times: None }.init(process, SIGMA_DATA).criterion),
        "stein-rbf" | "stein-imq" => {
            let imq = name == "stein-imq";
            let (kernel, bandwidth) = if imq { (SteinKernel::Imq, Some(1.1)) } else { (SteinKernel::Rbf, None) };
            terms(SteinConfig { kernel, bandwidth, times: None }.init(process, SIGMA_DATA).criterion)
        }
        "explicit" => {
            let text =
                "density = { weights = [0.3, 0.7], means = [[1.0, -0.5], [-0.4, 0.8]], stds = [0.6, [0.4, 0.9]] }";
            let mut criterion = toml::from_str::<ExplicitConfig>(text).unwrap().init(process, SIGMA_DATA).criterion;
            criterion.prepare(&Points::new(vec![0.0; 2], 2).unwrap()).unwrap();
            terms(criterion)
        }
        _ if name.starts_with("sliced") => terms(sliced(2, directions, reduced).init(process, SIGMA_DATA).criterion),
        _ => terms(finite_difference(2, reduced, 0.1).init(process, SIGMA_DATA).criterion),
    }
}

impl Case {
    fn kind(&self) -> (bool, bool) {
        (self.energy, self.noisy)
    }

    fn samples(&self) -> Samples {
        let levels: Vec<_> =
            self.alpha.iter().zip(&self.sigma).map(|(&alpha, &sigma)| Level { t: 0.5, alpha, sigma }).collect();
        let (scales, weights) = match self.noisy {
            true => (self.sigma.clone(), Some(self.sigma.iter().map(|sigma| sigma * sigma).collect())),
            false => (vec![SIGMA_DATA; levels.len()], None),
        };
        let options = (Device::flex().autodiff(), DType::F64);
        Samples { x: self.x.clone(), dim: 2, levels, scales, weights, options }
    }

    /// Loss and gradient of the objective called `name` at these parameters.
    fn evaluate(&self, name: &str, terms: &Terms, parameters: &[f64]) -> (f64, Vec<f64>) {
        let sigma_data = SIGMA_DATA;
        let parameterisation = match self.noisy {
            true => Parameterisation::Edm { sigma_data },
            false => Parameterisation::Clean { sigma_data },
        };
        let denoiser = denoiser(parameters, self.kind(), parameterisation, DType::F64);
        let mut samples = self.samples();
        if name.starts_with("stein") {
            // It compares rows, which are at one level then: of one weight.
            samples.weights = None;
        }
        let class = Tensor::<1, Int>::zeros([samples.rows()], &Device::flex().autodiff());
        let score = Learned::new(&denoiser, &samples, &class);
        let loss = samples.mean(terms(&score, &samples, &Noise::new(SEED), STEP));
        let gradient = flat::gradient(&denoiser.net, &loss.backward());
        (values(loss.inner())[0], values(gradient))
    }
}

#[test]
fn losses_and_gradients_are_pytorchs() {
    for case in fixture().cases {
        let parameters = ordered(&case.parameters, case.kind());
        for (name, expected) in &case.objectives {
            let (loss, gradient) = case.evaluate(name, &criterion(name), &parameters);
            let kind = format!("{name}, energy {}, noise {}", case.energy, case.noisy);
            // f64 on both sides, through tens of operations; finite differences divide by h = 0.05 once.
            assert!(
                (loss - expected.loss).abs() < 1e-11 * expected.loss.abs().max(1.0),
                "{kind}: {loss}, {}",
                expected.loss
            );
            assert!(is_close(&gradient, &expected.gradient, 1e-10), "{kind}: {gradient:?}, {:?}", expected.gradient);
        }
    }
}

#[test]
fn gradients_are_central_differences() {
    // Their error is h² times a third derivative and 1e-16/h of rounding.
    const H: f64 = 1e-5;
    for case in fixture().cases {
        let parameters = ordered(&case.parameters, case.kind());
        for name in case.objectives.keys() {
            let terms = criterion(name);
            let gradient = case.evaluate(name, &terms, &parameters).1;
            for at in (0..parameters.len()).step_by(7) {
                // Frequencies are fixed.
                let fixed = case.noisy && at < 2;
                let moved = |h: f64| {
                    let mut parameters = parameters.clone();
                    parameters[at] += h;
                    case.evaluate(name, &terms, &parameters).0
                };
                let difference = if fixed { 0.0 } else { (moved(H) - moved(-H)) / (2.0 * H) };
                let bound = 1e-8 * gradient.iter().fold(1.0f64, |most, g| most.max(g.abs()));
                assert!((gradient[at] - difference).abs() < bound, "{name}, {at}: {} {difference}", gradient[at]);
            }
        }
    }
}

/// The discrepancy as a measure is the objective's value at the same scores.
#[test]
fn a_discrepancy_of_samples_is_pytorchs() {
    for case in fixture().cases.into_iter().filter(|case| !case.noisy) {
        for (name, kernel, h) in [("stein-rbf", SteinKernel::Rbf, None), ("stein-imq", SteinKernel::Imq, Some(1.1))] {
            let ours = discrepancy(&case.x, &case.scores, 2, kernel, h).squared;
            let expected = case.objectives[name].loss;
            assert!((ours - expected).abs() < 1e-12 * expected.abs().max(1.0), "{name}: {ours}, {expected}");
        }
    }
}

/// From clean samples on, in f32 as in training.
#[test]
fn denoising_losses_are_those_of_the_published_codes() {
    let Denoising { parameters, x0, objectives } = fixture().denoising;
    let parameters = ordered(&parameters, (false, true));
    let smld = Process::Smld(Smld::geometric(20.0, 0.05, 10).unwrap());
    let ddpm = Process::Ddpm(Ddpm::new(50, 1e-3, 0.2, BetaSchedule::Linear).unwrap());
    let times = Times::Uniform { t_min: 1e-3 };
    let likelihood = ContinuousConfig { times, weighting: Weighting::Likelihood, ..ContinuousConfig::default() };
    for (name, config, process) in [
        ("ncsn", ObjectiveConfig::Ncsn(NcsnConfig::default()), smld),
        ("ddpm", ObjectiveConfig::Ddpm(DdpmLossConfig::default()), ddpm),
        ("likelihood", ObjectiveConfig::Continuous(likelihood), Process::Vp(Vp::default())),
    ] {
        config.validate(&process).unwrap();
        let objective: Box<dyn Objective> = config.init(&process, 123.0);
        let denoiser = denoiser(&parameters, (false, true), objective.parameterisation(), DType::F32);
        let clean = x0.iter().map(|x| *x as f32).collect();
        let class = Tensor::<1, Int>::zeros([x0.len() / 2], &Device::flex().autodiff());
        let loss = objective.loss(&denoiser, &Batch { clean, dim: 2, class }, &Noise::new(SEED), STEP);
        let gradient = values(flat::gradient(&denoiser.net, &loss.backward()));
        let (loss, expected) = (values(loss.inner())[0], &objectives[name]);
        // f32's rounding, and of diffusers' product of 50 factors in f32.
        assert!((loss - expected.loss).abs() < 1e-5 * expected.loss, "{name}: {loss}, {}", expected.loss);
        assert!(is_close(&gradient, &expected.gradient, 1e-5), "{name}: {gradient:?}, {:?}", expected.gradient);
    }
}
