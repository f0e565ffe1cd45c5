//! Networks' densities and derivatives against central differences in f64, and their law against quadrature.

use burn::{
    module::{Module as _, ModuleMapper, Param},
    tensor::{DType, Device, TensorData},
};

use super::*;
use crate::{
    net::{Architecture, MlpConfig, NetworkConfig as _, TimeEmbedding, UNetConfig},
    noise::{Noise, Purpose},
    sampler::{Sampler, SamplerKind, Settings},
    score::{Conditioning, Prediction, divergence::Divergence},
    sde::Process,
};

/// In `0`, every parameter drawn anew: a fresh head is zero.
struct Drawn(DType);

impl ModuleMapper for Drawn {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let mut values = vec![0.0f32; param.lazy_shape().num_elements()];
        Noise::new(values.len() as u64).fill_normal(0, Purpose::Weights, 0, &mut values);
        let (shape, dtype) = (param.lazy_shape(), self.0);
        param.map(|old| {
            let data = TensorData::new(values.iter().map(|z| 0.5 * z).collect::<Vec<_>>(), shape);
            Tensor::from_data(data.convert_dtype(dtype), (&old.device(), dtype))
        })
    }
}

fn denoiser(config: MlpConfig, parameterisation: Parameterisation, dtype: DType) -> Denoiser {
    Denoiser { net: Architecture::Mlp(config).init(1, &Device::flex()).map(&mut Drawn(dtype)), parameterisation }
}

fn energy(time: TimeEmbedding) -> MlpConfig {
    MlpConfig { dim: 2, width: 6, depth: 2, embedding: 4, classes: 2, energy: true, time, ..MlpConfig::default() }
}

fn parameterisations() -> impl Iterator<Item = Parameterisation> {
    let conditioning = Conditioning::default();
    [Prediction::Epsilon, Prediction::X0, Prediction::V, Prediction::Score, Prediction::ScaledScore]
        .map(|prediction| Parameterisation::Prediction { prediction, conditioning })
        .into_iter()
        .chain([Parameterisation::Edm { sigma_data: 0.7 }])
}

const LEVEL: Level = Level { t: 0.5, alpha: 0.8, sigma: 0.5 };
const X: [[f64; 2]; 3] = [[0.3, -1.2], [2.0, 0.4], [-0.7, 0.1]];

fn points() -> Tensor<2> {
    Tensor::from_data(TensorData::from(X), (&Device::flex(), DType::F64))
}

fn values(tensor: Tensor<2>) -> Vec<f64> {
    tensor.into_data().iter().collect()
}

/// With and without guidance.
fn scores(denoiser: &Denoiser) -> [NetworkScore; 2] {
    [1.0, 1.7].map(|w| NetworkScore::new(denoiser.clone(), &[Some(0), Some(1), None], w, 2, &Device::flex()))
}

/// Central differences at 1e-5: h² times third derivatives of the order of 1, and 1e-16/h of rounding.
const STEP: f64 = 1e-5;
const TOLERANCE: f64 = 2e-8;

fn axis(index: usize) -> Tensor<2> {
    let unit = [f64::from(u8::from(index == 0)), f64::from(u8::from(index == 1))];
    Tensor::from_data(TensorData::from([unit; 3]), (&Device::flex(), DType::F64))
}

#[test]
fn the_score_is_the_densitys_gradient() {
    for parameterisation in parameterisations() {
        for score in scores(&denoiser(energy(TimeEmbedding::Sinusoidal), parameterisation, DType::F64)) {
            let density = score.density().unwrap();
            let s = values(score.score(points(), &LEVEL));
            for index in 0..2 {
                let there = |h: f64| values(density.log_density(points() + axis(index) * h, &LEVEL));
                for (row, (up, down)) in there(STEP).into_iter().zip(there(-STEP)).enumerate() {
                    let (slope, ours) = ((up - down) / (2.0 * STEP), s[2 * row + index]);
                    assert!(
                        (slope - ours).abs() < TOLERANCE * (1.0 + ours.abs()),
                        "{parameterisation:?} {slope} {ours}"
                    );
                }
            }
        }
    }
}

