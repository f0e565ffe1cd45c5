//! `scorefield likelihood`: log-densities and bits per dimension, with the protocol.

use std::{path::PathBuf, time::Instant};

use anyhow::Result;
use burn::tensor::Device;
use futures_lite::future::block_on;
use serde_json::json;

use super::{Context, flow_options, flow_options::BATCH, npy, outputs, outputs::Format, samples::Data};
use crate::{
    Error,
    flow::{
        likelihood,
        likelihood::{LOW_DIMENSION, LikelihoodSettings, Method, OFFSET, bits_per_dim, dequantise, log_likelihood},
    },
    model::{Kind as ModelKind, Model},
    noise,
    noise::Noise,
    score::divergence::Probe,
};

/// Arguments of `likelihood`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    flow: flow_options::Args,
    /// Samples, float32 of shape [n, d] or [n, c, h, w]; or test, the test set of the model's data.
    #[arg(long, value_name = "X.npy|test")]
    data: String,
    /// Samples, from the first on; without it all.
    #[arg(long)]
    n: Option<usize>,
    /// Where the log-likelihoods go, in nats, float32 of shape [n], means over the repeats.
    #[arg(long, value_name = "L.npy")]
    npy: Option<PathBuf>,
    /// The divergence; without it exact for mixtures and in up to 16 dimensions, else hutchinson.
    #[arg(long, value_enum)]
    divergence: Option<Kind>,
    /// Probes of hutchinson.
    #[arg(long, default_value_t = 1)]
    probes: usize,
    /// Their law.
    #[arg(long, value_enum, default_value_t = Probe::Rademacher)]
    probe: Probe,
    /// Estimates to average, each with its own probes and dequantisation.
    #[arg(long, default_value_t = 1)]
    repeats: usize,
    /// Seed of probes and dequantisation.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// A mixture's closed form; of a network a derivative a dimension: a backward pass, or a direction in forward mode.
    Exact,
    /// A derivative a probe.
    Hutchinson,
}

