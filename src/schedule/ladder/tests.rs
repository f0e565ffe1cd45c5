//! The published ladders, SciPy's roots and minima, and distances by brute force.

use proptest::prelude::*;

use super::*;

/// Dimensions, σ₁, levels, Langevin steps a level and ε of NCSNv2's configurations, σ_L = 0.01.
const PUBLISHED: [(usize, f64, usize, usize, f64); 5] = [
    (3 * 32 * 32, 50.0, 232, 5, 6.2e-6),
    (3 * 64 * 64, 90.0, 500, 5, 3.3e-6),
    (3 * 96 * 96, 140.0, 788, 4, 4.9e-6),
    (3 * 128 * 128, 190.0, 1086, 3, 1.8e-6),
    (3 * 256 * 256, 348.0, 2311, 3, 9e-7),
];

const SCIPY: &str = include_str!("../../../tests/reference/langevin.json");

#[test]
fn technique_2_gives_the_published_ladders() {
    for (dim, first, published, _, _) in PUBLISHED {
        let ours = levels(first, 0.01, ratio(dim, COVERAGE).unwrap()).unwrap();
        assert!(ours.abs_diff(published) <= 1, "{dim}: {ours}, not {published}");
    }
    // At the C ≈ 0.5 of the paper's text the same formula gives 219 for the first.
    assert_eq!(levels(50.0, 0.01, ratio(3072, 0.5).unwrap()).unwrap(), 219);
}

#[test]
fn technique_4_gives_the_published_steps() {
    // All but the third are the minimum, to the last digit printed.
    for (i, (dim, first, levels, steps, published)) in PUBLISHED.into_iter().enumerate() {
        let gamma = (first / 0.01f64).powf(1.0 / (levels - 1) as f64);
        let ours = step(gamma, steps).unwrap() * 1e-4;
        if i == 2 {
            // 4.9e-6 is not: it leaves 1.0247, the minimum 1.0224 (SciPy).
            assert!((deviation2(published / 1e-4, gamma, steps) - 1.0247).abs() < 5e-5);
            assert!((ours - 2.312e-6).abs() < 5e-10, "{ours}");
            continue;
        }
        assert!((ours - published).abs() < 0.5e-7, "{dim}: {ours}, not {published}");
    }
}

#[test]
fn the_ladders_of_28_by_28_images() {
    // The same formulas computed elsewhere for D = 784: γ, levels by σ₁, and ε by T.
    let gamma = ratio(784, COVERAGE).unwrap();
    assert!((gamma - 1.0774).abs() < 0.5e-4, "{gamma}");
    let ours = [10.0, 15.0, 20.0, 25.0, 50.0].map(|first| levels(first, 0.01, gamma).unwrap());
    assert_eq!(ours, [94, 99, 103, 106, 115]);
    for (steps, published, unit) in [(3, 1.2e-5, 1e-6), (5, 1.07e-5, 1e-7), (8, 9.1e-6, 1e-7)] {
        let ours = step(gamma, steps).unwrap() * 1e-4;
        assert!((ours - published).abs() < 0.5 * unit, "{steps}: {ours}");
    }
}

#[test]
fn ratios_and_steps_are_scipys() {
    let fixture: serde_json::Value = serde_json::from_str(SCIPY).unwrap();
    let number = |row: &serde_json::Value, key: &str| row[key].as_f64().unwrap();
    for row in fixture["ratios"].as_array().unwrap() {
        let gamma = ratio(number(row, "dim") as usize, number(row, "coverage")).unwrap();
        // Brent's 1e-15, and the error functions' last digits divided by the slope.
        assert!((gamma / number(row, "gamma") - 1.0).abs() < 1e-11, "{gamma} {row}");
    }
    for row in fixture["steps"].as_array().unwrap() {
        let (gamma, steps) = (number(row, "gamma"), number(row, "steps") as usize);
        let rate = step(gamma, steps).unwrap();
        // A minimum is flat: with a curvature of about the excess itself, 0.0088 at the least, rounding of 2e-16 in the
        // variance hides √(4e-16/0.0088) = 2e-7, and a few roundings a few times that.
        assert!((rate / number(row, "rate") - 1.0).abs() < 3e-6, "{rate} {row}");
        assert!((deviation2(rate, gamma, steps) - number(row, "deviation2")).abs() < 1e-12, "{row}");
    }
}

#[test]
fn ncsns_ladder_is_geometric() {
    // NCSN: ten levels from 1 to 0.01, each 1.668 of the next.
    let ladder = geometric(1.0, 0.01, 10).unwrap();
    assert_eq!((ladder.len(), ladder[0], ladder[9]), (10, 1.0, 0.01));
    assert!(ladder.windows(2).all(|pair| (pair[0] / pair[1] - 1.668_100_5).abs() < 1e-7), "{ladder:?}");
}

#[test]
fn what_is_no_ladder_is_refused() {
    for (first, last, levels) in [(1.0, 1.0, 10), (1.0, 2.0, 10), (1.0, 0.0, 10), (f64::NAN, 0.1, 10), (1.0, 0.1, 1)] {
        assert!(geometric(first, last, levels).is_err(), "{first} {last} {levels}");
    }
    assert!(levels(50.0, 0.01, 1.0).is_err() && levels(50.0, 0.01, 1.0 + 1e-9).is_err());
    assert!(ratio(4, 0.567).is_err() && ratio(784, 0.999).is_err() && ratio(784, f64::NAN).is_err());
    assert!(step(1.0, 5).is_err() && step(1.1, 0).is_err());
}

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
    use crate::data::{Dataset, DatasetName, Split};
    let data = Dataset::load(DatasetName::FashionMnist, Split::Test, None).expect("the tests need Fashion-MNIST");
    assert_eq!(largest_distance(&data.images, data.dim()).powi(2).round(), FARTHEST);
    let sampled = largest_distance_of_sample(&data.images, data.dim(), 1000, 1);
    // A tenth of the images comes near: the distance is the set's within 15 %.
    assert!((0.85..=1.0).contains(&(sampled / FARTHEST.sqrt())), "{sampled}");
}

/// |a − b|² of the two farthest images.
const FARTHEST: f64 = 29_770_234.0;
