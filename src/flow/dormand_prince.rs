//! Initial value problems dy/du = f(u, y) whose state stays on the device, by Dormand and Prince's pair of orders
//! 5 and 4 (J. Comput. Appl. Math. 6, 1980, 19–26).
//!
//! The step sizes follow Hairer, Nørsett & Wanner (Solving Ordinary Differential Equations I, section II.4) with the
//! constants of SciPy's `RK45`. A state is a list of blocks `[n, dᵢ]`, and the whole batch takes one step: the error of
//! a sample is the largest of its blocks' √mean((e/(atol + rtol·max(|y|, |y′|)))²), the error of the step the
//! largest of its samples'. A step is accepted below 1; its size is multiplied by 0.9·error^(−1/5), between 0.2 and 10.
//!
//! A step costs six evaluations: the seventh stage is the first of the next step (FSAL). The two pairs of numbers
//! before the first step, and one number per sample and step, are all that is read back.

use std::ops::Add;

use burn::{Tensor, tensor::Transaction};

use crate::{
    Error, Result,
    compute::vectors::{Sum, scaled_mean_squares, term},
};

/// Nodes cᵢ of stages 2 to 7.
const NODES: [f64; 6] = [1.0 / 5.0, 3.0 / 10.0, 4.0 / 5.0, 8.0 / 9.0, 1.0, 1.0];
/// Weights aᵢⱼ of stages 2 to 7; the last row is the solution of order 5 itself.
const STAGES: [&[f64]; 6] = [
    &[1.0 / 5.0],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
    &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
    &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
];
/// The solution of order 5 less that of order 4.
const ERROR: [f64; 7] =
    [71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339_200.0, 22.0 / 525.0, -1.0 / 40.0];

const SAFETY: f64 = 0.9;
const LEAST_FACTOR: f64 = 0.2;
const MOST_FACTOR: f64 = 10.0;
/// −1/(1 + the order of the error estimate).
const EXPONENT: f64 = -0.2;
/// Steps tried before the problem counts as too stiff for its tolerances.
const MOST_STEPS: usize = 10_000;

/// How large the error of a step may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Relative to the state.
    pub rtol: f64,
    /// In the state's own unit.
    pub atol: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { rtol: 1e-5, atol: 1e-5 }
    }
}

impl Tolerance {
    /// # Errors
    /// When a tolerance is not a number from 1e-12 to 1.
    pub fn validate(&self) -> Result<()> {
        for (name, value) in [("rtol", self.rtol), ("atol", self.atol)] {
            if !(1e-12..=1.0).contains(&value) {
                return Err(Error::setting(name, value, "a number from 1e-12 to 1"));
            }
        }
        Ok(())
    }
}

/// f: from u and the state to its slope, block by block.
pub type Slope<'a> = dyn FnMut(f64, &[Tensor<2>]) -> Vec<Tensor<2>> + 'a;

/// A solution on its way from one u to another, in either direction.
#[derive(Clone, Debug)]
pub struct DormandPrince {
    tolerance: Tolerance,
    u: f64,
    end: f64,
    y: Vec<Tensor<2>>,
    /// f(u, y), where it is known.
    slope: Option<Vec<Tensor<2>>>,
    /// Size of the next step to try.
    size: Option<f64>,
    accepted: usize,
    rejected: usize,
}

impl DormandPrince {
    /// A solution that starts at `u` = `from` with state `y` and goes to `to`.
    ///
    /// # Shapes
    /// `y`: blocks `[n, dᵢ]`, at least one.
    #[must_use]
    pub fn new(tolerance: Tolerance, [from, to]: [f64; 2], y: Vec<Tensor<2>>) -> Self {
        Self { tolerance, u: from, end: to, y, slope: None, size: None, accepted: 0, rejected: 0 }
    }

    /// Where the solution is.
    #[must_use]
    pub fn u(&self) -> f64 {
        self.u
    }

    /// The state there.
    #[must_use]
    pub fn y(&self) -> &[Tensor<2>] {
        &self.y
    }

    /// Puts another state in its place: the slope there is then not known.
    pub fn replace(&mut self, y: Vec<Tensor<2>>) {
        self.y = y;
        self.slope = None;
    }

    /// Whether the end is reached.
    #[must_use]
    pub fn done(&self) -> bool {
        self.u == self.end
    }

    /// Steps that were accepted and rejected.
    #[must_use]
    pub fn steps(&self) -> [usize; 2] {
        [self.accepted, self.rejected]
    }

