//! The deterministic samplers, and the stochastic ones on given noise, against diffusers, NVIDIA's EDM and SciPy on an
//! exact score of a mixture and on diffusers' own test model (tests/reference/solvers.py).

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Fixture {
    init: Vec<f64>,
    noise: Vec<f64>,
    cases: Vec<Case>,
    flows: Vec<Flow>,
}

/// A run of a peer's sampler.
#[derive(Deserialize)]
struct Case {
    name: String,
    /// `vp`: x starts in VP's scale; `ve`: x starts at σ_max times `init`.
    process: String,
    model: String,
    settings: Settings,
    /// σ/α of every evaluation. Every `stride`-th is on the grid.
    ratios: Vec<f64>,
    stride: usize,
    /// What the test model is told of each.
    timesteps: Vec<f64>,
    #[serde(rename = "final")]
    last: Vec<f64>,
}

/// The probability flow from t = 1 to the default end, by DOP853 at a relative tolerance of 1e-12.
#[derive(Deserialize)]
struct Flow {
    process: String,
    start: Vec<f64>,
    #[serde(rename = "final")]
    last: Vec<f64>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../../../tests/reference/solvers.json")).unwrap()
}

/// ε̂ = x·t/(t + 1) with the peer's time t, diffusers' `dummy_model`.
struct Fake<'a>(&'a Case);

impl Score for Fake<'_> {
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        let distance = |ratio: f64| (level.ratio() / ratio).ln().abs();
        let (ratio, t) = std::iter::zip(&self.0.ratios, &self.0.timesteps)
            .min_by(|(a, _), (b, _)| distance(**a).total_cmp(&distance(**b)))
            .unwrap();
        assert!(distance(*ratio) < 1e-9, "{}: the peer did not evaluate at {}", self.0.name, level.ratio());
        x * (-(t / (t + 1.0)) / level.sigma)
    }
}

/// The same as EDM's raw network, F(c_in·x, ¼ ln σ) with a data deviation of ½.
struct EdmFake;

impl Score for EdmFake {
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        let (sigma2, t) = (level.sigma.powi(2), 0.25 * level.sigma.ln());
        let total = sigma2 + 0.25;
        let (skip, out) = (0.25 / total, 0.5 * level.sigma / total.sqrt());
        x * ((skip + out / total.sqrt() * (t / (t + 1.0)) - 1.0) / sigma2)
    }
}

/// A process whose σ/α is `high` at t = 1: a VP with that end, or a VE from `low`.
fn process(kind: &str, high: f64, low: f64) -> Process {
    match kind {
        // −2 log α(1) = ½(β_min + β_max) = ln(1 + r²).
        "vp" => Process::Vp(Vp { beta_min: 0.1, beta_max: 2.0 * (high * high).ln_1p() - 0.1 }),
        "ve" => Process::Ve(Ve { sigma_min: low, sigma_max: high }),
        _ => unreachable!("{kind}"),
    }
}

/// The largest difference of two lists, relative to the largest value of the second.
fn deviation(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let scale = theirs.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    std::iter::zip(ours, theirs).fold(0.0, |most: f64, (a, b)| most.max((a - b).abs())) / scale
}

#[test]
fn samplers_are_their_peers() {
    let fixture = fixture();
    for case in &fixture.cases {
        let (high, low) = (case.ratios[0], *case.ratios.last().unwrap());
        let process = process(&case.process, high, low);
        let mut times: Vec<f64> = case.ratios.iter().step_by(case.stride).map(|&r| process.time_of_ratio(r)).collect();
        times[0] = 1.0;
        let settings = Settings { times: Some(times), ..case.settings.clone() };
        let scale = if case.process == "ve" { high } else { 1.0 };
        let start: Vec<f64> = fixture.init.iter().map(|x| x * scale).collect();
        let score: Box<dyn Score + '_> = match case.model.as_str() {
            "fake" => Box::new(Fake(case)),
            "edm-fake" => Box::new(EdmFake),
            _ => Box::new(Mixture2),
        };
        let ours = plane_from(&settings, &process, &start, &*score);
        // Float64 on both sides: 1e-13, times 1/α = 157 at t = 1.
        let tolerance = 1e-11;
        let deviation = deviation(&ours, &case.last);
        assert!(deviation < tolerance, "{}: {deviation:e}, {ours:?}, not {:?}", case.name, case.last);
    }
    assert_eq!(fixture.cases.len(), 144);
}

#[test]
fn diffusers_own_assertions_hold() {
    // `test_scheduler_dpm_multi.py`: mean |x| 0.3301 of x = i/768, i = 0 … 767; `test_scheduler_edm_euler.py`: the sum
    // 34.1855 of √(80² + 1)·i/768. The fake model is linear: a gain is all. Four decimals are
    // printed; the sum is of float32, good to 1e-5 of it.
    let Fixture { cases, init, .. } = fixture();
    let gain = |name: &str| {
        let case = cases.iter().find(|case| case.name.starts_with(name) && case.model.ends_with("fake")).unwrap();
        (case.last[0] / init[0]).abs()
    };
    let multistep = gain("DPMSolverMultistep dpmsolver++ 10 {'final_sigmas_type': 'sigma_min'");
    assert!((multistep * 383.5 / 768.0 - 0.3301).abs() < 0.5e-4, "{multistep}");
    let euler = gain("EDMEuler 10") * (6401f64 / 6400.0).sqrt();
    assert!((euler * 383.5 - 34.1855).abs() < 0.5e-3, "{euler}");
}

#[test]
fn noise_is_chacha_and_box_muller() {
    let ours = read(&Noise::new(11).normal(0, [4, 2], Purpose::Predictor, 3, &Device::flex()));
    // One unit in the last place of f32 at 4.
    assert!(deviation(&ours, &fixture().noise) < 3e-7);
}

#[test]
fn the_probability_flow_is_scipys() {
    let solvers = [
        (with(SamplerKind::Heun, 0), 2),
        (with(SamplerKind::Rk4, 0), 4),
        (Settings { order: 2, ..with(SamplerKind::DpmSolver, 0) }, 2),
        (Settings { order: 3, ..with(SamplerKind::DpmSolver, 0) }, 3),
        (with(SamplerKind::Dpmpp2s, 0), 2),
        (with(SamplerKind::Dpmpp2m, 0), 2),
        (with(SamplerKind::Edm, 0), 2),
        (Settings { order: 1, ..with(SamplerKind::UniPc, 0) }, 2),
    ];
    for flow in fixture().flows {
        let process = PROCESSES.iter().find(|process| process.name() == flow.process).unwrap();
        for (settings, order) in &solvers {
            let error = |steps| {
                let settings = Settings { steps, grid: Some(Grid::LogSnr), denoise: false, ..settings.clone() };
                deviation(&plane_from(&settings, process, &flow.start, &Mixture2), &flow.last)
            };
            let (coarse, fine) = (error(Some(200)), error(Some(400)));
            let slope = (coarse / fine).log2();
            let what = format!("{} {:?} {order}: {coarse:e} {fine:e}", process.name(), settings.sampler);
            // Next-order terms are a few per cent at 200 steps.
            assert!((slope - f64::from(*order)).abs() < 0.1, "{what}");
            // C·h^order for steps of h in log-SNR: 9.6/400 on VP, 1.4 times that on sub-VP; C is below 0.2.
            assert!(fine < 0.2 * 0.034_f64.powi(*order), "{what}");
        }
    }
}
