//! `scorefield sample`: generate.

use std::{path::PathBuf, time::Instant};

use anyhow::{Result, bail};
use burn::{
    Tensor,
    tensor::{Device, TensorData},
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{Context, model, npy, picture::Picture};
use crate::{
    Error,
    model::Model,
    sampler::{Sampler, SamplerKind, Settings},
    weights::atomic_write,
};

/// Samples drawn at once: the rest waits, so that memory does not grow with --n.
const BATCH: usize = 256;
/// A GIF's frames at most; longer runs show every k-th step.
const FRAMES: usize = 100;

/// Arguments of `sample`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A shipped model's name, a weights file, or a mixture's TOML file.
    #[arg(long, default_value = model::DEFAULT)]
    model: String,
    #[command(flatten)]
    settings: Settings,
    /// Start here instead of from the prior: x at t = 1 itself, float32 of shape [n, d] or [n, c, h, w].
    #[arg(long, value_name = "X.npy")]
    init: Option<PathBuf>,
    /// Where the grid of samples goes, a PNG: without it samples.png. Of a mixture in one dimension or two it is a
    /// histogram or a scatter plot; in more there is none.
    #[arg(long, value_name = "GRID.png")]
    out: Option<PathBuf>,
    /// Side of the square that a sample's pixel becomes in the pictures.
    #[arg(long, default_value_t = 3)]
    scale: usize,
    /// An animation of the denoised estimates.
    #[arg(long, value_name = "STEPS.gif")]
    gif: Option<PathBuf>,
    /// The samples, float32 of shape [n, c, h, w], or [n, d] of a mixture.
    #[arg(long, value_name = "X.npy")]
    npy: Option<PathBuf>,
    /// x after every step, float32 of shape [steps, n, c, h, w] or [steps, n, d].
    #[arg(long, value_name = "XS.npy")]
    trajectory: Option<PathBuf>,
    /// List the samplers and stop.
    #[arg(long)]
    list_samplers: bool,
}

/// What a run leaves: the samples, the trajectory and the frames of the animation, samples in order.
#[derive(Default)]
struct Drawn {
    samples: Vec<f32>,
    /// A step each.
    trajectory: Vec<Vec<f32>>,
    /// A shown step each.
    frames: Vec<Vec<f32>>,
    /// Every sample's mean acceptance probability, where moves are accepted or rejected.
    acceptance: Vec<f32>,
    /// Network evaluations of the batch that took the most.
    nfe: u64,
}

pub(crate) fn run(mut args: Args, context: &Context) -> Result<()> {
    if args.list_samplers {
        let list: Vec<_> = SamplerKind::all().iter().map(|s| (s.name(), s.description())).collect();
        let human: Vec<_> = list.iter().map(|(name, text)| format!("{name:<20} {text}")).collect();
        context
            .report(&json!({ "samplers": list.iter().map(|(name, _)| name).collect::<Vec<_>>() }), &human.join("\n"))?;
        return Ok(());
    }
    let (device, description) = context.device.init()?;
    let model = model::load(&args.model, &device)?;
    let init = args.init.as_deref().map(npy::read).transpose()?;
    if let Some((array, path)) = init.as_ref().zip(args.init.as_ref()) {
        // Its rows say how many; the default of --n is not the user's wish.
        args.settings.n = array.rows(path, model.space())?;
    }
    if args.out.is_none() && Picture::of(&model, args.scale).is_ok() {
        args.out = Some("samples.png".into());
    }
    check(&args, &model, &device)?;
    // What is reported is what was used, without "the default".
    let (settings, process) = (&mut args.settings, model.process());
    (settings.grid, settings.t_end) = (settings.grid(process), Some(settings.t_end(process)));
    settings.step_size = settings.step_size(process, model.dim())?;

    let start = Instant::now();
    let drawn = draw(&args, &model, init.map(|array| array.values), &device)?;
    let seconds = start.elapsed().as_secs_f64();
    if drawn.samples.iter().any(|x| !x.is_finite()) {
        return Err(Error::NotFinite {
            what: "a sample".to_owned(),
            step: args.settings.steps,
            remedy: "take more steps, a smaller --snr or --step-size, or less --guidance".to_owned(),
        }
        .into());
    }
    write(&args, &model, &drawn)?;
    let (n, nfe, seed) = (args.settings.n, drawn.nfe, args.settings.seed);
    let acceptance = (!drawn.acceptance.is_empty())
        .then(|| drawn.acceptance.iter().map(|&p| f64::from(p)).sum::<f64>() / drawn.acceptance.len() as f64);
    let value = json!({
        "model": args.model, "settings": args.settings, "out": args.out, "gif": args.gif, "npy": args.npy,
        "trajectory": args.trajectory, "acceptance": acceptance, "n": n, "seed": seed, "nfe": nfe, "seconds": seconds,
        "device": description,
    });
    let out =
        args.out.or(args.npy).or(args.trajectory).map(|path| format!(" in {}", path.display())).unwrap_or_default();
    let accepted = acceptance.map_or_else(String::new, |mean| format!(", acceptance {mean:.3}"));
    context.report(&value, &format!("{n} samples{out} ({nfe} NFE{accepted}, {seconds:.1} s, {description})"))?;
    Ok(())
}

