//! On Gaussian data the expectation of every objective, as a function of the score's scale, has its minimum and its
//! value there in closed form; with and without noise levels.

use burn::{
    Tensor,
    tensor::{DType, Device},
};
use scorefield::{
    data::Points,
    noise::{Noise, Purpose},
    objective::{
        Directions, ExplicitConfig, ImplicitConfig, OneLevelConfig, RowScore, Samples, SteinConfig, Times,
        matching::Criterion,
    },
    score::stein::SteinKernel,
    sde::{Process, Vp},
};

use super::{Terms, finite_difference, mean, sliced, terms, values};

const ROWS: usize = 256;
const DIM: usize = 3;
const STD: f64 = 0.8;
/// In f32 without rounding.
const MEAN: [f64; DIM] = [0.5, -0.25, 0.125];
const SIGMA: f64 = 0.6;
const REPEATS: u64 = 48;

/// −a·(x − m)/V with V and m of each row's level.
struct Scaled {
    a: f64,
    mean: Tensor<2>,
    precision: Tensor<2>,
}

impl RowScore for Scaled {
    fn score(&self, x: Tensor<2>) -> Tensor<2> {
        let copies = x.dims()[0] / self.mean.dims()[0];
        (x - self.mean.clone().repeat_dim(0, copies)) * self.precision.clone().repeat_dim(0, copies) * -self.a
    }

    fn jvp(&self, x: Tensor<2>, directions: &[Tensor<2>]) -> (Tensor<2>, Vec<Tensor<2>>) {
        let tangents = directions.iter().map(|v| v.clone() * self.precision.clone() * -self.a);
        (self.score(x), tangents.collect())
    }
}

/// The value at a = 1, per λ: of a row whose x has the variance V and the true score the variance 1/V.
type Value = fn(f64) -> f64;

/// An objective: its name, its terms, whether a batch is at one level, what it adds to the variance, its least value.
struct Case {
    name: String,
    terms: Terms,
    one_level: bool,
    added: f64,
    value: Value,
}

/// All objectives that ask something of a score at samples, for `process`.
fn cases(process: &Process) -> Vec<Case> {
    let exact: Value = |_| 0.0;
    let parts: Value = |variance| -0.5 * DIM as f64 / variance;
    let case = |name: &str, terms, value| Case { name: name.to_owned(), terms, one_level: false, added: 0.0, value };
    let mut cases = vec![case("implicit", terms(ImplicitConfig::default().init(process, STD).criterion), parts)];
    for directions in [Directions::Gaussian, Directions::Rademacher, Directions::Sphere] {
        for reduced in [false, true] {
            let criterion = sliced(2, directions, reduced).init(process, STD).criterion;
            cases.push(case(&format!("sliced {directions:?} {reduced}"), terms(criterion), parts));
        }
    }
    for reduced in [false, true] {
        // A linear score has no error of finite differences.
        let criterion = finite_difference(2, reduced, 0.5).init(process, STD).criterion;
        cases.push(case(&format!("finite differences {reduced}"), terms(criterion), parts));
    }
    let mut one_level = case(
        "one level",
        terms(OneLevelConfig { sigma: SIGMA, times: None }.init(process, STD).criterion),
        |variance| 0.5 * DIM as f64 * variance / (variance + SIGMA * SIGMA),
    );
    one_level.added = SIGMA * SIGMA;
    cases.push(one_level);
    // The same Gaussian as a mixture of one, and as the kernel density estimate of its mean.
    let mean: Vec<f32> = MEAN.iter().map(|m| *m as f32).collect();
    let data = Points::new(mean, DIM).unwrap();
    let text = format!("density = {{ weights = [2.0], means = [{MEAN:?}], stds = [{STD}] }}");
    for config in [text, format!("bandwidth = {STD}"), format!("bandwidth = {STD}\npoints = 7\ndensity = 'kernel'")] {
        let config: ExplicitConfig = toml::from_str(&config).unwrap();
        config.validate(process).unwrap();
        let mut criterion = config.init(process, STD).criterion;
        criterion.prepare(&data).unwrap();
        cases.push(case("explicit", terms(criterion), exact));
    }
    for kernel in [SteinKernel::Imq, SteinKernel::Rbf] {
        let criterion = SteinConfig { kernel, ..SteinConfig::default() }.init(process, STD).criterion;
        cases.push(Case { one_level: true, ..case(&format!("{kernel:?}"), terms(criterion), exact) });
    }
    cases
}

