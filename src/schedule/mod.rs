//! Time grids: the `steps` + 1 strictly decreasing times from 1 to t_end on which a sampler moves.
//!
//! With u = i/steps, i = 0 … steps, and r = σ/α the noise level of x/α:
//!
//! | grid | even in | from |
//! |---|---|---|
//! | `uniform` | t | Song et al. 2021, <https://arxiv.org/abs/2011.13456> |
//! | `quadratic` | √t | Song, Meng & Ermon 2021 (DDIM), <https://arxiv.org/abs/2010.02502>, appendix D.2 |
//! | `log-snr` | log r | Lu et al. 2022 (DPM-Solver), <https://arxiv.org/abs/2206.00927> |
//! | `karras` | r^(1/ρ), ρ = 7 | Karras et al. 2022 (EDM), <https://arxiv.org/abs/2206.00364>, eq. 5 |
//!
//! VE is geometric in t, so that `uniform` and `log-snr` agree there. Noise ladders chosen from the data: [`ladder`].
//! Strided ladders of a discrete process: [`Spacing`].

mod spacing;

pub mod ladder;

use serde::{Deserialize, Serialize};

pub use self::spacing::Spacing;
use crate::{Error, Result, sde::Process};

/// The most steps that a grid may have.
pub const MAX_STEPS: usize = 100_000;

/// EDM's ρ: 7 places more of the steps at low noise.
const RHO: f64 = 7.0;

/// How a sampler's times lie between 1 and t_end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Grid {
    /// Even in t.
    Uniform,
    /// Even in √t: denser near the data.
    Quadratic,
    /// Even in the logarithm of the signal-to-noise ratio.
    LogSnr,
    /// EDM's, even in (σ/α)^(1/7).
    Karras,
}

/// σ/α at t = 1 beyond which a process begins far out in the noise: EDM's is 80, VP's 152, a cosine chain's 2·10⁴.
const FAR: f64 = 1000.0;

impl Grid {
    /// This grid, but where a process begins so far out ([`FAR`]) that most of its steps would lie in the noise alone,
    /// another: even in √t on processes that shrink the data, and in log r, rather than EDM's, on those that do not.
    #[must_use]
    pub fn unless_far(self, process: &Process) -> Self {
        if process.level(1.0).ratio() <= FAR {
            return self;
        }
        match (process, self) {
            (Process::Vp(_) | Process::SubVp(_) | Process::Ddpm(_), Self::Karras | Self::LogSnr) => Self::Quadratic,
            (Process::Ve(_) | Process::Edm(_) | Process::Smld(_), Self::Karras) => Self::LogSnr,
            _ => self,
        }
    }

    /// `steps` + 1 strictly decreasing times, the first exactly 1 and the last exactly `t_end`.
    ///
    /// # Errors
    /// For 0 or more than [`MAX_STEPS`] steps, a `t_end` that [`check_t_end`] refuses, or so many steps
    /// on so short an interval that two times coincide.
    pub fn times(self, process: &Process, steps: usize, t_end: f64) -> Result<Vec<f64>> {
        check_steps(steps)?;
        check_t_end(process, t_end)?;
        let between = |u: f64, from: f64, to: f64| from + u * (to - from);
        let (high, low) = (process.level(1.0).ratio(), process.level(t_end).ratio());
        let inner = (1..steps).map(|i| {
            let u = i as f64 / steps as f64;
            match self {
                Self::Uniform => between(u, 1.0, t_end),
                Self::Quadratic => between(u, 1.0, libm::sqrt(t_end)).powi(2),
                Self::LogSnr => process.time_of_ratio(libm::exp(between(u, libm::log(high), libm::log(low)))),
                Self::Karras => {
                    let root = between(u, libm::pow(high, RHO.recip()), libm::pow(low, RHO.recip()));
                    process.time_of_ratio(libm::pow(root, RHO))
                }
            }
        });
        let times: Vec<f64> = std::iter::once(1.0).chain(inner).chain([t_end]).collect();
        // Written so that a NaN fails it.
        if times.is_sorted_by(|later, earlier| later > earlier) {
            return Ok(times);
        }
        Err(Error::setting("steps", steps, format!("fewer, or a smaller t_end than {t_end}: two times coincide")))
    }
}

