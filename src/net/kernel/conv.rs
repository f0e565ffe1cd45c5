//! Convolution on slices: patches of a few image rows (im2col), then one matrix product a tile.
//!
//! Forward: y = P(x)·W + b, where row q of P(x) is the k×k×c patch around pixel q, zero outside the image.
//!
//! Backward, for the gradient g of y: ∂x = P(g)·W′ with W′[u, v, o, c] = W[k−1−u, k−1−v, c, o], and
//! ∂W[u, v, c, o] = Σ_q x[q, c]·P(g)[q, k−1−u, k−1−v, o], so that one set of patches serves both; ∂b = Σ_q g[q].
//!
//! Tiles and the order of every sum depend on the shapes alone: equal inputs give equal bits, on any number of cores.

use super::parallel::map_chunks;
use gemm::{Parallelism, gemm};
use std::{cell::RefCell, mem::MaybeUninit};

/// The sizes of a convolution: `n` images of `h`×`w` pixels, `c` channels in, `o` out, an odd `k`×`k` kernel.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub n: usize,
    pub h: usize,
    pub w: usize,
    pub c: usize,
    pub o: usize,
    pub k: usize,
}

/// The gradients of a convolution's arguments; none of x where it isn't wanted.
#[derive(Debug)]
pub struct Gradients {
    pub x: Option<Vec<f32>>,
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

/// Values of a tile's patches: half a megabyte, which stays in a core's second-level cache.
const TILE: usize = 128 * 1024;
/// Parts that the images are cut into where they have the rows, so as to feed that many cores.
const PARTS: usize = 8;

thread_local! {
    /// A tile's patches, kept from one tile to the next.
    static PATCHES: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// y = conv(x, weight) + bias.
pub fn forward(x: &[f32], weight: &[f32], bias: &[f32], shape: Shape) -> Vec<f32> {
    let Shape { n, h, w, c, o, k } = shape;
    let rows = tile_rows(n * h, w * k * k * c);
    let mut y = Vec::with_capacity(n * h * w * o);
    map_chunks(&mut y.spare_capacity_mut()[..n * h * w * o], rows * w * o, |tile, y| {
        let y = filled(y, bias);
        with_patches(x, shape, tile * rows, y.len() / (w * o), |patches| {
            add_product(y, patches, Matrix::new(weight, o));
        });
    });
    // SAFETY: the chunks above cover these values, and each has been filled.
    unsafe { y.set_len(n * h * w * o) };
    y
}

/// The gradient of [`forward`]'s x alone: ∂x = P(g)·W′.
pub fn input_gradient(weight: &[f32], grad: &[f32], shape: Shape) -> Vec<f32> {
    let back = Shape { c: shape.o, o: shape.c, ..shape };
    forward(grad, &flip(weight, back), &vec![0.0; shape.c], back)
}

/// The gradients of [`forward`]'s arguments, given its result's.
pub fn backward(x: &[f32], weight: &[f32], grad: &[f32], shape: Shape, want_x: bool) -> Gradients {
    let Shape { n, h, w, c, o, k } = shape;
    // The convolution that takes the gradient back has c and o exchanged.
    let back = Shape { c: o, o: c, ..shape };
    let rows = tile_rows(n * h, w * k * k * if want_x { o } else { c });
    let rows_a_part = rows * (n * h).div_ceil(rows * PARTS).max(1);
    let flipped = if want_x { flip(weight, back) } else { Vec::new() };
    let none = vec![0.0; c];

    let part = |index: usize, dx: &mut [MaybeUninit<f32>]| {
        let mut sums = (vec![0.0; k * k * c * o], vec![0.0; o]);
        let (dw, db) = (&mut sums.0, &mut sums.1);
        let start = index * rows_a_part;
        let end = (start + rows_a_part).min(n * h);
        let mut tiles = dx.chunks_mut(rows * w * c);
        for row in (start..end).step_by(rows) {
            let count = rows.min(end - row);
            let pixels = row * w..(row + count) * w;
            let g = &grad[pixels.start * o..pixels.end * o];
            let tile = tiles.next();
            if let Some(dx) = tile {
                let x = Matrix::new(&x[pixels.start * c..pixels.end * c], c);
                with_patches(grad, back, row, count, |patches| {
                    add_product(filled(dx, &none), patches, Matrix::new(&flipped, c));
                    add_product(dw, x.transposed(), patches);
                });
            } else {
                with_patches(x, shape, row, count, |patches| add_product(dw, patches.transposed(), Matrix::new(g, o)));
            }
            for g in g.chunks_exact(o) {
                db.iter_mut().zip(g).for_each(|(sum, value)| *sum += value);
            }
        }
        sums
    };

    let (dx, sums) = if want_x {
        let mut dx = Vec::with_capacity(n * h * w * c);
        let sums = map_chunks(&mut dx.spare_capacity_mut()[..n * h * w * c], rows_a_part * w * c, part);
        // SAFETY: the parts cover these values, their tiles cover the parts, and each tile has been filled.
        unsafe { dx.set_len(n * h * w * c) };
        (Some(dx), sums)
    } else {
        let mut parts = vec![(); (n * h).div_ceil(rows_a_part)];
        (None, map_chunks(&mut parts, 1, |index, _| part(index, &mut [])))
    };

    let mut dw = vec![0.0; k * k * c * o];
    map_chunks(&mut dw, c * o, |tap, dw| {
        for (part, _) in &sums {
            if want_x {
                // [c, k−1−u, k−1−v, o], as the patches of the gradient have it.
                let from = part.chunks_exact(k * k * o).map(|row| &row[(k * k - 1 - tap) * o..][..o]);
                dw.chunks_exact_mut(o).zip(from).for_each(|(sum, row)| add(sum, row));
            } else {
                add(dw, &part[tap * c * o..][..c * o]);
            }
        }
    });
    let mut db = vec![0.0; o];
    for (_, part) in &sums {
        add(&mut db, part);
    }
    Gradients { x: dx, weight: dw, bias: db }
}

fn add(sum: &mut [f32], values: &[f32]) {
    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
}

/// Image rows a tile, of `total`, where the patches of one row have `size` values.
fn tile_rows(total: usize, size: usize) -> usize {
    (TILE / size.max(1)).min(total.div_ceil(PARTS)).max(1)
}

/// W′: the kernel turned by half a turn, with its channels in and out exchanged; `back` is W′'s shape.
fn flip(weight: &[f32], back: Shape) -> Vec<f32> {
    let Shape { c: o, o: c, k, .. } = back;
    let mut flipped = vec![0.0; weight.len()];
    for (from, to) in weight.chunks_exact(c * o).zip(flipped.chunks_exact_mut(c * o).rev()) {
        // In blocks of columns, so that what is written stays in the nearest cache.
        for block in (0..o).step_by(16) {
            for (i, row) in from.chunks_exact(o).enumerate() {
                for (j, value) in row[block..o.min(block + 16)].iter().enumerate() {
                    to[(block + j) * c + i] = *value;
                }
            }
        }
    }
    debug_assert_eq!(weight.len(), k * k * c * o);
    flipped
}

/// Fills every row with `row`.
fn filled<'a>(values: &'a mut [MaybeUninit<f32>], row: &[f32]) -> &'a mut [f32] {
    assert_eq!(values.len() % row.len(), 0, "whole rows are filled");
    for values in values.chunks_exact_mut(row.len()) {
        values.write_copy_of_slice(row);
    }
    // SAFETY: whole rows, so every value has been written.
    unsafe { values.assume_init_mut() }
}

