use std::f64::consts::PI;

use super::*;

const N: usize = 20_000;

fn draws(distribution: Distribution) -> Vec<[f64; 2]> {
    distribution.draw(7, 0, N).as_chunks().0.iter().map(|point: &[f32; 2]| point.map(f64::from)).collect()
}

/// Holds a mean of N draws to its expectation, within four standard errors.
#[track_caller]
fn assert_mean(what: impl fmt::Display, values: impl Iterator<Item = f64>, expected: f64) {
    let values: Vec<_> = values.collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64;
    // f32's rounding, where nothing varies.
    let error = 4.0 * (variance / values.len() as f64).sqrt() + 1e-6;
    assert!((mean - expected).abs() < error, "{what}: {mean}, not {expected} ± {error}");
}

/// The midpoint rule on [0, 1), of functions that are smooth: exact to many digits more than draws are.
fn integral(f: impl Fn(f64) -> f64) -> f64 {
    (0..10_000).map(|i| f((f64::from(i) + 0.5) / 10_000.0)).sum::<f64>() / 10_000.0
}

/// Means and mean squares as integrals over what is drawn, which know nothing of the closed forms.
#[test]
fn moments_of_shapes_are_their_integrals() {
    use Distribution::{Checkerboard, Pinwheel, Rings, SwissRoll, TwoMoons};
    let roll = |f: fn(f64) -> f64| move |u: f64| (1.5 + 3.0 * u) * PI * f((1.5 + 3.0 * u) * PI) / 5.0;
    let moon = |f: fn(f64) -> f64, centre: f64| move |u: f64| (2.0 * f(PI * u) - centre).powi(2);
    for (distribution, mean, square) in [
        (TwoMoons, [0.0; 2], integral(moon(f64::cos, 1.0)) + integral(moon(f64::sin, 0.5)) + 2.0 * 0.2f64.powi(2)),
        (
            SwissRoll,
            [integral(roll(f64::cos)), integral(roll(f64::sin))],
            integral(|u| (roll(|_| 1.0)(u)).powi(2)) + 2.0 / 25.0,
        ),
        (Checkerboard, [0.0; 2], 2.0 * integral(|u| (8.0 * u - 4.0).powi(2))),
        (Pinwheel, [0.0; 2], 4.0 * (1.0 + 0.09 + 0.01)),
        (Rings, [0.0; 2], [0.75f64, 1.5, 2.25, 3.0].map(|r| r * r / 4.0).iter().sum::<f64>() + 2.0 * 0.08f64.powi(2)),
    ] {
        let points = draws(distribution);
        assert_mean(distribution, points.iter().map(|[x, y]| x * x + y * y), square);
        for axis in 0..2 {
            assert_mean(distribution, points.iter().map(|point| point[axis]), mean[axis]);
        }
        let std = (0.5 * (square - mean[0].powi(2) - mean[1].powi(2))).sqrt();
        // The midpoint rule's error.
        assert!((distribution.std() - std).abs() < 1e-6, "{distribution}: {}, not {std}", distribution.std());
    }
}

#[test]
fn mixtures_have_the_moments_of_their_draws() {
    use Distribution::{EightGaussians, Line, NcsnMixture, Tree};
    // tr Cov of equal Gaussians on a circle is r² + 2s², of two weights w and 1 − w at distance d w(1 − w)d² + 2s².
    let known = [(EightGaussians, 8.0 + 0.25), (NcsnMixture, 0.16 * 200.0 + 2.0), (Line, 1.75f64.powi(2) + 0.5625)];
    for (distribution, trace) in known {
        let std = f64::sqrt(0.5 * trace);
        assert!((distribution.std() - std).abs() < 1e-12, "{distribution}: {}, not {std}", distribution.std());
    }
    for distribution in [EightGaussians, NcsnMixture, Line, Tree] {
        let mixture = distribution.exact().unwrap();
        let (mean, covariance) = (mixture.mean(), mixture.covariance());
        let points = draws(distribution);
        for axis in 0..2 {
            assert_mean(distribution, points.iter().map(|point| point[axis]), mean[axis]);
        }
        for (i, j) in [(0, 0), (0, 1), (1, 1)] {
            let products = points.iter().map(|point| (point[i] - mean[i]) * (point[j] - mean[j]));
            assert_mean(distribution, products, covariance[2 * i + j]);
        }
    }
    let heavy = draws(NcsnMixture).into_iter().map(|[x, y]| f64::from(x + y > 0.0));
    assert_mean("the heavy mode's share", heavy, 0.8);
    // Without noise there is a density, but on a line.
    let none = |distribution: Distribution| distribution.mixture(Process::None).map(|config| config.init().is_ok());
    assert_eq!([Tree, NcsnMixture, Line].map(none), [Some(true), Some(true), Some(false)]);
    assert_eq!(none(Distribution::TwoMoons), None);
}

