//! Points of an array as a source.

use super::{Source, Spread};
use crate::{Error, Result, space::Space};

/// Points x₀ ∈ ℝᵈ, without labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    values: Vec<f32>,
    dim: usize,
}

impl Points {
    /// Points by their coordinates.
    ///
    /// # Shapes
    /// `values`: `[n, dim]` flattened, n at least 1.
    ///
    /// # Errors
    /// When `values` are no rows of `dim` numbers, or one of them is not finite.
    pub fn new(values: Vec<f32>, dim: usize) -> Result<Self> {
        if dim == 0 || values.is_empty() || !values.len().is_multiple_of(dim) {
            let expected = format!("at least one row of {dim} numbers, and at least one number per row");
            return Err(Error::shape("points", format!("{} numbers", values.len()), expected));
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::setting(format!("points, row {}", at / dim), values[at], "finite numbers"));
        }
        Ok(Self { values, dim })
    }

    /// Points that somebody has given, to learn a density of: enough of them, of a size that f32 can compute with.
    /// `file` is named in errors.
    ///
    /// # Shapes
    /// `values`: `[n, dim]` flattened, n at least 8.
    ///
    /// # Errors
    /// [`Error::Data`] when there are fewer, of none or more than 64 dimensions, one is not finite or farther from 0
    /// than 10⁶, or all are nearly the same.
    pub fn given(file: &str, values: Vec<f32>, dim: usize) -> Result<Self> {
        let refuse = |problem: String, remedy: &str| Err(Error::data(file, problem, remedy));
        if !(1..=MOST_DIM).contains(&dim) || !values.len().is_multiple_of(dim) {
            let problem = format!("{} numbers in rows of {dim}", values.len());
            return refuse(problem, "give points of 1 to 64 coordinates");
        }
        let n = values.len() / dim;
        if n < FEWEST {
            let problem = format!("{n} points: there must be at least {FEWEST}");
            return refuse(problem, "add more: of so few there is no density to learn");
        }
        if let Some(at) = values.iter().position(|value| !(-FARTHEST..=FARTHEST).contains(value)) {
            let problem = format!("point {}, counted from 1, has the coordinate {}", at / dim + 1, values[at]);
            return refuse(problem, "leave it out, or scale all points: coordinates lie from -1e6 to 1e6");
        }
        let points = Self { values, dim };
        let spread = Spread::of(&points).std;
        if spread < LEAST_SPREAD {
            let problem = format!("all points are nearly the same: their standard deviation is {spread:e}");
            return refuse(problem, "scale them, or give others");
        }
        Ok(points)
    }
}

/// The most dimensions of points that are given.
const MOST_DIM: usize = 64;
/// The fewest of them.
const FEWEST: usize = 8;
/// The largest coordinate.
const FARTHEST: f32 = 1e6;
/// The least standard deviation: that of a run's config.
const LEAST_SPREAD: f64 = 1e-6;

impl Source for Points {
    fn len(&self) -> usize {
        self.values.len() / self.dim
    }

    fn space(&self) -> Space {
        Space::Points(self.dim)
    }

    fn fill(&self, index: usize, out: &mut [f32]) {
        out.copy_from_slice(&self.values[index * self.dim..][..self.dim]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_a_row() {
        let points = Points::new(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2).unwrap();
        let mut out = [0.0; 2];
        points.fill(1, &mut out);
        assert_eq!((points.len(), points.space(), out), (3, Space::Points(2), [3.0, 4.0]));
        assert_eq!((points.classes(), points.label(0)), (0, None));
    }

    #[test]
    fn points_without_a_density_are_refused() {
        let refused = |values: Vec<f32>, dim| Points::given("p.npy", values, dim).unwrap_err().to_string();
        let good: Vec<f32> = (0..16).map(|i| i as f32).collect();
        assert_eq!(Points::given("p.npy", good.clone(), 2).unwrap().len(), 8);
        assert!(refused(good[..14].to_vec(), 2).contains("p.npy: 7 points: there must be at least 8; add more"));
        assert!(refused(vec![], 2).contains("0 points"));
        assert!(refused(vec![0.0; 65 * 8], 65).contains("520 numbers in rows of 65; give points of 1 to 64"));
        assert!(refused(good.clone(), 0).contains("rows of 0") && refused(good.clone(), 3).contains("rows of 3"));
        for bad in [f32::NAN, f32::INFINITY, -2e6] {
            let mut values = good.clone();
            values[5] = bad;
            assert!(refused(values, 2).contains(&format!("point 3, counted from 1, has the coordinate {bad}")));
        }
        assert!(refused(vec![3.0; 16], 2).contains("nearly the same: their standard deviation is 0e0"));
    }

    #[test]
    fn what_is_no_array_of_points_is_refused() {
        let refused = |values: Vec<f32>, dim| Points::new(values, dim).unwrap_err().to_string();
        assert!(refused(vec![1.0; 3], 2).contains("points has 3 numbers; give at least one row of 2"));
        assert!(refused(vec![], 2).contains("0 numbers"));
        assert!(refused(vec![1.0], 0).contains("at least one number per row"));
        assert!(refused(vec![0.0, 1.0, 2.0, f32::NAN], 2).contains("row 1"));
    }
}
