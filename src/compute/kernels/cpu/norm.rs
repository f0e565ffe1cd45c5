//! Group normalisation, affine, with or without SiLU, on slices: Wu and He, 2018 (arXiv:1803.08494).
//!
//! x̂ = (x − μ)·r, r = 1/√(v + ε), z = γ·x̂ + β, y = z or z·σ(z), with μ and v over a sample's pixels and a group's
//! channels. For the gradient g of z, with means over the same, ∂γ = Σ_q g·x̂, ∂β = Σ_q g,
//! ∂x = r·(γ·g − mean(γ·g) − x̂·mean(γ·g·x̂)); SiLU's own derivative is σ(z)·(1 + z·(1 − σ(z))).
//!
//! A sample is a task and stays in a core's cache, so that memory sees x read once and the result written once;
//! backward recomputes the statistics rather than have them kept. Sums are of 32 pixels in f32, then in f64.

use crate::compute::{buffer, buffer::Buffer, parallel::map_chunks};

use super::{
    math,
    product::{Matrix, Start, product},
    simd::multiversion,
};
use std::cell::RefCell;

/// The sizes of a normalisation: `n` samples of `pixels` pixels and `c` channels in `groups` groups.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub n: usize,
    pub pixels: usize,
    pub c: usize,
    pub groups: usize,
}

/// The gradients of a normalisation's arguments.
#[derive(Debug)]
pub struct Gradients {
    pub x: Buffer,
    pub gamma: Vec<f32>,
    pub beta: Vec<f32>,
}

/// Pixels that are summed in f32 before f64 takes over.
const RUN: usize = 32;
/// Channels that are handled together: registers, not an array in memory, hold their sums.
const LANES: usize = 16;

/// γ and β are of length c, or n·c where they differ by sample.
pub fn forward(x: &[f32], gamma: &[f32], beta: &[f32], epsilon: f32, shape: Shape, silu: bool) -> Buffer {
    let Shape { n, pixels, c, .. } = shape;
    let size = pixels * c;
    let mut y = buffer::take(n * size);
    map_chunks(y.as_mut_slice(), size, |i, y| {
        let (gamma, beta) = (row(gamma, i, c), row(beta, i, c));
        with_sample(&x[i * size..][..size], gamma, beta, epsilon, shape, |sample| {
            if silu { apply_silu(sample, y) } else { apply_plain(sample, y) }
        });
    });
    y
}

/// A scale and a shift of each sample's channels, [s, b] = W·e + b₀, on top of γ and β.
pub struct Film<'a> {
    /// e, one row per sample, or one for all.
    pub embedding: &'a [f32],
    /// W, `[e, 2·c]`.
    pub weight: &'a [f32],
    pub bias: &'a [f32],
    /// Of length c, or n·c.
    pub gamma: &'a [f32],
    pub beta: &'a [f32],
}

/// (1 + s)·(γ·x̂ + β) + b, with or without SiLU.
pub fn film(x: &[f32], film: Film<'_>, epsilon: f32, shape: Shape, silu: bool) -> Buffer {
    let Shape { n, c, .. } = shape;
    let weight = Matrix::new(film.weight, 2 * c);
    let embedding = Matrix::new(film.embedding, weight.rows());
    let mut modulation = buffer::take(embedding.rows() * 2 * c);
    product(modulation.as_mut_slice(), embedding, weight, Start::Row(film.bias));
    let modulation = modulation.as_slice();
    let (mut gamma, mut beta) = (buffer::take(n * c), buffer::take(n * c));
    let rows = gamma.as_mut_slice().chunks_exact_mut(c).zip(beta.as_mut_slice().chunks_exact_mut(c));
    for (i, (gamma, beta)) in rows.enumerate() {
        let (scale, shift) = row(modulation, i, 2 * c).split_at(c);
        let (own_gamma, own_beta) = (row(film.gamma, i, c), row(film.beta, i, c));
        for j in 0..c {
            gamma[j] = (scale[j] + 1.0) * own_gamma[j];
            beta[j] = (scale[j] + 1.0) * own_beta[j] + shift[j];
        }
    }
    forward(x, gamma.as_slice(), beta.as_slice(), epsilon, shape, silu)
}

