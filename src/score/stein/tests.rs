use super::*;
use crate::noise::{Noise, Purpose};

const DIM: usize = 2;
const N: usize = 200;
const REPEATS: u64 = 60;

/// Samples of N(0, I).
fn normal(repeat: u64) -> Vec<f64> {
    let mut z = vec![0.0; N * DIM];
    Noise::new(31).fill_normal(repeat, Purpose::Data, 0, &mut z);
    z.iter().map(|z| f64::from(*z)).collect()
}

/// Mean and its standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n * (n - 1.0))).sqrt())
}

fn repeated(shift: f64, kernel: SteinKernel, h: Option<f64>) -> Vec<Discrepancy> {
    let of = |repeat| {
        let x = normal(repeat);
        // The score of N((shift, 0), I).
        let s: Vec<f64> = x.iter().enumerate().map(|(i, x)| if i % DIM == 0 { shift - x } else { -x }).collect();
        discrepancy(&x, &s, DIM, kernel, h)
    };
    (0..REPEATS).map(of).collect()
}

#[test]
fn it_is_unbiased_at_the_true_score_and_its_deviation_is_the_one_that_it_says() {
    for kernel in [SteinKernel::Imq, SteinKernel::Rbf] {
        let repeated = repeated(0.0, kernel, None);
        let squared: Vec<f64> = repeated.iter().map(|d| d.squared).collect();
        let (average, deviation) = mean(&squared);
        assert!(average.abs() < 4.0 * deviation, "{kernel:?}: {average} ± {deviation}");
        let spread = deviation * (REPEATS as f64).sqrt();
        let said = repeated.iter().map(|d| d.null_deviation).sum::<f64>() / REPEATS as f64;
        // A degenerate U-statistic is skewed like a χ²; the standard deviation of 60 of them is known to a quarter.
        assert!((spread / said - 1.0).abs() < 0.5, "{kernel:?}: {spread}, said {said}");
    }
}

/// Samples of N(0, I) and the score of N(m, I): s − s* = m everywhere, so that KSD² = |m|²·E k(x, y), and with the
/// Gaussian kernel, x − y ~ N(0, 2I), |m|²·(1 + 2/h²)^(−d/2).
#[test]
fn a_shift_has_the_discrepancy_of_its_closed_form() {
    for (shift, h) in [(0.5, 1.0), (1.0, 2.0)] {
        let squared: Vec<f64> = repeated(shift, SteinKernel::Rbf, Some(h)).iter().map(|d| d.squared).collect();
        let (average, deviation) = mean(&squared);
        let expected = shift * shift * (1.0 + 2.0 / (h * h)).powf(-0.5 * DIM as f64);
        assert!((average - expected).abs() < 4.0 * deviation, "{shift}, {h}: {average} ± {deviation}, not {expected}");
        assert!(expected > 20.0 * deviation, "the test tells it from 0");
    }
    for Discrepancy { squared, null_deviation, .. } in repeated(0.5, SteinKernel::Imq, None) {
        assert!(squared > 4.0 * null_deviation, "{squared} ± {null_deviation}");
    }
}

#[test]
fn the_quadratic_form_is_the_discrepancy() {
    let (x, s) = (normal(1), normal(2));
    for kernel in [SteinKernel::Imq, SteinKernel::Rbf] {
        let h = median_distance(&x, DIM);
        let Form { kernel: k, gradient, trace } = form(&x, DIM, kernel, h);
        let product = |i: usize, j: usize| (0..DIM).map(|a| s[i * DIM + a] * s[j * DIM + a]).sum::<f64>();
        let quadratic: f64 =
            (0..N).flat_map(|i| (0..N).map(move |j| (i, j))).map(|(i, j)| k[i * N + j] * product(i, j)).sum();
        let linear: f64 = s.iter().zip(&gradient).map(|(s, g)| s * g).sum();
        let sum = (quadratic + 2.0 * linear + trace) / (N * (N - 1)) as f64;
        let expected = discrepancy(&x, &s, DIM, kernel, None);
        // f64's rounding of 40,000 terms.
        assert!((sum - expected.squared).abs() < 1e-12 && expected.bandwidth == h, "{kernel:?}: {sum} {expected:?}");
    }
}

#[test]
fn the_median_is_that_of_all_pairs() {
    // Distances 1, 2, 3, 3, 5, 6; 1 where there are none, or all are 0.
    assert_eq!(median_distance(&[0.0, 1.0, 3.0, 6.0], 1), 3.0);
    assert_eq!((median_distance(&[2.0], 1), median_distance(&[2.0; 8], 2)), (1.0, 1.0));
}
