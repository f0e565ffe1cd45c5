//! The closed forms against published values and against each other.

use proptest::prelude::*;

use super::*;

fn processes() -> [Process; 4] {
    [
        Process::Ve(Ve::default()),
        Process::Vp(Vp::default()),
        Process::SubVp(SubVp::default()),
        Process::Edm(Edm::default()),
    ]
}

fn ladders() -> [Process; 2] {
    [Process::Ddpm(Ddpm::default()), Process::Smld(Smld::default())]
}

/// |a − b| relative to b, or absolute where b is small.
fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * b.abs().max(1e-3)
}

/// `sde_lib.py`'s `marginal_prob`, evaluated in float64 and printed to eight decimals.
const MARGINALS: [[f64; 5]; 5] = [
    // t, VP mean, VP std, sub-VP std, VE std
    [1e-5, 0.999_999_50, 0.001_000_50, 0.000_001_00, 0.010_000_85],
    [1e-3, 0.999_945_03, 0.010_485_42, 0.000_109_94, 0.010_085_54],
    [0.1, 0.946_721_80, 0.322_052_54, 0.103_717_84, 0.023_436_73],
    [0.5, 0.281_182_88, 0.959_654_20, 0.920_936_19, std::f64::consts::FRAC_1_SQRT_2],
    [1.0, 0.006_571_59, 0.999_978_41, 0.999_956_81, 50.0],
];

#[test]
fn marginals_are_score_sdes() {
    let [ve, vp, sub_vp, _] = processes();
    for [t, mean, vp_std, sub_vp_std, ve_std] in MARGINALS {
        // Half a unit of the last printed decimal.
        let pairs = [
            (vp.level(t).alpha, mean),
            (sub_vp.level(t).alpha, mean),
            (ve.level(t).alpha, 1.0),
            (vp.level(t).sigma, vp_std),
            (sub_vp.level(t).sigma, sub_vp_std),
            (ve.level(t).sigma, ve_std),
        ];
        for (ours, published) in pairs {
            assert!((ours - published).abs() <= 0.5e-8, "t = {t}: {ours} is not {published}");
        }
    }
}

#[test]
fn drift_and_diffusion_are_the_marginals_derivatives() {
    // f = α′/α and g² = (σ²)′ − 2fσ². Central differences of width h err by h²/6·(third derivative)
    // + ε/h: about 1e-7 relative at h = 1e-5, where VP's derivatives reach 1e3.
    let h = 1e-5;
    for process in processes() {
        for t in [0.01, 0.1, 0.3, 0.5, 0.9] {
            let (below, at, above) = (process.level(t - h), process.level(t), process.level(t + h));
            let drift = (above.alpha - below.alpha) / (2.0 * h) / at.alpha;
            let growth = (above.sigma.powi(2) - below.sigma.powi(2)) / (2.0 * h);
            let diffusion2 = growth - 2.0 * drift * at.sigma.powi(2);
            assert!(close(process.drift(t), drift, 1e-6), "{} f({t})", process.name());
            assert!(close(process.diffusion2(t), diffusion2, 1e-6), "{} g²({t})", process.name());
        }
    }
    // dx coefficient of VE: σ√(2 ln(σ_max/σ_min)).
    let [ve, ..] = processes();
    assert!(close(ve.diffusion2(1.0), 2500.0 * 2.0 * 5000f64.ln(), 1e-12));
}

#[test]
fn integrals_are_simpsons() {
    let simpson = |f: &dyn Fn(f64) -> f64, s: f64, t: f64| {
        let (n, h) = (2000, (t - s) / 2000.0);
        let weight = |i| if i == 0 || i == n { 1.0 } else { 2.0 + 2.0 * f64::from(i % 2) };
        (0..=n).map(|i| weight(i) * f(s + f64::from(i) * h)).sum::<f64>() * h / 3.0
    };
    for process in processes() {
        for (s, t) in [(0.0, 1.0), (0.001, 0.1), (0.4, 0.401)] {
            // Simpson's error is (t − s)h⁴/180·f⁗: 3e-10 relative for VE's e^(17t), less elsewhere.
            let diffusion2 = simpson(&|u| process.diffusion2(u), s, t);
            let ours = process.diffusion2_integral(s, t);
            assert!((ours - diffusion2).abs() <= 1e-9 * diffusion2, "{}: ∫g² {ours} {diffusion2}", process.name());
            let drift = simpson(&|u| process.drift(u), s, t);
            assert!((process.drift_integral(s, t) - drift).abs() <= 1e-12 * drift.abs().max(1.0));
        }
    }
}

