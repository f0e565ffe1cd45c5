//! Discrete processes: diffusers' DDPM and DDIM (`tests/reference/ladders.py`), published figures, every count of steps.

use serde::Deserialize;

use super::{
    closed_form::{Mixture, law},
    *,
};

const SPACINGS: [Spacing; 3] = [Spacing::Leading, Spacing::Trailing, Spacing::Linspace];

#[derive(Deserialize)]
struct Fixture {
    start: Vec<Vec<f64>>,
    runs: Vec<Run>,
    limited: Vec<Limited>,
    clipped_means: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Run {
    steps: usize,
    schedule: BetaSchedule,
    spacing: Spacing,
    count: usize,
    model: String,
    timesteps: Vec<usize>,
    ddim: Vec<f64>,
    /// The steps whose means and variances follow.
    at: Vec<usize>,
    means: Vec<Vec<f64>>,
    small: Vec<f64>,
    large: Vec<f64>,
}

#[derive(Deserialize)]
struct Limited {
    clip: Option<f64>,
    threshold: Option<f64>,
    spacing: Spacing,
    ddim: Vec<f64>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../../../tests/reference/ladders.json")).unwrap()
}

impl Fixture {
    fn start(&self) -> Tensor<2> {
        let data = TensorData::new(self.start.concat(), [self.start.len(), self.start[0].len()]);
        Tensor::from_data(data, (&Device::flex(), DType::F64))
    }
}

impl Run {
    fn process(&self) -> Process {
        Process::Ddpm(Ddpm::new(self.steps, 1e-4, 0.02, self.schedule).unwrap())
    }

    fn score(&self) -> Box<dyn Score> {
        if self.model == "fake" { Box::new(Fake { steps: self.steps }) } else { Box::new(Mixture) }
    }

    fn settings(&self, sampler: SamplerKind) -> Settings {
        Settings { n: 2, spacing: self.spacing, ..with(sampler, self.count) }
    }
}

/// diffusers' test model: ε = x·t/(t + 1), t counted from 0.
struct Fake {
    steps: usize,
}

impl Score for Fake {
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        let t = (level.t * self.steps as f64).round() - 1.0;
        x * (-t / (t + 1.0) / level.sigma)
    }
}

/// Equal to 1e-9: float64 on both sides, through some 50 steps and 1/α = 160.
fn assert_close(ours: &[f64], theirs: &[f64], what: &str) {
    assert_eq!(ours.len(), theirs.len());
    for (a, b) in ours.iter().zip(theirs) {
        assert!((a - b).abs() < 1e-9 * b.abs().max(1.0), "{what}: {ours:?} {theirs:?}");
    }
}

#[test]
fn ddim_on_a_ladder_is_diffusers() {
    let fixture = fixture();
    for run in &fixture.runs {
        let (process, settings) = (run.process(), run.settings(SamplerKind::Ddim));
        let what = format!("{:?} {settings:?}", run.schedule);
        let times = times_of(&settings, &process).unwrap();
        let levels: Vec<f64> = times[..run.count].iter().map(|t| t * run.steps as f64 - 1.0).collect();
        assert_close(&levels, &run.timesteps.iter().map(|&t| t as f64).collect::<Vec<_>>(), &what);
        let mut sampler = start_at(&settings, &process, fixture.start()).unwrap();
        assert_eq!(finish(&mut sampler, &*run.score()).len(), run.count);
        assert_close(&read(&sampler.x()), &run.ddim, &what);
    }
}

/// Update `index` of a sampler from `x`, without its noise of standard deviation `std`.
fn mean_of(sampler: &mut Sampler, score: &dyn Score, x: Tensor<2>, index: usize, std: f64) -> Vec<f64> {
    let z = read(&sampler.state.normal(&x, Purpose::Predictor, index as u64));
    (sampler.x, sampler.state.index) = (x, index);
    let next = read(&sampler.step(score).unwrap().unwrap().x);
    next.into_iter().zip(z).map(|(x, z)| x - std * z).collect()
}

#[test]
fn ddpm_steps_have_diffusers_means_and_variances() {
    let fixture = fixture();
    for run in &fixture.runs {
        for (variance, variances) in [(Variance::Small, &run.small), (Variance::Large, &run.large)] {
            let (process, settings) = (run.process(), Settings { variance, ..run.settings(SamplerKind::Ddpm) });
            let mut sampler = start_at(&settings, &process, fixture.start()).unwrap();
            for ((&k, mean), variance) in run.at.iter().zip(&run.means).zip(variances) {
                let ours = mean_of(&mut sampler, &*run.score(), fixture.start(), k, variance.sqrt());
                assert_close(&ours, mean, &format!("step {k} of {settings:?}"));
            }
        }
    }
}

