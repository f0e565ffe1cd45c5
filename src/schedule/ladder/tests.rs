//! The published ladders, SciPy's roots and minima.

use super::*;

/// Dimensions, σ₁, levels, Langevin steps per level and ε of NCSNv2's configurations, σ_L = 0.01.
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
