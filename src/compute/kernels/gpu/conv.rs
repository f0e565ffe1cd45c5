//! The convolution with stride 1 as an implicit matrix product: [pixels, k²·c] by [k²·c, o], whose left side is never
//! written down.
//!
//! A workgroup of 8×8 units computes a tile of 8·`pixels` pixels by 8·`columns` channels, a unit `pixels` of them (one
//! below the other in the product) by `columns` channels that lie 8 apart. So the 8 units beside one another read the
//! same pixels, as vectors of 4 channels, and neighbouring weights; each value read serves `columns` or `pixels`
//! products. The tile is held in registers, and what the units of a workgroup share comes from the cache. Staged
//! through workgroup memory the same tile takes two barriers for every 16 products per unit; software GPUs need seconds to
//! compile that, and run it slower.
//!
//! What the network does before and after a convolution happens as it reads and writes: blocks of pixels as channels
//! ([`Shuffle`]), the bias, and a residual sum.

use burn_cubecl::{
    cubecl::{self, prelude::*},
    ops::numeric::empty_device_contiguous_dtype,
    tensor::CubeTensor,
};

use super::{count, dims, rows, vector};
use crate::compute::{
    account::{Work, account},
    kernels::options::Shuffle,
};

/// Units beside one another, which differ in their channels, and below one another, which differ in their pixels.
const SIDE: u32 = 8;
/// Pixels that a unit may have: the more, the less is read for each product.
const PIXELS: [u32; 2] = [8, 4];
/// Workgroups that a small GPU runs at once: so many shall be left by the larger tile.
const BUSY: usize = 24;
/// Channels that a unit may have. More take more registers than some GPUs give.
const COLUMNS: [u32; 4] = [6, 4, 2, 1];
/// The row in the image of pixels beyond the last one: no tap of theirs is inside.
const OUTSIDE: u32 = 0x4000_0000;

/// What the loops run over; the meaning of `fold` and `unfold` is [`Shuffle`]'s.
#[derive(CubeLaunch, CubeType)]
struct Extent {
    /// Rows of all images together.
    lines: u32,
    h: u32,
    w: u32,
    /// Vectors of channels that lie side by side: fold·c/N.
    run: u32,
    fold: u32,
    k: u32,
    o: u32,
    unfold: u32,
}

#[cube(launch_unchecked)]
fn implicit_product<N: Size>(
    x: &[Vector<f32, N>],
    weight: &[f32],
    bias: &[f32],
    residual: ComptimeOption<&[f32]>,
    y: &mut [f32],
    extent: Extent,
    #[comptime] pixels: u32,
    #[comptime] columns: u32,
    #[comptime] unfolded: bool,
) {
    let width = extent.w;
    let outputs = extent.o;
    let padding = (extent.k - 1) / 2;
    let first_pixel = (CUBE_POS_X * SIDE + UNIT_POS_Y) * pixels;
    let first_channel = CUBE_POS_Y * SIDE * columns + UNIT_POS_X;

    // Sequences unroll to variables of their own, where an array would be indexed as the shader runs.
    let mut line = Sequence::<u32>::new();
    let mut row = Sequence::<u32>::new();
    let mut column = Sequence::<u32>::new();
    #[unroll]
    for i in 0..comptime!(pixels as usize) {
        let pixel = first_pixel + i as u32;
        let l = pixel / width;
        line.push(l);
        column.push(pixel - l * width);
        row.push(select(l < extent.lines, l % extent.h, OUTSIDE.runtime()));
    }
    // Units beyond the last channel read the last one's weights, and write nothing.
    let mut channel = Sequence::<u32>::new();
    #[unroll]
    for j in 0..comptime!(columns as usize) {
        channel.push(min(first_channel + j as u32 * SIDE, outputs - 1));
    }
    let mut sums = Sequence::<RuntimeCell<f32>>::new();
    #[unroll]
    for _ in 0..comptime!((pixels * columns) as usize) {
        sums.push(RuntimeCell::<f32>::new(0.0f32));
    }

    // The weights' rows come in the order of the loops.
    let mut weights = 0u32;
    for u in 0..extent.k {
        for v in 0..extent.k {
            for part in 0..extent.fold {
                let mut inside = Sequence::<bool>::new();
                let mut start = Sequence::<u32>::new();
                #[unroll]
                for i in 0..comptime!(pixels as usize) {
                    // Below zero these wrap around, to beyond the image.
                    let y = *row.index(i) + u - padding;
                    let x = *column.index(i) + v - padding;
                    let is_inside = (y < extent.h) & (x < width);
                    let source = (*line.index(i) + u - padding) * extent.fold + part;
                    inside.push(is_inside);
                    start.push(select(is_inside, (source * width + x) * extent.run, 0));
                }
                for q in 0..extent.run {
                    let mut values = Sequence::<Vector<f32, N>>::new();
                    #[unroll]
                    for i in 0..comptime!(pixels as usize) {
                        let value = x[(*start.index(i) + q) as usize];
                        values.push(select(*inside.index(i), value, Vector::new(0.0f32)));
                    }
                    #[unroll]
                    for z in 0..N::value() {
                        #[unroll]
                        for j in 0..comptime!(columns as usize) {
                            let w = weight[(weights + *channel.index(j)) as usize];
                            #[unroll]
                            for i in 0..comptime!(pixels as usize) {
                                let sum = sums.index(comptime!(i * columns as usize + j));
                                sum.store(sum.read() + values.index(i).extract(z) * w);
                            }
                        }
                        weights += outputs;
                    }
                }
            }
        }
    }

    let strip = outputs / extent.unfold;
    #[unroll]
    for j in 0..comptime!(columns as usize) {
        let o = first_channel + j as u32 * SIDE;
        if o < outputs {
            let b = bias[o as usize];
            #[unroll]
            for i in 0..comptime!(pixels as usize) {
                if *row.index(i) < extent.h {
                    let mut at = (first_pixel + i as u32) * outputs + o;
                    if comptime!(unfolded) {
                        let part = o / strip;
                        let line = *line.index(i) * extent.unfold + part;
                        at = (line * width + *column.index(i)) * strip + o - part * strip;
                    }
                    let value = sums.index(comptime!(i * columns as usize + j)).read() + b;
                    let value = #[comptime]
                    match &residual {
                        ComptimeOption::Some(residual) => {
                            (residual[at as usize] + value) * std::f32::consts::FRAC_1_SQRT_2
                        }
                        ComptimeOption::None => value,
                    };
                    y[at as usize] = value;
                }
            }
        }
    }
}