/// The gradients of [`forward`]'s arguments, given its result's.
pub fn backward(
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    grad: &[f32],
    epsilon: f32,
    shape: Shape,
    silu: bool,
) -> Gradients {
    let Shape { n, pixels, c, .. } = shape;
    let size = pixels * c;
    let mut dx = buffer::take(n * size);
    let sums = map_chunks(dx.as_mut_slice(), size, |i, dx| {
        let grad = &grad[i * size..][..size];
        with_sample(&x[i * size..][..size], row(gamma, i, c), row(beta, i, c), epsilon, shape, |sample| {
            if silu { back_silu(sample, grad, dx) } else { back_plain(sample, grad, dx) }
        })
    });
    let collect = |shared: bool, part: fn(&[Vec<f32>; 2]) -> &[f32]| {
        if !shared {
            return sums.iter().flat_map(|sums| part(sums).iter().copied()).collect();
        }
        let mut total = vec![0.0f64; c];
        for sums in &sums {
            total.iter_mut().zip(part(sums)).for_each(|(total, value)| *total += f64::from(*value));
        }
        total.into_iter().map(|total| total as f32).collect()
    };
    let (dgamma, dbeta) = (collect(gamma.len() == c, |sums| &sums[0]), collect(beta.len() == c, |sums| &sums[1]));
    Gradients { x: dx, gamma: dgamma, beta: dbeta }
}

/// The parameters of sample `i`: its own row, or the one row.
fn row(values: &[f32], i: usize, c: usize) -> &[f32] {
    if values.len() == c { values } else { &values[i * c..(i + 1) * c] }
}

thread_local! {
    /// The statistics of a sample, kept from one to the next.
    static STATISTICS: RefCell<Statistics> = const { RefCell::new(Statistics::new()) };
}

/// Sums over the pixels, and what they come to for every channel.
struct Statistics {
    sums: Vec<f64>,
    mean: Vec<f32>,
    /// r = 1/√(v + ε).
    rate: Vec<f32>,
    /// γ·r.
    scale: Vec<f32>,
}

impl Statistics {
    const fn new() -> Self {
        Self { sums: Vec::new(), mean: Vec::new(), rate: Vec::new(), scale: Vec::new() }
    }
}

/// A sample and its statistics, spread over the channels.
struct Sample<'a> {
    x: &'a [f32],
    gamma: &'a [f32],
    beta: &'a [f32],
    groups: usize,
    mean: &'a [f32],
    rate: &'a [f32],
    scale: &'a [f32],
}

