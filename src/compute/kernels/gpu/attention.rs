//! softmax(q·kᵀ/√d)·v in one dispatch: a workgroup takes [`QUERIES`] queries of one head, and keeps their logits.
//!
//! Queries, keys and values are read where the layer before has written them, `[tokens, 3, heads, d]` per sample, and the
//! heads' results are written side by side: nothing is transposed.

use burn_cubecl::{
    cubecl::{self, prelude::*},
    ops::numeric::empty_device_contiguous_dtype,
    tensor::CubeTensor,
};

use super::{count, dims, rows, vector};
use crate::compute::account::{Work, account};

/// Queries of a workgroup.
const QUERIES: usize = 8;
/// Its units.
const UNITS: usize = 64;
/// Tokens whose logits fit the 16 KB of memory that every GPU gives a workgroup.
const TOKENS: usize = 480;

#[cube(launch_unchecked)]
fn attend<N: Size>(
    qkv: &[Vector<f32, N>],
    y: &mut [f32],
    heads: u32,
    // Vectors of a head.
    width: u32,
    scale: f32,
    #[comptime] tokens: u32,
) {
    let mut logits = Shared::<[f32]>::new_slice(comptime!(QUERIES * tokens as usize));
    let mut inverse = Shared::<[f32]>::new_slice(QUERIES);
    let unit = UNIT_POS_X;
    let first = CUBE_POS_X * QUERIES as u32;
    let (head, sample) = (CUBE_POS_Y, CUBE_POS_Z);
    let lanes = N::value() as u32;
    // In vectors: from one token to the next, and from its query to its key.
    let part = heads * width;
    let base = sample * tokens * 3 * part + head * width;

    for item in range_stepped(unit, comptime!(QUERIES as u32 * tokens), UNITS as u32) {
        let query = item / tokens;
        let key = item % tokens;
        let token = min(first + query, comptime!(tokens - 1).runtime());
        let left = base + token * 3 * part;
        let right = base + (key * 3 + 1) * part;
        let mut products = Vector::<f32, N>::new(0.0f32);
        for i in 0..width {
            products += qkv[(left + i) as usize] * qkv[(right + i) as usize];
        }
        let mut sum = 0.0f32;
        #[unroll]
        for z in 0..N::value() {
            sum += products.extract(z);
        }
        logits[item as usize] = sum * scale;
    }
    sync_cube();
    if unit < QUERIES as u32 {
        let row = unit * tokens;
        let mut most = logits[row as usize];
        for key in 1..comptime!(tokens).runtime() {
            most = max(most, logits[(row + key) as usize]);
        }
        let mut sum = 0.0f32;
        for key in 0..comptime!(tokens).runtime() {
            let weight = (logits[(row + key) as usize] - most).exp();
            logits[(row + key) as usize] = weight;
            sum += weight;
        }
        inverse[unit as usize] = 1.0f32 / sum;
    }
    sync_cube();
    for item in range_stepped(unit, QUERIES as u32 * width, UNITS as u32) {
        let query = item / width;
        let i = item - query * width;
        if first + query < tokens {
            let mut sum = Vector::<f32, N>::new(0.0f32);
            for key in 0..comptime!(tokens).runtime() {
                let value = qkv[(base + (key * 3 + 2) * part + i) as usize];
                sum += value * Vector::new(logits[(query * tokens + key) as usize]);
            }
            let at = ((sample * tokens + first + query) * part + head * width + i) * lanes;
            #[unroll]
            for z in 0..N::value() {
                y[at as usize + z] = sum.extract(z) * inverse[query as usize];
            }
        }
    }
}

/// Attention between all pixels, or none where they are too many.
///
/// # Shapes
/// `qkv`: `[n, h, w, 3·c]`, c being heads by width; result: `[n, h, w, c]`.
pub fn attention(qkv: CubeTensor, heads: usize) -> Option<CubeTensor> {
    let [n, h, w, channels] = dims(&qkv);
    let (tokens, c) = (h * w, channels / 3);
    if tokens > TOKENS {
        return None;
    }
    assert!(heads > 0 && c % heads == 0 && channels == 3 * c, "{channels} channels of q, k and v in {heads} heads");
    let workgroups = count(&[tokens.div_ceil(QUERIES), heads, n])?;
    let y = empty_device_contiguous_dtype(qkv.client.clone(), qkv.device.clone(), [n, h, w, c].into(), qkv.dtype);
    if y.meta.num_elements() == 0 {
        return Some(y);
    }
    // The last workgroup's queries beyond the last token are computed, too.
    let queries = tokens.next_multiple_of(QUERIES);
    let multiply_adds = n * (queries + tokens) * tokens * c;
    account("attention", Work { multiply_adds, read: qkv.meta.num_elements(), written: n * tokens * c });
    let width = c / heads;
    let lanes = vector(width);
    // SAFETY: the kernel reads and writes inside of the tensors of these sizes.
    unsafe {
        attend::launch_unchecked(
            &y.client,
            workgroups,
            CubeDim::new_1d(UNITS as u32),
            lanes,
            rows(qkv).into_buffer_arg(),
            y.clone().into_buffer_arg(),
            heads as u32,
            (width / lanes) as u32,
            1.0 / (width as f32).sqrt(),
            tokens as u32,
        );
    }
    Some(y)
}
