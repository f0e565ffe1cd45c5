//! Convolution on slices: 3×3 kernels by `winograd`, others as patches of a few image rows (im2col) and one matrix product a
//! tile.
//!
//! Forward: y = P(x)·W + b, where row q of P(x) is the k×k×c patch around pixel q, zero outside the image.
//!
//! Backward, for the gradient g of y: ∂x = P(g)·W′ with W′[u, v, o, c] = W[k−1−u, k−1−v, c, o], and
//! ∂W[u, v, c, o] = Σ_q x[q, c]·P(g)[q, k−1−u, k−1−v, o], so that one set of patches serves both; ∂b = Σ_q g[q].
//!
//! Tiles and the order of every sum depend on the shapes alone: equal inputs give equal bits, on any number of cores.

use crate::compute::{buffer, buffer::Buffer, parallel::map_chunks};

use super::{
    product::{Matrix, Start, product},
    shape::Shape,
    winograd,
};
use std::{cell::RefCell, f32::consts::FRAC_1_SQRT_2};

/// The gradients of a convolution's arguments; none of x where it isn't wanted.
#[derive(Debug)]
pub struct Gradients {
    pub x: Option<Buffer>,
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

/// y = conv(x, weight) + bias, or (residual + that)/√2, by patches.
pub fn forward(x: &[f32], weight: &[f32], bias: &[f32], residual: Option<&[f32]>, shape: Shape) -> Buffer {
    let Shape { n, h, w, c, o, k } = shape;
    let rows = tile_rows(n * h, w * k * k * c);
    let mut y = buffer::take(n * h * w * o);
    map_chunks(y.as_mut_slice(), rows * w * o, |tile, y| {
        with_patches(x, shape, tile * rows, y.len() / (w * o), |patches| {
            product(y, patches, Matrix::new(weight, o), Start::Row(bias));
        });
        if let Some(residual) = residual {
            for (y, residual) in y.iter_mut().zip(&residual[tile * rows * w * o..]) {
                *y = (*y + residual) * FRAC_1_SQRT_2;
            }
        }
    });
    y
}

/// The gradient of [`forward`]'s x alone: ∂x = P(g)·W′.
pub fn input_gradient(weight: &[f32], grad: &[f32], shape: Shape) -> Buffer {
    let back = Shape { c: shape.o, o: shape.c, ..shape };
    let (flipped, bias) = (flip(weight, back), vec![0.0; shape.c]);
    if !back.winograd() {
        return forward(grad, &flipped, &bias, None, back);
    }
    let mut u = buffer::take(flipped.len() / 9 * 16);
    winograd::transform_weight(&flipped, u.as_mut_slice());
    winograd::forward(grad, u.as_mut_slice(), &bias, None, back)
}

/// The gradients of [`forward`]'s arguments, given its result's.
pub fn backward(x: &[f32], weight: &[f32], grad: &[f32], shape: Shape, want_x: bool) -> Gradients {
    if shape.winograd() {
        let (weight_gradient, bias) = winograd::weight_gradient(x, grad, shape);
        let x = want_x.then(|| input_gradient(weight, grad, shape));
        return Gradients { x, weight: weight_gradient, bias };
    }
    let Shape { n, h, w, c, o, k } = shape;
    // The convolution that takes the gradient back has c and o exchanged.
    let back = Shape { c: o, o: c, ..shape };
    let rows = tile_rows(n * h, w * k * k * if want_x { o } else { c });
    let rows_a_part = rows * (n * h).div_ceil(rows * PARTS).max(1);
    let flipped = if want_x { flip(weight, back) } else { Vec::new() };

    let part = |index: usize, dx: &mut [f32]| {
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
                    product(dx, patches, Matrix::new(&flipped, c), Start::Zero);
                    product(dw, x.transposed(), patches, Start::Add);
                });
            } else {
                with_patches(x, shape, row, count, |patches| {
                    product(dw, patches.transposed(), Matrix::new(g, o), Start::Add);
                });
            }
            for g in g.chunks_exact(o) {
                db.iter_mut().zip(g).for_each(|(sum, value)| *sum += value);
            }
        }
        sums
    };

    let (dx, sums) = if want_x {
        let mut dx = buffer::take(n * h * w * c);
        let sums = map_chunks(dx.as_mut_slice(), rows_a_part * w * c, part);
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

/// Image rows per tile, of `total`, where the patches of one row have `size` values.
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

/// The patches of `count` image rows from `row` on, as a matrix of one row per pixel.
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

/// Each block of `p`×`p` pixels as one pixel, of sizes `shape`, for the channels in.
pub fn space_to_depth(x: &[f32], shape: Shape, p: usize) -> Buffer {
    let Shape { w, c, .. } = shape;
    let run = c / p;
    let mut folded = buffer::take(x.len());
    map_chunks(folded.as_mut_slice(), shape.h * w * c, |i, to| {
        let from = &x[i * shape.h * w * c..];
        for (from, to) in from.chunks_exact(w * c).zip(to.chunks_exact_mut(w * c)) {
            for (j, to) in to.chunks_exact_mut(c).enumerate() {
                for (r, to) in to.chunks_exact_mut(run).enumerate() {
                    copy(&from[(r * w + j) * run..][..run], to);
                }
            }
        }
    });
    folded
}

/// Each pixel of `y`, of sizes `shape`, as a block of `p`×`p` pixels, for the channels out.
pub fn depth_to_space(y: &[f32], shape: Shape, p: usize) -> Buffer {
    let Shape { w, o, .. } = shape;
    let run = o / p;
    let mut spread = buffer::take(y.len());
    map_chunks(spread.as_mut_slice(), shape.h * w * o, |i, to| {
        let from = &y[i * shape.h * w * o..];
        for (from, to) in from.chunks_exact(w * o).zip(to.chunks_exact_mut(w * o)) {
            for (j, from) in from.chunks_exact(o).enumerate() {
                for (r, from) in from.chunks_exact(run).enumerate() {
                    copy(from, &mut to[(r * w + j) * run..][..run]);
                }
            }
        }
    });
    spread
}

/// A few values are not worth a call.
fn copy(from: &[f32], to: &mut [f32]) {
    if from.len() > 16 {
        to.copy_from_slice(from);
    } else {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
    }
}
