//! Memorisation: how far is a sample from the nearest training image, beside how far a test image is?
//!
//! Samples that copy training images lie nearer to them than fresh images of the same kind do. Distances are
//! Euclidean over pixels in [−1, 1]. |a − b|² = |a|² + |b|² − 2a·b finds the nearest by matrix products in blocks,
//! in f32; its distance is then summed afresh from the integer pixels, without the formula's cancellation.

use burn::{
    Tensor,
    tensor::{Device, TensorData},
};
use serde::Serialize;

use crate::data::unit;

/// Reference images per block: 2,000 of 784 pixels are 6 MB.
const BLOCK: usize = 2000;

/// The middle and the mean of a set of distances.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The median.
    pub median: f64,
    /// The mean.
    pub mean: f64,
}

impl Summary {
    /// Of at least one distance.
    #[must_use]
    pub fn new(distances: &[f64]) -> Self {
        let mut sorted = distances.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        let median = 0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]);
        Self { median, mean: sorted.iter().sum::<f64>() / n as f64 }
    }
}

/// Index of and distance to the nearest of `reference` for each of `images`, both 8-bit with `d` pixels each;
/// `progress` is told of each part of `reference` that is done, in images.
///
/// # Panics
/// When `reference` is empty.
#[must_use]
pub fn nearest(images: &[u8], reference: &[u8], d: usize, mut progress: impl FnMut(usize)) -> Vec<(usize, f64)> {
    assert!(reference.len() >= d, "something must be nearest");
    // The CPU's own device: a matrix product and one pass over its result.
    let device = Device::flex();
    let queries = rows(images, d, &device);
    let mut best = vec![(0, f32::INFINITY); images.len() / d];
    for (block, part) in reference.chunks(BLOCK * d).enumerate() {
        let width = part.len() / d;
        let squares: Vec<f32> =
            part.chunks(d).map(|image| image.iter().map(|&p| unit(p) * unit(p)).sum::<f32>()).collect();
        let products = queries.clone().matmul(rows(part, d, &device).transpose()).into_data();
        let products = products.as_slice::<f32>().expect("flex computes floats in f32");
        for (best, products) in best.iter_mut().zip(products.chunks(width)) {
            for (at, (product, square)) in products.iter().zip(&squares).enumerate() {
                // |a|² is the same for every candidate.
                let score = square - 2.0 * product;
                if score < best.1 {
                    *best = (block * BLOCK + at, score);
                }
            }
        }
        progress(width);
    }
    let index = best.into_iter().map(|(index, _)| index);
    images.chunks(d).zip(index).map(|(image, index)| (index, distance(image, &reference[index * d..][..d]))).collect()
}

fn rows(images: &[u8], d: usize, device: &Device) -> Tensor<2> {
    let values: Vec<f32> = images.iter().map(|&pixel| unit(pixel)).collect();
    Tensor::from_data(TensorData::new(values, [images.len() / d, d]), device)
}

/// The distance of two images over pixels in [−1, 1].
fn distance(a: &[u8], b: &[u8]) -> f64 {
    let squares: u64 = a.iter().zip(b).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum();
    (squares as f64).sqrt() / 127.5
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::{Noise, Purpose};

    fn images(n: usize, d: usize, seed: u64) -> Vec<u8> {
        let mut values = vec![0.0; n * d];
        Noise::new(seed).fill_uniform(0, Purpose::Prior, 0, &mut values);
        values.iter().map(|u| (u * 256.0) as u8).collect()
    }

    #[test]
    fn agrees_with_the_search_by_definition() {
        // More than two blocks, the last one partial.
        let (d, n) = (50, 40);
        let reference = images(2 * BLOCK + 17, d, 1);
        let mut queries = images(n, d, 2);
        // Two copies: of the last image, and of one across the block's border.
        queries[..d].copy_from_slice(&reference[reference.len() - d..]);
        queries[d..2 * d].copy_from_slice(&reference[BLOCK * d..][..d]);
        let mut done = 0;
        let found = nearest(&queries, &reference, d, |n| done += n);
        assert_eq!(done, 2 * BLOCK + 17);
        for (query, (index, found)) in queries.chunks(d).zip(found) {
            let naive = |image: &[u8]| {
                query
                    .iter()
                    .zip(image)
                    .map(|(&a, &b)| ((f64::from(a) - f64::from(b)) / 127.5).powi(2))
                    .sum::<f64>()
                    .sqrt()
            };
            let all: Vec<f64> = reference.chunks(d).map(naive).collect();
            let least = all.iter().copied().fold(f64::INFINITY, f64::min);
            // The same image, or (f32: 50 products, 1e-5 of d²) one as near; its distance is summed in f64.
            assert!((all[index] - found).abs() < 1e-12 && found - least < 1e-4, "{found}, {least}");
        }
    }

    #[test]
    fn copies_are_at_distance_zero() {
        let reference = images(300, 784, 3);
        assert!(
            nearest(&reference[..784 * 20], &reference, 784, |_| ()).iter().enumerate().all(|(i, &n)| n == (i, 0.0))
        );
    }

    #[test]
    fn the_median_of_an_even_count_is_the_mean_of_the_middle_two() {
        assert_eq!(Summary::new(&[4.0, 1.0, 2.0, 9.0]), Summary { median: 3.0, mean: 4.0 });
        assert_eq!(Summary::new(&[5.0]), Summary { median: 5.0, mean: 5.0 });
    }
}
