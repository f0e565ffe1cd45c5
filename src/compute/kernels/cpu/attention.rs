//! Attention between all pixels on slices: softmax(q·kᵀ/√d)·v, a head and a sample at a time.

use crate::compute::{buffer, buffer::Buffer, parallel::map_chunks};

use super::{
    math,
    product::{Matrix, Start, product},
    simd::multiversion,
};
use std::cell::RefCell;

thread_local! {
    /// kᵀ, the weights and the result of a head, kept from one to the next.
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// # Shapes
/// `qkv`: `[n, tokens, 3·c]`, ordered (query, key or value; head; d); result: `[n, tokens, c]`, ordered (head, d).
pub fn forward(qkv: &[f32], tokens: usize, c: usize, heads: usize) -> Buffer {
    let d = c / heads;
    // Whole registers per row, so that no columns are left over for slow tiles.
    let stride = tokens.next_multiple_of(16);
    let mut y = buffer::take(qkv.len() / 3);
    map_chunks(y.as_mut_slice(), tokens * c, |i, y| {
        let sample = &qkv[i * tokens * 3 * c..][..tokens * 3 * c];
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.clear();
            scratch.resize(stride * d + tokens * stride + tokens * d, 0.0);
            let (keys, rest) = scratch.split_at_mut(stride * d);
            let (weights, out) = rest.split_at_mut(tokens * stride);
            for head in 0..heads {
                let part = |which: usize| &sample[(which * heads + head) * d..];
                for (token, key) in part(1).chunks(3 * c).enumerate() {
                    for (j, value) in key[..d].iter().enumerate() {
                        keys[j * stride + token] = *value;
                    }
                }
                let queries = Matrix::window(part(0), [tokens, d], 3 * c);
                product(weights, queries, Matrix::new(keys, stride), Start::Zero);
                softmax(weights, [tokens, stride], 1.0 / (d as f32).sqrt());
                let weights = Matrix::window(weights, [tokens; 2], stride);
                product(out, weights, Matrix::window(part(2), [tokens, d], 3 * c), Start::Zero);
                for (y, out) in y.chunks_exact_mut(c).zip(out.chunks_exact(d)) {
                    y[head * d..][..d].copy_from_slice(out);
                }
            }
        });
    });
    y
}

multiversion! {
    /// Each row x, of so many values and `stride` apart, becomes softmax(scale·x).
    fn softmax<FMA, LANES>(values: &mut [f32], size: [usize; 2], scale: f32) -> () = softmax_body;
}

#[inline(always)]
fn softmax_body<const FMA: bool, const LANES: usize>(values: &mut [f32], [columns, stride]: [usize; 2], scale: f32) {
    for row in values.chunks_exact_mut(stride) {
        // What is left over weighs nothing, so that whole registers can be taken.
        row[columns..].fill(f32::NEG_INFINITY);
        let mut greatest = [f32::NEG_INFINITY; LANES];
        for x in row.chunks_exact(LANES) {
            for l in 0..LANES {
                greatest[l] = if x[l] > greatest[l] { x[l] } else { greatest[l] };
            }
        }
        let greatest = greatest.into_iter().fold(f32::NEG_INFINITY, f32::max);
        let mut sums = [0.0f32; LANES];
        for x in row.chunks_exact_mut(LANES) {
            for l in 0..LANES {
                x[l] = math::exp::<FMA>((x[l] - greatest) * scale);
                sums[l] += x[l];
            }
        }
        let rate = 1.0 / sums.into_iter().sum::<f32>();
        for x in row {
            *x *= rate;
        }
    }
}
