//! Counted noise: standard normal draws that are a pure function of (seed, sample, purpose, draw).
//!
//! A keyed ChaCha8 stream for each sample and Box–Muller in f64, without rejection, so that one seed
//! gives one picture on every device, and sample i does not depend on how many are drawn beside it:
//! z = √(−2 ln u₁)·(cos 2πu₂, sin 2πu₂), u₁ ∈ (0, 1], u₂ ∈ [0, 1). `libm` computes the elementary
//! functions, since the platforms' own differ in the last bit.

use burn::{
    Tensor,
    tensor::{Device, TensorData},
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

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
    /// Acceptance tests of MALA and HMC.
    Accept = 4,
    /// Noise that a constraint adds to known pixels.
    Constraint = 5,
    /// Training: the perturbation of the data.
    Perturbation = 6,
    /// Training: times.
    Time = 7,
    /// Training: conditioning dropout.
    Dropout = 8,
    /// Initial weights.
    Weights = 9,
    /// Order of the training data.
    Shuffle = 10,
    /// Random flips of the training data.
    Flip = 11,
    /// Labels of unconditional draws.
    Label = 12,
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
        let mut values = vec![0.0; n * d];
        if d > 0 {
            for (sample, row) in (first..).zip(values.chunks_mut(d)) {
                self.fill_normal(sample, purpose, draw, row);
            }
        }
        Tensor::from_data(TensorData::new(values, [n, d]), device)
    }
}

fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}
