//! The kernelised Stein discrepancy (Liu, Lee & Jordan 2016, <https://arxiv.org/abs/1602.03253>) of samples from a
//! score: how far xᵢ ~ q are from the density whose score s = ∇log p is, without its normaliser and without samples of
//! it. With a kernel k and
//!
//! u(x, y) = s(x)ᵀs(y)·k + s(x)ᵀ∇_y k + s(y)ᵀ∇ₓk + tr ∇ₓ∇_y k,
//!
//! KSD² = `E u(x, y)` for independent x, y ~ q: 0 where q = p, else positive. The U-statistic
//! Σ_{i≠j} u(xᵢ, xⱼ)/(n(n − 1)) has it as its expectation. Both kernels are functions of r² = |x − y|²:
//!
//! | kernel | k | note |
//! |---|---|---|
//! | `imq` | (1 + r²/h²)^(−½) | tells every weak limit apart (Gorham & Mackey 2017, <https://arxiv.org/abs/1703.01717>) |
//! | `rbf` | exp(−r²/(2h²)) | Liu et al.'s, with h the median distance |

use serde::{Deserialize, Serialize};

use crate::compute::parallel::map_chunks;

/// Samples whose pairs the median distance is taken of.
const FOR_MEDIAN: usize = 1000;

/// A kernel of two samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SteinKernel {
    /// The inverse multiquadric.
    #[default]
    Imq,
    /// The Gaussian.
    Rbf,
}

impl SteinKernel {
    /// k and its first two derivatives by r², r² in units of h².
    fn of_square(self, r2: f64) -> [f64; 3] {
        match self {
            Self::Imq => {
                let inverse = 1.0 / (1.0 + r2);
                let k = libm::sqrt(inverse);
                [k, -0.5 * k * inverse, 0.75 * k * inverse * inverse]
            }
            Self::Rbf => {
                let k = libm::exp(-0.5 * r2);
                [k, -0.5 * k, 0.25 * k]
            }
        }
    }
}

/// A discrepancy of n samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Discrepancy {
    /// The U-statistic of KSD². Its expectation is not negative, but it may be.
    pub squared: f64,
    /// Its standard deviation where the samples are the score's own: √(2·mean u²/(n(n − 1))).
    pub null_deviation: f64,
    /// The kernel's length h.
    pub bandwidth: f64,
}

/// The quadratic function of all scores that the U-statistic is,
/// Σ_{i≠j} u(xᵢ, xⱼ) = Σᵢⱼ kᵢⱼ·sᵢᵀsⱼ + 2·Σᵢ sᵢᵀgᵢ + c, by samples alone.
#[derive(Clone, Debug)]
pub struct Form {
    /// kᵢⱼ, `[n, n]`, 0 on the diagonal.
    pub kernel: Vec<f64>,
    /// gᵢ = Σ_{j≠i} ∇_y k(xᵢ, xⱼ), `[n, d]`.
    pub gradient: Vec<f64>,
    /// c = Σ_{i≠j} tr ∇ₓ∇_y k(xᵢ, xⱼ).
    pub trace: f64,
}

/// The median of the distances between different samples, of the first thousand; 1 where that is 0.
///
/// # Shapes
/// `x`: `[n, d]` flattened.
#[must_use]
pub fn median_distance(x: &[f64], d: usize) -> f64 {
    let rows: Vec<&[f64]> = x.chunks_exact(d).take(FOR_MEDIAN).collect();
    let mut squares: Vec<f64> =
        (1..rows.len()).flat_map(|i| rows[..i].iter().map(|y| square(rows[i], y)).collect::<Vec<_>>()).collect();
    if squares.is_empty() {
        return 1.0;
    }
    let middle = squares.len() / 2;
    let median = libm::sqrt(*squares.select_nth_unstable_by(middle, f64::total_cmp).1);
    if median > 0.0 { median } else { 1.0 }
}

fn square(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum()
}

/// The U-statistic's [`Form`] at n samples, with a kernel of length `h`.
///
/// # Shapes
/// `x`: `[n, d]` flattened.
#[must_use]
pub fn form(x: &[f64], d: usize, kernel: SteinKernel, h: f64) -> Form {
    let n = x.len() / d;
    let (mut values, mut gradient) = (vec![0.0; n * n], vec![0.0; n * d]);
    let mut rows: Vec<_> = values.chunks_mut(n.max(1)).zip(gradient.chunks_mut(d)).collect();
    let traces = map_chunks(&mut rows, 1, |i, rows| {
        let (xi, mut trace) = (&x[i * d..][..d], 0.0);
        for (values, gradient) in rows {
            for (j, xj) in x.chunks_exact(d).enumerate().filter(|(j, _)| *j != i) {
                let r2 = square(xi, xj) / (h * h);
                let [k, first, second] = kernel.of_square(r2);
                values[j] = k;
                // ∇_y k = −2k′·(x − y)/h², tr ∇ₓ∇_y k = −(4k″·r² + 2d·k′)/h².
                let along = -2.0 * first / (h * h);
                gradient.iter_mut().zip(xi).zip(xj).for_each(|((g, x), y)| *g += along * (x - y));
                trace -= (4.0 * second * r2 + 2.0 * d as f64 * first) / (h * h);
            }
        }
        trace
    });
    Form { kernel: values, gradient, trace: traces.iter().sum() }
}

/// The discrepancy of samples `x` from the density whose scores at them are `s`; `h` is the median distance where it is
/// not given.
///
/// # Shapes
/// `x` and `s`: `[n, d]` flattened, n at least 2.
///
/// # Panics
/// When `x` and `s` differ in length.
#[must_use]
pub fn discrepancy(x: &[f64], s: &[f64], d: usize, kernel: SteinKernel, h: Option<f64>) -> Discrepancy {
    assert_eq!(x.len(), s.len(), "one score a sample");
    let h = h.unwrap_or_else(|| median_distance(x, d));
    let n = x.len() / d;
    let mut sums = vec![[0.0; 2]; n];
    map_chunks(&mut sums, 1, |i, out| {
        let (xi, si) = (&x[i * d..][..d], &s[i * d..][..d]);
        for (xj, sj) in x.chunks_exact(d).zip(s.chunks_exact(d)).enumerate().filter(|(j, _)| *j != i).map(|(_, r)| r) {
            let r2 = square(xi, xj) / (h * h);
            let [k, first, second] = kernel.of_square(r2);
            let (mut product, mut along) = (0.0, 0.0);
            for a in 0..d {
                product += si[a] * sj[a];
                along += (si[a] - sj[a]) * (xi[a] - xj[a]);
            }
            // s(x)ᵀ∇_y k + s(y)ᵀ∇ₓk = −2k′·(s(x) − s(y))ᵀ(x − y)/h².
            let derivative = 2.0 * first * along + 4.0 * second * r2 + 2.0 * d as f64 * first;
            let u = product * k - derivative / (h * h);
            out[0][0] += u;
            out[0][1] += u * u;
        }
    });
    let pairs = (n * n.saturating_sub(1)) as f64;
    let total = |which: usize| sums.iter().map(|sum| sum[which]).sum::<f64>() / pairs;
    Discrepancy { squared: total(0), null_deviation: libm::sqrt(2.0 * total(1) / pairs), bandwidth: h }
}

#[cfg(test)]
mod tests;