#[test]
fn a_ladders_drift_and_diffusion_are_constant_or_exponential_between_its_points() {
    // Within one interval ∫f and ∫g² have closed forms: f constant; g² constant (DDPM) or ∝ e^(2·slope·t) (SMLD).
    for process in ladders() {
        let m = process.ladder().unwrap() as f64;
        for i in [0.0, 1.0, m - 1.0] {
            let (s, t) = ((i + 0.25) / m, (i + 0.75) / m);
            assert!(close(process.drift_integral(s, t), process.drift(s) * (t - s), 1e-10));
            let (a, b) = (process.diffusion2(s), process.diffusion2(t));
            // The logarithmic mean; a itself where b = a.
            let mean = if (b / a - 1.0).abs() < 1e-9 { a } else { (b - a) / (b / a).ln() };
            let integral = process.diffusion2_integral(s, t);
            assert!((integral / (mean * (t - s)) - 1.0).abs() < 1e-9, "{} {i} {integral}", process.name());
        }
    }
}

#[test]
fn the_chain_is_ddpms() {
    // β = 1 − ᾱᵢ/ᾱᵢ₋₁ of diffusers' DDPMScheduler, linear and squaredcos_cap_v2, and its posterior's variances as its own
    // tests have them (DDIMSchedulerTest.test_variance, to 1e-5; t counts from 0).
    let process = Process::Ddpm(Ddpm::default());
    let beta = |i: f64| process.transition((i - 1.0) / 1000.0, i / 1000.0).variance;
    assert!(close(beta(1.0), 1e-4, 1e-12) && close(beta(1000.0), 0.02, 1e-12));
    let variance = |t: f64, below: f64| {
        let (t, below) = ((t + 1.0) / 1000.0, (below + 1.0) / 1000.0);
        (process.level(below).sigma / process.level(t).sigma).powi(2) * process.transition(below, t).variance
    };
    for (t, below, published) in [
        (0.0, -1.0, 0.0),
        (420.0, 400.0, 0.14771),
        (980.0, 960.0, 0.32460),
        (487.0, 486.0, 0.00979),
        (999.0, 998.0, 0.02),
    ] {
        assert!((variance(t, below) - published).abs() < 1e-5, "{t}: {}", variance(t, below));
    }
    // Ho et al. 2020: the prior term L_T is some 1e-5 bits per dimension, since ᾱ_T = 4.036e-5 (float64 product).
    assert!((process.level(1.0).alpha.powi(2) / 4.035_829_763_6e-5 - 1.0).abs() < 1e-9);
    let cosine = Process::Ddpm(Ddpm::new(1000, 1e-4, 0.02, BetaSchedule::Cosine).unwrap());
    let last = cosine.transition(0.999, 1.0).variance;
    assert!(close(last, 0.999, 1e-12), "capped: {last}");
}

#[test]
fn a_geometric_ladder_is_ve() {
    let (ladder, ve) = (Process::Smld(Smld::default()), Process::Ve(Ve::default()));
    for t in [0.0, 1e-5, 0.1, 1.0 / 231.0, 0.5, 0.77, 1.0] {
        assert!(close(ladder.level(t).sigma, ve.level(t).sigma, 1e-12));
        assert!(close(ladder.diffusion2(t), ve.diffusion2(t), 1e-10));
        assert!(close(ladder.diffusion2_integral(0.0, t), ve.diffusion2_integral(0.0, t), 1e-10));
        assert!((ladder.time_of_ratio(ve.level(t).ratio()) - t).abs() < 1e-12);
    }
}

