//! Products of matrices in a browser, y = a·b. burn's are for tensor cores, packed types and tiles of every kind, and made a
//! third of the engine's code; here a unit computes one number. Convolutions, where the time goes, have their own kernel.

use burn_cubecl::{
    cubecl::{self, prelude::*},
    ops::numeric::empty_device_contiguous_dtype,
    tensor::CubeTensor,
};

use super::{count, rows, single};

const UNITS: u32 = 64;

#[cube(launch_unchecked)]
fn product_kernel(a: &[f32], b: &[f32], y: &mut [f32], lines: u32, height: u32, inner: u32, width: u32) {
    let column = ABSOLUTE_POS_X;
    if column < width {
        // There may be more rows than workgroups.
        for line in range_stepped(CUBE_POS_Y, lines, CUBE_COUNT_Y) {
            let first = line / height * inner * width + column;
            let mut sum = 0.0f32;
            for i in 0..inner {
                sum += a[(line * inner + i) as usize] * b[(first + i * width) as usize];
            }
            y[(line * width + column) as usize] = sum;
        }
    }
}

/// The product of each pair of matrices.
///
/// # Shapes
/// `a`: `[…, m, k]`, `b`: `[…, k, n]` with the same dimensions before; result: `[…, m, n]`.
pub fn product(a: CubeTensor, b: CubeTensor) -> CubeTensor {
    assert!(single(&[&a, &b]), "products here are of f32");
    let (left, right) = (a.meta.shape().to_vec(), b.meta.shape().to_vec());
    let (Some((pairs, &[height, inner])), Some((pairs2, &[inner2, width]))) =
        (left.split_last_chunk(), right.split_last_chunk())
    else {
        panic!("a product of {left:?} and {right:?}, which are no matrices");
    };
    assert!(pairs == pairs2 && inner == inner2, "a product of {left:?} and {right:?}");
    let lines = pairs.iter().product::<usize>() * height;
    let size = pairs.iter().copied().chain([height, width]).collect();
    let y = empty_device_contiguous_dtype(a.client.clone(), a.device.clone(), size, a.dtype);
    if y.meta.num_elements() == 0 {
        return y;
    }
    let workgroups = count(&[width.div_ceil(UNITS as usize), lines.min(usize::from(u16::MAX))])
        .expect("a row of millions does not fit a buffer of WebGPU's with any other");
    // SAFETY: the kernel reads and writes inside of the tensors of these sizes.
    unsafe {
        product_kernel::launch_unchecked(
            &y.client,
            workgroups,
            CubeDim::new_1d(UNITS),
            rows(a).into_buffer_arg(),
            rows(b).into_buffer_arg(),
            y.clone().into_buffer_arg(),
            lines as u32,
            height as u32,
            inner as u32,
            width as u32,
        );
    }
    y
}
