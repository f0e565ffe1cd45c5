//! Codes against closed forms, there and back, and the arc between two.

use burn::tensor::Device;
use futures_lite::future::block_on;

use super::*;
use crate::{
    flow::tests::{Mixture, SUB_VP, VE, VP, read, rms, rows},
    noise::{Noise, Purpose},
    score::Gaussian,
};

fn settings(tolerance: f64) -> SolverSettings {
    SolverSettings { tolerance: Tolerance { rtol: tolerance, atol: tolerance }, ..SolverSettings::default() }
}

#[test]
fn a_gaussians_codes_are_its_deviations() {
    // The flow scales each coordinate's deviation from the mean by the ratio of the marginals' standard deviations.
    let score = Gaussian::new(vec![0.3, -0.2], vec![0.5, 2.0]).unwrap();
    let x = [[0.8, -0.4], [-1.0, 1.5]];
    for process in [VE, VP, SUB_VP] {
        let code = block_on(encode(&score, &process, rows(&x), &settings(1e-10))).unwrap();
        let [from, to] = [T_END, 1.0].map(|t| process.level(t));
        let (narrow, wide) = (score.std_at(&from), score.std_at(&to));
        for (i, z) in read(&code.x).into_iter().enumerate() {
            let mean = [0.3, -0.2][i % 2];
            let deviation = (x.concat()[i] - from.alpha * mean) / narrow[i % 2];
            let exact = to.alpha * mean + wide[i % 2] * deviation;
            // A hundred steps of 1e-10 in y, whose unit is N = 50 for VE.
            assert!((z - exact).abs() < 1e-8 * process.prior_std(), "{} {z} {exact}", process.name());
        }
    }
}

#[test]
fn encoding_and_decoding_return_the_input_the_better_the_smaller_rtol() {
    // 20·log₁₀(peak/RMS error), with the peak-to-peak of the mixture's support, about 6, for the images' 2.
    let x = rows(&[[2.3, 0.4], [1.2, -0.7], [-2.1, 1.6], [-1.7, 0.8]]);
    for process in [VE, VP, SUB_VP] {
        let mut last = 0.0;
        for tolerance in [1e-3, 1e-5, 1e-7] {
            let there = block_on(encode(&Mixture, &process, x.clone(), &settings(tolerance))).unwrap();
            let back = block_on(decode(&Mixture, &process, there.x, &settings(tolerance))).unwrap();
            let psnr = 20.0 * libm::log10(6.0 / rms(&read(&back.x), &read(&x)));
            assert!(psnr > last, "{} {tolerance}: {psnr} dB after {last}", process.name());
            assert!(tolerance > 1e-5 || psnr > 40.0, "{} {tolerance}: {psnr} dB", process.name());
            last = psnr;
        }
    }
}

#[test]
fn the_arc_keeps_lengths_and_goes_at_an_even_rate() {
    // Between (1, 0) and (cos Ω, sin Ω), (cos wΩ, sin wΩ).
    let omega = 2.0_f64;
    let (a, b) = (rows(&[[1.0, 0.0]]), rows(&[[omega.cos(), omega.sin()]]));
    for w in [0.0, 0.1, 0.5, 0.8, 1.0] {
        let point = read(&slerp(a.clone(), b.clone(), w));
        // f64's rounding, divided by sin Ω.
        assert!(
            (point[0] - (w * omega).cos()).abs() < 1e-14 && (point[1] - (w * omega).sin()).abs() < 1e-14,
            "{point:?}"
        );
    }
    // Draws from the prior in 1000 dimensions keep their length, where the line's middle has √½ of it.
    let draw = |sample| Noise::new(0).normal(sample, [1, 1000], Purpose::Prior, 0, &Device::flex());
    let length = |x: Tensor<2>| read(&x.square().sum_dim(1).sqrt())[0];
    let (a, b) = (draw(0), draw(1));
    let middle = length(slerp(a.clone(), b.clone(), 0.5));
    // Lengths of 31.6 ± 0.7, four deviations.
    assert!((middle - 1000.0_f64.sqrt()).abs() < 2.8, "{middle}");
    assert!(length((a + b) * 0.5) < 0.8 * middle);
}

#[test]
fn rows_without_an_arc_are_joined_by_the_line() {
    let a = rows(&[[1.0, 2.0], [1.0, 2.0], [0.0, 0.0], [3.0, 0.0]]);
    let b = rows(&[[2.0, 4.0], [-1.0, -2.0], [5.0, 1.0], [0.0, 3.0]]);
    let point = read(&slerp(a, b, 0.25));
    let half = std::f64::consts::FRAC_PI_8;
    let arc = [3.0 * half.cos(), 3.0 * half.sin()];
    for (ours, exact) in point.into_iter().zip([1.25, 2.5, 0.5, 1.0, 1.25, 0.25, arc[0], arc[1]]) {
        assert!((ours - exact).abs() < 1e-14, "{ours} {exact}");
    }
}

#[test]
fn temperature_and_edits_act_on_gaussians_as_on_numbers() {
    // N(m, s²): a code at temperature τ decodes to a deviation τ times as large, where the prior's mean is α₁·m ≈ 0;
    // an edit from the code of a to that of b moves the sample by b − a.
    let score = Gaussian::new(vec![0.0], vec![0.5]).unwrap();
    let [encode, decode] = [true, false].map(|up| {
        let score = &score;
        move |x: Tensor<2>| {
            let settings = settings(1e-9);
            let solution = if up {
                block_on(encode(score, &VP, x, &settings))
            } else {
                block_on(decode(score, &VP, x, &settings))
            };
            solution.unwrap().x
        }
    });
    let code = encode(rows(&[[0.4]]));
    let cooled = read(&decode(temper(code.clone(), 0.7)))[0];
    // A hundred steps of 1e-9, there and back.
    assert!((cooled - 0.28).abs() < 1e-7, "{cooled}");
    let edited = read(&decode(edit(code, encode(rows(&[[-0.1]])), encode(rows(&[[0.2]])), 0.5)))[0];
    assert!((edited - 0.55).abs() < 1e-7, "{edited}");
}
