//! Counted noise: standard normal draws that are a pure function of (seed, sample, purpose, draw).
//!
//! A keyed ChaCha8 stream for each sample and Box–Muller in f64, without rejection, so that one seed
//! gives one picture on every device, and sample i does not depend on how many are drawn beside it:
//! z = √(−2 ln u₁)·(cos 2πu₂, sin 2πu₂), u₁ ∈ (0, 1], u₂ ∈ [0, 1). `libm` computes the elementary
//! functions, since the platforms' own differ in the last bit.

use burn::{
    Tensor,
    tensor::{DType, Device, TensorData},
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::compute::{buffer, parallel::map_rows};

/// What a draw is for. Each purpose is a stream of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// The sample from the prior at t = 1.
    Prior = 1,
    /// The predictor's (or the plain sampler's) noise.
    Predictor = 2,
    /// The corrector's noise.
    Corrector = 3,
    /// Uniforms that a Metropolis test compares with.
    Accept = 4,
    /// Noise that a constraint adds to known pixels.
    Constraint = 5,
    /// Training: the perturbation of the data.
    Perturbation = 6,
    /// Training: times.
    Time = 7,
    /// Training: whether an image is flipped, and whether its label is dropped.
    Dropout = 8,
    /// Initial weights.
    Weights = 9,
    /// Order of the training data.
    Shuffle = 10,
    /// Flips in the training of the judge.
    Flip = 11,
    /// Momenta of Hamiltonian Monte Carlo.
    Momentum = 12,
    /// Probes of Hutchinson's divergence.
    Probe = 13,
    /// Uniform dequantisation of 8-bit data.
    Dequantisation = 14,
    /// Data drawn from an analytic density.
    Data = 15,
    /// Lengths of Hamiltonian trajectories.
    Length = 16,
    /// Training: directions that a score's derivative is taken along.
    Direction = 17,
    /// Training: noise of a fixed standard deviation that smooths the data.
    Smoothing = 18,
}

/// A counted source of noise for one seed.
///
/// Seeds are integers 0 … 2⁵³ − 1, those that JavaScript holds exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noise {
    seed: u64,
}

/// The largest seed: 2⁵³ − 1.
pub const MAX_SEED: u64 = (1 << 53) - 1;

impl Noise {
    /// A source for `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    fn stream(&self, sample: u64, purpose: Purpose, draw: u64) -> ChaCha8Rng {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
        key[16..24].copy_from_slice(&draw.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(sample);
        rng
    }

    /// `out.len()` uniform draws in [0, 1) of 53 bits.
    pub fn fill_uniform(&self, sample: u64, purpose: Purpose, draw: u64, out: &mut [f64]) {
        let mut rng = self.stream(sample, purpose, draw);
        out.fill_with(|| uniform(&mut rng));
    }

    /// `out.len()` standard normal draws.
    pub fn fill_normal(&self, sample: u64, purpose: Purpose, draw: u64, out: &mut [f32]) {
        let mut rng = self.stream(sample, purpose, draw);
        for pair in out.chunks_mut(2) {
            // 1 − u lies in (0, 1]: the logarithm is finite.
            let radius = libm::sqrt(-2.0 * libm::log(1.0 - uniform(&mut rng)));
            let angle = std::f64::consts::TAU * uniform(&mut rng);
            let (sin, cos) = libm::sincos(angle);
            pair[0] = (radius * cos) as f32;
            if let Some(second) = pair.get_mut(1) {
                *second = (radius * sin) as f32;
            }
        }
    }

    /// Standard normal noise for the samples `first … first + n − 1`.
    ///
    /// # Shapes
    /// Result: `[n, d]`.
    #[must_use]
    pub fn normal(&self, first: u64, [n, d]: [usize; 2], purpose: Purpose, draw: u64, device: &Device) -> Tensor<2> {
        let mut values = buffer::take(n * d);
        if d > 0 {
            map_rows(values.as_mut_slice(), d, d, |row, values| {
                self.fill_normal(first + row as u64, purpose, draw, values);
            });
        }
        Tensor::from_data(TensorData::from_bytes(values.into_bytes(), [n, d], DType::F32), device)
    }

    /// Uniform draws in [0, 1), rounded to f32, for the samples `first … first + n − 1`.
    ///
    /// # Shapes
    /// Result: `[n, d]`.
    #[must_use]
    pub fn uniform(&self, first: u64, [n, d]: [usize; 2], purpose: Purpose, draw: u64, device: &Device) -> Tensor<2> {
        let mut row = vec![0.0; d];
        let mut values = Vec::with_capacity(n * d);
        for sample in (first..).take(n) {
            self.fill_uniform(sample, purpose, draw, &mut row);
            values.extend(row.iter().map(|&u| u as f32));
        }
        Tensor::from_data(TensorData::new(values, [n, d]), device)
    }
}

fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(seed: u64, sample: u64, purpose: Purpose, draw: u64, n: usize) -> Vec<f64> {
        let mut values = vec![0.0; n];
        Noise::new(seed).fill_normal(sample, purpose, draw, &mut values);
        values.into_iter().map(f64::from).collect()
    }

    /// One seed is one picture: whoever changes these numbers changes every picture. They come from
    /// ChaCha8 (checked against RFC 8439 at 20 rounds) and Box–Muller written in Python.
    #[test]
    fn the_stream_is_pinned() {
        let known = [
            ((0, 0, Purpose::Prior, 0), [-0.317_599_24, 0.688_242_26, -0.761_557_64, -0.588_759_8, -0.272_682_64]),
            ((1, 3, Purpose::Predictor, 7), [-1.268_900_9, -1.097_370_6, 1.566_387_7, 0.143_489_81, 0.782_864_27]),
            (
                (MAX_SEED, 10_000_000_000, Purpose::Corrector, 1_000_000_000),
                [-1.027_039_4, -0.355_944_28, -2.578_142_2, 0.635_892_8, -0.199_645_15],
            ),
        ];
        for ((seed, sample, purpose, index), expected) in known {
            let values = draw(seed, sample, purpose, index, 5);
            // Half a unit in the last place of f32 for libm against Python's, and the printed digits.
            assert!(values.iter().zip(expected).all(|(a, b): (_, f64)| (a - b).abs() < 3e-7), "{values:?}");
        }
        let mut uniform = [0.0; 3];
        Noise::new(1).fill_uniform(3, Purpose::Predictor, 7, &mut uniform);
        assert_eq!(uniform, [0.755_163_788_155_811_1, 0.613_483_049_882_300_2, 0.709_769_466_119_316_4]);
    }

    #[test]
    fn a_draw_does_not_depend_on_its_neighbours() {
        let (noise, device) = (Noise::new(5), Device::flex());
        let bits = |first, n| {
            let tensor = noise.normal(first, [n, 7], Purpose::Prior, 2, &device);
            tensor.into_data().try_to_vec::<f32>().unwrap()
        };
        let whole = bits(0, 9);
        assert_eq!(bits(0, 4), whole[..28]);
        assert_eq!(bits(4, 5), whole[28..]);
        // A shorter row is a longer row's beginning.
        assert_eq!(draw(5, 3, Purpose::Prior, 2, 3), draw(5, 3, Purpose::Prior, 2, 8)[..3]);
        assert_eq!(noise.normal(0, [2, 0], Purpose::Prior, 0, &device).dims(), [2, 0]);
    }

    #[test]
    fn draws_are_standard_normal() {
        const N: usize = 100_000;
        let mut values: Vec<f64> =
            (0..100).flat_map(|i| draw(11, i % 10, Purpose::Predictor, i / 10, N / 100)).collect();
        let moment = |p| values.iter().map(|z| z.powi(p)).sum::<f64>() / N as f64;
        // E z = 0, E z² = 1, E z³ = 0, E z⁴ = 3, with variances 1, 2, 15, 96: four standard errors.
        for (p, mean, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
            let deviation = (moment(p) - mean).abs();
            assert!(deviation < 4.0 * f64::sqrt(variance / N as f64), "moment {p} is off by {deviation}");
        }
        // Kolmogorov–Smirnov: D√N exceeds 1.95 once in a thousand.
        values.sort_by(f64::total_cmp);
        let cdf = |z: f64| 0.5 * libm::erfc(-z / std::f64::consts::SQRT_2);
        let distance =
            values.iter().enumerate().map(|(i, &z)| (cdf(z) - (i as f64 + 0.5) / N as f64).abs()).fold(0.0, f64::max);
        assert!(distance * (N as f64).sqrt() < 1.95, "{distance}");
    }

    #[test]
    fn uniforms_fill_the_unit_interval() {
        const N: usize = 100_000;
        let mut values = vec![0.0; N];
        Noise::new(3).fill_uniform(0, Purpose::Time, 0, &mut values);
        assert!(values.iter().all(|u| (0.0..1.0).contains(u)));
        let mut counts = [0.0; 100];
        values.iter().for_each(|u| counts[(u * 100.0) as usize] += 1.0);
        let expected = N as f64 / 100.0;
        let chi2: f64 = counts.iter().map(|count: &f64| (count - expected).powi(2) / expected).sum();
        // χ² with 99 degrees of freedom: mean 99, standard deviation √198; four of them.
        assert!((chi2 - 99.0).abs() < 4.0 * f64::sqrt(198.0), "{chi2}");
    }

    #[test]
    fn keys_give_independent_streams() {
        const N: usize = 20_000;
        let base = draw(1, 1, Purpose::Prior, 1, N);
        let others = [
            draw(2, 1, Purpose::Prior, 1, N),
            draw(1, 2, Purpose::Prior, 1, N),
            draw(1, 1, Purpose::Predictor, 1, N),
            draw(1, 1, Purpose::Corrector, 1, N),
            draw(1, 1, Purpose::Prior, 2, N),
            // The seed, purpose and draw are separate words of the key.
            draw(0, 1, Purpose::Predictor, 1, N),
        ];
        for other in others {
            let correlation = base.iter().zip(&other).map(|(a, b)| a * b).sum::<f64>() / N as f64;
            // Its standard error is 1/√N.
            assert!(correlation.abs() < 4.0 / (N as f64).sqrt(), "{correlation}");
        }
    }
}
