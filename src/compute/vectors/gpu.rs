//! On GPUs' tensors, one dispatch each.

use burn::backend::tensor::FloatTensor;
use burn_cubecl::{
    CubeBackend,
    cubecl::{self, prelude::*},
    ops::numeric::empty_device_contiguous_dtype,
    tensor::CubeTensor,
};

use super::{
    StepRule,
    extension::{Plan, PlannedTerm, Vectors},
};
use crate::compute::{
    account::{Work, account},
    launch::{count, dims, rows, single, total, vector},
};

const UNITS: u32 = 64;

/// A term's place in its tensor, in vectors, and its weight.
#[derive(CubeLaunch, CubeType)]
struct Place {
    first: u32,
    weight: f32,
}

/// One pipeline for every number of terms: absent ones are bound to the first one's tensor, and not read.
#[cube(launch_unchecked)]
fn weighted_sum<N: Size>(
    a: &[Vector<f32, N>],
    b: &[Vector<f32, N>],
    c: &[Vector<f32, N>],
    d: &[Vector<f32, N>],
    e: &[Vector<f32, N>],
    f: &[Vector<f32, N>],
    y: &mut [Vector<f32, N>],
    places: Sequence<Place>,
    terms: u32,
    // Vectors of a term, and how often the sum is written.
    vectors: u32,
    times: u32,
) {
    let i = ABSOLUTE_POS_X;
    if i < vectors {
        let mut sum = scaled::<N>(a, places.index(0), i);
        if terms > 1 {
            sum += scaled::<N>(b, places.index(1), i);
        }
        if terms > 2 {
            sum += scaled::<N>(c, places.index(2), i);
        }
        if terms > 3 {
            sum += scaled::<N>(d, places.index(3), i);
        }
        if terms > 4 {
            sum += scaled::<N>(e, places.index(4), i);
        }
        if terms > 5 {
            sum += scaled::<N>(f, places.index(5), i);
        }
        for time in 0..times {
            y[(time * vectors + i) as usize] = sum;
        }
    }
}

#[cube]
fn scaled<N: Size>(x: &[Vector<f32, N>], place: &Place, i: u32) -> Vector<f32, N> {
    x[(place.first + i) as usize] * Vector::new(place.weight)
}

/// A workgroup takes a row.
#[cube(launch_unchecked)]
fn norms_kernel(a: &[f32], b: &[f32], y: &mut [f32], d: u32, weight_a: f32, weight_b: f32) {
    let mut left = Shared::<[f32]>::new_slice(UNITS as usize);
    let mut right = Shared::<[f32]>::new_slice(UNITS as usize);
    let mut sum_a = 0.0f32;
    let mut sum_b = 0.0f32;
    for i in range_stepped(UNIT_POS_X, d, UNITS) {
        let at = (CUBE_POS_X * d + i) as usize;
        let value_a = a[at] * weight_a;
        let value_b = b[at] * weight_b;
        sum_a += value_a * value_a;
        sum_b += value_b * value_b;
    }
    let sum_a = total(sum_a, &mut left);
    let sum_b = total(sum_b, &mut right);
    if UNIT_POS_X == 0 {
        y[(2 * CUBE_POS_X) as usize] = sum_a;
        y[(2 * CUBE_POS_X + 1) as usize] = sum_b;
    }
}

#[cube(launch_unchecked)]
fn langevin_kernel(
    x: &[f32],
    s: &[f32],
    z: &[f32],
    norms: &[f32],
    y: &mut [f32],
    d: u32,
    rows: u32,
    factor: f32,
    most: f32,
    least: f32,
    #[comptime] batch: bool,
) {
    let row = CUBE_POS_Y;
    let i = ABSOLUTE_POS_X;
    if i < d {
        let ratio2 = if comptime!(batch) {
            // Every unit adds up the few rows for itself; means and sums have the same ratio, but for the limit.
            let mut sum_s = 0.0f32;
            let mut sum_z = 0.0f32;
            for k in 0..rows {
                sum_s += norms[(2 * k) as usize].sqrt();
                sum_z += norms[(2 * k + 1) as usize].sqrt();
            }
            let ratio = sum_z / max(sum_s, least * f32::cast_from(rows));
            ratio * ratio
        } else {
            norms[(2 * row + 1) as usize] / max(norms[(2 * row) as usize], least * least)
        };
        let step = min(factor * ratio2, most);
        let at = (row * d + i) as usize;
        y[at] = x[at] + step * s[at] + (2.0 * step).sqrt() * z[at];
    }
}

/// A workgroup takes a row.
#[cube(launch_unchecked)]
fn error_kernel(e: &[f32], y: &[f32], next: &[f32], result: &mut [f32], d: u32, rtol: f32, atol: f32) {
    let mut shared = Shared::<[f32]>::new_slice(UNITS as usize);
    let mut sum = 0.0f32;
    for i in range_stepped(UNIT_POS_X, d, UNITS) {
        let at = (CUBE_POS_X * d + i) as usize;
        let value = e[at] / (atol + rtol * max(y[at].abs(), next[at].abs()));
        sum += value * value;
    }
    let sum = total(sum, &mut shared);
    if UNIT_POS_X == 0 {
        result[CUBE_POS_X as usize] = sum / f32::cast_from(d);
    }
}

fn empty(like: &CubeTensor, size: [usize; 2]) -> CubeTensor {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), size.into(), like.dtype)
}

