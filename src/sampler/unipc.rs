//! UniPC, a predictor and a corrector of one form and of any order (Zhao et al. 2023, <https://arxiv.org/abs/2302.04867>,
//! algorithms 5 to 8, for the denoised estimate).
//!
//! In the half-log-SNR λ = log(α/σ), with h = λₛ − λₜ, m the denoised estimates at t and at the levels before it, rₖ =
//! (λₖ − λₜ)/h and Dₖ = (mₖ − mₜ)/rₖ, a step of order p is
//!
//! xₛ = (σₛ/σₜ)·xₜ + αₛ(1 − e⁻ʰ)·mₜ − αₛB(h)·Σₖ ρₖDₖ, k = 1 … p − 1.
//!
//! The ρ match the exponential integral's series to order p: Σₖ ρₖrₖ^(i−1) = i!·φᵢ₊₁(−h)/B(h), i = 1, 2 …, with B = −h
//! (`bh1`) or e⁻ʰ − 1 (`bh2`), φ₁(z) = (eᶻ − 1)/z and φᵢ₊₁(z) = (φᵢ(z) − 1/i!)/z; of order 2 the predictor takes ρ = ½.
//!
//! The corrector is the same step again once mₛ, at the point predicted, is known: with r = 1 for it among the rₖ, it is
//! of one order more. The evaluation at the point predicted serves the next step as well, so that a step costs one. The
//! order rises from 1 over the first steps and falls to 1 in the last (the final denoising counts as one): there the
//! steps are longest against what is known. It falls, too, where a difference of estimates would count for more than
//! [`MOST_WEIGHT`].

use burn::Tensor;
use serde::{Deserialize, Serialize};

use super::{
    State,
    info::{Info, Method, Update},
};
use crate::{compute::vectors::term, schedule::Grid, score::Score, sde::Level};

/// The B(h) of `unipc`'s steps, which are the same to its order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Bh {
    /// −h: the paper's B₁, for few steps without guidance.
    Bh1,
    /// e⁻ʰ − 1: the paper's B₂.
    #[default]
    Bh2,
}

pub(super) const INFO: Info = Info {
    name: "unipc",
    title: "UniPC",
    caption: "UniPC",
    help: "UniPC, predictor and corrector, multistep; --order 1 to 3, 1 NFE per step",
    paper: "https://arxiv.org/abs/2302.04867",
    steps: Some(20),
    settings: &["steps", "order", "bh", "grid", "t_end", "times", "denoise", "clip", "threshold"],
    grid: |process| Grid::LogSnr.unless_far(process),
    method: |plan| {
        let (order, bh) = (plan.settings.order, plan.settings.bh);
        Ok(Method::of(UniPc { order, bh, closing: usize::from(plan.denoise), known: Vec::new(), last: None }))
    },
    ..Info::BASE
};

/// The largest weight of a difference of two estimates: it is below 1.2 on the grids of the peers' tests, and without bound
/// after a very short step.
const MOST_WEIGHT: f64 = 1.5;

/// UniPC on its way.
struct UniPc {
    order: usize,
    bh: Bh,
    /// Steps after the last update: the final denoising, if it is to come.
    closing: usize,
    /// The estimates so far and their levels, the newest first.
    known: Vec<(Level, Tensor<2>)>,
    /// The point that the last step started from, and the step's order.
    last: Option<(Tensor<2>, usize)>,
}

/// log(rₐ/r_b) = λ_b − λₐ.
fn distance(a: &Level, b: &Level) -> f64 {
    libm::log(a.ratio() / b.ratio())
}

impl UniPc {
    /// The step of this order from `x`, at the newest estimate's level, to `to`; with an estimate there it is corrected,
    /// `None` where that cannot be. Of a lower order where a difference of estimates would count for too much.
    fn step(&self, x: &Tensor<2>, to: &Level, order: usize, at_end: Option<&Tensor<2>>) -> Option<Tensor<2>> {
        let (from, newest) = &self.known[0];
        let h = distance(from, to);
        let gained = libm::expm1(-h);
        let scale = match self.bh {
            Bh::Bh1 => -h,
            Bh::Bh2 => gained,
        };
        let weights = |order: usize| {
            let before = self.known[1..order].iter().map(|(level, _)| distance(from, level) / h);
            let ratios: Vec<f64> = before.chain(at_end.map(|_| 1.0)).collect();
            // With a single difference (the predictor of order 2, the corrector of order 1) the paper takes ½, whatever h.
            let found = if ratios.len() == 1 { vec![0.5] } else { weights(&ratios, h, scale) };
            found.into_iter().zip(ratios).map(|(weight, ratio)| scale * weight / ratio).collect::<Vec<_>>()
        };
        // Written so that a NaN, of levels that coincide, is none.
        let fits = |weights: &Vec<f64>| weights.iter().all(|weight| weight.abs() <= MOST_WEIGHT);
        let (order, weights) = (1..=order).rev().map(|order| (order, weights(order))).find(|(_, w)| fits(w))?;
        let estimates = self.known[1..order].iter().map(|(_, estimate)| estimate).chain(at_end);
        let mut next = term(x) * (to.sigma / from.sigma) - term(newest) * (to.alpha * gained);
        for (estimate, weight) in estimates.zip(weights) {
            next = next - (term(estimate) - term(newest)) * (to.alpha * weight);
        }
        Some(next.value())
    }
}

/// The ρ of Σₖ ρₖrₖ^(i−1) = i!·φᵢ₊₁(−h)/B, i = 1 … as many as there are rₖ.
fn weights(ratios: &[f64], h: f64, scale: f64) -> Vec<f64> {
    let count = ratios.len();
    let (mut phi, mut factorial) = (libm::expm1(-h) / -h - 1.0, 1.0);
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(count);
    for i in 0..count {
        let powers = ratios.iter().map(|ratio| libm::pow(*ratio, i as f64));
        rows.push(powers.chain([phi * factorial / scale]).collect());
        factorial *= (i + 2) as f64;
        phi = phi / -h - 1.0 / factorial;
    }
    // A Vandermonde system of at most three rows, of different ratios: eliminated without pivots.
    for i in 0..count {
        for j in i + 1..count {
            let factor = rows[j][i] / rows[i][i];
            let above = rows[i].clone();
            rows[j].iter_mut().zip(above).for_each(|(entry, above)| *entry -= factor * above);
        }
    }
    let mut found = vec![0.0; count];
    for i in (0..count).rev() {
        let rest: f64 = (i + 1..count).map(|j| rows[i][j] * found[j]).sum();
        found[i] = (rows[i][count] - rest) / rows[i][i];
    }
    found
}

impl Update for UniPc {
    fn update(&mut self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Tensor<2> {
        let (from, to) = (state.from(), state.to());
        let s = state.evaluate(&x, from, score);
        let estimate = from.denoised(x.clone(), s);
        let x = match self.last.take() {
            Some((start, order)) => self.step(&start, &from, order, Some(&estimate)).unwrap_or(x),
            None => x,
        };
        self.known.insert(0, (from, estimate));
        self.known.truncate(self.order);
        let left = state.times.len() - 1 - state.index + self.closing;
        let order = self.order.min(left).min(self.known.len());
        let next = self.step(&x, &to, order, None).expect("the predictor of order 1 has no differences");
        self.last = Some((x, order));
        state.project(next, &to)
    }
}
