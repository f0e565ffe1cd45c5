//! The channels of two tensors side by side, in one dispatch.

use burn_cubecl::{
    cubecl::{self, prelude::*},
    ops::numeric::empty_device_contiguous_dtype,
    tensor::CubeTensor,
};

use super::{count, dims, rows, vector};
use crate::compute::account::{Work, account};

const UNITS: u32 = 64;

#[cube(launch_unchecked)]
fn interleave<N: Size>(
    a: &[Vector<f32, N>],
    b: &[Vector<f32, N>],
    y: &mut [Vector<f32, N>],
    pixels: u32,
    // Vectors of a pixel, in each.
    left: u32,
    right: u32,
) {
    let all = left + right;
    let pixel = ABSOLUTE_POS_X / all;
    let i = ABSOLUTE_POS_X - pixel * all;
    if pixel < pixels {
        if i < left {
            y[ABSOLUTE_POS_X as usize] = a[(pixel * left + i) as usize];
        } else {
            y[ABSOLUTE_POS_X as usize] = b[(pixel * right + i - left) as usize];
        }
    }
}

/// a's channels, then b's.
///
/// # Shapes
/// `a`: `[n, h, w, c]`, `b`: `[n, h, w, d]`; result: `[n, h, w, c + d]`.
pub fn join(a: CubeTensor, b: CubeTensor) -> Option<CubeTensor> {
    let ([n, h, w, c], [n2, h2, w2, d]) = (dims(&a), dims(&b));
    assert!([n, h, w] == [n2, h2, w2], "[{n}, {h}, {w}] beside [{n2}, {h2}, {w2}]");
    let lanes = vector(c).min(vector(d));
    let workgroups = count(&[(n * h * w * (c + d) / lanes).div_ceil(UNITS as usize)])?;
    let y = empty_device_contiguous_dtype(a.client.clone(), a.device.clone(), [n, h, w, c + d].into(), a.dtype);
    if y.meta.num_elements() == 0 {
        return Some(y);
    }
    let values = y.meta.num_elements();
    account("join", Work { multiply_adds: 0, read: values, written: values });
    // SAFETY: the kernel reads and writes inside of the tensors of these sizes.
    unsafe {
        interleave::launch_unchecked(
            &y.client,
            workgroups,
            CubeDim::new_1d(UNITS),
            lanes,
            rows(a).into_buffer_arg(),
            rows(b).into_buffer_arg(),
            y.clone().into_buffer_arg(),
            (n * h * w) as u32,
            (c / lanes) as u32,
            (d / lanes) as u32,
        );
    }
    Some(y)
}