#[test]
fn clipping_and_thresholding_are_diffusers() {
    let (fixture, process) = (fixture(), &ladders()[0]);
    for limited in &fixture.limited {
        let Limited { clip, threshold, spacing, .. } = *limited;
        let settings = Settings { n: 2, clip, threshold, spacing, ..with(SamplerKind::Ddim, 10) };
        let mut sampler = start_at(&settings, process, fixture.start()).unwrap();
        finish(&mut sampler, &Mixture);
        assert_close(&read(&sampler.x()), &limited.ddim, &format!("{settings:?}"));
    }
    let settings = Settings { n: 2, clip: Some(0.8), ..with(SamplerKind::Ddpm, 10) };
    let mut sampler = start_at(&settings, process, fixture.start()).unwrap();
    let times = times_of(&settings, process).unwrap();
    for (k, (mean, pair)) in fixture.clipped_means.iter().zip(times.windows(2)).enumerate() {
        let (from, to) = (process.level(pair[0]), process.level(pair[1]));
        let variance = (to.sigma / from.sigma).powi(2) * process.transition(to.t, from.t).variance;
        let ours = mean_of(&mut sampler, &Mixture, fixture.start(), k, variance.sqrt());
        assert_close(&ours, mean, &format!("step {k}"));
    }
}

#[test]
fn ddims_gains_on_unit_data_are_as_published() {
    // N(0, 1), 1000 linear β, leading levels; float64, six decimals are printed.
    for (steps, published) in [(10, 0.831_696), (20, 0.912_532), (50, 0.964_079), (100, 0.981_851), (1000, 0.998_124)] {
        let x = sample_from(&with(SamplerKind::Ddim, steps), &ladders()[0], &[1.0], &gaussian(1, 0.0, 1.0))[0];
        assert!((x - published).abs() < 0.6e-6, "{steps}: {x}");
    }
}

#[test]
fn every_count_of_steps_comes_to_the_data() {
    let process = short_chain(BetaSchedule::Cosine);
    for sampler in [SamplerKind::Ddpm, SamplerKind::Ddim, SamplerKind::Ancestral] {
        for (spacing, count) in SPACINGS.iter().flat_map(|&spacing| (1..=50).map(move |count| (spacing, count))) {
            let settings = Settings { spacing, n: 2, ..with(sampler, count) };
            let mut sampler = start(&settings, &process, 4).unwrap();
            let steps = finish(&mut sampler, &gaussian(4, 0.3, 0.0));
            assert!(steps.is_sorted_by(|a, b| a.t > b.t));
            let last = steps.last().unwrap();
            assert_eq!((steps.len(), last.t, last.sigma, last.nfe), (count, 0.0, 0.0, count as u64));
            assert_eq!(last.progress, 1.0);
            // The data is one point: x̂₀ is it at every level, and f32 rounds x/α, α ≥ 5e-4.
            assert!(read(&last.x).iter().all(|x| (x - 0.3).abs() < 2e-3), "{settings:?} {:?}", read(&last.x));
        }
    }
}

#[test]
fn discrete_samplers_follow_their_laws() {
    let (n, d) = (16, 2048);
    let sampler = |sampler, variance, eta| Settings { sampler, variance, eta, n, ..Settings::default() };
    let kinds = [
        sampler(SamplerKind::Ddpm, Variance::Small, 0.0),
        sampler(SamplerKind::Ddpm, Variance::Large, 0.0),
        sampler(SamplerKind::Ancestral, Variance::Small, 0.0),
        sampler(SamplerKind::Ddim, Variance::Small, 1.0),
    ];
    let [_, smld] = ladders();
    let edm = Process::Edm(Edm::default());
    let chains = [short_chain(BetaSchedule::Linear), short_chain(BetaSchedule::Cosine), smld, VP, edm];
    for process in chains {
        for spacing in SPACINGS {
            for steps in [1, 2, 7, 31, 50].into_iter().filter(|&steps| process.ladder().is_none_or(|m| steps <= m)) {
                for settings in kinds.iter().filter(|settings| runs_on(settings, &process)) {
                    let settings = Settings { spacing, steps: Some(steps), denoise: false, ..settings.clone() };
                    let (mean, variance) = law(&settings, &process, 0.3, 0.5);
                    let x = sample(&settings, &process, d, &gaussian(d, 0.3, 0.5));
                    let (ours, spread) = moments(&x);
                    // Four standard errors at n·d = 32768, and the rounding of x/α in f32.
                    let count = (n * d) as f64;
                    let what = format!("{} {settings:?}", process.name());
                    let rounding = f64::from(f32::EPSILON) / process.level(1.0).alpha;
                    let error = 4.0 * (variance / count).sqrt() + rounding;
                    assert!((ours - mean).abs() < error, "{what}: mean {ours}, not {mean}");
                    let error = 4.0 * variance * (2.0 / count).sqrt() + 2.0 * rounding * variance.sqrt();
                    assert!((spread - variance).abs() < error, "{what}: {spread}, not {variance}");
                }
            }
        }
    }
}

