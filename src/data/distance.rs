//! Distances between samples: the largest one is where NCSNv2's ladders begin (Song & Ermon 2020,
//! <https://arxiv.org/abs/2006.09011>, technique 1).

use crate::noise::{Noise, Purpose};

/// A number of a sample. Distances are summed without rounding for bytes, in f64 for f32.
pub trait Coordinate: Copy + Into<f64> + Sync {
    /// |a − b|².
    fn distance2(a: &[Self], b: &[Self]) -> f64;
}

impl Coordinate for u8 {
    fn distance2(a: &[Self], b: &[Self]) -> f64 {
        // 65,025 a pixel: a part's sum fits in 32 bits, in which the loop vectorises.
        let part = |(a, b): (&[u8], &[u8])| -> u64 {
            u64::from(a.iter().zip(b).map(|(&a, &b)| u32::from(a.abs_diff(b)).pow(2)).sum::<u32>())
        };
        a.chunks(1 << 16).zip(b.chunks(1 << 16)).map(part).sum::<u64>() as f64
    }
}

impl Coordinate for f32 {
    fn distance2(a: &[Self], b: &[Self]) -> f64 {
        // Eight sums beside one another, in which the loop vectorises.
        let mut sums = [0.0; 8];
        let square = |a: f32, b: f32| (f64::from(a) - f64::from(b)).powi(2);
        let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
        for (a, b) in a.iter().zip(b) {
            for i in 0..8 {
                sums[i] += square(a[i], b[i]);
            }
        }
        let rest: f64 = a_rest.iter().zip(b_rest).map(|(&a, &b)| square(a, b)).sum();
        sums.iter().sum::<f64>() + rest
    }
}

/// Technique 1: the largest Euclidean distance between two of the rows, exactly, in their own units (bytes of images
/// in [−1, 1] are 1/127.5 apart). With fewer than two rows it is 0.
///
/// Every pair counts, but few are measured: two rows are no farther apart than their distances to the mean add up to,
/// so that rows are taken from the outside inwards until no pair can exceed the largest distance found.
///
/// # Shapes
/// `rows`: `[n, dim]` flattened.
///
/// # Panics
/// When `dim` is 0 or does not divide the length.
#[must_use]
pub fn largest_distance<T: Coordinate>(rows: &[T], dim: usize) -> f64 {
    assert!(dim > 0 && rows.len().is_multiple_of(dim), "rows of {dim} numbers");
    let n = rows.len() / dim;
    let mut mean = vec![0.0f64; dim];
    for row in rows.chunks_exact(dim) {
        mean.iter_mut().zip(row).for_each(|(mean, &x)| *mean += x.into() / n as f64);
    }
    let radius = |row: &[T]| row.iter().zip(&mean).map(|(&x, m)| (x.into() - m).powi(2)).sum::<f64>().sqrt();
    // Rounding must not hide a pair.
    let mut order: Vec<(f64, &[T])> = rows.chunks_exact(dim).map(|row| (radius(row) * (1.0 + 1e-9), row)).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));

    let mut best2 = 0.0f64;
    let mut done = 1;
    while done < n {
        let best = best2.sqrt();
        if order[done].0 + order[0].0 <= best {
            break;
        }
        // Short blocks first, since they raise what later ones must exceed.
        let block = done..(2 * done).min(done + 256).min(n);
        let farthest = |i: usize| {
            let (radius, row) = order[i];
            let candidates = order[..i].iter().take_while(|other| radius + other.0 > best);
            candidates.map(|(_, other)| T::distance2(row, other)).fold(0.0, f64::max)
        };
        best2 = best2.max(most(block.clone(), farthest));
        done = block.end;
    }
    best2.sqrt()
}

#[cfg(not(target_family = "wasm"))]
fn most(range: std::ops::Range<usize>, f: impl Fn(usize) -> f64 + Send + Sync) -> f64 {
    use rayon::prelude::*;
    range.into_par_iter().map(f).reduce(|| 0.0, f64::max)
}