/// The widest unit that wastes the fewest channels.
fn columns(o: usize) -> u32 {
    let padded = |columns: u32| o.div_ceil((SIDE * columns) as usize) * (SIDE * columns) as usize;
    COLUMNS.into_iter().min_by_key(|&columns| padded(columns)).expect("there are some")
}

/// The convolution, or none where it is too large for one dispatch.
///
/// # Shapes
/// `x`: `[n, h·fold, w·fold, c]`, `weight`: `[k, k, fold²·c, o]`, `bias`: `[o]`; the result and the residual:
/// `[n, h·unfold, w·unfold, o/unfold²]`.
pub fn conv2d(
    x: CubeTensor,
    weight: CubeTensor,
    bias: CubeTensor,
    residual: Option<CubeTensor>,
    Shuffle { input: fold, output: unfold }: Shuffle,
) -> Option<CubeTensor> {
    let ([n, h, w, c], [k, k2, c2, o]) = (dims(&x), dims(&weight));
    let whole = h % fold == 0 && w % fold == 0 && o % (unfold * unfold) == 0;
    assert!(
        c2 == c * fold * fold && k == k2 && k % 2 == 1 && whole,
        "a convolution of [{h}, {w}, {c}] by a kernel [{k}, {k2}, {c2}, {o}], {fold} to 1 and 1 to {unfold}"
    );
    assert!(dims(&bias) == [o], "one bias per channel");
    let (h, w) = (h / fold, w / fold);
    let size = [n, h * unfold, w * unfold, o / (unfold * unfold)];
    assert!(residual.as_ref().is_none_or(|residual| dims(residual) == size), "a residual of the result's size");

    let columns = columns(o);
    let tiles = |pixels: u32| [(n * h * w).div_ceil((SIDE * pixels) as usize), o.div_ceil((SIDE * columns) as usize)];
    let [large, small] = PIXELS;
    let pixels = if tiles(large).iter().product::<usize>() >= BUSY { large } else { small };
    let workgroups = count(&tiles(pixels))?;
    let run = fold * c;
    let lanes = vector(run);
    let y = empty_device_contiguous_dtype(x.client.clone(), x.device.clone(), size.into(), x.dtype);
    if y.meta.num_elements() == 0 {
        return Some(y);
    }
    let grid = tiles(pixels);
    let tile = (SIDE * SIDE * pixels * columns) as usize;
    let values = y.meta.num_elements();
    let sources = [&x, &weight, &bias].map(|tensor| tensor.meta.num_elements()).iter().sum::<usize>();
    account(
        "convolution",
        Work {
            multiply_adds: grid[0] * grid[1] * tile * k * k * c2,
            read: sources + if residual.is_some() { values } else { 0 },
            written: values,
        },
    );
    let [x, weight, bias] = [x, weight, bias].map(rows);
    let extent = ExtentLaunch::new(
        (n * h) as u32,
        h as u32,
        w as u32,
        (run / lanes) as u32,
        fold as u32,
        k as u32,
        o as u32,
        unfold as u32,
    );
    // SAFETY: the kernel reads and writes inside of the tensors of these sizes.
    unsafe {
        implicit_product::launch_unchecked(
            &y.client,
            workgroups,
            CubeDim::new_2d(SIDE, SIDE),
            lanes,
            x.into_buffer_arg(),
            weight.into_buffer_arg(),
            bias.into_buffer_arg(),
            residual.map(|residual| rows(residual).into_buffer_arg()).into(),
            y.clone().into_buffer_arg(),
            extent,
            pixels,
            columns,
            unfold > 1,
        );
    }
    Some(y)
}
