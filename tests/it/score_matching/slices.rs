//! Random projections on a linear score: unbiased, with variances in closed form; finite differences, of order two.

use burn::Tensor;
use scorefield::{
    noise::Noise,
    objective::{Directions, ImplicitConfig, RowScore, Samples},
    sde::Process,
};

use super::{finite_difference, mean, samples, sliced, terms, values};

const DIM: usize = 3;
const A: [[f64; DIM]; DIM] = [[-2.0, 0.5, 0.3], [0.5, -1.0, -0.7], [0.3, -0.7, -1.5]];
const X: [f64; DIM] = [0.4, -1.1, 0.6];

/// s(x) = A·x + sin(κ·x) with a symmetric A; linear where κ is 0.
struct Curved {
    a: Tensor<2>,
    kappa: f64,
}

impl Curved {
    fn new(samples: &Samples, kappa: f64) -> Self {
        Self { a: samples.tensor(A.concat(), DIM), kappa }
    }
}

impl RowScore for Curved {
    fn score(&self, x: Tensor<2>) -> Tensor<2> {
        x.clone().matmul(self.a.clone()) + (x * self.kappa).sin()
    }

    fn jvp(&self, x: Tensor<2>, directions: &[Tensor<2>]) -> (Tensor<2>, Vec<Tensor<2>>) {
        let slope = (x.clone() * self.kappa).cos() * self.kappa;
        let tangents = directions.iter().map(|v| v.clone().matmul(self.a.clone()) + v.clone() * slope.clone());
        (self.score(x), tangents.collect())
    }
}

/// The variance of vᵀMv for a symmetric M.
fn variance(directions: Directions, m: &[[f64; DIM]; DIM]) -> f64 {
    let squares: f64 = m.as_flattened().iter().map(|x| x * x).sum();
    let diagonal: f64 = (0..DIM).map(|i| m[i][i] * m[i][i]).sum();
    let trace: f64 = (0..DIM).map(|i| m[i][i]).sum();
    let d = DIM as f64;
    match directions {
        Directions::Gaussian => 2.0 * squares,
        Directions::Rademacher => 2.0 * (squares - diagonal),
        // Of radius √d: E (vᵀMv)² = d·(2·|M|² + tr² M)/(d + 2).
        Directions::Sphere => (2.0 * d * squares - 2.0 * trace * trace) / (d + 2.0),
    }
}

/// At one point x with s = A·x, SSM is vᵀMv with M = A + ½·s·sᵀ and SSM-VR vᵀAv + ½·|s|².
#[test]
fn slices_are_unbiased_and_their_variances_are_the_closed_forms() {
    const ROWS: usize = 100_000;
    let samples = samples(X.repeat(ROWS), DIM);
    let score = Curved::new(&samples, 0.0);
    let s: [f64; DIM] = std::array::from_fn(|i| (0..DIM).map(|j| A[i][j] * X[j]).sum());
    let m: [[f64; DIM]; DIM] = std::array::from_fn(|i| std::array::from_fn(|j| A[i][j] + 0.5 * s[i] * s[j]));
    let exact = terms(ImplicitConfig::default().init(&Process::None, 1.0).criterion);
    let exact = values(exact(&score, &super::samples(X.to_vec(), DIM), &Noise::new(1), 0))[0];
    for directions in [Directions::Gaussian, Directions::Rademacher, Directions::Sphere] {
        for (reduced, matrix) in [(false, &m), (true, &A)] {
            for projections in [1, 4] {
                let criterion = terms(sliced(projections, directions, reduced).init(&Process::None, 1.0).criterion);
                let drawn = values(criterion(&score, &samples, &Noise::new(3), 5));
                let (average, deviation) = mean(&drawn);
                let case = format!("{directions:?}, reduced {reduced}, {projections} projections");
                // Four standard errors, here and below.
                assert!((average - exact).abs() < 4.0 * deviation, "{case}: {average} ± {deviation}, not {exact}");
                let squares: Vec<f64> = drawn.iter().map(|term| (term - exact).powi(2)).collect();
                let (spread, deviation) = mean(&squares);
                let expected = variance(directions, matrix) / projections as f64;
                assert!((spread - expected).abs() < 4.0 * deviation, "{case}: {spread} ± {deviation}, not {expected}");
            }
        }
    }
    // On a diagonal derivative Rademacher's slices are the trace itself.
    assert!(variance(Directions::Rademacher, &[[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.0]]) == 0.0);
}

/// The same directions, so that the difference is that of the derivative and the mean alone: O(ε²).
#[test]
fn finite_differences_are_the_derivative_to_second_order() {
    let x: Vec<f64> = (0..40 * DIM).map(|i| (i as f64 * 0.7).sin()).collect();
    let samples = samples(x, DIM);
    let score = Curved::new(&samples, 1.7);
    for reduced in [false, true] {
        let exact = terms(sliced(3, Directions::Gaussian, reduced).init(&Process::None, 1.0).criterion);
        let exact = values(exact(&score, &samples, &Noise::new(2), 9));
        let error = |epsilon: f64| {
            let criterion = terms(finite_difference(3, reduced, epsilon).init(&Process::None, 1.0).criterion);
            let ours = values(criterion(&score, &samples, &Noise::new(2), 9));
            ours.iter().zip(&exact).map(|(ours, exact)| (ours - exact).powi(2)).sum::<f64>().sqrt()
        };
        for epsilon in [0.1, 0.05, 0.025] {
            let order = (error(epsilon) / error(epsilon / 2.0)).log2();
            // The next term is of order four: a relative 3·ε² of the error, and less here.
            assert!((order - 2.0).abs() < 0.02, "reduced {reduced}, ε = {epsilon}: order {order}");
        }
    }
}
