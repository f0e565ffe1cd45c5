//! `scorefield encode`, `decode` and `interpolate`: latent codes by the probability flow.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Result;
use burn::tensor::Device;
use futures_lite::future::block_on;
use serde_json::json;

use super::{Context, flow_options, flow_options::BATCH, npy, outputs, outputs::Format, samples::Data};
use crate::{
    Error,
    figure::View,
    flow::{
        codes,
        codes::{Direction, Solution},
    },
    model::Model,
    output,
    sampler::numbers,
};

/// Arguments of `encode`.
#[derive(clap::Args)]
pub(crate) struct Encode {
    #[command(flatten)]
    flow: flow_options::Args,
    /// Samples, float32 of shape [n, d] or [n, c, h, w]; or test, the test set of the model's data.
    #[arg(long, value_name = "X.npy|test")]
    data: String,
    /// Samples, from the first on; without it all.
    #[arg(long)]
    n: Option<usize>,
    /// Where the codes go, x at t = 1, in the model's shape.
    #[arg(long, value_name = "Z.npy")]
    npy: PathBuf,
}

/// Arguments of `decode`.
#[derive(clap::Args)]
pub(crate) struct Decode {
    #[command(flatten)]
    flow: flow_options::Args,
    /// Codes, x at t = 1, float32 of shape [n, d] or [n, c, h, w].
    #[arg(long, value_name = "Z.npy")]
    codes: PathBuf,
    /// Multiplies the codes: below 1 samples lie nearer to the modes.
    #[arg(long, default_value_t = 1.0)]
    temperature: f64,
    /// Codes whose mean an edit leads from; with --to.
    #[arg(long, value_name = "A.npy", requires = "to")]
    from: Option<PathBuf>,
    /// Codes whose mean an edit leads to; with --from.
    #[arg(long, value_name = "B.npy", requires = "from")]
    to: Option<PathBuf>,
    /// How far an edit goes from the one mean code towards the other.
    #[arg(long, default_value_t = 1.0)]
    strength: f64,
    /// Report the peak signal-to-noise ratio to these samples.
    #[arg(long, value_name = "X.npy|test")]
    compare: Option<String>,
    /// Where the samples go, in the model's shape.
    #[arg(long, value_name = "X.npy")]
    npy: PathBuf,
    /// A picture of them.
    #[arg(long, value_name = "GRID.png")]
    out: Option<PathBuf>,
}

/// Arguments of `interpolate`.
#[derive(clap::Args)]
pub(crate) struct Interpolate {
    #[command(flatten)]
    flow: flow_options::Args,
    /// Samples to pass through, float32 of shape [n, d] or [n, c, h, w]; or test, the test set.
    #[arg(long, value_name = "X.npy|test")]
    data: String,
    /// How many of them, from the first on; without it 2.
    #[arg(long, default_value_t = 2)]
    n: usize,
    /// Samples from one to the next, its own included.
    #[arg(long, default_value_t = 8)]
    frames: usize,
    /// Multiplies the codes: below 1 samples lie nearer to the modes.
    #[arg(long, default_value_t = 1.0)]
    temperature: f64,
    /// Where the samples go, (n − 1)·frames + 1 in the model's shape.
    #[arg(long, value_name = "X.npy")]
    npy: PathBuf,
    /// A picture of them.
    #[arg(long, value_name = "GRID.png")]
    out: Option<PathBuf>,
}

/// The flow's other end, on the host.
struct Transported {
    values: Vec<f32>,
    /// Network evaluations of the batch that took the most.
    nfe: u64,
}

fn transport(
    flow: &flow_options::Args,
    model: &Model,
    values: &[f32],
    direction: Direction,
    device: &Device,
) -> Result<Transported> {
    let d = model.dim();
    let batch = model.batch(BATCH, 1) * d;
    let bar = flow_options::bar(values.len().div_ceil(batch));
    let mut transported = Transported { values: Vec::with_capacity(values.len()), nfe: 0 };
    for part in values.chunks(batch) {
        let score = model.score(&vec![flow.label; part.len() / d], 1.0, device)?;
        let x = flow_options::rows(part, d, device);
        let Solution { x, nfe, .. } =
            block_on(codes::integrate(&score, model.process(), x, &flow.settings(), direction))?;
        transported.values.extend(numbers(x));
        transported.nfe = transported.nfe.max(nfe);
        bar.inc(1);
        bar.set_message(format!("{nfe} NFE"));
    }
    bar.finish_and_clear();
    if let Some(at) = transported.values.iter().position(|value| !value.is_finite()) {
        let what = format!("sample {}", at / d);
        let remedy = "use a larger --t-end, or check the model".to_owned();
        return Err(Error::NotFinite { what, step: 1, remedy }.into());
    }
    Ok(transported)
}

/// Side of the square that a sample's pixel becomes.
const SCALE: usize = 3;

/// Finds what would fail at the end before the work is done.
fn check(npy: &Path, out: Option<&Path>, n: usize, model: &Model, context: &Context) -> Result<()> {
    if out.is_some() {
        View::check(model, n, SCALE)?;
    }
    Ok(outputs::check(&[("--npy", Some(npy), Format::Npy), ("--out", out, Format::Png)], context)?)
}

fn write(npy: &Path, out: Option<&Path>, values: &[f32], model: &Model) -> Result<()> {
    npy::write(npy, &model.space().array_shape(values.len() / model.dim()), values)?;
    let Some(out) = out else { return Ok(()) };
    Ok(output::write(out, &View::around(model, &[values])?.sheet(values, SCALE)?.png()?)?)
}

