//! The flow's slope where it is known, and what the solver's, the likelihood's and the codes' tests share.

use burn::tensor::{DType, Device, TensorData, activation};
use serde::Deserialize;

use super::*;
use crate::{
    score::{Gaussian, Score},
    sde::{SubVp, Ve, Vp},
};

pub(crate) const VE: Process = Process::Ve(Ve { sigma_min: 0.01, sigma_max: 50.0 });
pub(crate) const VP: Process = Process::Vp(Vp { beta_min: 0.1, beta_max: 20.0 });
pub(crate) const SUB_VP: Process = Process::SubVp(SubVp { beta_min: 0.1, beta_max: 20.0 });

/// 0.6·N((2, 0), 0.5²) + 0.4·N((−2, 1), diag(0.2², 0.4²)), which `tests/reference/flow.py` integrates.
pub(crate) struct Mixture;

const PARTS: [(f64, [f64; 2], [f64; 2]); 2] = [(0.6, [2.0, 0.0], [0.5, 0.5]), (0.4, [-2.0, 1.0], [0.2, 0.4])];

impl Score for Mixture {
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        let parts = PARTS.map(|(weight, mean, std)| {
            let [first, second] = [0, 1].map(|i| {
                let variance = (level.alpha * std[i]).powi(2) + level.sigma.powi(2);
                let offset = x.clone().narrow(1, i, 1) - level.alpha * mean[i];
                (offset.clone().square() * (-0.5 / variance) - 0.5 * variance.ln(), offset * (-1.0 / variance))
            });
            (first.0 + second.0 + f64::ln(weight), Tensor::cat(vec![first.1, second.1], 1))
        });
        let [(a, first), (b, second)] = parts;
        second.clone() + activation::sigmoid(a - b) * (first - second)
    }
}

/// `flow.json`.
#[derive(Deserialize)]
pub(crate) struct Fixture {
    pub rk45: Rk45,
    pub samples: Samples,
    pub likelihood: Likelihood,
}

#[derive(Deserialize)]
pub(crate) struct Rk45 {
    pub start: [f64; 2],
    pub runs: Vec<Run>,
}

#[derive(Deserialize)]
pub(crate) struct Run {
    pub tolerance: f64,
    pub nfe: usize,
    pub steps: usize,
    pub x: [f64; 2],
}

#[derive(Deserialize)]
pub(crate) struct Samples {
    pub start: Vec<[f64; 2]>,
    pub end: Vec<[f64; 2]>,
    pub rk45: Vec<Solved>,
}

/// NFE and error of RK45 in x against t, a system of all samples.
#[derive(Deserialize)]
pub(crate) struct Solved {
    pub tolerance: f64,
    pub nfe: u64,
    pub error: f64,
}

#[derive(Deserialize)]
pub(crate) struct Likelihood {
    pub x: Vec<[f64; 2]>,
    pub density: Vec<f64>,
    pub dop853: Vec<f64>,
    pub rk45: Solved,
}

pub(crate) fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../../tests/reference/flow.json")).unwrap()
}

/// Samples in f64, on the CPU.
pub(crate) fn rows<const D: usize>(values: &[[f64; D]]) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.concat(), [values.len(), D]), (&Device::flex(), DType::F64))
}

pub(crate) fn read(x: &Tensor<2>) -> Vec<f64> {
    x.clone().cast(DType::F64).into_data().try_to_vec().unwrap()
}

/// Root mean square difference.
pub(crate) fn rms(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    (a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len() as f64).sqrt()
}

#[test]
fn a_point_turns() {
    // All data at x₀: ŷ = cos θ·x₀ + sin θ·ε moves by cos θ·ε − sin θ·x₀, at a speed that keeps x₀ and ε.
    let (x0, eps) = (0.7, -1.3);
    let score = Gaussian::new(vec![x0], vec![0.0]).unwrap();
    for process in [VE, VP, SUB_VP] {
        for t in [1e-3, 0.1, 0.5, 0.9, 1.0] {
            let level = process.level(t);
            let (sin, cos) = libm::sincos(angle(&level));
            let y = rows(&[[cos * x0 + sin * eps]]);
            let s = score.score(y.clone() * norm(&level), &level);
            let v = read(&velocity(y, s, &level))[0];
            // f64's rounding, amplified by tan θ = 152 at VP's t = 1 and by 1/σ = 1e4 at sub-VP's 1e-3.
            assert!((v - (cos * eps - sin * x0)).abs() < 1e-11, "{} {t}: {v}", process.name());
        }
    }
}

#[test]
fn angles_and_times_are_each_others_inverse() {
    for process in [VE, VP, SUB_VP] {
        let flow = Flow::new(&process, 1e-5).unwrap();
        assert_eq!(flow.angles().map(|theta| flow.level(theta).t), [1.0, 1e-5], "the ends are exact");
        for t in [1e-4, 1e-2, 0.3, 0.7, 0.99] {
            let level = flow.level(angle(&process.level(t)));
            // Sub-VP's inverse cancels to within √ε of f64 where α is near 1.
            assert!((level.t / t - 1.0).abs() < 1e-8, "{} {t} {}", process.name(), level.t);
        }
    }
}

#[test]
fn what_has_no_flow_is_refused() {
    let refused = |process: &Process, t_end| Flow::new(process, t_end).unwrap_err().to_string();
    assert!(refused(&Process::None, 0.0).starts_with("process = none"));
    assert!(refused(&VP, 0.0).starts_with("t_end = 0"));
    assert!(refused(&VP, 1.0).starts_with("t_end = 1"));
}