/// Finds what would fail at the end before the work is done.
fn check(args: &Args, model: &Model, device: &Device) -> Result<()> {
    let settings = &args.settings;
    settings.validate(model.process())?;
    // Label and guidance, for one sample.
    model.score(&[settings.label], settings.guidance, device)?;
    if !(1..=64).contains(&args.scale) {
        return Err(Error::setting("scale", args.scale, "1 to 64").into());
    }
    let shown = args.out.is_some() || args.gif.is_some();
    if shown {
        Picture::of(model, args.scale)?.check(settings.n)?;
    } else if args.npy.is_none() && args.trajectory.is_none() {
        bail!("points in {} dimensions have no picture: say with --npy where the samples go", model.dim());
    }
    if settings.sampler == SamplerKind::Ode && settings.n > BATCH && (args.gif.is_some() || args.trajectory.is_some()) {
        let expected = format!("at most {BATCH} with --gif or --trajectory: each batch of ode takes its own steps");
        return Err(Error::setting("n", settings.n, expected).into());
    }
    for path in [&args.out, &args.gif, &args.npy, &args.trajectory].into_iter().flatten() {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if folder.is_some_and(|folder| !folder.is_dir()) {
            bail!("{}: there is no such folder; make it first", path.display());
        }
    }
    Ok(())
}

fn draw(args: &Args, model: &Model, init: Option<Vec<f32>>, device: &Device) -> Result<Drawn> {
    let Settings { n, steps, label, guidance, .. } = args.settings;
    let d = model.dim();
    // An adaptive solver's steps are not known: its bar shows how far t has come, in per cent a batch.
    let adaptive = args.settings.sampler == SamplerKind::Ode;
    let (every, a_batch, unit) = match adaptive {
        true => (1, 100, "%"),
        false => (steps.div_ceil(FRAMES), steps + usize::from(args.settings.denoise), "steps"),
    };
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {prefix} · {msg} · {eta} left")
        .expect("the template is a constant that parses");
    let bar = ProgressBar::new((n.div_ceil(BATCH) * a_batch) as u64).with_prefix(unit);
    bar.set_style(style);
    let mut drawn = Drawn::default();
    for first in (0..n).step_by(BATCH) {
        let count = BATCH.min(n - first);
        let settings = Settings { n: count, first_sample: first as u64, ..args.settings.clone() };
        let score = model.score(&vec![label; count], guidance, device)?;
        let mut sampler = match &init {
            None => Sampler::new(&settings, model.process(), d, device)?,
            Some(values) => {
                let rows = values[first * d..(first + count) * d].to_vec();
                let x = Tensor::from_data(TensorData::new(rows, [count, d]), device);
                Sampler::with_init(&settings, model.process(), x)?
            }
        };
        let (mut index, mut acceptance) = (0, None);
        while let Some(step) = sampler.step(&score)? {
            let last = step.total == Some(step.index);
            if args.trajectory.is_some() {
                append(&mut drawn.trajectory, index, read(step.x.clone()));
            }
            if args.gif.is_some() && (last || index % every == 0) {
                append(&mut drawn.frames, index.div_ceil(every), read(step.denoised()));
            }
            index += 1;
            acceptance = step.acceptance;
            bar.set_position(((first / BATCH) as f64 * a_batch as f64 + step.progress * a_batch as f64).round() as u64);
            bar.set_message(format!("{} NFE", step.nfe));
        }
        drawn.samples.extend(read(sampler.x()));
        drawn.acceptance.extend(acceptance.map(read).unwrap_or_default());
        drawn.nfe = drawn.nfe.max(sampler.nfe());
    }
    bar.finish_and_clear();
    Ok(drawn)
}

fn read(x: Tensor<2>) -> Vec<f32> {
    x.into_data().iter().collect()
}

/// Adds a batch's samples to a step's.
fn append(steps: &mut Vec<Vec<f32>>, index: usize, values: Vec<f32>) {
    if steps.len() <= index {
        steps.resize_with(index + 1, Vec::new);
    }
    steps[index].extend(values);
}

fn write(args: &Args, model: &Model, drawn: &Drawn) -> Result<()> {
    let shape = model.space().array_shape(args.settings.n);
    if let Some(path) = &args.out {
        let pictures = Picture::of(model, args.scale)?.draw(&[&drawn.samples])?;
        atomic_write(path, &pictures[0].png()?)?;
    }
    if let Some(path) = &args.gif {
        let frames: Vec<_> = drawn.frames.iter().map(Vec::as_slice).collect();
        atomic_write(path, &crate::figure::gif(&Picture::of(model, args.scale)?.draw(&frames)?, 80, 2000)?)?;
    }
    if let Some(path) = &args.npy {
        npy::write(path, &shape, &drawn.samples)?;
    }
    if let Some(path) = &args.trajectory {
        npy::write(path, &[&[drawn.trajectory.len()], shape.as_slice()].concat(), &drawn.trajectory.concat())?;
    }
    Ok(())
}
