//! Layers of rows, on slices: y = x·W + b with its gradients, activations with theirs, and a noise level's waves.
//!
//! Backward, for the gradient g of y: ∂x = g·Wᵀ, ∂W = xᵀ·g, ∂b = Σ g. Parts are cut by the shapes alone.

use super::{
    super::options::Activation,
    math::{cos_sin, exp, fma, sigmoid},
    product::{Matrix, Start, product},
    simd::multiversion,
};
use crate::compute::{buffer, buffer::Buffer, parallel::map_chunks};

/// Multiply-adds of a part: less takes no longer than to hand it to another core.
const PRODUCTS: usize = 1 << 19;
/// Values of a part of what is done value by value.
const VALUES: usize = 1 << 14;

/// a·b, or that plus a row.
pub fn matrix_product(a: Matrix<'_>, b: Matrix<'_>, bias: Option<&[f32]>) -> Buffer {
    let [m, k, n] = [a.rows(), b.rows(), b.columns()];
    let mut y = buffer::take(m * n);
    // Whole tiles of rows, of 8 in the widest.
    let rows = (PRODUCTS / (k * n).max(1)).next_multiple_of(8).max(8);
    let start = bias.map_or(Start::Zero, Start::Row);
    map_chunks(y.as_mut_slice(), rows * n, |part, y| {
        product(y, a.part(part * rows, y.len() / n), b, start);
    });
    y
}

/// Σ over rows.
pub fn column_sums(values: &[f32], columns: usize) -> Vec<f32> {
    let mut sums = vec![0.0; columns];
    for row in values.chunks_exact(columns) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    sums
}

/// The `order`-th derivative of the activation.
pub fn activation(z: &[f32], activation: Activation, order: u8) -> Buffer {
    let mut y = buffer::take(z.len());
    map_chunks(y.as_mut_slice(), VALUES, |part, y| {
        let z = &z[part * VALUES..][..y.len()];
        derivative(z, activation, order, y);
    });
    y
}

/// That times t, whose values are as many or several times as many.
pub fn modulated(z: &[f32], t: &[f32], function: Activation, order: u8) -> Buffer {
    let mut y = buffer::take(t.len());
    if z.len() == t.len() {
        map_chunks(y.as_mut_slice(), VALUES, |part, y| {
            let values = part * VALUES..part * VALUES + y.len();
            derivative(&z[values.clone()], function, order, y);
            y.iter_mut().zip(&t[values]).for_each(|(y, t)| *y *= t);
        });
        return y;
    }
    let factor = activation(z, function, order);
    for (y, t) in y.as_mut_slice().chunks_mut(z.len()).zip(t.chunks(z.len())) {
        map_chunks(y, VALUES, |part, y| {
            let values = part * VALUES..part * VALUES + y.len();
            let (factor, t) = (&factor.as_slice()[values.clone()], &t[values]);
            y.iter_mut().zip(factor.iter().zip(t)).for_each(|(y, (factor, t))| *y = factor * t);
        });
    }
    y
}

/// The gradient of [`modulated`]'s z, given its result's.
pub fn modulated_gradient(z: &[f32], t: &[f32], grad: &[f32], function: Activation, order: u8) -> Buffer {
    let mut dz = buffer::take(z.len());
    map_chunks(dz.as_mut_slice(), VALUES, |part, dz| {
        let values = part * VALUES..part * VALUES + dz.len();
        let mut sum = buffer::take(dz.len());
        let sum = sum.as_mut_slice();
        sum.fill(0.0);
        for (t, grad) in t.chunks(z.len()).zip(grad.chunks(z.len())) {
            let (t, grad) = (&t[values.clone()], &grad[values.clone()]);
            sum.iter_mut().zip(t.iter().zip(grad)).for_each(|(sum, (t, grad))| *sum += t * grad);
        }
        derivative(&z[values], function, order + 1, dz);
        dz.iter_mut().zip(&*sum).for_each(|(dz, sum)| *dz *= sum);
    });
    dz
}

