//! Arithmetic on batches of vectors, `[n, d]`, each expression in one pass over its tensors: what samplers and solvers
//! are made of.
//!
//! A [`Sum`] is Σ cᵢ·xᵢ with host coefficients in f64. It is written as in the papers, from [`term`], `+`, `-`, `*` and
//! `/`; coefficients of one tensor are added up on the host, and [`Sum::value`] reads each tensor once: one dispatch on
//! a GPU, one loop without temporaries on the CPU. Under automatic differentiation, and for types other than f32 (and
//! f64 on the CPU), it is composed of burn's operators.

mod adam;
#[cfg(any(not(target_family = "wasm"), feature = "browser-cpu"))]
mod cpu;
mod extension;
#[cfg(feature = "burn-cubecl")]
mod gpu;
#[cfg(test)]
mod tests;

use std::ops::{Add, Div, Mul, Range, Sub};

use burn::{Tensor, backend::Dispatch};

pub use self::adam::{Adam, adam};
use self::extension::{Plan, PlannedTerm, Vectors};

/// Tensors that one pass reads: with the result and the scalars they are the 8 buffers that every GPU gives a shader.
const MOST: usize = 6;

/// Σ cᵢ·xᵢ, not yet computed.
#[derive(Clone, Debug)]
pub struct Sum<'a> {
    /// At least one.
    terms: Vec<Term<'a>>,
}

#[derive(Clone, Debug)]
struct Term<'a> {
    weight: f64,
    x: &'a Tensor<2>,
    rows: Range<usize>,
}

/// 1·x.
#[must_use]
pub fn term(x: &Tensor<2>) -> Sum<'_> {
    term_rows(x, 0..x.dims()[0])
}

/// 1·(some rows of x).
///
/// # Panics
/// When x does not have these rows.
#[must_use]
pub fn term_rows(x: &Tensor<2>, rows: Range<usize>) -> Sum<'_> {
    assert!(rows.start <= rows.end && rows.end <= x.dims()[0], "rows {rows:?} of {}", x.dims()[0]);
    Sum { terms: vec![Term { weight: 1.0, x, rows }] }
}

impl Sum<'_> {
    /// The sum, in as many rows as its terms have.
    #[must_use]
    pub fn value(&self) -> Tensor<2> {
        self.stacked(1)
    }

    /// The sum, `times` below itself.
    ///
    /// # Panics
    /// When the terms have different shapes.
    #[must_use]
    pub fn stacked(&self, times: usize) -> Tensor<2> {
        let first = &self.terms[0];
        let (rows, d) = (first.rows.len(), first.x.dims()[1]);
        let shapes = self.terms.iter().all(|term| term.rows.len() == rows && term.x.dims()[1] == d);
        assert!(shapes, "terms of one shape");
        // What is multiplied by 0 is not read; of nothing but zeros the first is.
        let read: Vec<_> = self.terms.iter().filter(|term| term.weight != 0.0).cloned().collect();
        let mut terms = if read.is_empty() { &self.terms[..1] } else { &read[..] };
        if let ([Term { weight: 1.0, x, .. }], 1, true) = (terms, times, x_is_whole(terms)) {
            return (*x).clone();
        }
        let mut sum: Option<Tensor<2>> = None;
        // Beyond what one pass reads, its result is the next one's first term.
        while !terms.is_empty() {
            let room = MOST - usize::from(sum.is_some());
            let (now, later) = terms.split_at(room.min(terms.len()));
            let before = sum.take();
            let before = before.as_ref().map(|x| Term { weight: 1.0, x, rows: 0..rows });
            let now: Vec<_> = before.into_iter().chain(now.iter().cloned()).collect();
            sum = Some(pass(&now, if later.is_empty() { times } else { 1 }));
            terms = later;
        }
        sum.expect("there is at least one term")
    }
}

