//! Sliced score matching against the exact trace (Song et al. 2019, <https://arxiv.org/abs/1905.07088>): both of its
//! forms have the exact objective's expectation, the variance falls with the number of projections, that of SSM-VR is
//! the smaller, the scores that are learned are as good, and the cost does not grow with the dimension.
//!
//! At a point one projection is vᵀMv and a constant, with M = sym ∂s/∂x of SSM-VR and sym ∂s/∂x + ½·s·sᵀ of SSM. Its
//! variance is 2·Σᵢⱼ Mᵢⱼ² with Gaussian projections and 2·Σᵢ≠ⱼ Mᵢⱼ² with Rademacher's. In two dimensions Gaussian
//! projections of the two differ little, and Rademacher's in the mode of a round Gaussian, where ∂s/∂x is diagonal, by
//! everything.

use std::time::Instant;

use burn::{
    Tensor,
    tensor::{Device, Int},
};

use super::{Check, Report, SEED, moments, values};
use crate::{
    Result,
    data::Distribution,
    figure::svg::{self, Axis, Curve, Legend},
    net::{Architecture, MlpConfig, NetworkConfig as _, TimeEmbedding},
    noise::{Noise, Purpose},
    objective::{
        Batch, Directions, Implicit, Learned, ObjectiveConfig, RowScore as _, Samples, Sliced, Times,
        matching::Criterion,
    },
    score::{
        Score as _,
        network::{Denoiser, NetworkScore},
    },
    sde::Process,
    train::{RunConfig, Trainer, flat},
};

const DATA: Distribution = Distribution::NcsnMixture;
const POINTS: usize = 2048;
/// Draws of the projections at every point.
const DRAWS: u64 = 16;
const PROJECTIONS: [usize; 3] = [1, 4, 16];
const LAWS: [(&str, Directions); 2] = [("Gaussian", Directions::Gaussian), ("Rademacher", Directions::Rademacher)];
const DIMENSIONS: [usize; 4] = [2, 4, 8, 32];
const FORMS: [(&str, bool); 2] = [("SSM", false), ("SSM-VR", true)];
const SSM: &str = "kind = \"sliced\"\nvariance_reduced = ";

/// A network trained by the objective of this text, and its evaluations.
fn trained(objective: &str, device: &Device) -> Result<(Denoiser, u64)> {
    let text = format!(
        "name = \"ssm\"\n[data]\nname = \"{}\"\nsigma_data = {}\n[process]\nkind = \"none\"\n\
         [model]\nkind = \"mlp\"\nwidth = 48\ndepth = 2\ntime = {{ kind = \"none\" }}\n[objective]\n{objective}\n\
         [optimiser]\nlr = 5e-3\nwarmup = 20\ndecay = \"cosine\"\nema = 0.99\n[train]\nsteps = 800\nbatch = 128\nseed = {SEED}\n",
        DATA.name(),
        DATA.std(),
    );
    let config = RunConfig::parse(&text, "ssm", &[])?;
    let (data, parameterisation) = (DATA.data(), config.objective().parameterisation());
    let mut trainer = Trainer::new(config, device);
    while trainer.steps_done() < trainer.config().train.steps {
        trainer.step(&data)?;
    }
    let evaluations = trainer.steps_done() * trainer.config().train.batch as u64;
    Ok((Denoiser { net: trainer.averaged(), parameterisation }, evaluations))
}

/// E|s − s*|²/E|s*|² at points of the data.
fn error(denoiser: &Denoiser, samples: &Samples, device: &Device) -> Result<f64> {
    let level = Process::None.level(0.0);
    let (x, labels) = (samples.tensor_of_x(), vec![None; samples.rows()]);
    let ours = values(NetworkScore::new(denoiser.clone(), &labels, 1.0, 0, device).score(x.clone(), &level));
    let mixture = DATA.mixture(Process::None).expect("NCSN's mixture is one").init()?;
    let exact = values(mixture.score(x, &level));
    let away: f64 = ours.iter().zip(&exact).map(|(s, exact)| (s - exact).powi(2)).sum();
    Ok(away / exact.iter().map(|s| s * s).sum::<f64>())
}