/// The patches of `count` image rows from `row` on, as a matrix of a row a pixel.
fn with_patches<R>(x: &[f32], shape: Shape, row: usize, count: usize, f: impl FnOnce(Matrix<'_>) -> R) -> R {
    let Shape { h, w, c, k, .. } = shape;
    if k == 1 {
        return f(Matrix::new(&x[row * w * c..(row + count) * w * c], c));
    }
    let len = count * w * k * k * c;
    PATCHES.with_borrow_mut(|buffer| {
        if buffer.len() < len {
            buffer.resize(len, 0.0);
        }
        let patches = &mut buffer[..len];
        for (i, patches) in patches.chunks_exact_mut(w * k * k * c).enumerate() {
            let (image, i) = ((row + i) / h, (row + i) % h);
            gather(&x[image * h * w * c..(image + 1) * h * w * c], shape, i, patches);
        }
        f(Matrix::new(patches, k * k * c))
    })
}

/// The patches of row `i` of an image. The pixels of a patch's row are contiguous.
fn gather(image: &[f32], shape: Shape, i: usize, patches: &mut [f32]) {
    let Shape { h, w, c, k, .. } = shape;
    let p = (k - 1) / 2;
    for (j, patch) in patches.chunks_exact_mut(k * k * c).enumerate() {
        let (left, right) = (p.saturating_sub(j), (w + p - j).min(k));
        for (u, to) in patch.chunks_exact_mut(k * c).enumerate() {
            if (p..h + p).contains(&(i + u)) {
                let from = ((i + u - p) * w + j + left - p) * c;
                to[..left * c].fill(0.0);
                to[left * c..right * c].copy_from_slice(&image[from..from + (right - left) * c]);
                to[right * c..].fill(0.0);
            } else {
                to.fill(0.0);
            }
        }
    }
}

/// A matrix in a slice: its rows one after the other, or its columns.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    values: &'a [f32],
    size: [usize; 2],
    strides: [usize; 2],
}

impl<'a> Matrix<'a> {
    /// Rows of `columns` values.
    fn new(values: &'a [f32], columns: usize) -> Self {
        assert_eq!(values.len() % columns, 0, "whole rows");
        Self { values, size: [values.len() / columns, columns], strides: [columns, 1] }
    }

    fn transposed(self) -> Self {
        let ([m, n], [i, j]) = (self.size, self.strides);
        Self { size: [n, m], strides: [j, i], ..self }
    }
}

/// `sum` += a·b, on this thread.
fn add_product(sum: &mut [f32], a: Matrix<'_>, b: Matrix<'_>) {
    let ([m, k], [inner, n]) = (a.size, b.size);
    assert!(k == inner && sum.len() == m * n, "{m}×{k} times {inner}×{n} into {}", sum.len());
    // SAFETY: a matrix's strides stay within its values by construction, `sum` has m rows of n, and a
    // mutable slice overlaps neither.
    unsafe {
        gemm(
            m,
            n,
            k,
            sum.as_mut_ptr(),
            1,
            n as isize,
            true,
            a.values.as_ptr(),
            a.strides[1] as isize,
            a.strides[0] as isize,
            b.values.as_ptr(),
            b.strides[1] as isize,
            b.strides[0] as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