/// The cosines, then the sines, of each level times every frequency.
pub fn waves(levels: &[f32], frequencies: &[f32]) -> Buffer {
    let columns = 2 * frequencies.len();
    let mut y = buffer::take(levels.len() * columns);
    let rows = (VALUES / 4 / columns).max(1);
    map_chunks(y.as_mut_slice(), rows * columns, |part, y| {
        for (level, y) in levels[part * rows..].iter().zip(y.chunks_exact_mut(columns)) {
            let (cos, sin) = y.split_at_mut(columns / 2);
            wave(*level, frequencies, cos, sin);
        }
    });
    y
}

multiversion! {
    fn wave<FMA, LANES>(level: f32, frequencies: &[f32], cos: &mut [f32], sin: &mut [f32]) -> () = wave_body;
    fn derivative<FMA, LANES>(z: &[f32], activation: Activation, order: u8, y: &mut [f32]) -> () = derivative_body;
}

#[inline(always)]
fn wave_body<const FMA: bool, const _L: usize>(level: f32, frequencies: &[f32], cos: &mut [f32], sin: &mut [f32]) {
    for (frequency, (cos, sin)) in frequencies.iter().zip(cos.iter_mut().zip(sin)) {
        [*cos, *sin] = cos_sin::<FMA>(level * frequency);
    }
}

#[inline(always)]
fn derivative_body<const FMA: bool, const _L: usize>(z: &[f32], activation: Activation, order: u8, y: &mut [f32]) {
    match (activation, order) {
        (Activation::Silu, 0) => each(z, y, |z| z * sigmoid::<FMA>(z)),
        (Activation::Silu, 1) => each(z, y, |z| {
            let s = sigmoid::<FMA>(z);
            fma::<FMA>(z * s, 1.0 - s, s)
        }),
        (Activation::Silu, 2) => each(z, y, |z| {
            let s = sigmoid::<FMA>(z);
            s * (1.0 - s) * fma::<FMA>(z, 1.0 - 2.0 * s, 2.0)
        }),
        (Activation::Silu, _) => each(z, y, |z| {
            let s = sigmoid::<FMA>(z);
            let (slope, rest) = (s * (1.0 - s), 1.0 - 2.0 * s);
            slope * (rest * fma::<FMA>(z, rest, 3.0) - 2.0 * z * slope)
        }),
        (Activation::Softplus, 0) => each(z, y, |z| z.max(0.0) + log1p::<FMA>(exp::<FMA>(-z.abs()))),
        (Activation::Softplus, 1) => each(z, y, sigmoid::<FMA>),
        (Activation::Softplus, 2) => each(z, y, |z| {
            let s = sigmoid::<FMA>(z);
            s * (1.0 - s)
        }),
        (Activation::Softplus, _) => each(z, y, |z| {
            let s = sigmoid::<FMA>(z);
            s * (1.0 - s) * (1.0 - 2.0 * s)
        }),
        (Activation::Tanh, 0) => each(z, y, tanh::<FMA>),
        (Activation::Tanh, 1) => each(z, y, |z| {
            let t = tanh::<FMA>(z);
            1.0 - t * t
        }),
        (Activation::Tanh, 2) => each(z, y, |z| {
            let t = tanh::<FMA>(z);
            -2.0 * t * (1.0 - t * t)
        }),
        (Activation::Tanh, _) => each(z, y, |z| {
            let t = tanh::<FMA>(z);
            (1.0 - t * t) * (6.0 * t * t - 2.0)
        }),
    }
}

#[inline(always)]
fn each(z: &[f32], y: &mut [f32], f: impl Fn(f32) -> f32) {
    for (y, &z) in y.iter_mut().zip(z) {
        *y = f(z);
    }
}

/// tanh z = 2·s(2z) − 1.
#[inline(always)]
fn tanh<const FMA: bool>(z: f32) -> f32 {
    fma::<FMA>(2.0, sigmoid::<FMA>(2.0 * z), -1.0)
}

/// ln(1 + u) for u in [0, 1], to 2·10⁻⁸: 2·artanh(r), r = u/(2 + u) ≤ ⅓, by its series.
#[inline(always)]
fn log1p<const FMA: bool>(u: f32) -> f32 {
    let r = u / (2.0 + u);
    let square = r * r;
    let mut p = 1.0 / 13.0;
    for coefficient in [1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0] {
        p = fma::<FMA>(p, square, coefficient);
    }
    2.0 * r * p
}