#[test]
fn shapes_lie_where_they_should() {
    for [x, y] in draws(Distribution::Checkerboard) {
        let square = |x: f64| ((x + 4.0) / 2.0).floor() as i64;
        assert!((0..4).contains(&square(x)) && (0..4).contains(&square(y)), "({x}, {y})");
        assert_eq!((square(x) + square(y)) % 2, 0, "({x}, {y}) is on a light square");
    }
    assert!(draws(Distribution::Line).iter().all(|point| point[1] == 0.0));
    // Six standard deviations of what blurs them, which one in 10⁸ leaves.
    for [x, y] in draws(Distribution::Rings) {
        let nearest = ((x.hypot(y) / 0.75).round() * 0.75).clamp(0.75, 3.0);
        assert!((x.hypot(y) - nearest).abs() < 0.5 && x.hypot(y) < 3.0 + 6.0 * 0.08, "({x}, {y})");
    }
    for [x, y] in draws(Distribution::TwoMoons) {
        let from = |cx: f64, cy: f64| ((x - cx).hypot(y - cy) - 2.0).abs();
        // A moon is half of a circle of radius 2: the upper one about (−1, −½), the lower about (1, ½).
        assert!(from(-1.0, -0.5).min(from(1.0, 0.5)) < 6.0 * 0.2, "({x}, {y})");
    }
    // The trunk and the last fork are in the picture, four standard deviations of the widest branch included.
    assert!(draws(Distribution::Tree).iter().flatten().all(|x| x.abs() < 4.0));
}

#[test]
fn a_longer_sample_begins_with_a_shorter_one() {
    for &distribution in Distribution::ALL {
        let long = distribution.draw(5, 0, 3000);
        assert_eq!(distribution.draw(5, 0, 7), long[..14], "{distribution}");
        // Across a part's end.
        assert_eq!(distribution.draw(5, 1020, 10), long[2040..2060], "{distribution}");
        assert_ne!(distribution.draw(6, 0, 7), long[..14], "{distribution}: another seed");
        assert_eq!(Distribution::find(distribution.name()), Some(distribution));
        assert_eq!(serde_json::to_value(distribution).unwrap(), distribution.name());
    }
    assert_eq!(Distribution::find("two-moon"), None);
}

#[test]
fn as_data_they_are_points_without_labels() {
    let (train, test) = (Distribution::Pinwheel.data(), Distribution::Pinwheel.test(3));
    assert_eq!((train.len(), train.classes(), train.label(3)), (TRAIN, 0, None));
    assert!(train.mixture().is_none() && Distribution::Tree.data().mixture().is_some_and(|m| m.weights().len() == 252));
    assert_eq!(Distribution::Pinwheel.test(usize::MAX).len(), 2 * TEST);
    let mut last = [0.0; 2];
    train.fill(TRAIN - 1, &mut last);
    // What is judged by is what comes after what is trained on.
    let drawn = Distribution::Pinwheel.draw(0, TRAIN as u64 - 1, 4);
    assert_eq!((&last[..], &test[..]), drawn.split_at(2));
}
