//! Points of an array as a source.

use super::Source;
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
}

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
    fn what_is_no_array_of_points_is_refused() {
        let refused = |values: Vec<f32>, dim| Points::new(values, dim).unwrap_err().to_string();
        assert!(refused(vec![1.0; 3], 2).contains("points has 3 numbers; give at least one row of 2"));
        assert!(refused(vec![], 2).contains("0 numbers"));
        assert!(refused(vec![1.0], 0).contains("at least one number per row"));
        assert!(refused(vec![0.0, 1.0, 2.0, f32::NAN], 2).contains("row 1"));
    }
}
