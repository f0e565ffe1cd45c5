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
fn priors_and_ends_are_score_sdes() {
    let [ve, vp, sub_vp, edm] = processes();
    assert_eq!([ve.prior_std(), vp.prior_std(), sub_vp.prior_std(), edm.prior_std()], [50.0, 1.0, 1.0, 80.0]);
    assert_eq!([ve.default_t_end(), vp.default_t_end(), sub_vp.default_t_end()], [1e-5, 1e-3, 1e-3]);
    assert_eq!(ve.level(0.0).sigma, 0.01, "VE at t = 0 is σ_min");
    assert_eq!(edm.default_t_end(), 0.002 / 80.0);
    assert_eq!(edm.level(0.0), Level { t: 0.0, alpha: 1.0, sigma: 0.0 });
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

fn any_process() -> impl Strategy<Value = Process> {
    // As wide as `validate` allows.
    let betas = || (1e-6..20.0f64, 1e-3..80.0f64);
    let sigmas = || (-6.0..0.0f64, 0.1..6.0f64).prop_map(|(low, high)| (10f64.powf(low), 10f64.powf(high)));
    prop_oneof![
        sigmas().prop_map(|(sigma_min, sigma_max)| Process::Ve(Ve { sigma_min, sigma_max })),
        sigmas().prop_map(|(sigma_min, sigma_max)| Process::Edm(Edm { sigma_min, sigma_max })),
        betas().prop_map(|(low, more)| Process::Vp(Vp { beta_min: low, beta_max: low + more })),
        betas().prop_map(|(low, more)| Process::SubVp(SubVp { beta_min: low, beta_max: low + more })),
    ]
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
