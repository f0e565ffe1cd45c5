//! On GPUs' tensors, one dispatch each.

use burn::backend::tensor::FloatTensor;
use burn_cubecl::{
    CubeBackend,
    cubecl::{self, prelude::*},
    ops::numeric::empty_device_contiguous_dtype,
    tensor::CubeTensor,
};

use super::extension::{Plan, Vectors};
use crate::cube::{count, dims, rows, single, vector};

const UNITS: u32 = 64;

/// A term's place in its tensor, in vectors, and its weight.
#[derive(CubeLaunch, CubeType)]
struct Place {
    first: u32,
    weight: f32,
}

#[cube]
fn term<N: Size>(x: &ComptimeOption<&[Vector<f32, N>]>, place: &Place, i: u32) -> Vector<f32, N> {
    #[comptime]
    match x {
        ComptimeOption::Some(x) => x[(place.first + i) as usize] * Vector::new(place.weight),
        ComptimeOption::None => Vector::new(0.0f32),
    }
}

#[cube(launch_unchecked)]
fn weighted_sum<N: Size>(
    a: &[Vector<f32, N>],
    b: ComptimeOption<&[Vector<f32, N>]>,
    c: ComptimeOption<&[Vector<f32, N>]>,
    d: ComptimeOption<&[Vector<f32, N>]>,
    e: ComptimeOption<&[Vector<f32, N>]>,
    f: ComptimeOption<&[Vector<f32, N>]>,
    y: &mut [Vector<f32, N>],
    places: Sequence<Place>,
    // Vectors of a term, and how often the sum is written.
    vectors: u32,
    times: u32,
) {
    let i = ABSOLUTE_POS_X;
    if i < vectors {
        let place = places.index(0);
        let mut sum = a[(place.first + i) as usize] * Vector::new(place.weight);
        sum += term::<N>(&b, places.index(1), i);
        sum += term::<N>(&c, places.index(2), i);
        sum += term::<N>(&d, places.index(3), i);
        sum += term::<N>(&e, places.index(4), i);
        sum += term::<N>(&f, places.index(5), i);
        for time in 0..times {
            y[(time * vectors + i) as usize] = sum;
        }
    }
}

fn sum(tensors: Vec<CubeTensor>, Plan { terms, rows: n, times }: Plan) -> Option<CubeTensor> {
    let [_, d] = dims(&tensors[0]);
    let lanes = vector(d);
    let vectors = n * d / lanes;
    let workgroups = count(&[vectors.div_ceil(UNITS as usize)])?;
    let (client, device) = (tensors[0].client.clone(), tensors[0].device.clone());
    let y = empty_device_contiguous_dtype(client, device, [n * times, d].into(), tensors[0].dtype);
    if y.meta.num_elements() == 0 {
        return Some(y);
    }
    let place = |i: usize| {
        let (first, weight) = terms.get(i).map_or((0, 0.0), |term| (term.first * d / lanes, term.weight));
        PlaceLaunch::new(first as u32, weight as f32)
    };
    let places = (0..6).map(place).collect();
    let mut tensors = tensors.into_iter().map(|tensor| rows(tensor).into_buffer_arg());
    // SAFETY: the kernel reads and writes inside of the tensors of these sizes.
    unsafe {
        weighted_sum::launch_unchecked(
            &y.client,
            workgroups,
            CubeDim::new_1d(UNITS),
            lanes,
            tensors.next().expect("there is at least one term"),
            tensors.next().into(),
            tensors.next().into(),
            tensors.next().into(),
            tensors.next().into(),
            tensors.next().into(),
            y.clone().into_buffer_arg(),
            places,
            vectors as u32,
            times as u32,
        );
    }
    Some(y)
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
        let mut tensors = vec![a, b, c, d, e, f];
        tensors.truncate(plan.terms.len());
        single(&tensors.iter().collect::<Vec<_>>()).then(|| sum(tensors, plan)).flatten()
    }
}
