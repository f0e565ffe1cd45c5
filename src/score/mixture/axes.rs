//! The axes of a covariance, C = QΛQᵀ, by one-sided Jacobi rotations of its Cholesky factor (Veselić & Hari 1989,
//! <https://doi.org/10.1007/BF01396045>): C = LLᵀ, and rotations that make L's columns orthogonal leave L·V = QΛ^½.
//!
//! Small eigenvalues come out as exactly as large ones, where a method that works on C itself has them only to the
//! rounding of the largest; and the factor says whether C is positive definite.

use crate::{Error, Result};

/// Sweeps over all pairs of columns; ten are plenty for a thousand dimensions.
const MAX_SWEEPS: usize = 60;

/// Λ's diagonal and Q, `[d, d]` by rows with the axes as columns.
///
/// # Errors
/// When the matrix is not `[d, d]`, finite, symmetric and positive definite; `field` is named.
pub(super) fn principal_axes(field: &str, covariance: &[Vec<f64>], d: usize) -> Result<(Vec<f64>, Vec<f64>)> {
    check(field, covariance, d)?;
    let mut columns = factor(field, covariance, d)?;
    let squares = orthogonalise(field, &mut columns)?;
    let mut axes = vec![0.0; d * d];
    for (j, (column, square)) in columns.iter().zip(&squares).enumerate() {
        let norm = libm::sqrt(*square);
        for (i, value) in column.iter().enumerate() {
            axes[i * d + j] = value / norm;
        }
    }
    Ok((squares, axes))
}

fn check(field: &str, covariance: &[Vec<f64>], d: usize) -> Result<()> {
    super::same_dimension(&format!("{field} (its rows)"), covariance.len(), d)?;
    for (i, row) in covariance.iter().enumerate() {
        super::same_dimension(&format!("{field}[{i}]"), row.len(), d)?;
        if let Some(bad) = row.iter().find(|c| !(-1e12..=1e12).contains(*c)) {
            return Err(Error::setting(format!("{field}[{i}]"), bad, "numbers from -1e12 to 1e12"));
        }
    }
    for i in 0..d {
        for j in 0..i {
            let (below, above) = (covariance[i][j], covariance[j][i]);
            // Numbers that were printed need not agree in the last digit.
            if (below - above).abs() > 1e-9 * (covariance[i][i] * covariance[j][j]).abs().sqrt() {
                let expected = format!("a symmetric matrix: {above} stands at [{j}][{i}]");
                return Err(Error::setting(format!("{field}[{i}][{j}]"), below, expected));
            }
        }
    }
    Ok(())
}

/// The columns of L, C = LLᵀ.
fn factor(field: &str, covariance: &[Vec<f64>], d: usize) -> Result<Vec<Vec<f64>>> {
    let mut columns: Vec<Vec<f64>> = Vec::with_capacity(d);
    for j in 0..d {
        let mut column: Vec<f64> = (0..d).map(|i| 0.5 * (covariance[i][j] + covariance[j][i])).collect();
        for before in &columns {
            let along = before[j];
            column[j..].iter_mut().zip(&before[j..]).for_each(|(c, b)| *c -= along * b);
        }
        let pivot = column[j];
        // Below that it is the rounding of the differences above, and its sign says nothing. A NaN fails it, too.
        let rounding = f64::EPSILON * d as f64 * covariance[j][j];
        let definite = pivot > rounding.max(0.0);
        if !definite {
            let place = format!("{field}[{j}][{j}]");
            return Err(Error::setting(place, format!("a pivot of {pivot}"), "a positive definite matrix"));
        }
        let root = libm::sqrt(pivot);
        column[..j].fill(0.0);
        column[j..].iter_mut().for_each(|c| *c /= root);
        columns.push(column);
    }
    Ok(columns)
}