/// What the work leaves.
struct Measured {
    /// Means over the repeats, in nats.
    log_p: Vec<f64>,
    /// Network evaluations of the batch that took the most, in one repeat.
    nfe: u64,
    /// Its steps.
    steps: [usize; 2],
    /// Whether the divergence was the score's closed form, without derivatives.
    closed_form: bool,
    /// Whether there was a backward pass to each evaluation.
    backward: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<()> {
    let (device, description) = context.device.init()?;
    let model = args.flow.open(&device)?;
    let method = match args.divergence {
        Some(Kind::Exact) => Method::Exact,
        None if model.dim() <= LOW_DIMENSION || model.kind() == ModelKind::Mixture => Method::Exact,
        Some(Kind::Hutchinson) | None => Method::Hutchinson { probe: args.probe, probes: args.probes },
    };
    let settings = LikelihoodSettings {
        tolerance: args.flow.tolerance(),
        t_end: args.flow.t_end,
        method,
        seed: args.seed,
        ..LikelihoodSettings::default()
    };
    settings.validate()?;
    if !(1..=1000).contains(&args.repeats) {
        return Err(Error::setting("repeats", args.repeats, "1 to 1000").into());
    }
    if args.seed > noise::MAX_SEED {
        return Err(Error::setting("seed", args.seed, format!("0 to {}", noise::MAX_SEED)).into());
    }
    outputs::check(&[("--npy", args.npy.as_deref(), Format::Npy)], context)?;
    let data = Data::read(&args.data, args.n, args.flow.values, &model)?;
    let dequantised = matches!(data, Data::Pixels(_));
    let deterministic = method == Method::Exact && !dequantised;
    if method == Method::Exact {
        context.refuse_idle(&["probe", "probes"], "--divergence hutchinson")?;
    }
    if deterministic {
        context.refuse_idle(
            &["repeats", "seed"],
            "--divergence hutchinson, or data that are dequantised: nothing is random here",
        )?;
    }

    let start = Instant::now();
    let Measured { log_p, nfe, steps: [accepted, rejected], closed_form, backward } =
        measure(args, &model, &data, &settings, &device)?;
    let seconds = start.elapsed().as_secs_f64();
    if let Some(path) = &args.npy {
        npy::write(path, &[log_p.len()], &log_p.iter().map(|&value| value as f32).collect::<Vec<_>>())?;
    }

    let (n, d) = (log_p.len(), model.dim());
    let offset = if dequantised { OFFSET } else { 0.0 };
    let bits: Vec<f64> = log_p.iter().map(|&value| bits_per_dim(value, d, offset)).collect();
    let (mean, error) = mean_and_error(&bits);
    let (nats, _) = mean_and_error(&log_p);
    let value = json!({
        "model": args.flow.model, "data": args.data, "n": n, "label": args.flow.label,
        "bits_per_dim": mean, "standard_error": error, "log_p": nats, "npy": args.npy,
        "protocol": {
            "estimate": if deterministic { "probability flow, exact divergence" } else { "probability flow, stochastic estimate" },
            "divergence": method, "ends": [args.flow.t_end, 1.0], "rtol": args.flow.rtol, "atol": args.flow.atol,
            "dequantisation": if dequantised { "uniform, x = (p + u)/128 − 1" } else { "none" },
            "offset": offset, "repeats": args.repeats, "dimensions": d, "process": model.process(),
            "prior_std": model.process().prior_std(), "batch": BATCH.min(n), "steps": accepted, "rejected": rejected,
        },
        "seed": args.seed, "nfe": nfe, "seconds": seconds, "device": description,
    });
    let error = error.map(|error| format!(" ± {error:.4} (s.e. over samples)")).unwrap_or_default();
    let how = match method {
        Method::Exact if closed_form => "closed-form divergence".to_owned(),
        Method::Exact => "exact divergence".to_owned(),
        Method::Hutchinson { probe, probes } => {
            format!("Hutchinson's divergence, {probes} {probe:?} probe(s)").to_lowercase()
        }
    };
    let human = format!(
        "{mean:.4}{error} bits/dim over {n} samples\n\
         offset {offset} ({}), {how}, t from {:e} to 1, rtol {:e}, atol {:e}, {} repeat(s)\n\
         mean log p {nats:.3} nats in {d} dimensions, {nfe} NFE{}, {seconds:.1} s, {description}",
        if dequantised { "8-bit levels 1/128 wide, uniform dequantisation" } else { "a density, not dequantised" },
        args.flow.t_end,
        args.flow.rtol,
        args.flow.atol,
        args.repeats,
        if backward { " with a backward pass each" } else { "" },
    );
    context.report(&value, &human)
}

fn measure(
    args: &Args,
    model: &Model,
    data: &Data,
    settings: &LikelihoodSettings,
    device: &Device,
) -> Result<Measured> {
    let d = model.dim();
    let len = match data {
        Data::Numbers(values) => values.len(),
        Data::Pixels(pixels) => pixels.len(),
    };
    let n = len / d;
    let noise = Noise::new(args.seed);
    let bar = flow_options::bar(args.repeats * n.div_ceil(BATCH));
    let mut measured = Measured { log_p: vec![0.0; n], nfe: 0, steps: [0; 2], closed_form: false, backward: false };
    for repeat in 0..args.repeats as u64 {
        for first in (0..n).step_by(BATCH) {
            let count = BATCH.min(n - first);
            let part = first * d..(first + count) * d;
            let values = match data {
                Data::Numbers(values) => values[part].to_vec(),
                Data::Pixels(pixels) => dequantise(&pixels[part], d, &noise, first as u64, repeat),
            };
            let score = model.score(&vec![args.flow.label; count], 1.0, device)?;
            let settings = LikelihoodSettings { first_sample: first as u64, repeat, ..settings.clone() };
            let x = flow_options::rows(&values, d, device);
            let result: likelihood::Likelihood = block_on(log_likelihood(&score, model.process(), x, &settings))?;
            for (sum, value) in measured.log_p[first..].iter_mut().zip(result.log_p) {
                *sum += value / args.repeats as f64;
            }
            (measured.closed_form, measured.backward) = (result.closed_form, result.backward);
            if result.nfe > measured.nfe {
                (measured.nfe, measured.steps) = (result.nfe, result.steps);
            }
            bar.inc(1);
            bar.set_message(format!("{} NFE", result.nfe));
        }
    }
    bar.finish_and_clear();
    Ok(measured)
}

/// Mean, and its standard error where there are two values or more.
fn mean_and_error(values: &[f64]) -> (f64, Option<f64>) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (values.len() > 1).then(|| (squares / (n * (n - 1.0))).sqrt()))
}
