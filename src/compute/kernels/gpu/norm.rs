//! Group normalisation, scale and shift, and SiLU in one dispatch: a workgroup takes one group of one sample.
//!
//! y = silu((x − μ)·r·γ + β), r = 1/√(v + ε): one pass over the group for μ, one for v (in one, their difference would
//! cancel) and one for y; the group stays in the cache. With FiLM, [s, b] = W·e + b₀ of the group's own channels is
//! computed by the same workgroup, and γ and β become (1 + s)·γ and (1 + s)·β + b.
//!
//! A unit keeps to one channel and strides over the pixels, so that no index is divided.

use burn_cubecl::{
    cubecl::{self, prelude::*},
    ops::numeric::empty_device_contiguous_dtype,
    tensor::CubeTensor,
};

use super::{count, dims, rows, sigmoid, total};
use crate::compute::{
    account::{Work, account},
    kernels::options::Norm,
};

/// Channels that a group may have: the smaller workgroup has a unit for each.
const GROUP: usize = 64;
/// Values of a group from which on the larger workgroup takes it.
const LARGE: usize = 4096;

/// What the loops run over.
#[derive(CubeLaunch, CubeType)]
struct Extent {
    pixels: u32,
    channels: u32,
    /// Channels of a group.
    group: u32,
    /// From one sample's γ to the next one's: the channels, or 0.
    gamma: u32,
    /// The same for β.
    beta: u32,
}

/// y for the channel with this γ and β; all units of the workgroup enter.
#[cube]
fn normalise(
    x: &[f32],
    y: &mut [f32],
    gamma: f32,
    beta: f32,
    extent: &Extent,
    epsilon: f32,
    #[comptime] units: usize,
    #[comptime] silu: bool,
) {
    let mut sums = Shared::<[f32]>::new_slice(units);
    let mut squares = Shared::<[f32]>::new_slice(units);
    // Units beyond the last whole pixel have nothing to do.
    let stride = CUBE_DIM_X / extent.group;
    let start = UNIT_POS_X / extent.group;
    let first = select(start < stride, start, extent.pixels);
    let channel = CUBE_POS_Y * extent.group + UNIT_POS_X % extent.group;
    let base = CUBE_POS_X * extent.pixels * extent.channels + channel;
    let values = f32::cast_from(extent.pixels * extent.group);

    let mut sum = 0.0f32;
    for pixel in range_stepped(first, extent.pixels, stride) {
        sum += x[(base + pixel * extent.channels) as usize];
    }
    let mean = total(sum, &mut sums) / values;
    let mut square = 0.0f32;
    for pixel in range_stepped(first, extent.pixels, stride) {
        let difference = x[(base + pixel * extent.channels) as usize] - mean;
        square += difference * difference;
    }
    let rate = 1.0f32 / (total(square, &mut squares) / values + epsilon).sqrt();
    for pixel in range_stepped(first, extent.pixels, stride) {
        let at = (base + pixel * extent.channels) as usize;
        let z = (x[at] - mean) * (rate * gamma) + beta;
        y[at] = if comptime!(silu) { z * sigmoid(z) } else { z };
    }
}

#[cube(launch_unchecked)]
fn plain(
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    y: &mut [f32],
    extent: Extent,
    epsilon: f32,
    #[comptime] units: usize,
    #[comptime] silu: bool,
) {
    let channel = CUBE_POS_Y * extent.group + UNIT_POS_X % extent.group;
    let gamma = gamma[(CUBE_POS_X * extent.gamma + channel) as usize];
    let beta = beta[(CUBE_POS_X * extent.beta + channel) as usize];
    normalise(x, y, gamma, beta, &extent, epsilon, units, silu);
}

#[cube(launch_unchecked)]
fn modulated(
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    embedding: &[f32],
    weight: &[f32],
    bias: &[f32],
    y: &mut [f32],
    extent: Extent,
    epsilon: f32,
    numbers: u32,
    // From one sample's embedding to the next one's: the numbers, or 0.
    stride: u32,
    #[comptime] units: usize,
    #[comptime] silu: bool,
) {
    // The group's scales, then its shifts.
    let mut film = Shared::<[f32]>::new_slice(comptime!(2 * GROUP));
    for i in range_stepped(UNIT_POS_X, 2 * extent.group, CUBE_DIM_X) {
        let is_shift = i >= extent.group;
        let channel = CUBE_POS_Y * extent.group + i;
        let column = select(is_shift, extent.channels + channel - extent.group, channel);
        let mut sum = 0.0f32;
        for k in 0..numbers {
            let value = embedding[(CUBE_POS_X * stride + k) as usize];
            sum += value * weight[(k * 2 * extent.channels + column) as usize];
        }
        film[i as usize] = sum + bias[column as usize];
    }
    sync_cube();
    let member = UNIT_POS_X % extent.group;
    let channel = CUBE_POS_Y * extent.group + member;
    let scale = film[member as usize] + 1.0;
    let gamma = scale * gamma[channel as usize];
    let beta = scale * beta[channel as usize] + film[(extent.group + member) as usize];
    normalise(x, y, gamma, beta, &extent, epsilon, units, silu);
}