/// Rotates pairs of columns until all are orthogonal. Their squared norms.
fn orthogonalise(field: &str, columns: &mut [Vec<f64>]) -> Result<Vec<f64>> {
    let d = columns.len();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    // The rounding of a dot product.
    let tolerance = 4.0 * f64::EPSILON * libm::sqrt(d as f64);
    for _ in 0..MAX_SWEEPS {
        let mut still = true;
        let mut squares: Vec<f64> = columns.iter().map(|column| dot(column, column)).collect();
        for p in 0..d {
            let (head, tail) = columns.split_at_mut(p + 1);
            let first = &mut head[p];
            for (q, second) in (p + 1..).zip(tail) {
                let product = dot(first, second);
                if product.abs() <= tolerance * libm::sqrt(squares[p] * squares[q]) {
                    continue;
                }
                still = false;
                let zeta = (squares[q] - squares[p]) / (2.0 * product);
                let tangent = 1.0_f64.copysign(zeta) / (zeta.abs() + libm::hypot(1.0, zeta));
                let cosine = 1.0 / libm::hypot(1.0, tangent);
                let sine = cosine * tangent;
                for (a, b) in first.iter_mut().zip(second) {
                    (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
                }
                squares[p] -= tangent * product;
                squares[q] += tangent * product;
            }
        }
        if still {
            return Ok(squares);
        }
    }
    Err(Error::setting(field, "a matrix whose axes were not found", "numbers of less different sizes"))
}

#[cfg(test)]
mod tests {
    use nalgebra::{DMatrix, SymmetricEigen};

    use super::*;

    /// QΛQᵀ.
    fn product(values: &[f64], axes: &[f64]) -> DMatrix<f64> {
        let d = values.len();
        let q = DMatrix::from_row_slice(d, d, axes);
        &q * DMatrix::from_diagonal(&values.to_vec().into()) * q.transpose()
    }

    #[test]
    fn the_hilbert_matrixs_small_eigenvalues_are_exact() {
        let hilbert: Vec<Vec<f64>> = (0..5).map(|i| (0..5).map(|j| 1.0 / f64::from(i + j + 1)).collect()).collect();
        let (mut values, axes) = principal_axes("c", &hilbert, 5).unwrap();
        let back = product(&values, &axes);
        values.sort_by(f64::total_cmp);
        // mpmath.eigsy of 1/(i + j + 1) as float64 holds it, in 40 digits.
        let known = [
            3.2879287721758157e-06,
            0.0003058980401511854,
            0.011407491623419802,
            0.20853421861101334,
            1.5670506910982307,
        ];
        for (ours, exact) in values.iter().zip(known) {
            // Relative, whatever the size: the entries' rounding is amplified by the scaled condition, here 5e5.
            assert!((ours / exact - 1.0).abs() < 1e-11, "{ours} {exact}");
        }
        // Rounding of a few products of numbers up to 1.
        assert!((0..25).all(|k| (back[k] - hilbert[k / 5][k % 5]).abs() < 1e-15), "{back}");
    }

    #[test]
    fn the_axes_are_nalgebras() {
        const D: usize = 60;
        let entry = |i: usize, j: usize| ((i * 37 + j * 101) % 97) as f64 / 97.0 - 0.5;
        let root = DMatrix::from_fn(D, D, entry);
        let matrix = &root * root.transpose() + DMatrix::identity(D, D) * 0.01;
        let rows: Vec<Vec<f64>> = (0..D).map(|i| (0..D).map(|j| matrix[(i, j)]).collect()).collect();
        let (mut values, axes) = principal_axes("c", &rows, D).unwrap();
        let q = DMatrix::from_row_slice(D, D, &axes);
        // Rounding of 60 products at the matrix's size, about 100.
        assert!((product(&values, &axes) - &matrix).amax() < 1e-12 * matrix.amax());
        assert!((q.transpose() * q - DMatrix::identity(D, D)).amax() < 1e-13);
        let mut theirs: Vec<f64> = SymmetricEigen::new(matrix.clone()).eigenvalues.iter().copied().collect();
        values.sort_by(f64::total_cmp);
        theirs.sort_by(f64::total_cmp);
        // Their rounding is that of the largest.
        assert!(values.iter().zip(&theirs).all(|(a, b)| (a - b).abs() < 1e-12 * theirs[D - 1]));
    }
}
