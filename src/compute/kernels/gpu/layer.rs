//! The small layers of the embedding, one dispatch each: a unit computes one number of one sample.

use burn_cubecl::{
    cubecl::{self, prelude::*},
    ops::numeric::empty_device_contiguous_dtype,
    tensor::CubeTensor,
};

use super::{count, dims, rows, sigmoid};
use crate::compute::account::{Work, account};

const UNITS: u32 = 64;

/// sin and cos of angles up to some thousands, to a few units in the last place: WGSL promises its own to 2⁻¹¹, and
/// SwiftShader's are 10⁻⁴ off. Cephes' polynomials (Moshier, sinf.c) on [−π/4, π/4], and π/2 in two parts, the first of
/// few enough bits that its multiples are exact.
#[cube]
fn sin_cos(angle: f32) -> (f32, f32) {
    let turns = (angle * std::f32::consts::FRAC_2_PI + 0.5f32).floor();
    let r = angle - turns * 1.570_312_5 - turns * 4.838_268e-4;
    let quadrant = turns - 4.0f32 * (turns * 0.25f32).floor();
    let r2 = r * r;
    let sin = r + r * r2 * (r2 * (8.332_161e-3 - r2 * 1.951_529_6e-4) - 0.166_666_55f32);
    let cos = 1.0f32 - 0.5f32 * r2 + r2 * r2 * (r2 * (r2 * 2.443_315_7e-5 - 1.388_731_6e-3) + 4.166_664_6e-2);
    let is_odd = (quadrant == 1.0f32) | (quadrant == 3.0f32);
    let sin_sign = select(quadrant >= 2.0f32, -1.0f32, 1.0f32);
    let cos_sign = select((quadrant == 1.0f32) | (quadrant == 2.0f32), -1.0f32, 1.0f32);
    (select(is_odd, cos, sin) * sin_sign, select(is_odd, sin, cos) * cos_sign)
}

#[cube(launch_unchecked)]
fn waves_kernel(
    level: &[f32],
    frequencies: &[f32],
    weight: &[f32],
    bias: &[f32],
    y: &mut [f32],
    waves: u32,
    outputs: u32,
) {
    let o = ABSOLUTE_POS_X;
    let sample = CUBE_POS_Y;
    if o < outputs {
        let mut z = bias[o as usize];
        for i in 0..waves {
            let (sin, cos) = sin_cos(level[sample as usize] * frequencies[i as usize]);
            z += cos * weight[(i * outputs + o) as usize];
            z += sin * weight[((waves + i) * outputs + o) as usize];
        }
        y[(sample * outputs + o) as usize] = z * sigmoid(z);
    }
}

#[cube(launch_unchecked)]
fn class_kernel(
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    table: &[f32],
    class: &[i32],
    y: &mut [f32],
    // From one sample's x to the next one's: the inputs, or 0.
    stride: u32,
    inputs: u32,
    outputs: u32,
    classes: u32,
) {
    let o = ABSOLUTE_POS_X;
    let sample = CUBE_POS_Y;
    if o < outputs {
        // A negative one is beyond the last, too.
        let row = min(class[sample as usize] as u32, classes - 1);
        let mut z = bias[o as usize];
        for i in 0..inputs {
            z += x[(sample * stride + i) as usize] * weight[(i * outputs + o) as usize];
        }
        z += table[(row * outputs + o) as usize];
        y[(sample * outputs + o) as usize] = z * sigmoid(z);
    }
}

fn launch(outputs: usize, samples: usize) -> Option<CubeCount> {
    count(&[outputs.div_ceil(UNITS as usize), samples])
}

/// silu(W·[cos, sin](f·level) + b).
///
/// # Shapes
/// `level`: `[n, 1]`, `frequencies`: `[e]`, `weight`: `[2·e, o]`, `bias`: `[o]`; result: `[n, o]`.
pub fn waves_layer(
    level: CubeTensor,
    frequencies: CubeTensor,
    weight: CubeTensor,
    bias: CubeTensor,
) -> Option<CubeTensor> {
    let ([n, one], [waves], [inputs, outputs]) = (dims(&level), dims(&frequencies), dims(&weight));
    let fits = one == 1 && inputs == 2 * waves && dims(&bias) == [outputs];
    assert!(fits, "a layer [{inputs}, {outputs}] of {waves} waves of [{n}, {one}] levels");
    let workgroups = launch(outputs, n)?;
    let y = empty_device_contiguous_dtype(level.client.clone(), level.device.clone(), [n, outputs].into(), level.dtype);
    let weights = (inputs + 1) * outputs;
    let written = n * outputs;
    account("layer", Work { multiply_adds: n * inputs * outputs, read: n + waves + weights, written });
    let [level, frequencies, weight, bias] =
        [level, frequencies, weight, bias].map(|tensor| rows(tensor).into_buffer_arg());
    // SAFETY: the kernel reads and writes inside of the tensors of these sizes.
    unsafe {
        waves_kernel::launch_unchecked(
            &y.client,
            workgroups,
            CubeDim::new_1d(UNITS),
            level,
            frequencies,
            weight,
            bias,
            y.clone().into_buffer_arg(),
            waves as u32,
            outputs as u32,
        );
    }
    Some(y)
}

/// silu(W·x + b + row of the class). The class of a number that no class has is the table's last one.
///
/// # Shapes
/// `x`: `[n, i]` or `[1, i]`, `weight`: `[i, o]`, `bias`: `[o]`, `table`: `[classes, o]`, `class`: `[n]`; result: `[n, o]`.
pub fn class_layer(
    x: CubeTensor,
    weight: CubeTensor,
    bias: CubeTensor,
    table: CubeTensor,
    class: CubeTensor,
) -> Option<CubeTensor> {
    let ([m, i], [inputs, outputs], [n]) = (dims(&x), dims(&weight), dims(&class));
    let [classes, columns] = dims(&table);
    assert!(i == inputs && dims(&bias) == [outputs], "a layer [{inputs}, {outputs}] of {i} numbers");
    assert!(classes > 0 && columns == outputs, "classes [{classes}, {columns}] for a layer of {outputs} numbers");
    assert!(m == n || m == 1, "{n} classes for {m} samples");
    let workgroups = launch(outputs, n)?;
    let y = empty_device_contiguous_dtype(x.client.clone(), x.device.clone(), [n, outputs].into(), x.dtype);
    let read = m * inputs + (inputs + 1) * outputs + n.min(classes) * outputs + n;
    account("layer", Work { multiply_adds: n * inputs * outputs, read, written: n * outputs });
    // SAFETY: as above; the kernel takes no row beyond the table's.
    unsafe {
        class_kernel::launch_unchecked(
            &y.client,
            workgroups,
            CubeDim::new_1d(UNITS),
            rows(x).into_buffer_arg(),
            rows(weight).into_buffer_arg(),
            rows(bias).into_buffer_arg(),
            rows(table).into_buffer_arg(),
            rows(class).into_buffer_arg(),
            y.clone().into_buffer_arg(),
            if m == 1 { 0 } else { inputs as u32 },
            inputs as u32,
            outputs as u32,
            classes as u32,
        );
    }
    Some(y)
}