fn batch(process: &Process, one_level: bool, step: u64) -> Samples {
    let noise = Noise::new(21);
    let mut clean = vec![0.0f32; ROWS * DIM];
    noise.fill_normal(step, Purpose::Data, 0, &mut clean);
    clean
        .chunks_mut(DIM)
        .for_each(|row| row.iter_mut().zip(MEAN).for_each(|(x, m)| *x = (m + STD * f64::from(*x)) as f32));
    let times = Times::LogNormal { mean: -0.5, std: 1.0 };
    let mut samples = Samples::draw((&clean, DIM), (process, &times, STD), one_level, (&noise, step), &Device::flex());
    samples.options.1 = DType::F64;
    samples
}

#[test]
fn every_objective_is_least_at_the_true_score_and_has_its_value_there() {
    for process in [Process::None, Process::Vp(Vp::default())] {
        for Case { name, terms, one_level, added, value } in cases(&process) {
            let (mut slopes, mut curvatures, mut errors) = (Vec::new(), Vec::new(), Vec::new());
            for step in 0..REPEATS {
                let samples = batch(&process, one_level, step);
                let levels = samples.levels.iter();
                let variances: Vec<f64> =
                    levels.clone().map(|level| (level.alpha * STD).powi(2) + level.sigma.powi(2)).collect();
                let of_mean = levels.flat_map(|level| MEAN.map(|m| level.alpha * m)).collect();
                let precision = variances.iter().map(|variance| 1.0 / (variance + added)).collect();
                let at = |a: f64| {
                    let [mean, precision] = [(&of_mean, DIM), (&precision, 1)]
                        .map(|(values, width): (&Vec<f64>, _)| samples.tensor(values.clone(), width));
                    let terms = terms(&Scaled { a, mean, precision }, &samples, &Noise::new(22), step);
                    values(samples.mean(terms))[0]
                };
                // A quadratic function of a: its differences are its derivatives.
                let [low, middle, high] = [0.5, 1.0, 1.5].map(at);
                slopes.push(high - low);
                curvatures.push((high - 2.0 * middle + low) / 0.25);
                let weights = samples.weights.clone().unwrap_or(vec![1.0; ROWS]);
                let expected: f64 =
                    variances.iter().zip(weights).map(|(variance, weight)| weight * value(*variance)).sum();
                errors.push(middle - expected / ROWS as f64);
            }
            // Four standard errors, and f64's rounding where there is no variance.
            let (error, deviation) = mean(&errors);
            assert!(
                error.abs() < 4.0 * deviation + 1e-12,
                "{name}, {process:?}: the value is off by {error} ± {deviation}"
            );
            let (slope, deviation) = mean(&slopes);
            assert!(slope.abs() < 4.0 * deviation + 1e-12, "{name}, {process:?}: the slope is {slope} ± {deviation}");
            // A score that is off by a tenth is seen: the test of the slope has the power to tell.
            let (curvature, of_curvature) = mean(&curvatures);
            assert!(
                curvature > 8.0 * of_curvature,
                "{name}, {process:?}: the curvature is {curvature} ± {of_curvature}"
            );
            assert!(0.1 * curvature > 4.0 * deviation || one_level, "{name}, {process:?}: {curvature}, {deviation}");
        }
    }
}

/// For s = −a·(x − b) Hyvärinen's objective at a whitened sample, not in expectation, is ½·a²·(1 + b²) − a in one
/// dimension: least at a = 1, b = 0, where it is −½.
#[test]
fn the_implicit_objective_of_a_whitened_sample_is_least_at_the_standard_gaussian() {
    let x: Vec<f64> = batch(&Process::None, false, 0).x.into_iter().step_by(DIM).collect();
    let center = x.iter().sum::<f64>() / ROWS as f64;
    let std = (x.iter().map(|x| (x - center).powi(2)).sum::<f64>() / ROWS as f64).sqrt();
    let white = x.iter().map(|x| (x - center) / std).collect();
    let samples = super::samples(white, 1);
    let criterion = terms(ImplicitConfig::default().init(&Process::None, 1.0).criterion);
    let at = |a: f64, m: f64| {
        let score = Scaled { a, mean: samples.tensor(vec![m; ROWS], 1), precision: samples.tensor(vec![1.0; ROWS], 1) };
        values(samples.mean(criterion(&score, &samples, &Noise::new(1), 0)))[0]
    };
    // f64's rounding of a mean of 256 terms.
    assert!((at(1.0, 0.0) + 0.5).abs() < 1e-14, "{}", at(1.0, 0.0));
    assert!((at(1.5, 0.0) - at(0.5, 0.0)).abs() < 1e-14 && (at(1.0, 0.5) - at(1.0, -0.5)).abs() < 1e-14);
}