#[test]
fn a_ladder_of_sigmas_has_them_at_its_points_either_way_round() {
    let down = Process::Smld(Smld::new(&[50.0, 3.0, 1.0, 0.2, 0.01]).unwrap());
    let up = Process::Smld(Smld::new(&[0.01, 0.2, 1.0, 3.0, 50.0]).unwrap());
    for (i, sigma) in [0.01, 0.2, 1.0, 3.0, 50.0].into_iter().enumerate() {
        let t = i as f64 / 4.0;
        assert!(close(down.level(t).sigma, sigma, 1e-14) && down.level(t) == up.level(t));
    }
    // Between them ln σ is linear.
    assert!(close(down.level(0.375).sigma, 0.2f64.sqrt(), 1e-14));
}

#[test]
fn priors_and_ends_are_score_sdes() {
    let [ve, vp, sub_vp, edm] = processes();
    assert_eq!([ve.prior_std(), vp.prior_std(), sub_vp.prior_std(), edm.prior_std()], [50.0, 1.0, 1.0, 80.0]);
    assert_eq!([ve.default_t_end(), vp.default_t_end(), sub_vp.default_t_end()], [1e-5, 1e-3, 1e-3]);
    assert_eq!(ve.level(0.0).sigma, 0.01, "VE at t = 0 is σ_min");
    assert_eq!(edm.default_t_end(), 0.002 / 80.0);
    assert_eq!(edm.level(0.0), Level { t: 0.0, alpha: 1.0, sigma: 0.0 });
    let [ddpm, smld] = ladders();
    assert_eq!((ddpm.prior_std(), ddpm.default_t_end(), ddpm.ladder()), (1.0, 1e-3, Some(1000)));
    assert!(close(smld.prior_std(), 50.0, 1e-14) && smld.default_t_end() == 0.0 && smld.ladder() == Some(231));
    assert_eq!(
        (smld.prior_std_at(0.0), ddpm.prior_std_at(0.5), ve.prior_std_at(0.0)),
        (smld.level(0.0).sigma, 1.0, 0.01)
    );
}

#[test]
fn edm_is_karras_et_als() {
    // Their σ(t) = t and dx = √(2t) dw at t = 40 are ours at ½, where time runs 80 times as fast: g² = 80·2·40.
    let [.., edm] = processes();
    assert_eq!((edm.level(0.5).sigma, edm.diffusion2(0.5), edm.drift(0.5)), (40.0, 6400.0, 0.0));
    assert_eq!(edm.transition(0.25, 0.5), Transition { scale: 1.0, variance: 1200.0 });
}