/// Mean and standard error.
fn mean(values: &[f64]) -> [f64; 2] {
    let (mean, variance) = moments(values);
    [mean, (variance / values.len() as f64).sqrt()]
}

/// Entries (1, 1), (2, 2) and (1, 2) of sym ∂s/∂x + `half`·s·sᵀ at every point.
fn forms(score: &Learned<'_>, samples: &Samples, half: f64) -> Vec<[f64; 3]> {
    let axis = |i| samples.tensor((0..samples.rows() * 2).map(|at| f64::from(u8::from(at % 2 == i))).collect(), 2);
    let (s, columns) = score.jvp(samples.tensor_of_x(), &[axis(0), axis(1)]);
    let (s, columns) = (values(s), columns.into_iter().map(values).collect::<Vec<_>>());
    let entry = |row: usize, i: usize, j: usize| {
        let symmetric = 0.5 * (columns[i][2 * row + j] + columns[j][2 * row + i]);
        symmetric + half * s[2 * row + i] * s[2 * row + j]
    };
    (0..samples.rows()).map(|row| [entry(row, 0, 0), entry(row, 1, 1), entry(row, 0, 1)]).collect()
}

/// The variance of one projection, the mean over points.
fn closed_form(forms: &[[f64; 3]], directions: Directions) -> f64 {
    let variance = |[a, b, c]: &[f64; 3]| match directions {
        Directions::Rademacher => 4.0 * c * c,
        Directions::Gaussian | Directions::Sphere => 2.0 * (a * a + b * b) + 4.0 * c * c,
    };
    forms.iter().map(variance).sum::<f64>() / forms.len() as f64
}

/// Bias and variance of the losses of a network, and their figure.
fn variances(denoiser: &Denoiser, samples: &Samples, report: &mut Report) -> Result<()> {
    let class = Tensor::<1, Int>::zeros([samples.rows()], &samples.options.0);
    let score = Learned::new(denoiser, samples, &class);
    let noise = Noise::new(SEED);
    let exact = values(Implicit.terms(&score, samples, &noise, 0));
    let mut curves = Vec::new();
    for (form, variance_reduced) in FORMS {
        let forms = forms(&score, samples, if variance_reduced { 0.0 } else { 0.5 });
        for (law, directions) in LAWS {
            let (mut points, expected) = (Vec::new(), closed_form(&forms, directions));
            for projections in PROJECTIONS {
                let criterion = Sliced { projections, directions, variance_reduced };
                let draws = (0..DRAWS).flat_map(|draw| values(criterion.terms(&score, samples, &noise, draw)));
                let errors: Vec<f64> = draws.zip(exact.iter().cycle()).map(|(term, exact)| term - exact).collect();
                let squares: Vec<f64> = errors.iter().map(|error| error * error).collect();
                let ([bias, of_bias], [variance, of_variance]) = (mean(&errors), mean(&squares));
                report.nfe += DRAWS * samples.rows() as u64;
                let what = |of: &str| format!("{form}, {law}, {projections} a point: {of} of the loss");
                let reason = "four standard errors; the value is the closed form at the network's own derivatives";
                report.checks.push(Check::new(what("bias"), 0.0, bias, 4.0 * of_bias, "four standard errors"));
                let published = expected / projections as f64;
                report.checks.push(Check::new(what("variance"), published, variance, 4.0 * of_variance, reason));
                points.push((projections as f64, variance));
            }
            curves.push(Curve { name: format!("{form}, {law}"), points, marked: true });
        }
    }
    let [x, y] = ["projections of a point", "variance of its loss"].map(|name| Axis { name, log: true });
    let figure = svg::curves("Sliced score matching: variance of the loss", x, y, &curves, Legend::LowerLeft)?;
    report.figures.push(("ssm-variance.svg".to_owned(), figure));
    Ok(())
}

