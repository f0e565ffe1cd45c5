//! The solver against SciPy's `RK45`, step by step, and what it refuses.

use std::cell::Cell;

use futures_lite::future::block_on;

use super::*;
use crate::{
    flow::tests::{Mixture, Run, VP, fixture, read, rows},
    score::Score as _,
};

/// The mixture's flow as `flow.py` has it, x against t.
fn in_time(t: f64, x: &[Tensor<2>]) -> Vec<Tensor<2>> {
    let x = x[0].clone();
    vec![(x.clone() + Mixture.score(x, &VP.level(t))) * VP.drift(t)]
}

fn tolerance(both: f64) -> Tolerance {
    Tolerance { rtol: both, atol: both }
}

#[test]
fn it_takes_scipys_steps() {
    let fixture = fixture().rk45;
    for Run { tolerance: both, nfe, steps, x } in fixture.runs {
        let count = Cell::new(0);
        let mut slope = |t: f64, x: &[Tensor<2>]| {
            count.set(count.get() + 1);
            in_time(t, x)
        };
        let mut solver = DormandPrince::new(tolerance(both), [1.0, 1e-3], vec![rows(&[fixture.start])]);
        block_on(solver.finish(&mut slope)).unwrap();
        assert_eq!((count.get(), solver.steps()[0]), (nfe, steps), "at {both}");
        // One evaluation to start, one for the first step's size, six a step tried.
        assert_eq!(count.get(), 2 + 6 * solver.steps().iter().sum::<usize>());
        let ours = read(&solver.y()[0]);
        // The same steps in the same arithmetic: their order of summing is all that differs, and the flow widens
        // what differs at t = 1 by about a hundred.
        let difference = ours.iter().zip(x).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(difference < 1e-12, "at {both}: {difference}");
    }
}

#[test]
fn the_worst_sample_sizes_the_batchs_steps() {
    let start = fixture().rk45.start;
    // Which samples move.
    let path = |moves: &[[f64; 1]]| {
        let (x, moves) = (rows(&vec![start; moves.len()]), rows(moves));
        let mut solver = DormandPrince::new(tolerance(1e-5), [1.0, 1e-3], vec![x]);
        let mut path = Vec::new();
        while !solver.done() {
            block_on(solver.step(&mut |t, x| vec![in_time(t, x)[0].clone() * moves.clone()])).unwrap();
            path.push(solver.u());
        }
        path
    };
    let alone = path(&[[1.0]]);
    assert_eq!(path(&[[1.0]; 3]), alone);
    // SciPy's mean over all would halve the error beside three that rest.
    assert_eq!(path(&[[0.0], [1.0], [0.0], [0.0]]), alone);
}

#[test]
fn blocks_have_a_say_of_their_own() {
    // y′ = (0 in 1000 dimensions, −50z): beside so many that are at rest, an RMS over all would let z err 30 times more.
    let mut slope = |_: f64, y: &[Tensor<2>]| vec![y[0].zeros_like(), y[1].clone() * -50.0];
    let still = Tensor::<2>::ones([1, 1000], &burn::tensor::Device::flex());
    let mut both =
        DormandPrince::new(tolerance(1e-6), [0.0, 1.0], vec![still.cast(burn::tensor::DType::F64), rows(&[[1.0]])]);
    block_on(both.finish(&mut slope)).unwrap();
    let mut alone = DormandPrince::new(tolerance(1e-6), [0.0, 1.0], vec![rows(&[[1.0]])]);
    block_on(alone.finish(&mut |_, y| vec![y[0].clone() * -50.0])).unwrap();
    let error = read(&both.y()[1])[0] - libm::exp(-50.0);
    // Ten times the tolerance: the estimate is of one step's error, and about twenty steps add theirs, all damped.
    assert!(error.abs() < 1e-5, "{error}");
    // The first step's guess alone sees the other block.
    assert!(both.steps()[0].abs_diff(alone.steps()[0]) <= 1, "{:?} {:?}", both.steps(), alone.steps());
}

#[test]
fn it_goes_either_way() {
    // Down with a tolerance of 1e-9 and up again.
    let start = fixture().samples.start;
    let there = |x, ends| {
        let mut solver = DormandPrince::new(tolerance(1e-9), ends, vec![x]);
        block_on(solver.finish(&mut in_time)).unwrap();
        solver.y()[0].clone()
    };
    let back = there(there(rows(&start), [1.0, 1e-3]), [1e-3, 1.0]);
    for (back, start) in read(&back).into_iter().zip(start.concat()) {
        // Some forty steps of 1e-9, widened by the flow's ascent, whose rate is a few tens.
        assert!((back - start).abs() < 1e-6, "{back} {start}");
    }
}

#[test]
fn what_cannot_be_solved_is_said() {
    let run = |slope: &mut Slope<'_>| {
        let mut solver = DormandPrince::new(tolerance(1e-6), [0.0, 1.0], vec![rows(&[[1.0]])]);
        block_on(solver.finish(slope)).unwrap_err().to_string()
    };
    // From the first evaluation, and from the third step on.
    assert!(run(&mut |_, y| vec![y[0].clone() * f64::NAN]).contains("is not finite at step 1"));
    let late = run(&mut |u, y| vec![y[0].clone() * if u > 0.5 { f64::NAN } else { 1.0 }]);
    assert!(late.starts_with("the solver's error estimate is not finite at step"), "{late}");
    // y′ = 4y² from 1 is 1/(1 − 4u): it goes to infinity on the way.
    let stiff = run(&mut |_, y| vec![y[0].clone().square() * 4.0]);
    assert!(stiff.contains("not finite") || stiff.contains("larger tolerances"), "{stiff}");
    let jumps = run(&mut |u, y| vec![y[0].ones_like() * if libm::fmod(u * 1e9, 2.0) < 1.0 { 1e9 } else { -1e9 }]);
    assert!(jumps.starts_with("rtol, atol = 1e-6, 1e-6: expected larger tolerances"), "{jumps}");
    assert!(tolerance(0.0).validate().is_err() && tolerance(f64::NAN).validate().is_err());
}
