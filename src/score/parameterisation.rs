//! How a network's output F becomes a score: by EDM's [preconditioning](super::preconditioning), as one of five
//! predictions, converted exactly, or as the score of data without noise. Under xₜ = α·x₀ + σ·ε, with ρ² = α² + σ²,
//!
//! | prediction | is | from |
//! |---|---|---|
//! | `epsilon` | ε | Ho, Jain & Abbeel 2020, <https://arxiv.org/abs/2006.11239> |
//! | `x0` | x₀ | Tweedie's estimate E\[x₀ \| xₜ\], what a denoiser returns |
//! | `v` | (α·ε − σ·x₀)/ρ | Salimans & Ho 2022, <https://arxiv.org/abs/2202.00512>, appendix D, where ρ = 1 |
//! | `score` | −ε/σ | Song et al. 2021, <https://arxiv.org/abs/2011.13456> |
//! | `scaled-score` | σ·(−ε/σ) = −ε | Song & Ermon 2020, <https://arxiv.org/abs/2006.09011>, technique 3: s = F/σ (`scale_by_sigma`) |
//!
//! With ρ the velocity is that of xₜ/ρ, which moves on a circle from x₀ to ε: so k-diffusion and diffusers have it on
//! VE, too. Every conversion is a·x + b·prediction with a and b from
//!
//! x₀ = (x − σ·ε)/α = (x + σ²·s)/α = (α·x − σρ·v)/ρ²
//! ε = (x − α·x₀)/σ = −σ·s = (σ·x + αρ·v)/ρ²

use serde::{Deserialize, Serialize};

use super::{
    conditioning::{Coefficients, Conditioning},
    preconditioning,
};
use crate::{Result, checks::number, sde::Level};

/// How a network's output F becomes a score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Parameterisation {
    /// EDM's preconditioning (Karras et al. 2022, table 1), carried to any xₜ = α·x₀ + σ·ε: with
    /// V = σ² + α²σ_d² the network F sees x/√V and ¼ ln(σ/α), and s(x, t) = α·σ_d/(σ√V)·F − x/V.
    Edm {
        /// σ_d, the data's standard deviation.
        sigma_data: f64,
    },
    /// F is the prediction itself. It sees x/√(α² + σ²), which is x where the process preserves variance.
    Prediction {
        /// What F is.
        prediction: Prediction,
        /// What F is told of the noise level.
        conditioning: Conditioning,
    },
    /// The score of data without noise: F sees x/σ_d, is told 0, and s(x) = F/σ_d, so that F is the score in units in which
    /// the data have variance 1. It is the same at every level.
    Clean {
        /// σ_d, the data's standard deviation.
        sigma_data: f64,
    },
}

impl Parameterisation {
    /// How F is asked at `level`, and what its answer means.
    #[must_use]
    pub fn at(&self, level: &Level) -> Coefficients {
        match *self {
            Self::Edm { sigma_data } => preconditioning::edm(sigma_data, level),
            Self::Prediction { prediction, conditioning } => {
                let Affine { x, prediction } = prediction.as_a(Prediction::Score, level);
                Coefficients {
                    input: 1.0 / libm::hypot(level.alpha, level.sigma),
                    c_noise: conditioning.c_noise(level),
                    skip: x,
                    out: prediction,
                }
            }
            Self::Clean { sigma_data } => {
                Coefficients { input: 1.0 / sigma_data, c_noise: 0.0, skip: 0.0, out: 1.0 / sigma_data }
            }
        }
    }

    /// # Errors
    /// When a number is out of its range; the error names the field.
    pub fn validate(&self) -> Result<()> {
        match *self {
            Self::Edm { sigma_data } | Self::Clean { sigma_data } => {
                number("parameterisation.sigma_data", sigma_data, 1e-6, 1e6)
            }
            Self::Prediction { .. } => Ok(()),
        }
    }
}

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
    /// The score times σ, −ε: NCSNv2's, whose network is not told the noise level.
    #[serde(rename = "scaled-score")]
    ScaledScore,
}

/// a·x + b·prediction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// a.
    pub x: f64,
    /// b.
    pub prediction: f64,
}

