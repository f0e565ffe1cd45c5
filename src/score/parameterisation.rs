//! What a network may predict, converted exactly. Under xₜ = α·x₀ + σ·ε, with ρ² = α² + σ²,
//!
//! | prediction | is | from |
//! |---|---|---|
//! | `epsilon` | ε | Ho, Jain & Abbeel 2020, <https://arxiv.org/abs/2006.11239> |
//! | `x0` | x₀ | Tweedie's estimate E\[x₀ \| xₜ\], what a denoiser returns |
//! | `v` | (α·ε − σ·x₀)/ρ | Salimans & Ho 2022, <https://arxiv.org/abs/2202.00512>, appendix D, where ρ = 1 |
//! | `score` | −ε/σ | Song et al. 2021, <https://arxiv.org/abs/2011.13456> |
//!
//! With ρ the velocity is that of xₜ/ρ, which moves on a circle from x₀ to ε: so k-diffusion and diffusers have it on
//! VE, too. Every conversion is a·x + b·prediction with a and b from
//!
//! x₀ = (x − σ·ε)/α = (x + σ²·s)/α = (α·x − σρ·v)/ρ²
//! ε = (x − α·x₀)/σ = −σ·s = (σ·x + αρ·v)/ρ²

use burn::Tensor;
use serde::{Deserialize, Serialize};

use super::Score;
use crate::sde::Level;

/// What a network predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Prediction {
    /// The noise ε.
    Epsilon,
    /// The clean sample x₀.
    X0,
    /// The velocity v = (α·ε − σ·x₀)/√(α² + σ²).
    V,
    /// The score −ε/σ.
    Score,
}

/// a·x + b·prediction.
#[derive(Clone, Copy)]
struct Affine {
    x: f64,
    prediction: f64,
}

impl Affine {
    fn scaled(self, by: f64) -> Self {
        Self { x: self.x * by, prediction: self.prediction * by }
    }
}

impl Prediction {
    /// This prediction at `x` as another one.
    ///
    /// Where σ = 0 only x₀ can be had from ε, v or the score; where α = 0 only ε and the score from one another and from v.
    ///
    /// # Shapes
    /// `x`, `predicted` and the result: `[n, d]`.
    #[must_use]
    pub fn convert(self, to: Self, x: Tensor<2>, predicted: Tensor<2>, level: &Level) -> Tensor<2> {
        if self == to {
            return predicted;
        }
        let Affine { x: a, prediction: b } = self.affine(to, level);
        if a == 0.0 { predicted * b } else { x * a + predicted * b }
    }

    fn affine(self, to: Self, level: &Level) -> Affine {
        let Level { alpha, sigma, .. } = *level;
        let norm = libm::hypot(alpha, sigma);
        match to {
            Self::X0 => self.denoised(level),
            Self::Epsilon => self.noise(level),
            Self::Score => self.noise(level).scaled(-1.0 / sigma),
            Self::V => {
                let (epsilon, x0) = (self.noise(level).scaled(alpha / norm), self.denoised(level).scaled(sigma / norm));
                Affine { x: epsilon.x - x0.x, prediction: epsilon.prediction - x0.prediction }
            }
        }
    }

    /// x₀ of this prediction.
    fn denoised(self, level: &Level) -> Affine {
        let Level { alpha, sigma, .. } = *level;
        let norm = libm::hypot(alpha, sigma);
        match self {
            Self::Epsilon => Affine { x: 1.0 / alpha, prediction: -sigma / alpha },
            Self::X0 => Affine { x: 0.0, prediction: 1.0 },
            Self::V => Affine { x: alpha / (norm * norm), prediction: -sigma / norm },
            Self::Score => Affine { x: 1.0 / alpha, prediction: sigma * sigma / alpha },
        }
    }

    /// ε of this prediction.
    fn noise(self, level: &Level) -> Affine {
        let Level { alpha, sigma, .. } = *level;
        let norm = libm::hypot(alpha, sigma);
        match self {
            Self::Epsilon => Affine { x: 0.0, prediction: 1.0 },
            Self::X0 => Affine { x: 1.0 / sigma, prediction: -alpha / sigma },
            Self::V => Affine { x: sigma / (norm * norm), prediction: alpha / norm },
            Self::Score => Affine { x: 0.0, prediction: -sigma },
        }
    }
}

/// A function of x and the level that predicts one of the four, as a score.
#[derive(Clone, Copy, Debug)]
pub struct Predicted<F> {
    /// What `predict` predicts.
    pub prediction: Prediction,
    /// `[n, d]` to `[n, d]`, one evaluation.
    pub predict: F,
}