/// Whether the first term has all rows of its tensor.
fn x_is_whole(terms: &[Term<'_>]) -> bool {
    terms[0].rows == (0..terms[0].x.dims()[0])
}

/// At most [`MOST`] terms.
fn pass(terms: &[Term<'_>], times: usize) -> Tensor<2> {
    let plan = Plan {
        terms: terms.iter().map(|term| PlannedTerm { weight: term.weight, first: term.rows.start }).collect(),
        rows: terms[0].rows.len(),
        times,
    };
    // The operator has as many arguments as there may be terms: the others repeat the first.
    let tensor = |i: usize| terms.get(i).unwrap_or(&terms[0]).x.clone().into_dispatch();
    let own = Dispatch::sum(tensor(0), tensor(1), tensor(2), tensor(3), tensor(4), tensor(5), plan);
    own.map_or_else(|| composed(terms, times), Tensor::from_dispatch)
}

/// By burn's operators.
fn composed(terms: &[Term<'_>], times: usize) -> Tensor<2> {
    let weighted = terms.iter().map(|term| {
        let whole = term.rows == (0..term.x.dims()[0]);
        let rows = term.x.clone();
        let rows = if whole { rows } else { rows.narrow(0, term.rows.start, term.rows.len()) };
        if term.weight == 1.0 { rows } else { rows * term.weight }
    });
    let sum = weighted.reduce(|sum, term| sum + term).expect("there is at least one term");
    if times == 1 { sum } else { sum.repeat_dim(0, times) }
}

/// ‖wₐ·a‖² and ‖w_b·b‖² of every row. The weights come before the square, so that it stays in f32's range.
///
/// # Shapes
/// `a`, `b`: `[n, d]`; result: `[n, 2]`.
#[must_use]
pub fn squared_norms(a: &Tensor<2>, b: &Tensor<2>, weights: [f64; 2]) -> Tensor<2> {
    let own = Dispatch::squared_norms(a.clone().into_dispatch(), b.clone().into_dispatch(), weights);
    own.map_or_else(
        || {
            let norm = |(x, weight): (&Tensor<2>, f64)| (term(x) * weight).value().square().sum_dim(1);
            Tensor::cat([(a, weights[0]), (b, weights[1])].into_iter().map(norm).collect(), 1)
        },
        Tensor::from_dispatch,
    )
}

/// How long a Langevin step is, by the norms of its score and its noise: ε = min(most, factor·‖z‖²/‖s‖²), with ‖s‖ at
/// least `least`.
#[derive(Clone, Copy, Debug)]
pub struct StepRule {
    /// Of ‖z‖²/‖s‖².
    pub factor: f64,
    /// The largest ε.
    pub most: f64,
    /// The smallest ‖s‖ that counts.
    pub least: f64,
    /// Whether the norms are the batch's means, and ε the same for every row.
    pub batch: bool,
}

/// x + ε·s + √(2ε)·z, with ε for every row by `rule`.
///
/// # Shapes
/// `x`, `s`, `z` and the result: `[n, d]`; `norms`, ‖s‖² and ‖z‖²: `[n, 2]`.
#[must_use]
pub fn langevin(x: &Tensor<2>, s: &Tensor<2>, z: &Tensor<2>, norms: &Tensor<2>, rule: StepRule) -> Tensor<2> {
    let [on_x, on_s, on_z, on_norms] = [x, s, z, norms].map(|tensor| tensor.clone().into_dispatch());
    let own = Dispatch::langevin(on_x, on_s, on_z, on_norms, rule);
    own.map_or_else(
        || {
            let [s2, z2] = [0, 1].map(|column| norms.clone().narrow(1, column, 1));
            let ratio2 = if rule.batch {
                (z2.sqrt().mean_dim(0) / s2.sqrt().mean_dim(0).clamp_min(rule.least)).square()
            } else {
                z2 / s2.clamp_min(rule.least * rule.least)
            };
            let step = (ratio2 * rule.factor).clamp_max(rule.most);
            x.clone() + s.clone() * step.clone() + z.clone() * (step * 2.0).sqrt()
        },
        Tensor::from_dispatch,
    )
}

/// mean((e/(atol + rtol·max(|y|, |next|)))²) of every row: the square of an error in units of its tolerances.
///
/// # Shapes
/// `e`, `y`, `next`: `[n, d]`; result: `[n, 1]`.
#[must_use]
pub fn scaled_mean_squares(e: &Tensor<2>, y: &Tensor<2>, next: &Tensor<2>, [rtol, atol]: [f64; 2]) -> Tensor<2> {
    let [on_e, on_y, on_next] = [e, y, next].map(|tensor| tensor.clone().into_dispatch());
    let own = Dispatch::scaled_mean_squares(on_e, on_y, on_next, [rtol, atol]);
    own.map_or_else(
        || {
            let scale = y.clone().abs().max_pair(next.clone().abs()) * rtol + atol;
            (e.clone() / scale).square().mean_dim(1)
        },
        Tensor::from_dispatch,
    )
}

impl<'a> Add for Sum<'a> {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        for term in other.terms {
            // The same tensor is read once.
            let same = |mine: &&mut Term<'a>| std::ptr::eq(mine.x, term.x) && mine.rows == term.rows;
            match self.terms.iter_mut().find(same) {
                Some(mine) => mine.weight += term.weight,
                None => self.terms.push(term),
            }
        }
        self
    }
}

impl Sub for Sum<'_> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + other * -1.0
    }
}

impl Mul<f64> for Sum<'_> {
    type Output = Self;

    fn mul(mut self, factor: f64) -> Self {
        for term in &mut self.terms {
            term.weight *= factor;
        }
        self
    }
}

impl Div<f64> for Sum<'_> {
    type Output = Self;

    fn div(mut self, divisor: f64) -> Self {
        for term in &mut self.terms {
            term.weight /= divisor;
        }
        self
    }
}