/// `f` of a sample.
fn with_sample<R>(
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    epsilon: f32,
    shape: Shape,
    f: impl FnOnce(&Sample<'_>) -> R,
) -> R {
    let Shape { pixels, c, groups, .. } = shape;
    let count = (pixels * (c / groups)) as f64;
    STATISTICS.with_borrow_mut(|Statistics { sums, mean, rate, scale }| {
        mean.clear();
        mean.resize(c, 0.0);
        column_sums(x, mean, false, sums);
        spread(sums, groups, |sum| sum / count, mean);
        // Centred squares: nothing cancels, however large the mean is beside the spread.
        column_sums(x, mean, true, sums);
        spread(sums, groups, |sum| 1.0 / (sum / count + f64::from(epsilon)).sqrt(), rate);
        scale.clear();
        scale.extend(gamma.iter().zip(&*rate).map(|(gamma, rate)| gamma * rate));
        f(&Sample { x, gamma, beta, groups, mean, rate, scale })
    })
}

/// f(sum over a group's channels), for every channel.
fn spread(sums: &[f64], groups: usize, f: impl Fn(f64) -> f64, to: &mut Vec<f32>) {
    let size = sums.len() / groups;
    to.clear();
    to.extend(sums.chunks_exact(size).flat_map(|sums| std::iter::repeat_n(f(sums.iter().sum()) as f32, size)));
}

multiversion! {
    /// Σ (x − shift) or its squares over the pixels, for each channel.
    fn column_sums<FMA, LANES>(x: &[f32], shift: &[f32], square: bool, total: &mut Vec<f64>) -> () = column_sums_body;
    fn apply_silu<FMA, LANES>(sample: &Sample<'_>, y: &mut [f32]) -> () = apply_silu_body;
    fn apply_plain<FMA, LANES>(sample: &Sample<'_>, y: &mut [f32]) -> () = apply_plain_body;
    fn back_silu<FMA, LANES>(sample: &Sample<'_>, grad: &[f32], dx: &mut [f32]) -> [Vec<f32>; 2] = back_silu_body;
    fn back_plain<FMA, LANES>(sample: &Sample<'_>, grad: &[f32], dx: &mut [f32]) -> [Vec<f32>; 2] = back_plain_body;
}

#[inline(always)]
fn column_sums_body<const FMA: bool, const _L: usize>(x: &[f32], shift: &[f32], square: bool, total: &mut Vec<f64>) {
    let c = shift.len();
    total.clear();
    total.resize(c, 0.0);
    for x in x.chunks(RUN * c) {
        let mut at = 0;
        while at + LANES <= c {
            if square {
                sums::<FMA, true, LANES>(x, shift, at, total);
            } else {
                sums::<FMA, false, LANES>(x, shift, at, total);
            }
            at += LANES;
        }
        while at < c {
            if square {
                sums::<FMA, true, 1>(x, shift, at, total);
            } else {
                sums::<FMA, false, 1>(x, shift, at, total);
            }
            at += 1;
        }
    }
}

/// Of one run of pixels, and the L channels from `at`.
#[inline(always)]
fn sums<const FMA: bool, const SQUARE: bool, const L: usize>(x: &[f32], shift: &[f32], at: usize, total: &mut [f64]) {
    let shift: &[f32; L] = lanes(shift, at);
    let mut sum = [0.0f32; L];
    for x in x.chunks_exact(total.len()) {
        let x: &[f32; L] = lanes(x, at);
        for l in 0..L {
            let value = x[l] - shift[l];
            sum[l] = if SQUARE { math::fma::<FMA>(value, value, sum[l]) } else { sum[l] + value };
        }
    }
    for l in 0..L {
        total[at + l] += f64::from(sum[l]);
    }
}

#[inline(always)]
fn lanes<const L: usize>(values: &[f32], at: usize) -> &[f32; L] {
    values[at..at + L].first_chunk().expect("a slice of this length")
}

#[inline(always)]
fn apply_silu_body<const FMA: bool, const _L: usize>(sample: &Sample<'_>, y: &mut [f32]) {
    apply::<FMA, true>(sample, y);
}

#[inline(always)]
fn apply_plain_body<const FMA: bool, const _L: usize>(sample: &Sample<'_>, y: &mut [f32]) {
    apply::<FMA, false>(sample, y);
}

#[inline(always)]
fn apply<const FMA: bool, const SILU: bool>(sample: &Sample<'_>, y: &mut [f32]) {
    let c = sample.mean.len();
    for (x, y) in sample.x.chunks_exact(c).zip(y.chunks_exact_mut(c)) {
        let mut at = 0;
        while at + LANES <= c {
            apply_lanes::<FMA, SILU, LANES>(x, sample, at, y);
            at += LANES;
        }
        while at < c {
            apply_lanes::<FMA, SILU, 1>(x, sample, at, y);
            at += 1;
        }
    }
}

#[inline(always)]
fn apply_lanes<const FMA: bool, const SILU: bool, const L: usize>(
    x: &[f32],
    sample: &Sample<'_>,
    at: usize,
    y: &mut [f32],
) {
    let (x, scale): (&[f32; L], &[f32; L]) = (lanes(x, at), lanes(sample.scale, at));
    let (mean, beta): (&[f32; L], &[f32; L]) = (lanes(sample.mean, at), lanes(sample.beta, at));
    let mut out = [0.0f32; L];
    for l in 0..L {
        let z = math::fma::<FMA>(x[l] - mean[l], scale[l], beta[l]);
        out[l] = if SILU { z * math::sigmoid::<FMA>(z) } else { z };
    }
    y[at..at + L].copy_from_slice(&out);
}

#[inline(always)]
fn back_silu_body<const FMA: bool, const _L: usize>(
    sample: &Sample<'_>,
    grad: &[f32],
    dx: &mut [f32],
) -> [Vec<f32>; 2] {
    back::<FMA, true>(sample, grad, dx)
}

#[inline(always)]
fn back_plain_body<const FMA: bool, const _L: usize>(
    sample: &Sample<'_>,
    grad: &[f32],
    dx: &mut [f32],
) -> [Vec<f32>; 2] {
    back::<FMA, false>(sample, grad, dx)
}

/// Writes ∂x, returns ∂γ and ∂β of the sample.
#[inline(always)]
fn back<const FMA: bool, const SILU: bool>(sample: &Sample<'_>, grad: &[f32], dx: &mut [f32]) -> [Vec<f32>; 2] {
    let c = sample.mean.len();
    let mut total = [vec![0.0; c], vec![0.0; c]];
    // First pass: the gradient of z goes where ∂x will, and its sums over the pixels.
    for ((x, grad), dz) in sample.x.chunks(RUN * c).zip(grad.chunks(RUN * c)).zip(dx.chunks_mut(RUN * c)) {
        let mut at = 0;
        while at + LANES <= c {
            back_sums::<FMA, SILU, LANES>(x, grad, sample, at, dz, &mut total);
            at += LANES;
        }
        while at < c {
            back_sums::<FMA, SILU, 1>(x, grad, sample, at, dz, &mut total);
            at += 1;
        }
    }
    let count = (sample.x.len() / sample.groups) as f64;
    let [by_gamma, by_beta] = total.each_ref().map(|sums| {
        let sums: Vec<f64> = sums.iter().zip(sample.gamma).map(|(sum, gamma)| sum * f64::from(*gamma)).collect();
        let mut means = Vec::with_capacity(c);
        spread(&sums, sample.groups, |sum| sum / count, &mut means);
        means
    });
    // Second pass: ∂x = r·γ·dz − r·mean(γ·dz) − (x − μ)·r²·mean(γ·dz·x̂).
    let mut factors = [vec![0.0; c], vec![0.0; c], vec![0.0; c]];
    for i in 0..c {
        let rate = sample.rate[i];
        factors[0][i] = rate * sample.gamma[i];
        factors[1][i] = -rate * rate * by_gamma[i];
        factors[2][i] = -rate * by_beta[i];
    }
    let [scale, slope, offset] = &factors;
    for (x, dx) in sample.x.chunks_exact(c).zip(dx.chunks_exact_mut(c)) {
        for i in 0..c {
            let rest = math::fma::<FMA>(x[i] - sample.mean[i], slope[i], offset[i]);
            dx[i] = math::fma::<FMA>(dx[i], scale[i], rest);
        }
    }
    total.map(|sums| sums.into_iter().map(|sum| sum as f32).collect())
}

#[inline(always)]
fn back_sums<const FMA: bool, const SILU: bool, const L: usize>(
    x: &[f32],
    grad: &[f32],
    sample: &Sample<'_>,
    at: usize,
    dz: &mut [f32],
    total: &mut [Vec<f64>; 2],
) {
    let c = sample.mean.len();
    let (mean, rate): (&[f32; L], &[f32; L]) = (lanes(sample.mean, at), lanes(sample.rate, at));
    let (gamma, beta): (&[f32; L], &[f32; L]) = (lanes(sample.gamma, at), lanes(sample.beta, at));
    let (mut by_gamma, mut by_beta) = ([0.0f32; L], [0.0f32; L]);
    for ((x, grad), dz) in x.chunks_exact(c).zip(grad.chunks_exact(c)).zip(dz.chunks_exact_mut(c)) {
        let (x, grad): (&[f32; L], &[f32; L]) = (lanes(x, at), lanes(grad, at));
        let mut out = [0.0f32; L];
        for l in 0..L {
            let unit = (x[l] - mean[l]) * rate[l];
            let mut g = grad[l];
            if SILU {
                let z = math::fma::<FMA>(unit, gamma[l], beta[l]);
                let s = math::sigmoid::<FMA>(z);
                g *= s * math::fma::<FMA>(z, 1.0 - s, 1.0);
            }
            by_gamma[l] = math::fma::<FMA>(g, unit, by_gamma[l]);
            by_beta[l] += g;
            out[l] = g;
        }
        dz[at..at + L].copy_from_slice(&out);
    }
    for l in 0..L {
        total[0][at + l] += f64::from(by_gamma[l]);
        total[1][at + l] += f64::from(by_beta[l]);
    }
}
