//! Latent codes: the probability flow takes data x₀ to a code x at t = 1 and back, one to one (Song et al. 2021,
//! <https://arxiv.org/abs/2011.13456>, section 4.3). Codes of data are draws from the prior where the score is right:
//! to move between them is to move between samples.
//!
//! Codes are x at t = 1 itself, what `sample --init` takes. Data enter as x at `t_end`, without noise added.

use burn::Tensor;

use crate::{
    Error, Result, flow,
    flow::{
        Flow, T_END,
        dormand_prince::{DormandPrince, Tolerance},
    },
    score::Score,
    sde::Process,
};

/// The largest factor of [`temper`].
pub const MOST_TEMPERATURE: f64 = 10.0;
/// The most codes from one to the next that [`path`] gives.
pub const MOST_FRAMES: usize = 1000;

/// How the flow between data and codes is followed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SolverSettings {
    /// The solver's tolerance, in y = x/√(α² + σ²).
    pub tolerance: Tolerance,
    /// Time of the data.
    pub t_end: f64,
}

impl Default for SolverSettings {
    fn default() -> Self {
        Self { tolerance: Tolerance::default(), t_end: T_END }
    }
}

/// A direction along the flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From t_end to 1.
    ToCodes,
    /// From 1 to t_end.
    ToData,
}

/// Data or codes at the flow's other end.
#[derive(Clone, Debug)]
pub struct Solution {
    /// `[n, d]`.
    pub x: Tensor<2>,
    /// Network evaluations.
    pub nfe: u64,
    /// Steps of the solver, accepted and rejected.
    pub steps: [usize; 2],
}

/// Data at `t_end` to their codes at t = 1.
///
/// # Shapes
/// `x` and the result's `x`: `[n, d]`.
///
/// # Errors
/// For settings out of range, or where the solver cannot go on.
pub async fn encode(score: &dyn Score, process: &Process, x: Tensor<2>, settings: &SolverSettings) -> Result<Solution> {
    integrate(score, process, x, settings, Direction::ToCodes).await
}

/// Codes at t = 1 to their data at `t_end`.
///
/// # Shapes
/// `code` and the result's `x`: `[n, d]`.
///
/// # Errors
/// For settings out of range, or where the solver cannot go on.
pub async fn decode(
    score: &dyn Score,
    process: &Process,
    code: Tensor<2>,
    settings: &SolverSettings,
) -> Result<Solution> {
    integrate(score, process, code, settings, Direction::ToData).await
}

/// Follows the flow from one end to the other.
///
/// # Shapes
/// `x` and the result's `x`: `[n, d]`.
///
/// # Errors
/// For settings out of range, or where the solver cannot go on.
pub async fn integrate(
    score: &dyn Score,
    process: &Process,
    x: Tensor<2>,
    settings: &SolverSettings,
    direction: Direction,
) -> Result<Solution> {
    let mut integration = Integration::new(process, x, settings, direction)?;
    while !integration.done() {
        integration.step(score).await?;
    }
    Ok(integration.solution())
}

/// The flow between data and codes, integrated one solver step per call, for callers with other work between steps.
#[derive(Clone, Debug)]
pub struct Integration {
    flow: Flow,
    solver: DormandPrince,
    nfe: u64,
}

impl Integration {
    /// The integration at its start; `x` are data for [`Direction::ToCodes`] and codes for [`Direction::ToData`].
    ///
    /// # Shapes
    /// `x`: `[n, d]`.
    ///
    /// # Errors
    /// For settings out of range.
    pub fn new(process: &Process, x: Tensor<2>, settings: &SolverSettings, direction: Direction) -> Result<Self> {
        settings.tolerance.validate()?;
        let flow = Flow::new(process, settings.t_end)?;
        let [one, t_end] = flow.angles();
        let angles = match direction {
            Direction::ToCodes => [t_end, one],
            Direction::ToData => [one, t_end],
        };
        let y = x / flow::norm(&flow.level(angles[0]));
        let solver = DormandPrince::new(settings.tolerance, angles, vec![y]);
        Ok(Self { flow, solver, nfe: 0 })
    }

    /// One step of the solver. At the end, nothing.
    ///
    /// # Errors
    /// Where the solver cannot go on.
    pub async fn step(&mut self, score: &dyn Score) -> Result<()> {
        let Self { flow, solver, nfe } = self;
        let mut slope = |theta: f64, y: &[Tensor<2>]| {
            let (y, level) = (y[0].clone(), flow.level(theta));
            *nfe += score.evaluations();
            let s = score.score(y.clone() * flow::norm(&level), &level);
            vec![flow::velocity(y, s, &level)]
        };
        solver.step(&mut slope).await
    }