#[cfg(target_family = "wasm")]
fn most(range: std::ops::Range<usize>, f: impl Fn(usize) -> f64) -> f64 {
    range.map(f).fold(0.0, f64::max)
}

/// [`largest_distance`] among `sample` of the rows, drawn without replacement: for sets that are too large for all
/// pairs. It is at most the set's own.
///
/// # Shapes
/// `rows`: `[n, dim]` flattened.
///
/// # Panics
/// When `dim` is 0 or does not divide the length.
#[must_use]
pub fn largest_distance_of_sample<T: Coordinate>(rows: &[T], dim: usize, sample: usize, seed: u64) -> f64 {
    assert!(dim > 0 && rows.len().is_multiple_of(dim), "rows of {dim} numbers");
    let n = rows.len() / dim;
    let sample = sample.min(n);
    // The first places of a Fisher–Yates shuffle.
    let mut uniforms = vec![0.0; sample];
    Noise::new(seed).fill_uniform(0, Purpose::Shuffle, 0, &mut uniforms);
    let mut order: Vec<usize> = (0..n).collect();
    for (i, u) in uniforms.into_iter().enumerate() {
        order.swap(i, i + (u * (n - i) as f64) as usize);
    }
    let drawn: Vec<T> = order[..sample].iter().flat_map(|&i| &rows[i * dim..][..dim]).copied().collect();
    largest_distance(&drawn, dim)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::{Dataset, DatasetName, Split};

    /// Every pair, from the definition.
    fn brute(rows: &[f64], dim: usize) -> f64 {
        let rows: Vec<&[f64]> = rows.chunks(dim).collect();
        let pairs = rows.iter().flat_map(|a| rows.iter().map(move |b| (a, b)));
        pairs.map(|(a, b)| a.iter().zip(*b).map(|(a, b)| (a - b).powi(2)).sum::<f64>()).fold(0.0, f64::max).sqrt()
    }

    proptest! {
        #[test]
        fn the_largest_distance_is_every_pairs(
            (dim, rows) in (1usize..20).prop_flat_map(|dim| (Just(dim), prop::collection::vec(any::<u8>(), 0..60 * dim))),
        ) {
            let rows = &rows[..rows.len() / dim * dim];
            let floats: Vec<f32> = rows.iter().map(|&x| f32::from(x) / 127.5 - 1.0).collect();
            let exact = brute(&rows.iter().map(|&x| f64::from(x)).collect::<Vec<_>>(), dim);
            prop_assert_eq!(largest_distance(rows, dim), exact);
            let exact = brute(&floats.iter().map(|&x| f64::from(x)).collect::<Vec<_>>(), dim);
            // The order of the sums.
            prop_assert!((largest_distance(&floats, dim) - exact).abs() <= 1e-14 * exact);
            let n = rows.len() / dim;
            prop_assert_eq!(largest_distance_of_sample(rows, dim, n, 7), largest_distance(rows, dim));
            prop_assert!(largest_distance_of_sample(rows, dim, n / 2, 7) <= largest_distance(rows, dim));
        }
    }

    #[test]
    fn the_largest_distance_of_images() {
        // Fashion-MNIST's test set, 8-bit: NumPy, all pairs by ‖a‖² + ‖b‖² − 2ab in int64.
        let data = Dataset::load(DatasetName::FashionMnist, Split::Test, None).expect("the tests need Fashion-MNIST");
        assert_eq!(largest_distance(&data.images, data.dim()).powi(2).round(), FARTHEST);
        let sampled = largest_distance_of_sample(&data.images, data.dim(), 1000, 1);
        // A tenth of the images comes near: the distance is the set's within 15 %.
        assert!((0.85..=1.0).contains(&(sampled / FARTHEST.sqrt())), "{sampled}");
    }

    /// |a − b|² of the two farthest images.
    const FARTHEST: f64 = 29_770_234.0;
}
