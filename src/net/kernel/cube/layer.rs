//! The small layers of the embedding, one dispatch each: a unit computes one number of one sample.

use burn_cubecl::{
    cubecl::{self, prelude::*},
    ops::numeric::empty_device_contiguous_dtype,
    tensor::CubeTensor,
};

use super::{count, dims, rows, sigmoid};
use crate::cost::{Work, account};

const UNITS: u32 = 64;

/// An angle brought to [−π, π], beyond which WGSL promises no accuracy of sin and cos: 2π in two parts, the first of
/// few enough bits that its multiples are exact.
#[cube]
fn reduced(angle: f32) -> f32 {
    let turns = (angle * std::f32::consts::FRAC_1_PI * 0.5 + 0.5f32).floor();
    angle - turns * 6.28125 - turns * 1.935_307_2e-3
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
            let angle = reduced(level[sample as usize] * frequencies[i as usize]);
            z += angle.cos() * weight[(i * outputs + o) as usize];
            z += angle.sin() * weight[((waves + i) * outputs + o) as usize];
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
) {
    let o = ABSOLUTE_POS_X;
    let sample = CUBE_POS_Y;
    if o < outputs {
        let mut z = bias[o as usize];
        for i in 0..inputs {
            z += x[(sample * stride + i) as usize] * weight[(i * outputs + o) as usize];
        }
        z += table[(class[sample as usize] as u32 * outputs + o) as usize];
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
    let ([n, _], [waves], [inputs, outputs]) = (dims(&level), dims(&frequencies), dims(&weight));
    assert!(inputs == 2 * waves && dims(&bias) == [outputs], "a layer [{inputs}, {outputs}] of {waves} waves");
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

/// silu(W·x + b + row of the class).
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
    assert!(i == inputs && dims(&bias) == [outputs], "a layer [{inputs}, {outputs}] of {i} numbers");
    assert!(m == n || m == 1, "{n} classes for {m} samples");
    let workgroups = launch(outputs, n)?;
    let y = empty_device_contiguous_dtype(x.client.clone(), x.device.clone(), [n, outputs].into(), x.dtype);
    let [classes, _] = dims(&table);
    let read = m * inputs + (inputs + 1) * outputs + n.min(classes) * outputs + n;
    account("layer", Work { multiply_adds: n * inputs * outputs, read, written: n * outputs });
    // SAFETY: as above; the classes are the caller's, who checks labels where they are set.
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
        );
    }
    Some(y)
}