    /// One accepted step, and the rejected ones before it. At the end, nothing.
    ///
    /// # Errors
    /// When an error estimate is not finite, or the tolerances ask for steps that are too many or too small.
    pub async fn step(&mut self, f: &mut Slope<'_>) -> Result<()> {
        if self.done() {
            return Ok(());
        }
        let direction = (self.end - self.u).signum();
        let first = self.slope.take().unwrap_or_else(|| f(self.u, &self.y));
        let mut size = match self.size {
            Some(size) => size,
            None => self.first_size(&first, direction, f).await?,
        };
        let mut rejected = false;
        loop {
            let left = (self.end - self.u).abs();
            size = size.min(left);
            let to = if size == left { self.end } else { self.u + direction * size };
            // Ten units in the last place, below which u cannot say where a stage is.
            if self.accepted + self.rejected >= MOST_STEPS || (to - self.u).abs() < 10.0 * f64::EPSILON * self.u.abs() {
                return Err(self.too_stiff());
            }
            let h = to - self.u;
            let mut slopes = vec![first.clone()];
            let mut next = Vec::new();
            for (node, weights) in NODES.into_iter().zip(STAGES) {
                next = self.advance(&slopes, weights, h);
                slopes.push(f(self.u + node * h, &next));
            }
            let errors = self.blocks().map(|i| (weighted(&slopes, &ERROR, i) * h).value()).collect();
            let [error] = self.largest([errors], &next).await?;
            if !error.is_finite() {
                return Err(self.not_finite());
            }
            let factor = SAFETY * libm::pow(error, EXPONENT);
            if error < 1.0 {
                let factor = factor.min(if rejected { 1.0 } else { MOST_FACTOR });
                self.size = Some(size * factor);
                self.slope = slopes.pop();
                (self.u, self.y) = (to, next);
                self.accepted += 1;
                return Ok(());
            }
            size *= factor.max(LEAST_FACTOR);
            self.rejected += 1;
            rejected = true;
        }
    }

    /// Goes to the end.
    ///
    /// # Errors
    /// Those of [`DormandPrince::step`].
    pub async fn finish(&mut self, f: &mut Slope<'_>) -> Result<()> {
        while !self.done() {
            self.step(f).await?;
        }
        Ok(())
    }

    /// A first step by the sizes of the state, its slope and its second derivative; one evaluation.
    async fn first_size(&self, slope: &[Tensor<2>], direction: f64, f: &mut Slope<'_>) -> Result<f64> {
        let left = (self.end - self.u).abs();
        let [state, speed] = self.largest([self.y.clone(), slope.to_vec()], &self.y).await?;
        let guess = if state < 1e-5 || speed < 1e-5 { 1e-6 } else { 0.01 * state / speed }.min(left);
        let probe = self.advance(&[slope.to_vec()], &[1.0], direction * guess);
        let there = f(self.u + direction * guess, &probe);
        let bend = there.iter().zip(slope).map(|(there, here)| (term(there) - term(here)).value()).collect();
        let [bend] = self.largest([bend], &self.y).await?;
        let most = speed.max(bend / guess);
        if !(state.is_finite() && speed.is_finite() && bend.is_finite()) {
            return Err(self.not_finite());
        }
        let size = if most <= 1e-15 { (guess * 1e-3).max(1e-6) } else { libm::pow(0.01 / most, -EXPONENT) };
        Ok(size.min(100.0 * guess).min(left))
    }

    /// y + h·Σ wᵢ·kᵢ.
    fn advance(&self, slopes: &[Vec<Tensor<2>>], weights: &[f64], h: f64) -> Vec<Tensor<2>> {
        self.blocks().map(|i| (term(&self.y[i]) + weighted(slopes, weights, i) * h).value()).collect()
    }

    fn blocks(&self) -> std::ops::Range<usize> {
        0..self.y.len()
    }

    /// The largest of the samples' errors, for each of `states`, in units of the tolerance between here and `next`: one
    /// readback for all.
    async fn largest<const K: usize>(&self, states: [Vec<Tensor<2>>; K], next: &[Tensor<2>]) -> Result<[f64; K]> {
        let Tolerance { rtol, atol } = self.tolerance;
        let blocks = self.y.len();
        let columns = states.iter().flatten().enumerate();
        let transaction = columns.fold(Transaction::default(), |transaction, (i, e)| {
            let i = i % blocks;
            transaction.register(scaled_mean_squares(e, &self.y[i], &next[i], [rtol, atol]))
        });
        let columns = transaction.execute_async().await.map_err(|error| Error::Device {
            device: "of this run".to_owned(),
            problem: format!("the solver's error estimate cannot be read ({error})"),
            remedy: "use fewer samples, or the CPU".to_owned(),
        })?;
        let mut most = [0.0_f64; K];
        for (most, columns) in most.iter_mut().zip(columns.chunks_exact(blocks)) {
            for square in columns.iter().flat_map(|column| column.iter::<f64>()) {
                // `max` would drop a NaN.
                let nan = square.is_nan() || most.is_nan();
                *most = if nan { f64::NAN } else { most.max(libm::sqrt(square)) };
            }
        }
        Ok(most)
    }

    fn not_finite(&self) -> Error {
        Error::NotFinite {
            what: "the solver's error estimate".to_owned(),
            step: self.accepted + 1,
            remedy: "use a larger --t-end, less --guidance, or check that the model and the start are finite"
                .to_owned(),
        }
    }

    fn too_stiff(&self) -> Error {
        let Tolerance { rtol, atol } = self.tolerance;
        let [accepted, rejected] = self.steps();
        Error::setting(
            "rtol, atol",
            format!("{rtol:e}, {atol:e}"),
            format!("larger tolerances: {accepted} steps and {rejected} rejected ones did not reach the end"),
        )
    }
}

/// Σ wᵢ·kᵢ of one block.
fn weighted<'a>(slopes: &'a [Vec<Tensor<2>>], weights: &[f64], block: usize) -> Sum<'a> {
    let terms = slopes.iter().zip(weights).map(|(slope, weight)| term(&slope[block]) * *weight);
    terms.reduce(Sum::add).expect("every stage has a slope")
}

#[cfg(test)]
mod tests;