/// An embedding `[n, e]` or `[1, e]` and the layer `[e, 2·c]`, `[2·c]` that makes scales and shifts of it.
pub struct Film {
    pub embedding: CubeTensor,
    pub weight: CubeTensor,
    pub bias: CubeTensor,
}

/// The normalisation, or none where a group is too wide.
///
/// # Shapes
/// `x` and the result: `[n, h, w, c]`; `gamma`, `beta`: `[n, c]` or `[1, c]`.
pub fn group_norm(
    x: CubeTensor,
    gamma: CubeTensor,
    beta: CubeTensor,
    film: Option<Film>,
    Norm { groups, epsilon, silu }: Norm,
) -> Option<CubeTensor> {
    let [n, h, w, c] = dims(&x);
    assert!(groups > 0 && c % groups == 0, "{c} channels in {groups} groups");
    let [gamma_stride, beta_stride] = [&gamma, &beta].map(|parameters| {
        let [rows, columns] = dims(parameters);
        assert!(
            (rows == 1 || rows == n) && columns == c,
            "parameters [{rows}, {columns}] for {n} samples of {c} channels"
        );
        if rows == 1 { 0 } else { c as u32 }
    });
    let (pixels, group) = (h * w, c / groups);
    if group > GROUP {
        return None;
    }
    let workgroups = count(&[n, groups])?;
    let units = if pixels * group < LARGE { 64 } else { 256 };
    let y = empty_device_contiguous_dtype(x.client.clone(), x.device.clone(), x.meta.shape().clone(), x.dtype);
    if y.meta.num_elements() == 0 {
        return Some(y);
    }
    let extent = ExtentLaunch::new(pixels as u32, c as u32, group as u32, gamma_stride, beta_stride);
    let [x, gamma, beta] = [x, gamma, beta].map(|tensor| rows(tensor).into_buffer_arg());
    let values = n * pixels * c;
    let parameters =
        c * [gamma_stride, beta_stride].map(|stride| if stride == 0 { 1 } else { n }).iter().sum::<usize>();
    let modulation = film.as_ref().map_or([0; 2], |film| {
        let [samples, numbers] = dims(&film.embedding);
        [n * 2 * c * numbers, samples * numbers + (numbers + 1) * 2 * c]
    });
    let [multiply_adds, layer] = modulation;
    account("normalisation", Work { multiply_adds, read: values + parameters + layer, written: values });
    let (client, size, output) = (y.client.clone(), CubeDim::new_1d(units as u32), y.clone().into_buffer_arg());
    match film {
        // SAFETY: the kernel reads and writes inside of the tensors of these sizes.
        None => unsafe {
            plain::launch_unchecked(&client, workgroups, size, x, gamma, beta, output, extent, epsilon, units, silu);
        },
        Some(Film { embedding, weight, bias }) => {
            let [samples, numbers] = dims(&embedding);
            let layer = dims(&weight) == [numbers, 2 * c] && dims(&bias) == [2 * c];
            let shared = samples == 1;
            assert!(
                (shared || samples == n) && layer && gamma_stride + beta_stride == 0,
                "a modulation of {c} channels"
            );
            let [embedding, weight, bias] = [embedding, weight, bias].map(|tensor| rows(tensor).into_buffer_arg());
            // SAFETY: as above.
            unsafe {
                modulated::launch_unchecked(
                    &client,
                    workgroups,
                    size,
                    x,
                    gamma,
                    beta,
                    embedding,
                    weight,
                    bias,
                    output,
                    extent,
                    epsilon,
                    numbers as u32,
                    if shared { 0 } else { numbers as u32 },
                    units,
                    silu,
                );
            }
        }
    }
    Some(y)
}
