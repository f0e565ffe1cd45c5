//! Images as networks see them: NHWC, of rows in the order (channel, row, column).

use burn::Tensor;

/// Rows as images of `[c, h, w]`.
///
/// # Shapes
/// `x`: `[n, c·h·w]`; result: `[n, h, w, c]`.
#[must_use]
pub fn from_rows(x: Tensor<2>, [c, h, w]: [usize; 3]) -> Tensor<4> {
    let [n, _] = x.dims();
    if c == 1 {
        // One channel is the first and the last.
        return x.reshape([n, h, w, c]);
    }
    x.reshape([n, c, h, w]).permute([0, 2, 3, 1])
}

/// Images as rows.
///
/// # Shapes
/// `x`: `[n, h, w, c]`; result: `[n, c·h·w]`.
#[must_use]
pub fn to_rows(x: Tensor<4>) -> Tensor<2> {
    let [n, h, w, c] = x.dims();
    if c == 1 {
        return x.reshape([n, h * w]);
    }
    x.permute([0, 3, 1, 2]).reshape([n, c * h * w])
}