/// Seconds of a loss with its gradient in d dimensions, the least of a few.
fn seconds(objective: &ObjectiveConfig, dim: usize, device: &Device) -> f64 {
    const BATCH: usize = 64;
    let config = MlpConfig { dim, width: 64, depth: 2, time: TimeEmbedding::None, ..MlpConfig::default() };
    let device = device.clone().autodiff();
    let objective = objective.init(&Process::None, 1.0);
    let net = Architecture::Mlp(config).init(SEED, &device);
    let denoiser = Denoiser { net, parameterisation: objective.parameterisation() };
    let mut clean = vec![0.0; BATCH * dim];
    Noise::new(SEED).fill_normal(0, Purpose::Data, 0, &mut clean);
    let batch = Batch { clean, dim, class: Tensor::<1, Int>::zeros([BATCH], &device) };
    let once = |step| {
        let start = Instant::now();
        let loss = objective.loss(&denoiser, &batch, &Noise::new(SEED), step);
        let gradient = values(flat::gradient(&denoiser.net, &loss.backward()));
        debug_assert!(!gradient.is_empty(), "read, so that it is computed");
        start.elapsed().as_secs_f64()
    };
    (0..7).map(once).fold(f64::INFINITY, f64::min)
}

/// What a step costs by dimension, and its figure.
fn costs(device: &Device, report: &mut Report) -> Result<()> {
    let exact: ObjectiveConfig = ObjectiveConfig::Implicit(Default::default());
    let sliced = ObjectiveConfig::Sliced(Default::default());
    let curve = |name: &str, objective| {
        let points = DIMENSIONS.map(|d| (d as f64, 1e3 * seconds(objective, d, device)));
        Curve { name: name.to_owned(), points: points.to_vec(), marked: true }
    };
    let curves = [curve("exact trace", &exact), curve("SSM-VR", &sliced)];
    let at = |curve: &Curve| curve.points[DIMENSIONS.len() - 1].1;
    let reason =
        "(1 + 32)/(1 + 1) tangents of every product, in order of magnitude: other work, caches, a busy machine";
    report.checks.push(Check::new(
        "32 dimensions: cost by the exact trace over cost by SSM-VR, log₁₀",
        f64::log10(16.5),
        f64::log10(at(&curves[0]) / at(&curves[1])),
        1.0,
        reason,
    ));
    let [x, y] = ["dimensions", "milliseconds of a loss with its gradient"].map(|name| Axis { name, log: true });
    let figure = svg::curves("Cost of the exact trace and of one projection", x, y, &curves, Legend::UpperLeft)?;
    report.figures.push(("ssm-cost.svg".to_owned(), figure));
    Ok(())
}

pub(super) fn run(device: &Device) -> Result<Report> {
    let mut report = Report::default();
    let test = DATA.test(POINTS);
    let process = (&Process::None, &Times::default(), DATA.std());
    let samples = Samples::draw((&test, 2), process, false, (&Noise::new(SEED), 0), device);
    let (exact, nfe) = trained("kind = \"implicit\"", device)?;
    report.nfe += nfe;
    variances(&exact, &samples, &mut report)?;
    let of_exact = error(&exact, &samples, device)?;
    for (name, variance_reduced) in FORMS {
        let (network, nfe) = trained(&format!("{SSM}{variance_reduced}"), device)?;
        report.nfe += nfe;
        report.checks.push(Check::new(
            format!("{name}, one projection: relative error of the learned score, beside the exact trace's"),
            of_exact,
            error(&network, &samples, device)?,
            0.01,
            "errors of some thousandths, which a seed changes by as much; the paper's claim is that they are alike",
        ));
    }
    costs(device, &mut report)?;
    Ok(report)
}