    /// Whether the other end is reached.
    #[must_use]
    pub fn done(&self) -> bool {
        self.solver.done()
    }

    /// What the flow has made of `x` so far.
    #[must_use]
    pub fn solution(&self) -> Solution {
        let x = self.solver.y()[0].clone() * flow::norm(&self.flow.level(self.solver.u()));
        Solution { x, nfe: self.nfe, steps: self.solver.steps() }
    }
}

/// Spherical interpolation between codes, row by row (Shoemake 1985; for codes Song, Meng & Ermon 2021, appendix D.5):
/// (sin((1 − w)Ω)·a + sin(wΩ)·b)/sin Ω, Ω the angle between a and b. It keeps the length that Gaussian vectors of
/// many dimensions have, where the straight line between two would pass nearer to the mean than any draw.
///
/// Rows that are parallel or opposite, with no one arc between them, are joined by the line.
///
/// # Shapes
/// `a`, `b` and the result: `[n, d]`.
#[must_use]
pub fn slerp(a: Tensor<2>, b: Tensor<2>, w: f64) -> Tensor<2> {
    let length = |x: &Tensor<2>| x.clone().square().sum_dim(1).sqrt();
    let product = length(&a) * length(&b);
    // A row of zeros has no direction: its product is 0, and the line is taken.
    let zero = product.clone().equal_elem(0.0);
    let cosine = (a.clone() * b.clone()).sum_dim(1) / product.mask_fill(zero.clone(), 1.0);
    let angle = cosine.clamp(-1.0, 1.0).acos();
    let sine = angle.clone().sin();
    // Below this the quotient of the sines is the line's weight to within f32's rounding, or (near π) has none.
    let straight = sine.clone().lower_elem(1e-3).bool_or(zero);
    let sine = sine.mask_fill(straight.clone(), 1.0);
    let weight = |w: f64| ((angle.clone() * w).sin() / sine.clone()).mask_fill(straight.clone(), w);
    a * weight(1.0 - w) + b * weight(w)
}

/// The way through codes, from each to the next along their arc ([`slerp`]) in `frames` steps: (n − 1)·frames + 1 codes.
///
/// # Shapes
/// `codes`: `[n, d]`, n ≥ 2; the result: `[(n − 1)·frames + 1, d]`.
///
/// # Errors
/// When `frames` is out of its range, or there are no two codes.
pub fn path(codes: Tensor<2>, frames: usize) -> Result<Tensor<2>> {
    check_frames(frames)?;
    let [n, _] = codes.dims();
    if n < 2 {
        return Err(Error::setting("n", n, "2 or more samples, to pass from one to the next"));
    }
    let row = |i: usize| codes.clone().narrow(0, i, 1);
    let arc = |leg: usize| (0..frames).map(move |i| (leg, i as f64 / frames as f64));
    let on_the_way = (0..n - 1).flat_map(arc).map(|(leg, w)| slerp(row(leg), row(leg + 1), w));
    Ok(Tensor::cat(on_the_way.chain([row(n - 1)]).collect(), 0))
}

/// Finds what [`path`] refuses before there are codes.
///
/// # Errors
/// When `frames` is out of its range.
pub fn check_frames(frames: usize) -> Result<()> {
    let ok = (1..=MOST_FRAMES).contains(&frames);
    ok.then_some(()).ok_or_else(|| Error::setting("frames", frames, format!("1 to {MOST_FRAMES}")))
}

/// Finds whether codes may be multiplied by `temperature`, and moved by `strength`.
///
/// # Errors
/// When one of them is out of its range.
pub fn check_edit(temperature: f64, strength: f64) -> Result<()> {
    if !(0.0..=MOST_TEMPERATURE).contains(&temperature) {
        return Err(Error::setting("temperature", temperature, format!("a number from 0 to {MOST_TEMPERATURE}")));
    }
    let ok = strength.is_finite();
    ok.then_some(()).ok_or_else(|| Error::setting("strength", strength, "a finite number"))
}

/// Codes at a temperature: the deviation from the prior's mean, 0, times `temperature`. Below 1 samples lie
/// nearer to the modes, with less variety.
#[must_use]
pub fn temper(code: Tensor<2>, temperature: f64) -> Tensor<2> {
    code * temperature
}

/// Adds `strength`·(to − from) to codes: with the mean codes of images without and with
/// an attribute, that attribute.
///
/// # Shapes
/// `code` and the result: `[n, d]`; `from`, `to`: `[n, d]` or `[1, d]`.
#[must_use]
pub fn edit(code: Tensor<2>, from: Tensor<2>, to: Tensor<2>, strength: f64) -> Tensor<2> {
    code + (to - from) * strength
}

#[cfg(test)]
mod tests;
