//! A mixture's score on the host, in f64, at rows that have a level each: what a batch of a training step is compared
//! with.

use super::Mixture;
use crate::{compute::parallel::map_chunks, sde::Level};

/// Components that are this much less likely than the likeliest, in nats, have no share in f64.
const NEGLIGIBLE: f64 = 50.0;

impl Mixture {
    /// s(x, t) of every row of `x` at its own level.
    ///
    /// # Shapes
    /// `x` and the result: `[levels.len(), d]` flattened.
    ///
    /// # Panics
    /// When `x` has not as many numbers.
    #[must_use]
    pub fn score_rows(&self, x: &[f64], levels: &[Level]) -> Vec<f64> {
        assert_eq!(x.len(), levels.len() * self.dim, "a row must have the mixture's dimensions");
        let log_weights: Vec<f64> = self.weights.iter().map(|weight| libm::log(*weight)).collect();
        let first = &self.variances[..self.dim];
        let alike = self.variances.chunks_exact(self.dim).all(|variances| variances == first);
        let mut scores = vec![0.0; x.len()];
        map_chunks(&mut scores, self.dim, |row, score| {
            self.score_row(&x[row * self.dim..][..self.dim], &levels[row], &log_weights, alike, score);
        });
        scores
    }

    /// `alike`: whether all components have the first's variances, as those of a kernel density estimate have.
    fn score_row(&self, x: &[f64], level: &Level, log_weights: &[f64], alike: bool, score: &mut [f64]) {
        let (d, a, s) = (self.dim, level.alpha, level.sigma);
        let precisions = |k: usize| self.variances[k * d..][..d].iter().map(move |v| 1.0 / (a * a * v + s * s));
        let log_scale = |precision: &[f64]| 0.5 * precision.iter().map(|p| libm::log(*p)).sum::<f64>();
        let mut precision: Vec<f64> = precisions(0).collect();
        let mut scale = log_scale(&precision);
        let mut away = vec![0.0; d];
        let logs: Vec<f64> = (0..log_weights.len())
            .map(|k| {
                if !alike {
                    precision.iter_mut().zip(precisions(k)).for_each(|(precision, p)| *precision = p);
                    scale = log_scale(&precision);
                }
                self.away(k, x, a, &mut away);
                let square: f64 = away.iter().zip(&precision).map(|(z, p)| z * z * p).sum();
                log_weights[k] + scale - 0.5 * square
            })
            .collect();
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut total = 0.0;
        for (k, log) in logs.iter().enumerate().filter(|(_, log)| most - **log < NEGLIGIBLE) {
            let share = libm::exp(log - most);
            total += share;
            self.away(k, x, a, &mut away);
            if !alike {
                precision.iter_mut().zip(precisions(k)).for_each(|(precision, p)| *precision = p);
            }
            // −Λ⁻¹Qᵀ(x − α·m), and by Q back where there are axes.
            away.iter_mut().zip(&precision).for_each(|(z, p)| *z *= -share * p);
            match &self.axes {
                None => score.iter_mut().zip(&away).for_each(|(score, z)| *score += z),
                Some(axes) => {
                    for (i, score) in score.iter_mut().enumerate() {
                        let row = &axes.host[(k * d + i) * d..][..d];
                        *score += row.iter().zip(&away).map(|(q, z)| q * z).sum::<f64>();
                    }
                }
            }
        }
        score.iter_mut().for_each(|score| *score /= total);
    }

    /// Qₖᵀ(x − α·mₖ), written into `out`.
    fn away(&self, k: usize, x: &[f64], alpha: f64, out: &mut [f64]) {
        let (d, mean) = (self.dim, self.component_mean(k));
        match &self.axes {
            None => out.iter_mut().zip(x).zip(mean).for_each(|((out, x), m)| *out = x - alpha * m),
            Some(axes) => {
                for (j, out) in out.iter_mut().enumerate() {
                    let column = (0..d).map(|i| axes.host[(k * d + i) * d + j]);
                    *out = column.zip(x).zip(mean).map(|((q, x), m)| q * (x - alpha * m)).sum();
                }
            }
        }
    }
}
