//! Distributions in the plane that are mixtures of Gaussians.

use std::f64::consts::{FRAC_PI_2, TAU};

use crate::{
    score::{MixtureConfig, Std},
    sde::Process,
};

/// Gaussians with axes along the coordinates.
fn straight(weights: Vec<f64>, means: Vec<[f64; 2]>, std: Std) -> MixtureConfig {
    MixtureConfig {
        stds: Some(vec![std; weights.len()]),
        covariances: None,
        weights,
        means: means.into_iter().map(Vec::from).collect(),
        process: Process::None,
    }
}

/// Equal weights, standard deviation 0.5/√2, on a circle of radius 4/√2 (Grathwohl et al. 2019).
pub(super) fn eight_gaussians() -> MixtureConfig {
    let means = (0..8).map(|k| {
        let (sin, cos) = libm::sincos(TAU * f64::from(k) / 8.0);
        [8f64.sqrt() * cos, 8f64.sqrt() * sin]
    });
    straight(vec![1.0; 8], means.collect(), Std::Scalar(0.125f64.sqrt()))
}

/// 0.8·N((5, 5), I) + 0.2·N((−5, −5), I) (Song & Ermon 2019, <https://arxiv.org/abs/1907.05600>, figure 2).
pub(super) fn ncsn() -> MixtureConfig {
    straight(vec![0.8, 0.2], vec![[5.0; 2], [-5.0; 2]], Std::Scalar(1.0))
}

/// Standard deviation ¾ along the line y = 0 and none across it, about ±1¾.
pub(super) fn line() -> MixtureConfig {
    straight(vec![0.5, 0.5], vec![[-1.75, 0.0], [1.75, 0.0]], Std::Diagonal(vec![0.75, 0.0]))
}

/// Branches from the trunk to a leaf.
const DEPTH: usize = 6;
/// Gaussians of a branch.
const PER_BRANCH: usize = 4;
/// A branch's length, as a share of the one that it grows from.
const SHRINK: f64 = 0.68;
/// The angle between the two branches of a fork, in radians.
const FORK: f64 = 1.0;

/// A trunk of length 2 upwards from (0, −3), forking at every branch's end; a branch's weight is half of its parent's.
pub(super) fn tree() -> MixtureConfig {
    let mut tree =
        MixtureConfig { weights: vec![], means: vec![], stds: None, covariances: Some(vec![]), process: Process::None };
    branch(&mut tree, [0.0, -3.0], FRAC_PI_2, 2.0, DEPTH);
    tree
}

/// Gaussians along the branch from `start`, each half as long as they are apart and a seventh of that wide, and what
/// grows from it.
fn branch(tree: &mut MixtureConfig, start: [f64; 2], angle: f64, length: f64, depth: usize) {
    let (sin, cos) = libm::sincos(angle);
    let (along, across) = (0.5 * length / PER_BRANCH as f64, 0.07 * length / PER_BRANCH as f64);
    let [a2, c2] = [along * along, across * across];
    let turned = (a2 - c2) * sin * cos;
    let covariance = vec![vec![a2 * cos * cos + c2 * sin * sin, turned], vec![turned, a2 * sin * sin + c2 * cos * cos]];
    for i in 0..PER_BRANCH {
        let at = length * (i as f64 + 0.5) / PER_BRANCH as f64;
        tree.weights.push(0.5f64.powi((DEPTH - depth) as i32));
        tree.means.push(vec![start[0] + at * cos, start[1] + at * sin]);
        tree.covariances.get_or_insert_default().push(covariance.clone());
    }
    if depth > 1 {
        let end = [start[0] + length * cos, start[1] + length * sin];
        for side in [-0.5, 0.5] {
            branch(tree, end, angle + side * FORK, SHRINK * length, depth - 1);
        }
    }
}
