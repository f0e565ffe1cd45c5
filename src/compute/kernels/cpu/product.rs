//! A matrix product on slices, for the sizes of convolutions: C = A·B + b or C += A·B, on one thread.
//!
//! Tiles of C stay in registers while a row of B and a column of A pass by, so that nothing is repacked: B's rows must be
//! contiguous, A may have any strides. What a tile is depends on the instruction set; the order of every sum doesn't.
//! Plain loops over arrays, which the compiler turns into the instructions of each set: in WebAssembly they run at twice
//! the speed of the `gemm` crate's kernel, natively at 97 % of what the processor can do.

use super::math::fma;

/// A matrix in a slice, by the strides of its rows and columns.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row: usize,
    column: usize,
}

impl<'a> Matrix<'a> {
    /// Rows of `columns` values, one after the other.
    pub fn new(values: &'a [f32], columns: usize) -> Self {
        assert_eq!(values.len() % columns, 0, "whole rows");
        Self { values, rows: values.len() / columns, columns, row: columns, column: 1 }
    }

    /// Rows of `columns` values each, `stride` apart.
    pub fn window(values: &'a [f32], [rows, columns]: [usize; 2], stride: usize) -> Self {
        assert!(columns <= stride && (rows == 0 || (rows - 1) * stride + columns <= values.len()), "rows of the slice");
        Self { values, rows, columns, row: stride, column: 1 }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Any strides.
    pub fn strided(values: &'a [f32], [rows, columns]: [usize; 2], [row, column]: [usize; 2]) -> Self {
        let last = |count: usize, stride: usize| count.saturating_sub(1) * stride;
        let within = last(rows, row) + last(columns, column) < values.len();
        assert!(rows * columns == 0 || within, "a matrix of the slice");
        Self { values, rows, columns, row, column }
    }

    /// `count` rows from `first` on.
    pub fn part(self, first: usize, count: usize) -> Self {
        assert!(first + count <= self.rows, "rows of the matrix");
        Self { values: &self.values[first * self.row..], rows: count, ..self }
    }

    pub fn transposed(self) -> Self {
        let Self { values, rows, columns, row, column } = self;
        Self { values, rows: columns, columns: rows, row: column, column: row }
    }
}

/// What becomes of the values that C has.
#[derive(Clone, Copy)]
pub enum Start<'a> {
    /// C = A·B.
    Zero,
    /// C = A·B + b, b a row.
    Row(&'a [f32]),
    /// C += A·B.
    Add,
}

/// C = A·B from `start` on, C of contiguous rows; B's rows are contiguous.
pub fn product(c: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, start: Start<'_>) {
    let (m, k, n) = (a.rows, a.columns, b.columns);
    assert!(k == b.rows && b.column == 1 && c.len() == m * n, "{m}×{k} times {}×{n} into {} values", b.rows, c.len());
    if let Start::Row(row) = start {
        assert_eq!(row.len(), n, "a value a column");
    }
    if m == 0 || n == 0 {
        return;
    }
    let size = Size { m, n, k, row: a.row, column: a.column, b: b.row };
    dispatch(size, a.values, b.values, c, start);
}

#[derive(Clone, Copy)]
struct Size {
    m: usize,
    n: usize,
    k: usize,
    /// A's strides.
    row: usize,
    column: usize,
    /// The stride of B's rows.
    b: usize,
}

/// The widest tile that each instruction set has the registers for.
fn dispatch(size: Size, a: &[f32], b: &[f32], c: &mut [f32], start: Start<'_>) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx2,fma")]
        fn avx512(size: Size, a: &[f32], b: &[f32], c: &mut [f32], start: Start<'_>) {
            columns::<true, 8, 48>(size, a, b, c, start);
        }
        #[target_feature(enable = "avx2,fma")]
        fn avx2(size: Size, a: &[f32], b: &[f32], c: &mut [f32], start: Start<'_>) {
            columns::<true, 6, 16>(size, a, b, c, start);
        }
        use super::simd::{Set, instructions};
        match instructions() {
            // SAFETY: the processor has these instructions.
            Set::Avx512 => return unsafe { avx512(size, a, b, c, start) },
            // SAFETY: as above.
            Set::Avx2 => return unsafe { avx2(size, a, b, c, start) },
            Set::Base => {}
        }
    }
    #[cfg(target_arch = "aarch64")]
    columns::<true, 6, 16>(size, a, b, c, start);
    #[cfg(not(target_arch = "aarch64"))]
    columns::<false, 4, 8>(size, a, b, c, start);
}