impl Affine {
    fn scaled(self, by: f64) -> Self {
        Self { x: self.x * by, prediction: self.prediction * by }
    }
}

impl Prediction {
    /// This prediction as another one.
    ///
    /// Where σ = 0 only x₀ can be had from ε, v or the score; where α = 0 only ε and the score from one another and
    /// from v.
    #[must_use]
    pub fn as_a(self, to: Self, level: &Level) -> Affine {
        if self == to {
            return Affine { x: 0.0, prediction: 1.0 };
        }
        let Level { alpha, sigma, .. } = *level;
        let norm = libm::hypot(alpha, sigma);
        match to {
            Self::X0 => self.denoised(level),
            Self::Epsilon => self.noise(level),
            Self::Score => self.noise(level).scaled(-1.0 / sigma),
            Self::ScaledScore => self.noise(level).scaled(-1.0),
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
            Self::ScaledScore => Affine { x: 1.0 / alpha, prediction: sigma / alpha },
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
            Self::ScaledScore => Affine { x: 0.0, prediction: -1.0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::{
        Tensor,
        tensor::{DType, Device, TensorData},
    };
    use proptest::prelude::*;

    use super::*;
    use crate::score::{Gaussian, Score as _};

    const ALL: [Prediction; 5] =
        [Prediction::Epsilon, Prediction::X0, Prediction::V, Prediction::Score, Prediction::ScaledScore];

    impl Affine {
        fn of(self, x: f64, prediction: f64) -> f64 {
            self.x * x + self.prediction * prediction
        }
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
            let conversion = from.as_a(to, &level);
            let ours = x.iter().zip(&predicted).map(|(&x, &predicted)| conversion.of(x, predicted));
            // f64 at most at the size σ/α or α/σ that the conversion multiplies by; where α = 1 diffusers computes in
            // f32.
            let rounding = if alpha == 1.0 { 2.0 * f64::from(f32::EPSILON) } else { 8.0 * f64::EPSILON };
            let size = 4.0 * (1.0 + sigma / alpha + if to == Prediction::Epsilon { alpha / sigma } else { 0.0 });
            for (ours, diffusers) in ours.zip(expected.iter().flatten()) {
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
            let rows = TensorData::new(x.to_vec(), [1, 2]);
            let exact = gaussian.score(Tensor::from_data(rows, (&Device::flex(), DType::F64)), &level).into_data();
            let scores = [0, 1].map(|i| -epsilon[i] / sigma);
            let scaled = scores.map(|score| sigma * score);
            for (prediction, predicted) in ALL.into_iter().zip([epsilon, x0, v, scores, scaled]) {
                let parameterisation = Parameterisation::Prediction { prediction, conditioning: Conditioning::Time };
                let Coefficients { input, c_noise, skip, out } = parameterisation.at(&level);
                assert_eq!((input, c_noise), (1.0 / f64::hypot(alpha, sigma), 999.0 * level.t));
                for ((x, predicted), exact) in x.iter().zip(predicted).zip(exact.iter::<f64>()) {
                    // f64 rounding of numbers of up to 10, and the division by σ².
                    let ours = skip * x + out * predicted;
                    assert!((ours - exact).abs() < 1e-13, "{prediction:?} {ours} {exact}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn round_trips_come_back(
            x in -3.0..3.0f64, y in -3.0..3.0f64, alpha in 1e-3..1.0f64, ratio in -3.0..3.0f64, from in 0..ALL.len(), to in 0..ALL.len(),
        ) {
            let level = Level { t: 0.5, alpha, sigma: alpha * 10f64.powf(ratio) };
            let (from, to) = (ALL[from], ALL[to]);
            let (forth, again) = (from.as_a(to, &level), to.as_a(from, &level));
            let back = again.of(x, forth.of(x, y));
            // Each way rounds its two products once or twice; the way back multiplies that by its b.
            let size = again.prediction.abs() * (forth.x * x).abs() + (again.x * x).abs() + 2.0 * y.abs();
            prop_assert!((back - y).abs() <= 8.0 * f64::EPSILON * size.max(1.0), "{from:?} {to:?} {back} {y}");
        }
    }
}