#[test]
fn a_process_is_read_by_its_names() {
    let read = |json: &str| serde_json::from_str::<Process>(json).map_err(|error| error.to_string());
    assert_eq!(read(r#"{"kind":"sub-vp"}"#), Ok(Process::SubVp(SubVp::default())));
    let ve = Process::Ve(Ve { sigma_min: 0.002, sigma_max: 80.0 });
    assert_eq!(read(r#"{"kind":"ve","sigma_min":0.002,"sigma_max":80}"#), Ok(ve.clone()));
    assert_eq!(read(&serde_json::to_string(&ve).unwrap()), Ok(ve));
    assert_eq!(read(r#"{"kind":"edm"}"#), Ok(Process::Edm(Edm { sigma_min: 0.002, sigma_max: 80.0 })));
    assert!(read(r#"{"kind":"vp","sigma_max":80}"#).unwrap_err().contains("sigma_max"));
    assert!(read(r#"{"kind":"vpp"}"#).unwrap_err().contains("sub-vp"));
    assert_eq!(read(r#"{"kind":"ddpm"}"#), Ok(ladders()[0].clone()));
    for text in [
        r#"{"kind":"ddpm","steps":50,"beta_start":0.001,"beta_end":0.2,"schedule":"cosine"}"#,
        r#"{"kind":"smld","sigmas":[1.0,0.5,0.1]}"#,
        r#"{"kind":"smld","sigma_max":1.0,"sigma_min":0.01,"levels":10}"#,
    ] {
        assert_eq!(serde_json::to_string(&read(text).unwrap()).unwrap(), text);
    }
    assert!(read(r#"{"kind":"ddpm","sigmas":[1]}"#).unwrap_err().contains("sigmas"));
    assert!(
        read(r#"{"kind":"smld","sigmas":[2,1],"levels":2}"#).unwrap_err().contains("process.sigmas = 2 numbers beside")
    );
}

#[test]
fn parameters_are_checked() {
    let ve = |sigma_min, sigma_max| Process::Ve(Ve { sigma_min, sigma_max }).validate().map_err(|e| e.to_string());
    let edm = |sigma_min, sigma_max| Process::Edm(Edm { sigma_min, sigma_max }).validate().map_err(|e| e.to_string());
    let vp = |beta_min, beta_max| Process::Vp(Vp { beta_min, beta_max }).validate().map_err(|e| e.to_string());
    assert!(processes().iter().all(|process| process.validate().is_ok()));
    for (low, high) in [(0.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.1, f64::INFINITY), (-1.0, 1.0), (0.1, 1e9)] {
        assert!(ve(low, high).unwrap_err().contains("process.sigma_min"));
        assert!(edm(low, high).unwrap_err().contains("process.sigma_min"));
        assert!(vp(low, high).unwrap_err().contains("process.beta_min"));
    }
}

#[test]
fn ladders_are_checked() {
    use BetaSchedule::{Cosine, Linear};
    let ddpm = |steps, start, end, schedule| Ddpm::new(steps, start, end, schedule).unwrap_err().to_string();
    assert!(ddpm(0, 1e-4, 0.02, Linear).starts_with("process.steps = 0: expected 1 to 100000"));
    assert!(ddpm(100_001, 1e-4, 0.02, Cosine).starts_with("process.steps = 100001"));
    for (start, end) in [(0.0, 0.1), (0.1, 1.0), (0.2, 0.1), (f64::NAN, 0.1), (0.1, f64::INFINITY), (-0.1, 0.1)] {
        assert!(ddpm(10, start, end, Linear).starts_with("process.beta_start, process.beta_end = "), "{start} {end}");
    }
    assert!(ddpm(100_000, 1e-4, 0.02, Linear).contains("fewer steps: α at the last is e^−506"));
    for (steps, schedule) in [(1, Linear), (1, Cosine), (2, Cosine), (100_000, Cosine)] {
        assert!(Ddpm::new(steps, 1e-4, 0.02, schedule).is_ok());
    }
    let smld = |sigmas: &[f64]| Smld::new(sigmas).unwrap_err().to_string();
    assert!(smld(&[1.0]).starts_with("process.sigmas = 1: expected 2 to 100000"));
    for (sigmas, value) in
        [([1.0, 0.0], "0"), ([1.0, f64::NAN], "NaN"), ([f64::INFINITY, 1.0], "inf"), ([1.0, 1e-7], "0.0000001")]
    {
        assert!(
            smld(&sigmas).starts_with(&format!("process.sigmas = {value}: expected numbers from")),
            "{}",
            smld(&sigmas)
        );
    }
    for sigmas in [[1.0, 1.0, 0.5], [1.0, 0.5, 0.7], [0.1, 0.5, 0.2]] {
        assert!(smld(&sigmas).ends_with("expected strictly decreasing or increasing"), "{}", smld(&sigmas));
    }
    let geometric = |high, low, levels| Smld::geometric(high, low, levels).unwrap_err().to_string();
    assert!(geometric(1.0, 0.1, 1).starts_with("process.levels = 1"));
    assert!(geometric(0.1, 1.0, 5).starts_with("process.sigma_min, process.sigma_max = 1, 0.1"));
}

fn any_process() -> impl Strategy<Value = Process> {
    // As wide as `validate` allows.
    let betas = || (1e-6..20.0f64, 1e-3..80.0f64);
    let sigmas = || (-6.0..0.0f64, 0.1..6.0f64).prop_map(|(low, high)| (10f64.powf(low), 10f64.powf(high)));
    prop_oneof![
        sigmas().prop_map(|(sigma_min, sigma_max)| Process::Ve(Ve { sigma_min, sigma_max })),
        sigmas().prop_map(|(sigma_min, sigma_max)| Process::Edm(Edm { sigma_min, sigma_max })),
        betas().prop_map(|(low, more)| Process::Vp(Vp { beta_min: low, beta_max: low + more })),
        betas().prop_map(|(low, more)| Process::SubVp(SubVp { beta_min: low, beta_max: low + more })),
        any_ddpm(),
        any_smld(),
    ]
}

pub(crate) fn any_ddpm() -> impl Strategy<Value = Process> {
    let steps = prop_oneof![Just(1usize), Just(2), Just(1000), 1usize..4000];
    let schedule = prop_oneof![Just(BetaSchedule::Linear), Just(BetaSchedule::Cosine)];
    // Their sum stays below what α may lose.
    (steps, 1e-8..0.01f64, 0.0..0.9f64, schedule).prop_map(|(steps, low, more, schedule)| {
        let most = (10.0 / steps as f64).min(1.0);
        Process::Ddpm(Ddpm::new(steps, low * most, (low + more) * most, schedule).unwrap())
    })
}

pub(crate) fn any_smld() -> impl Strategy<Value = Process> {
    // Ratios from one level to the next, from 1e-6 up to at most 1e6.
    prop::collection::vec(0.01..1.0f64, 1..40).prop_map(|logs| {
        let scale = 27.0 / logs.iter().sum::<f64>().max(1.0);
        let mut log = 1e-6f64.ln();
        let sigmas = logs.into_iter().map(|step| {
            log += step * scale;
            log.exp()
        });
        Process::Smld(Smld::new(&std::iter::once(1e-6).chain(sigmas).collect::<Vec<_>>()).unwrap())
    })
}

proptest! {
    #[test]
    fn transitions_compose(process in any_process(), a in 0.0..1.0f64, b in 0.0..1.0f64, c in 0.0..1.0f64) {
        let mut times = [a, b, c];
        times.sort_by(f64::total_cmp);
        let [s, t, u] = times;
        let (first, second, whole) = (process.transition(s, t), process.transition(t, u), process.transition(s, u));
        // Rounding of α and σ² in f64, where the variance is a difference of squares of size σ².
        let scale = process.level(u).sigma.powi(2);
        prop_assert!(close(first.scale * second.scale, whole.scale, 1e-12));
        let variance = second.scale.powi(2) * first.variance + second.variance;
        prop_assert!((variance - whole.variance).abs() <= 1e-14 * scale.max(1.0));
        // And a transition carries one marginal to the next.
        let (from, to) = (process.level(s), process.level(u));
        let sigma2 = whole.scale.powi(2) * from.sigma.powi(2) + whole.variance;
        prop_assert!((sigma2 - to.sigma.powi(2)).abs() <= 1e-14 * scale.max(1.0));
    }

    #[test]
    fn time_of_ratio_is_the_inverse(process in any_process(), t in 1e-4..1.0f64) {
        let ratio = process.level(t).ratio();
        let back = process.time_of_ratio(ratio);
        // Relative error of the ratio, which is what a grid needs; VE spreads ln(σ_max/σ_min) ≥ 0.1 over t.
        prop_assert!((process.level(back).ratio() / ratio - 1.0).abs() <= 1e-10, "{t} {back}");
    }

    #[test]
    fn tweedie_is_inverse_to_score_of(process in any_process(), t in 0.01..0.3f64) {
        let level = process.level(t);
        let device = burn::tensor::Device::flex();
        let x = burn::Tensor::<2>::from_data([[0.3f32, -1.2, 2.0]], &device);
        let score = burn::Tensor::<2>::from_data([[0.7f32, 0.1, -0.4]], &device) / level.sigma;
        let back = level.score_of(x.clone(), level.denoised(x, score.clone()));
        let error = ((back - score) * level.sigma).abs().max().into_scalar::<f32>();
        // Cancellation in f32: ε·|x|/σ.
        prop_assert!(error <= 1e-6 * (1.0 + 2.0 / level.sigma as f32), "{error} at {level:?}");
    }
}
