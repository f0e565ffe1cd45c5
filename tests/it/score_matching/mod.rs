//! Score-matching objectives against closed forms, PyTorch, and one another.

mod gaussian;
mod mixture;
mod reference;
mod slices;
mod times;

use burn::{
    Tensor,
    tensor::{DType, Device},
};
use scorefield::{
    noise::Noise,
    objective::{Directions, FiniteDifferenceConfig, RowScore, Samples, SlicedConfig, matching::Criterion},
    sde::Level,
};

/// A criterion's terms, row by row.
type Terms = Box<dyn Fn(&dyn RowScore, &Samples, &Noise, u64) -> Tensor<2>>;

fn terms<C: Criterion + 'static>(criterion: C) -> Terms {
    Box::new(move |score, samples, noise, step| criterion.terms(score, samples, noise, step))
}

fn sliced(projections: usize, directions: Directions, variance_reduced: bool) -> SlicedConfig {
    SlicedConfig { projections, directions, variance_reduced, times: None }
}

fn finite_difference(projections: usize, variance_reduced: bool, epsilon: f64) -> FiniteDifferenceConfig {
    let directions = Directions::Gaussian;
    FiniteDifferenceConfig { projections, directions, variance_reduced, epsilon, times: None }
}

/// Samples in f64 without noise levels.
fn samples(x: Vec<f64>, dim: usize) -> Samples {
    let rows = x.len() / dim;
    let levels = vec![Level { t: 0.0, alpha: 1.0, sigma: 0.0 }; rows];
    Samples { x, dim, levels, scales: vec![1.0; rows], weights: None, options: (Device::flex(), DType::F64) }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter().collect()
}

/// Mean and its standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}