/// # Errors
/// For 0 or more than [`MAX_STEPS`] steps.
pub fn check_steps(steps: usize) -> Result<()> {
    if (1..=MAX_STEPS).contains(&steps) {
        return Ok(());
    }
    Err(Error::setting("steps", steps, format!("1 to {MAX_STEPS}")))
}

/// Checks times that a user has given: from exactly 1 strictly down.
///
/// # Errors
/// When they are not so, there are fewer than two or more than [`MAX_STEPS`] + 1, or [`check_t_end`] refuses the last.
pub fn check_times(process: &Process, times: &[f64]) -> Result<()> {
    let refuse = |expected: String| Err(Error::setting("times", format!("{times:?}"), expected));
    let last = match *times {
        [1.0, .., last] if times.len() <= MAX_STEPS + 1 => last,
        [_, _, ..] if times.len() <= MAX_STEPS + 1 => return refuse("1 as the first".to_owned()),
        _ => return refuse(format!("2 to {} times", MAX_STEPS + 1)),
    };
    // Written so that a NaN fails it.
    if !times.is_sorted_by(|later, earlier| later > earlier) {
        return refuse("each smaller than the one before".to_owned());
    }
    check_t_end(process, last)
}

/// # Errors
/// For a `t_end` outside (0, 1) or, on that side, too near 0 for f32: below 1e-8, or 1e-12 for EDM. VE and SMLD may end
/// at 0, where their noise is σ_min.
pub fn check_t_end(process: &Process, t_end: f64) -> Result<()> {
    let (least, range) = match process {
        Process::Ve(_) | Process::Smld(_) => (0.0, "0 or more (the noise is σ_min there) and below 1"),
        Process::Vp(_) | Process::SubVp(_) | Process::Ddpm(_) => (1e-8, "1e-8 or more and below 1"),
        // σ is linear, and 1e-12 of the largest σ_max still 1e-6.
        Process::Edm(_) => (1e-12, "1e-12 or more and below 1"),
        Process::None => (0.0, "from 0 to below 1"),
    };
    if (least..1.0).contains(&t_end) {
        return Ok(());
    }
    Err(Error::setting("t_end", t_end, range))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sde::{Ddpm, Edm, Smld, SubVp, Ve, Vp};

    const GRIDS: [Grid; 4] = [Grid::Uniform, Grid::Quadratic, Grid::LogSnr, Grid::Karras];

    #[test]
    fn karras_is_edms() {
        // EDM's table 1 with σ_min 0.002, σ_max 80, ρ 7 and 18 steps: the formula in NumPy's float64.
        let published = [
            80.0,
            57.58598472,
            40.7855738,
            28.3745846,
            19.35245298,
            12.91008238,
            8.40093531,
            5.31519452,
            3.25682152,
            1.92333984,
            1.08817064,
            0.58534812,
            0.29644228,
            0.13951647,
            0.05994731,
            0.02293452,
            0.00752802,
            0.002,
        ];
        let process = Process::Ve(Ve { sigma_min: 0.002, sigma_max: 80.0 });
        let times = Grid::Karras.times(&process, 17, 0.0).unwrap();
        for (t, sigma) in times.into_iter().zip(published) {
            // Half a unit of the last printed decimal.
            assert!((process.level(t).sigma - sigma).abs() < 0.6e-8, "{} {sigma}", process.level(t).sigma);
        }
        let edm = Process::Edm(Edm::default());
        let times = Grid::Karras.times(&edm, 17, edm.default_t_end()).unwrap();
        assert!(times.iter().zip(published).all(|(t, sigma)| (80.0 * t - sigma).abs() < 0.6e-8), "{times:?}");
    }

    #[test]
    fn each_grid_is_even_in_its_own_variable() {
        let process = Process::Vp(Vp::default());
        for grid in GRIDS {
            let times = grid.times(&process, 10, 1e-3).unwrap();
            let even: Vec<f64> = times
                .iter()
                .map(|&t| match grid {
                    Grid::Uniform => t,
                    Grid::Quadratic => t.sqrt(),
                    Grid::LogSnr => process.level(t).ratio().ln(),
                    Grid::Karras => process.level(t).ratio().powf(1.0 / 7.0),
                })
                .collect();
            let step = (even[10] - even[0]) / 10.0;
            for pair in even.windows(2) {
                // Rounding of the inverse, which the logarithm near t = 1e-3 amplifies to about 1e-13.
                assert!((pair[1] - pair[0] - step).abs() < 1e-11, "{grid:?} {even:?}");
            }
        }
    }

    #[test]
    fn bad_grids_are_refused_by_name() {
        let (ve, vp) = (Process::Ve(Ve::default()), Process::Vp(Vp::default()));
        let error = |process, steps, t_end| Grid::Uniform.times(process, steps, t_end).unwrap_err().to_string();
        assert!(error(&vp, 0, 1e-3).starts_with("steps = 0: expected 1 to 100000"));
        assert!(error(&vp, 100_001, 1e-3).starts_with("steps = 100001"));
        for t_end in [0.0, 1.0, -0.1, 1.5, f64::NAN, f64::INFINITY] {
            assert!(error(&vp, 10, t_end).starts_with("t_end = "), "{t_end}");
        }
        assert!(error(&ve, 10, -0.1).starts_with("t_end = "));
        assert_eq!(Grid::Karras.times(&ve, 10, 0.0).unwrap()[10], 0.0);
        assert!(error(&vp, 100_000, 1.0 - 1e-14).contains("two times coincide"));
    }

    fn any_process() -> impl Strategy<Value = Process> {
        prop_oneof![
            (-6.0..0.0f64, 0.1..6.0f64).prop_map(|(low, high)| {
                Process::Ve(Ve { sigma_min: 10f64.powf(low), sigma_max: 10f64.powf(high) })
            }),
            (-6.0..0.0f64, 0.1..6.0f64).prop_map(|(low, high)| {
                Process::Edm(Edm { sigma_min: 10f64.powf(low), sigma_max: 10f64.powf(high) })
            }),
            (1e-6..20.0f64, 0.01..80.0f64)
                .prop_map(|(low, more)| Process::Vp(Vp { beta_min: low, beta_max: low + more })),
            (1e-6..20.0f64, 0.01..80.0f64)
                .prop_map(|(low, more)| Process::SubVp(SubVp { beta_min: low, beta_max: low + more })),
            crate::sde::tests::any_ddpm(),
            crate::sde::tests::any_smld(),
        ]
    }

    proptest! {
        #[test]
        fn grids_are_strictly_monotone(
            process in any_process(),
            steps in prop_oneof![Just(1), Just(2), Just(1000), 1usize..3000],
            t_end in prop_oneof![Just(None), (-7.0..-0.1f64).prop_map(|e| Some(10f64.powf(e)))],
        ) {
            let t_end = t_end.unwrap_or_else(|| process.default_t_end());
            for grid in GRIDS {
                let times = grid.times(&process, steps, t_end).unwrap();
                prop_assert_eq!(times.len(), steps + 1);
                prop_assert_eq!((times[0], times[steps]), (1.0, t_end));
                prop_assert!(times.windows(2).all(|pair| pair[0] > pair[1]), "{:?} {:?}", grid, times);
            }
        }
    }

    #[test]
    fn the_finest_grid_is_strictly_monotone() {
        let ladders = [Process::Ddpm(Ddpm::default()), Process::Smld(Smld::default())];
        let (ve, vp) = (Process::Ve(Ve::default()), Process::Vp(Vp::default()));
        let others = [ve, vp, Process::SubVp(SubVp::default()), Process::Edm(Edm::default())];
        for process in others.into_iter().chain(ladders) {
            for grid in GRIDS {
                assert_eq!(grid.times(&process, MAX_STEPS, process.default_t_end()).unwrap().len(), MAX_STEPS + 1);
            }
        }
    }
}