#[test]
fn forward_mode_is_central_differences_and_reverse_mode() {
    for parameterisation in parameterisations() {
        for energy_network in [false, true] {
            let config = MlpConfig { energy: energy_network, ..energy(TimeEmbedding::Sinusoidal) };
            for score in scores(&denoiser(config, parameterisation, DType::F64)) {
                let (s, tangents) = score.differentiable().unwrap().jvp(points(), &LEVEL, &[axis(0), axis(1)]);
                assert_eq!(values(s.clone()), values(score.score(points(), &LEVEL)));
                for (index, tangent) in tangents.into_iter().enumerate() {
                    let there = |h: f64| score.score(points() + axis(index) * h, &LEVEL);
                    let difference = values((there(STEP) - there(-STEP)) / (2.0 * STEP));
                    for (ours, slope) in values(tangent).into_iter().zip(difference) {
                        assert!((ours - slope).abs() < TOLERANCE * (1.0 + ours.abs()), "{parameterisation:?}");
                    }
                }
                // The exact trace in forward mode, and one backward pass a dimension.
                let blind = Blind(&score);
                let [forward, backward] = [&score as &dyn Score, &blind]
                    .map(|score| values(Divergence::Exact.evaluate(score, &points(), &LEVEL).1));
                for (forward, backward) in forward.into_iter().zip(backward) {
                    assert!((forward - backward).abs() < 1e-12 * (1.0 + backward.abs()), "{forward} {backward}");
                }
            }
        }
    }
}

/// A score of which nothing else is known.
struct Blind<'a>(&'a NetworkScore);

impl Score for Blind<'_> {
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        self.0.score(x, level)
    }
}

#[test]
fn what_a_network_is_not_it_does_not_claim() {
    let parameterisation = Parameterisation::Edm { sigma_data: 1.0 };
    let plain = denoiser(MlpConfig::default(), parameterisation, DType::F32);
    let unet = Denoiser { net: UNetConfig::default().init(1, &Device::flex()), parameterisation };
    for (denoiser, derivatives) in [(plain, true), (unet, false)] {
        let score = NetworkScore::new(denoiser, &[None], 1.0, 0, &Device::flex());
        assert_eq!((score.density().is_some(), score.differentiable().is_some()), (false, derivatives));
    }
}

/// HMC and MALA on a network in one dimension have the moments of e^(log p), by the trapezium rule; ULA, at the same step,
/// has not.
#[test]
fn metropolis_samples_a_networks_own_density() {
    let config = MlpConfig { dim: 1, width: 8, depth: 2, embedding: 4, energy: true, ..MlpConfig::default() };
    let denoiser = denoiser(config, Parameterisation::Edm { sigma_data: 1.0 }, DType::F32);
    let device = Device::flex();
    const N: usize = 4000;
    let score = |n: usize| NetworkScore::new(denoiser.clone(), &vec![None; n], 1.0, 0, &device);
    let (process, t_end) = (Process::default(), 0.3);
    let level = process.level(t_end);

    // −12 to 12 in 2401 nodes: V is about 1, so that both ends are beyond f32.
    let nodes: Vec<f64> = (0..2401).map(|i| f64::from(i) * 0.01 - 12.0).collect();
    let grid = Tensor::from_data(TensorData::new(nodes.clone(), [2401, 1]).convert::<f32>(), &device);
    let log_p = values(score(2401).density().unwrap().log_density(grid, &level));
    let most = log_p.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = log_p.iter().map(|l| (l - most).exp()).collect();
    let mean_of = |f: &dyn Fn(f64) -> f64| {
        nodes.iter().zip(&weights).map(|(&x, w)| w * f(x)).sum::<f64>() / weights.iter().sum::<f64>()
    };
    let mean = mean_of(&|x| x);
    let variance = mean_of(&|x| (x - mean).powi(2));
    let fourth = mean_of(&|x| (x - mean).powi(4));

    let error = |sampler: SamplerKind, steps: usize, step_size: f64| {
        let settings = Settings {
            sampler,
            n: N,
            seed: 5,
            steps: Some(steps),
            step_size: Some(step_size),
            t_end: Some(t_end),
            denoise: false,
            ..Settings::default()
        };
        let mut sampler = Sampler::new(&settings.plan(&process, 1).unwrap(), &device).unwrap();
        let score = score(N);
        while sampler.step(&score).unwrap().is_some() {}
        let x = values(sampler.x());
        let m = x.iter().sum::<f64>() / N as f64;
        let v = x.iter().map(|x| (x - m).powi(2)).sum::<f64>() / N as f64;
        // In standard errors.
        let standard = [(variance / N as f64).sqrt(), ((fourth - variance * variance) / N as f64).sqrt()];
        [(m - mean).abs() / standard[0], (v - variance).abs() / standard[1]]
    };
    for (sampler, steps, step_size) in [(SamplerKind::Mala, 200, 0.5), (SamplerKind::Hmc, 40, 0.3)] {
        let [m, v] = error(sampler, steps, step_size);
        assert!(m < 4.0 && v < 4.0, "{sampler:?}: mean off by {m}, variance by {v} standard errors");
    }
    // ε = 0.5 on a variance of about 1: at least a quarter too much.
    let [_, v] = error(SamplerKind::Ula, 200, 0.5);
    assert!(v > 6.0, "ULA's variance off by {v} standard errors");
}