fn sum(tensors: [CubeTensor; 6], Plan { terms, rows: n, times }: Plan) -> Option<CubeTensor> {
    let [_, width] = dims(&tensors[0]);
    let holds = |(tensor, term): (&CubeTensor, &PlannedTerm)| {
        let [rows, columns] = dims(tensor);
        columns == width && term.first + n <= rows
    };
    assert!(terms.len() <= tensors.len() && tensors.iter().zip(&terms).all(holds), "a sum of {n} rows of {width}");
    let lanes = vector(width);
    let vectors = n * width / lanes;
    let workgroups = count(&[vectors.div_ceil(UNITS as usize)])?;
    let y = empty(&tensors[0], [n * times, width]);
    if y.meta.num_elements() == 0 {
        return Some(y);
    }
    let place = |i: usize| {
        let (first, weight) = terms.get(i).map_or((0, 0.0), |term| (term.first * width / lanes, term.weight));
        PlaceLaunch::new(first as u32, weight as f32)
    };
    let places = (0..6).map(place).collect();
    let values = n * width;
    account("sum", Work { multiply_adds: terms.len() * values, read: terms.len() * values, written: times * values });
    let [a, b, c, d, e, f] = tensors.map(|tensor| rows(tensor).into_buffer_arg());
    // SAFETY: the kernel reads and writes inside of the tensors of these sizes.
    unsafe {
        weighted_sum::launch_unchecked(
            &y.client,
            workgroups,
            CubeDim::new_1d(UNITS),
            lanes,
            a,
            b,
            c,
            d,
            e,
            f,
            y.clone().into_buffer_arg(),
            places,
            terms.len() as u32,
            vectors as u32,
            times as u32,
        );
    }
    Some(y)
}

fn squared_norms(a: CubeTensor, b: CubeTensor, [weight_a, weight_b]: [f64; 2]) -> Option<CubeTensor> {
    let [n, d] = dims(&a);
    assert!(dims(&b) == [n, d], "norms of vectors of one size");
    let workgroups = count(&[n])?;
    let y = empty(&a, [n, 2]);
    if n == 0 {
        return Some(y);
    }
    account("norms", Work { multiply_adds: 2 * n * d, read: 2 * n * d, written: 2 * n });
    let [a, b] = [a, b].map(|tensor| rows(tensor).into_buffer_arg());
    // SAFETY: as above.
    unsafe {
        norms_kernel::launch_unchecked(
            &y.client,
            workgroups,
            CubeDim::new_1d(UNITS),
            a,
            b,
            y.clone().into_buffer_arg(),
            d as u32,
            weight_a as f32,
            weight_b as f32,
        );
    }
    Some(y)
}

fn langevin([x, s, z, norms]: [CubeTensor; 4], rule: StepRule) -> Option<CubeTensor> {
    let [n, d] = dims(&x);
    assert!([&s, &z].map(dims) == [[n, d]; 2] && dims(&norms) == [n, 2], "a step of vectors of one size");
    let workgroups = count(&[d.div_ceil(UNITS as usize), n])?;
    let y = empty(&x, [n, d]);
    if y.meta.num_elements() == 0 {
        return Some(y);
    }
    account("langevin", Work { multiply_adds: 2 * n * d, read: 3 * n * d + 2 * n, written: n * d });
    let [x, s, z, norms] = [x, s, z, norms].map(|tensor| rows(tensor).into_buffer_arg());
    // SAFETY: as above.
    unsafe {
        langevin_kernel::launch_unchecked(
            &y.client,
            workgroups,
            CubeDim::new_1d(UNITS),
            x,
            s,
            z,
            norms,
            y.clone().into_buffer_arg(),
            d as u32,
            n as u32,
            rule.factor as f32,
            rule.most as f32,
            rule.least as f32,
            rule.batch,
        );
    }
    Some(y)
}

fn scaled_mean_squares([e, y, next]: [CubeTensor; 3], [rtol, atol]: [f64; 2]) -> Option<CubeTensor> {
    let [n, d] = dims(&e);
    assert!([&y, &next].map(dims) == [[n, d]; 2], "an error of vectors of one size");
    let workgroups = count(&[n])?;
    let result = empty(&e, [n, 1]);
    if n * d == 0 {
        return None;
    }
    account("error", Work { multiply_adds: 2 * n * d, read: 3 * n * d, written: n });
    let [e, y, next] = [e, y, next].map(|tensor| rows(tensor).into_buffer_arg());
    // SAFETY: as above.
    unsafe {
        error_kernel::launch_unchecked(
            &result.client,
            workgroups,
            CubeDim::new_1d(UNITS),
            e,
            y,
            next,
            result.clone().into_buffer_arg(),
            d as u32,
            rtol as f32,
            atol as f32,
        );
    }
    Some(result)
}

impl Vectors for CubeBackend {
    fn sum(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        f: FloatTensor<Self>,
        plan: Plan,
    ) -> Option<FloatTensor<Self>> {
        single(&[&a, &b, &c, &d, &e, &f]).then(|| sum([a, b, c, d, e, f], plan)).flatten()
    }

    fn squared_norms(a: FloatTensor<Self>, b: FloatTensor<Self>, weights: [f64; 2]) -> Option<FloatTensor<Self>> {
        single(&[&a, &b]).then(|| squared_norms(a, b, weights)).flatten()
    }

    fn langevin(
        x: FloatTensor<Self>,
        s: FloatTensor<Self>,
        z: FloatTensor<Self>,
        norms: FloatTensor<Self>,
        rule: StepRule,
    ) -> Option<FloatTensor<Self>> {
        single(&[&x, &s, &z, &norms]).then(|| langevin([x, s, z, norms], rule)).flatten()
    }

    fn scaled_mean_squares(
        e: FloatTensor<Self>,
        y: FloatTensor<Self>,
        next: FloatTensor<Self>,
        tolerances: [f64; 2],
    ) -> Option<FloatTensor<Self>> {
        single(&[&e, &y, &next]).then(|| scaled_mean_squares([e, y, next], tolerances)).flatten()
    }
}
