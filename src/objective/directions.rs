//! Random directions v with `E[v·vᵀ] = I`, along which a score or its derivative is projected (Song et al. 2019,
//! <https://arxiv.org/abs/1905.07088>).
//!
//! The sphere's radius is √d, so that its directions have the others' second moment and an objective the same
//! expectation.

use serde::{Deserialize, Serialize};

use crate::{
    compute::parallel::map_chunks,
    noise::{Noise, Purpose},
};

/// The law of directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Directions {
    /// Standard normal entries.
    Gaussian,
    /// Entries ±1: the trace of a diagonal derivative without variance.
    #[default]
    Rademacher,
    /// Uniform on the sphere of radius √d.
    Sphere,
}

impl Directions {
    /// `projections` directions of each of n rows at `step`: all rows' first, then all rows' second, and so on.
    ///
    /// # Shapes
    /// Result: `[projections, n, d]` flattened.
    #[must_use]
    pub fn of_rows(self, noise: &Noise, [n, d]: [usize; 2], step: u64, projections: usize) -> Vec<f64> {
        let mut values = vec![0.0; projections * n * d];
        map_chunks(&mut values, d, |at, out| {
            let (projection, row) = (at / n, at % n);
            self.fill(noise, row as u64, step * projections as u64 + projection as u64, out);
        });
        values
    }

    /// A direction for `row`, the `draw`-th of it.
    ///
    /// # Shapes
    /// `out`: `[d]`.
    pub fn fill(self, noise: &Noise, row: u64, draw: u64, out: &mut [f64]) {
        if self == Self::Rademacher {
            noise.fill_uniform(row, Purpose::Direction, draw, out);
            out.iter_mut().for_each(|v| *v = if *v < 0.5 { -1.0 } else { 1.0 });
            return;
        }
        let mut normal = vec![0.0; out.len()];
        noise.fill_normal(row, Purpose::Direction, draw, &mut normal);
        out.iter_mut().zip(&normal).for_each(|(v, z)| *v = f64::from(*z));
        if self == Self::Sphere {
            // Not 0/0, of draws that are all 0.
            let norm = libm::sqrt(out.iter().map(|v| v * v).sum::<f64>()).max(f64::MIN_POSITIVE);
            let scale = libm::sqrt(out.len() as f64) / norm;
            out.iter_mut().for_each(|v| *v *= scale);
        }
    }
}
