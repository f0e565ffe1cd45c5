//! Importance-sampled times of likelihood weighting: their density, and that they change the variance alone.

use burn::tensor::Device;
use scorefield::{
    noise::Noise,
    objective::{ContinuousConfig, Times, Weighting, regression::Regression},
    sde::{BetaSchedule, Ddpm, Edm, Process, Smld, SubVp, Ve, Vp},
};

use super::mean;

const STD: f64 = 0.5;
const ROWS: usize = 20_000;
const FIRST: f64 = 1e-3;

fn processes() -> [Process; 6] {
    [
        Process::Vp(Vp::default()),
        Process::SubVp(SubVp { beta_min: 0.1, beta_max: 20.0 }),
        Process::Ve(Ve { sigma_min: 0.01, sigma_max: 50.0 }),
        Process::Edm(Edm { sigma_min: 0.002, sigma_max: 80.0 }),
        Process::Ddpm(Ddpm::new(100, 1e-3, 0.2, BetaSchedule::Linear).unwrap()),
        Process::Smld(Smld::geometric(20.0, 0.05, 12).unwrap()),
    ]
}

/// g²/σ².
fn rate(process: &Process, t: f64) -> f64 {
    process.diffusion2(t) / process.level(t).sigma.powi(2)
}

/// ∫ f dt from `FIRST` to 1 by the midpoint rule in ln t, and up to each point.
fn cumulative(f: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    const POINTS: usize = 200_000;
    let width = -FIRST.ln() / POINTS as f64;
    let mut sum = 0.0;
    (0..POINTS)
        .map(|i| {
            let t = (FIRST.ln() + (i as f64 + 0.5) * width).exp();
            sum += f(t) * t * width;
            (FIRST.ln() + (i + 1) as f64 * width, sum)
        })
        .map(|(log, sum)| (log.exp(), sum))
        .collect()
}

#[test]
fn importance_sampled_times_have_a_density_proportional_to_the_weight() {
    let times = Times::Importance { t_min: FIRST };
    for process in processes() {
        let table = cumulative(|t| rate(&process, t));
        let total = table.last().unwrap().1;
        let mut shares: Vec<f64> = (0..ROWS as u64)
            .map(|row| {
                let t = times.level(&process, &Noise::new(4), 0, row).t;
                let at = table.partition_point(|(end, _)| *end < t).min(table.len() - 1);
                table[at].1 / total
            })
            .collect();
        shares.sort_by(f64::total_cmp);
        let n = ROWS as f64;
        let distance = (0..).zip(&shares).map(|(i, u)| (u - (f64::from(i) + 0.5) / n).abs()).fold(0.0, f64::max);
        // Kolmogorov and Smirnov: beyond 1.95/√n lies one in a thousand; the table has steps of 5e-6.
        assert!(distance < 1.95 / n.sqrt(), "{process:?}: {distance}");
    }
}

/// The loss of the true score of N(0, STD²): λ/σ² times the variance of ε given x, α²·STD²/(α²·STD² + σ²).
#[test]
fn they_are_unbiased_and_vary_less() {
    for process in processes() {
        let error = |t: f64| {
            let level = process.level(t);
            let data = (level.alpha * STD).powi(2);
            data / (data + level.sigma.powi(2))
        };
        for weighting in [Weighting::Likelihood, Weighting::SigmaSquared] {
            let weight = |t: f64| if weighting == Weighting::Likelihood { rate(&process, t) } else { 1.0 };
            let expected = cumulative(|t| weight(t) * error(t)).last().unwrap().1 / (1.0 - FIRST);
            let losses = |times: Times| -> Vec<f64> {
                let config = ContinuousConfig { times, weighting, ..ContinuousConfig::default() };
                config.validate(&process).unwrap();
                let objective = config.init(&process, STD);
                let Regression { c_noise, weight, .. } =
                    objective.batch(&vec![0.0; ROWS], 1, &Noise::new(6), 2, &Device::flex());
                let weights = weight.map_or(vec![1.0; ROWS], |weight| weight.into_data().iter().collect());
                let t = c_noise
                    .into_data()
                    .iter::<f64>()
                    .map(|c| process.time_of_ratio((4.0 * c).exp()))
                    .collect::<Vec<_>>();
                weights.iter().zip(t).map(|(weight, t)| weight * error(t)).collect()
            };
            let [uniform, sampled] =
                [Times::Uniform { t_min: FIRST }, Times::Importance { t_min: FIRST }].map(|times| mean(&losses(times)));
            // Four standard errors, and weights in f32.
            for (average, deviation) in [uniform, sampled] {
                let off = (average - expected).abs();
                assert!(
                    off < 4.0 * deviation + 1e-6 * expected,
                    "{process:?}: {average} ± {deviation}, not {expected}"
                );
            }
            // ln σ of VE and of a geometric ladder is linear in t: uniform times are importance-sampled already.
            let alike = matches!(process, Process::Ve(_) | Process::Smld(_));
            if weighting == Weighting::Likelihood && !alike {
                assert!(sampled.1 < uniform.1, "{process:?}: {} is not less than {}", sampled.1, uniform.1);
            }
        }
    }
}