#[test]
fn the_whole_chain_gives_the_data() {
    // At S = N the chain's own law on N(0.3, 0.5²): small's variance is the data's but for O(β).
    let process = Process::Ddpm(Ddpm::default());
    for (variance, tolerance) in [(Variance::Small, 0.02), (Variance::Large, 0.02)] {
        let settings = Settings { variance, ..with(SamplerKind::Ddpm, 1000) };
        let (mean, spread) = law(&settings, &process, 0.3, 0.5);
        assert!((mean - 0.3).abs() < 1e-3 && (spread / 0.25 - 1.0).abs() < tolerance, "{variance:?} {mean} {spread}");
    }
}

#[test]
fn ddim_with_all_its_noise_is_ddpm_with_the_small_variance() {
    let process = short_chain(BetaSchedule::Linear);
    for spacing in SPACINGS {
        let run = |sampler| {
            let settings = Settings { spacing, eta: 1.0, ..with(sampler, 12) };
            sample_from(&settings, &process, &[-1.0, 0.2, 1.4], &Mixture)
        };
        assert_close(&run(SamplerKind::Ddpm), &run(SamplerKind::Ddim), "Song et al. 2021, section 4.1");
    }
}

#[test]
fn where_spacing_rules_and_where_not() {
    let (chain, ladder) = (short_chain(BetaSchedule::Linear), Process::Smld(Smld::default()));
    let times = |settings: &Settings, process: &Process| times_of(settings, process).map_err(|error| error.to_string());
    // ddpm on VP has the thousand times of its discretisation.
    let ddpm = with(SamplerKind::Ddpm, 2);
    assert_eq!(times(&ddpm, &VP).unwrap(), [0.501, 0.001, 0.0]);
    assert_eq!(times(&Settings { spacing: Spacing::Trailing, ..ddpm.clone() }, &VP).unwrap(), [1.0, 0.5, 0.0]);
    // Ancestral and DDIM stride where the process is a ladder, and nothing else does.
    for kind in [SamplerKind::Ancestral, SamplerKind::Ddim] {
        assert_eq!(times(&with(kind, 3), &ladder).unwrap()[1..], [78.0 / 231.0, 1.0 / 231.0, 0.0]);
        assert_eq!(times(&with(kind, 4), &VP).unwrap()[4], 1e-3);
    }
    assert_eq!(times(&with(SamplerKind::Heun, 4), &chain).unwrap()[4], 0.02);
    let planned = |settings: &Settings| settings.plan(&chain, 1).unwrap();
    // A grid or times take its place, and t_end is rounded to the ladder.
    let grid = Settings { grid: Some(Grid::Uniform), ..ddpm.clone() };
    assert_eq!(times(&grid, &chain).unwrap(), [1.0, 0.51, 0.02]);
    let early = Settings { t_end: Some(0.199), ..ddpm.clone() };
    assert_eq!((times(&early, &chain).unwrap(), planned(&early).t_end), (vec![0.62, 0.22, 0.2], 0.2));
    assert_eq!((planned(&grid).settings.grid, planned(&early).settings.grid), (Some(Grid::Uniform), None));
    // What cannot be is named.
    let refused = |settings: &Settings, process: &Process| settings.plan(process, 1).unwrap_err().to_string();
    assert!(refused(&with(SamplerKind::Ddpm, 51), &chain).starts_with("steps = 51: expected 1 to 50"));
    assert!(
        refused(&Settings { t_end: Some(0.999), ..ddpm.clone() }, &chain)
            .starts_with("t_end = 0.999: expected 0 to 0.98")
    );
    for process in [VE, SUB_VP, ladder] {
        let name = process.name();
        let error = refused(&ddpm, &process);
        assert!(error.starts_with(&format!("sampler = ddpm on {name}: expected a model whose process is ddpm or vp")));
    }
}
