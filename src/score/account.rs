//! What an evaluation of a network's score costs on a GPU, by the [account](crate::compute::account) of its kernels.

use std::collections::BTreeMap;

use burn::{
    Tensor,
    tensor::{Device, Distribution},
};
use serde::Serialize;

use super::{
    Parameterisation, Score,
    network::{Denoiser, NetworkScore},
};
use crate::{
    compute::account::{Cost, counted},
    net::{Architecture, NetworkConfig as _, cost},
    sde::Level,
    space::Space,
};

/// An evaluation's account.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// Channels, height and width of a sample, or its dimension.
    pub shape: Space,
    /// Samples.
    pub batch: usize,
    /// Whether it is guided: the network then sees every sample twice.
    pub guided: bool,
    /// By kernel.
    pub kernels: BTreeMap<&'static str, Cost>,
    /// Of all of them.
    pub total: Cost,
    /// See [`cost::least`].
    pub least: Cost,
}

/// Evaluates the score of a network of this configuration on a GPU, with weights of its own (a weight's value changes
/// no cost) and the last class, and counts.
#[must_use]
pub fn evaluation(architecture: &Architecture, batch: usize, guided: bool, device: &Device) -> Evaluation {
    let parameterisation = Parameterisation::Edm { sigma_data: 1.0 };
    let denoiser = Denoiser { net: architecture.init(0, device), parameterisation };
    let label = architecture.classes().checked_sub(1);
    let guidance = if guided { 2.0 } else { 1.0 };
    let score = NetworkScore::new(denoiser, &vec![label; batch], guidance, architecture.null_class(), device);
    let x = Tensor::random([batch, architecture.space().dim()], Distribution::Default, device);
    let (_, kernels) = counted(|| score.score(x, &Level { t: 0.5, alpha: 0.8, sigma: 0.9 }));
    let mut total = Cost::default();
    for cost in kernels.values() {
        total += *cost;
    }
    Evaluation {
        shape: architecture.space(),
        batch,
        guided: score.evaluations() == 2,
        kernels,
        total,
        least: cost::least(architecture, batch, score.evaluations() as usize),
    }
}

#[cfg(all(test, feature = "gpu"))]
mod tests {
    use super::*;

    #[test]
    fn an_evaluation_costs_little_more_than_the_least() {
        let Some(gpu) = crate::compute::launch::testing::gpu() else { return };
        for (batch, guided) in [(1, false), (16, false), (2, true)] {
            let found = evaluation(&Architecture::default(), batch, guided, gpu);
            println!("{}", serde_json::to_string(&found).unwrap());
            let (ours, least) = (found.total, found.least);
            assert_eq!(ours.dispatches, 42);
            assert!(ours.flops >= least.flops && ours.bytes() >= least.bytes());
            // Padding of tiles: most at a single sample, whose 49 pixels at 7×7 are two tiles of 32, and the head's
            // 4 channels are 8.
            assert!((ours.flops as f64) < 1.4 * least.flops as f64, "{ours:?} {least:?}");
            // The normalisations', joins' and skips' own passes over what the least reads in place.
            assert!((ours.bytes() as f64) < 2.0 * least.bytes() as f64, "{ours:?} {least:?}");
        }
    }
}