impl<F: Fn(Tensor<2>, &Level) -> Tensor<2>> Score for Predicted<F> {
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        let predicted = (self.predict)(x.clone(), level);
        self.prediction.convert(Prediction::Score, x, predicted, level)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device, TensorData};
    use proptest::prelude::*;

    use super::*;
    use crate::score::Gaussian;

    const ALL: [Prediction; 4] = [Prediction::Epsilon, Prediction::X0, Prediction::V, Prediction::Score];

    fn tensor(values: &[f64]) -> Tensor<2> {
        Tensor::from_data(TensorData::new(values.to_vec(), [1, values.len()]), (&Device::flex(), DType::F64))
    }

    fn values(x: Tensor<2>) -> Vec<f64> {
        x.into_data().try_to_vec().unwrap()
    }

    #[derive(Deserialize)]
    struct Fixture {
        x: Vec<Vec<f64>>,
        predicted: Vec<Vec<f64>>,
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        alpha: f64,
        sigma: f64,
        from: Prediction,
        to: Prediction,
        values: Vec<Vec<f64>>,
    }

    #[test]
    fn conversions_are_diffusers() {
        let fixture: Fixture =
            serde_json::from_str(include_str!("../../tests/reference/parameterisation.json")).unwrap();
        let (x, predicted) = (fixture.x.concat(), fixture.predicted.concat());
        for Case { alpha, sigma, from, to, values: expected } in fixture.cases {
            let level = Level { t: 0.5, alpha, sigma };
            let ours = values(from.convert(to, tensor(&x), tensor(&predicted), &level));
            // f64 at most at the size σ/α or α/σ that the conversion multiplies by; where α = 1 diffusers computes in f32.
            let rounding = if alpha == 1.0 { 2.0 * f64::from(f32::EPSILON) } else { 8.0 * f64::EPSILON };
            let size = 4.0 * (1.0 + sigma / alpha + if to == Prediction::Epsilon { alpha / sigma } else { 0.0 });
            for (ours, diffusers) in ours.iter().zip(expected.iter().flatten()) {
                assert!(
                    (ours - diffusers).abs() <= rounding * size,
                    "{from:?} to {to:?} at σ = {sigma}: {ours} {diffusers}"
                );
            }
        }
    }

    #[test]
    fn any_prediction_is_a_score() {
        // N(1, 3²) and N(−2, ½²): E[x₀ | x] = (σ²m + α·σ₀²·x)/(α²σ₀² + σ²) by Bayes.
        let (mean, variance) = ([1.0, -2.0], [9.0, 0.25]);
        let gaussian = Gaussian::new(mean.to_vec(), vec![3.0, 0.5]).unwrap();
        let x = [2.5, 0.3];
        for (alpha, sigma) in [(0.8, 0.6), (0.1, 0.9), (1.0, 7.0)] {
            let level = Level { t: 0.5, alpha, sigma };
            let x0 = [0, 1].map(|i| {
                (sigma * sigma * mean[i] + alpha * variance[i] * x[i]) / (alpha * alpha * variance[i] + sigma * sigma)
            });
            let epsilon = [0, 1].map(|i| (x[i] - alpha * x0[i]) / sigma);
            let v = [0, 1].map(|i| (alpha * epsilon[i] - sigma * x0[i]) / f64::hypot(alpha, sigma));
            let exact = values(gaussian.score(tensor(&x), &level));
            let scores = [0, 1].map(|i| -epsilon[i] / sigma);
            for (prediction, predicted) in ALL.into_iter().zip([epsilon, x0, v, scores]) {
                let score = Predicted { prediction, predict: |_: Tensor<2>, _: &Level| tensor(&predicted) };
                for (ours, exact) in values(score.score(tensor(&x), &level)).iter().zip(&exact) {
                    // f64 rounding of numbers of up to 10, and the division by σ².
                    assert!((ours - exact).abs() < 1e-13, "{prediction:?} {ours} {exact}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn round_trips_come_back(
            x in -3.0..3.0f64, y in -3.0..3.0f64, alpha in 1e-3..1.0f64, ratio in -3.0..3.0f64, from in 0usize..4, to in 0usize..4,
        ) {
            let level = Level { t: 0.5, alpha, sigma: alpha * 10f64.powf(ratio) };
            let (from, to) = (ALL[from], ALL[to]);
            let there = from.convert(to, tensor(&[x]), tensor(&[y]), &level);
            let back = values(to.convert(from, tensor(&[x]), there.clone(), &level))[0];
            let (forth, again) = (from.affine(to, &level), to.affine(from, &level));
            // Each way rounds its two products once or twice; the way back multiplies that by its b.
            let size = again.prediction.abs() * (forth.x * x).abs() + (again.x * x).abs() + 2.0 * y.abs();
            prop_assert!((back - y).abs() <= 8.0 * f64::EPSILON * size.max(1.0), "{from:?} {to:?} {back} {y}");
        }
    }
}