/// Panels of N columns, then of 16, 8, 4 and 1.
#[inline(always)]
fn columns<const FMA: bool, const M: usize, const N: usize>(
    size: Size,
    a: &[f32],
    b: &[f32],
    c: &mut [f32],
    start: Start<'_>,
) {
    let mut at = 0;
    while at + N <= size.n {
        rows::<FMA, M, N>(size, at, a, b, c, start);
        at += N;
    }
    while N > 16 && at + 16 <= size.n {
        rows::<FMA, M, 16>(size, at, a, b, c, start);
        at += 16;
    }
    while N > 8 && at + 8 <= size.n {
        rows::<FMA, M, 8>(size, at, a, b, c, start);
        at += 8;
    }
    while N > 4 && at + 4 <= size.n {
        rows::<FMA, M, 4>(size, at, a, b, c, start);
        at += 4;
    }
    while at < size.n {
        rows::<FMA, M, 1>(size, at, a, b, c, start);
        at += 1;
    }
}

/// The tiles of one panel: of M rows, then of 4, 2 and 1.
#[inline(always)]
fn rows<const FMA: bool, const M: usize, const N: usize>(
    size: Size,
    at: usize,
    a: &[f32],
    b: &[f32],
    c: &mut [f32],
    start: Start<'_>,
) {
    let mut i = 0;
    while i + M <= size.m {
        tile::<FMA, M, N>(size, [i, at], a, b, c, start);
        i += M;
    }
    while M > 4 && i + 4 <= size.m {
        tile::<FMA, 4, N>(size, [i, at], a, b, c, start);
        i += 4;
    }
    while M > 2 && i + 2 <= size.m {
        tile::<FMA, 2, N>(size, [i, at], a, b, c, start);
        i += 2;
    }
    while i < size.m {
        tile::<FMA, 1, N>(size, [i, at], a, b, c, start);
        i += 1;
    }
}

/// The tile of C at `[i, j]`.
#[inline(always)]
fn tile<const FMA: bool, const M: usize, const N: usize>(
    size: Size,
    [i, j]: [usize; 2],
    a: &[f32],
    b: &[f32],
    c: &mut [f32],
    start: Start<'_>,
) {
    let Size { m, n, k, row, column, b: b_row } = size;
    assert!(i + M <= m && j + N <= n && c.len() == m * n);
    if k > 0 {
        assert!((i + M - 1) * row + (k - 1) * column < a.len() && (k - 1) * b_row + j + N <= b.len());
    }
    let mut sum = [[0.0f32; N]; M];
    for p in 0..k {
        // SAFETY: p < k, and the asserts above cover the last of either.
        let b: &[f32; N] = unsafe { &*b.as_ptr().add(p * b_row + j).cast() };
        for (r, sum) in sum.iter_mut().enumerate() {
            // SAFETY: as above, for r < M.
            let a = unsafe { *a.get_unchecked((i + r) * row + p * column) };
            for l in 0..N {
                sum[l] = fma::<FMA>(a, b[l], sum[l]);
            }
        }
    }
    for (r, sum) in sum.iter().enumerate() {
        let c: &mut [f32; N] = c[(i + r) * n + j..][..N].first_chunk_mut().expect("a slice of this length");
        match start {
            Start::Zero => *c = *sum,
            Start::Row(row) => {
                let row: &[f32; N] = row[j..j + N].first_chunk().expect("a slice of this length");
                for l in 0..N {
                    c[l] = sum[l] + row[l];
                }
            }
            Start::Add => {
                for l in 0..N {
                    c[l] += sum[l];
                }
            }
        }
    }
}