pub(crate) fn encode(args: &Encode, context: &Context) -> Result<()> {
    let (device, description) = context.device.init()?;
    let model = args.flow.open(&device)?;
    check(&args.npy, None, 1, &model, context)?;
    let x = Data::read(&args.data, args.n, args.flow.values, &model)?.numbers();
    let start = Instant::now();
    let Transported { values, nfe } = transport(&args.flow, &model, &x, Direction::ToCodes, &device)?;
    let seconds = start.elapsed().as_secs_f64();
    write(&args.npy, None, &values, &model)?;
    let n = values.len() / model.dim();
    let rms = (values.iter().map(|&z| f64::from(z).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
    let relative = rms / model.process().prior_std();
    let value = json!({
        "model": args.flow.model, "data": args.data, "n": n, "npy": args.npy, "ends": [args.flow.t_end, 1.0],
        "rtol": args.flow.rtol, "atol": args.flow.atol, "rms_to_prior": relative, "seed": null, "nfe": nfe,
        "seconds": seconds, "device": description,
    });
    let path = args.npy.display();
    let human =
        format!("{n} codes in {path}, {relative:.3} prior deviations wide ({nfe} NFE, {seconds:.1} s, {description})");
    context.report(&value, &human)
}

pub(crate) fn decode(args: &Decode, context: &Context) -> Result<()> {
    let (device, description) = context.device.init()?;
    let model = args.flow.open(&device)?;
    let d = model.dim();
    codes::check_edit(args.temperature, args.strength)?;
    if args.from.is_none() {
        context.refuse_idle(&["strength"], "--from and --to")?;
    }
    if args.compare.is_none() {
        context.refuse_idle(&["values"], "--compare")?;
    }
    let mut code = flow_options::rows(&flow_options::read_rows(&args.codes, &model)?, d, &device);
    let n = code.dims()[0];
    check(&args.npy, args.out.as_deref(), n, &model, context)?;
    if let Some((from, to)) = args.from.as_ref().zip(args.to.as_ref()) {
        let mean = |path: &Path| {
            anyhow::Ok(flow_options::rows(&flow_options::read_rows(path, &model)?, d, &device).mean_dim(0))
        };
        code = codes::edit(code, mean(from)?, mean(to)?, args.strength);
    }
    let code = numbers(codes::temper(code, args.temperature));
    let reference =
        args.compare.as_ref().map(|data| Data::read(data, Some(n), args.flow.values, &model)).transpose()?;

    let start = Instant::now();
    let Transported { values, nfe } = transport(&args.flow, &model, &code, Direction::ToData, &device)?;
    let seconds = start.elapsed().as_secs_f64();
    write(&args.npy, args.out.as_deref(), &values, &model)?;
    let psnr = reference.map(|reference| least_psnr(&values, &reference.numbers(), d));
    let value = json!({
        "model": args.flow.model, "codes": args.codes, "n": n, "npy": args.npy, "out": args.out,
        "ends": [args.flow.t_end, 1.0], "rtol": args.flow.rtol, "atol": args.flow.atol, "temperature": args.temperature,
        "psnr": psnr, "seed": null, "nfe": nfe, "seconds": seconds, "device": description,
    });
    let psnr = psnr.map(|psnr| format!(", {psnr:.1} dB or better")).unwrap_or_default();
    let path = args.npy.display();
    context.report(&value, &format!("{n} samples in {path}{psnr} ({nfe} NFE, {seconds:.1} s, {description})"))
}

pub(crate) fn interpolate(args: &Interpolate, context: &Context) -> Result<()> {
    let (device, description) = context.device.init()?;
    let model = args.flow.open(&device)?;
    let d = model.dim();
    codes::check_edit(args.temperature, 0.0)?;
    codes::check_frames(args.frames)?;
    if args.n < 2 {
        return Err(Error::setting("n", args.n, "2 or more").into());
    }
    let all = (args.n - 1) * args.frames + 1;
    check(&args.npy, args.out.as_deref(), all, &model, context)?;
    let x = Data::read(&args.data, Some(args.n), args.flow.values, &model)?.numbers();

    let start = Instant::now();
    let Transported { values: codes, nfe: up } = transport(&args.flow, &model, &x, Direction::ToCodes, &device)?;
    let codes = codes::temper(flow_options::rows(&codes, d, &device), args.temperature);
    let path = numbers(codes::path(codes, args.frames)?);
    let Transported { values, nfe: down } = transport(&args.flow, &model, &path, Direction::ToData, &device)?;
    let seconds = start.elapsed().as_secs_f64();
    write(&args.npy, args.out.as_deref(), &values, &model)?;
    let (n, nfe) = (values.len() / d, up + down);
    let value = json!({
        "model": args.flow.model, "data": args.data, "n": n, "frames": args.frames, "npy": args.npy, "out": args.out,
        "ends": [args.flow.t_end, 1.0], "rtol": args.flow.rtol, "atol": args.flow.atol, "temperature": args.temperature,
        "seed": null, "nfe": nfe, "seconds": seconds, "device": description,
    });
    let path = args.npy.display();
    context.report(&value, &format!("{n} samples in {path} ({nfe} NFE, {seconds:.1} s, {description})"))
}

/// The smallest over the samples of 10·log₁₀(2²/mean squared error), in dB: data span 2.
fn least_psnr(values: &[f32], reference: &[f32], d: usize) -> f64 {
    let psnr = |(a, b): (&[f32], &[f32])| {
        let squares: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        10.0 * (4.0 * d as f64 / squares).log10()
    };
    values.chunks_exact(d).zip(reference.chunks_exact(d)).map(psnr).fold(f64::INFINITY, f64::min)
}
