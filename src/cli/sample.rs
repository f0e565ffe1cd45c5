//! `scorefield sample`: generate.

use std::{collections::BTreeMap, path::PathBuf, time::Instant};

use anyhow::Result;
use burn::tensor::Device;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{
    Context, model, npy, outputs,
    outputs::{Format, Output},
};
use crate::{
    Error,
    data::range::Range,
    figure::{View, gif},
    guide::{Guide, Inpaint},
    model::Model,
    output,
    sampler::{Batches, Drawn, Plan, SAMPLERS, Settings, Step, numbers},
    space::Space,
};

/// Samples drawn at once: the rest waits, so that memory does not grow with --n.
const BATCH: usize = 256;
/// A GIF's frames at most; longer runs show every k-th step.
const FRAMES: usize = 100;

/// Arguments of `sample`.
#[derive(clap::Args)]
#[command(mut_args(super::headings::under_heading))]
pub(crate) struct Args {
    /// A shipped model's name, a weights file, or a mixture's TOML file.
    #[arg(long, default_value = model::DEFAULT)]
    model: String,
    #[command(flatten)]
    settings: Settings,
    /// Start here instead of from the prior: x at t = 1 itself, float32 of shape [n, d] or [n, c, h, w].
    #[arg(long, value_name = "X.npy")]
    init: Option<PathBuf>,
    /// Known numbers, float32: one sample, which holds for all, or one for each. With --mask.
    #[arg(long, value_name = "Y.npy", requires = "mask")]
    inpaint: Option<PathBuf>,
    /// Which numbers are known (1) and which are to be generated (0), float32: one per pixel, or one per number.
    #[arg(long, value_name = "M.npy", requires = "inpaint")]
    mask: Option<PathBuf>,
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

impl Args {
    fn outputs(&self) -> [Output<'_>; 4] {
        [
            ("--out", self.out.as_deref(), Format::Png),
            ("--gif", self.gif.as_deref(), Format::Gif),
            ("--npy", self.npy.as_deref(), Format::Npy),
            ("--trajectory", self.trajectory.as_deref(), Format::Npy),
        ]
    }

    /// What the samples are to be held to, if anything.
    fn guide(&self, space: Space) -> Result<Option<Guide>> {
        let Some((image, mask)) = self.inpaint.as_deref().zip(self.mask.as_deref()) else { return Ok(None) };
        let picture = npy::read(image)?;
        // As samples are, a single one without its first side, too.
        let picture = if picture.shape == space.array_shape(1)[1..] { picture.one() } else { picture };
        picture.rows(image, space)?;
        let range = Range::of(&picture.values);
        if matches!(space, Space::Image(_)) && range.is_pixels() {
            let problem = format!("values from {} to {}, which no model's images have", range.low, range.high);
            return Err(Error::file(image, problem, "save pixels p as p/127.5 - 1").into());
        }
        let mask_array = npy::read(mask)?;
        let whole = space.array_shape(1);
        let mut shapes = vec![whole.clone(), whole[1..].to_vec(), vec![space.dim()]];
        if let Space::Image([_, height, width]) = space {
            shapes.extend([vec![height, width], vec![1, height, width]]);
        }
        if !shapes.contains(&mask_array.shape) {
            let problem = format!("a mask of shape {:?}", mask_array.shape);
            let remedy = format!("give one of shape {:?}", shapes.last().expect("there are some"));
            return Err(Error::file(mask, problem, remedy).into());
        }
        Ok(Some(Guide::Inpaint(Inpaint::new(picture.values, &mask_array.values, space)?)))
    }
}

pub(crate) fn run(mut args: Args, context: &Context) -> Result<()> {
    if args.list_samplers {
        let list: Vec<_> = SAMPLERS.iter().map(|info| (info.name, info.help)).collect();
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
        let rows = array.rows(path, model.space())?;
        if context.is_given("n") && args.settings.n != rows {
            let expected = format!("{rows}, the samples of {}, or no --n", path.display());
            return Err(Error::setting("n", args.settings.n, expected).into());
        }
        args.settings.n = rows;
    }
    if args.out.is_none() && View::check(&model, 1, args.scale).is_ok() {
        args.out = Some("samples.png".into());
    }
    let plan = model.plan(&args.settings)?;
    plan.check_given(context.given())?;
    let guide = args.guide(model.space())?;
    if let Some(guide) = &guide {
        guide.check(args.settings.n)?;
    }
    check(&args, &plan, &model, &device, context)?;

    let start = Instant::now();
    let start_at = init.as_ref().map(|array| array.values.as_slice());
    let batches = Batches {
        plan: &plan,
        batch: batch(&plan, &model, &device)?,
        init: start_at,
        guide: guide.as_ref(),
        device: &device,
    };
    let (drawn, kept) = draw(&args, &batches, &model)?;
    let seconds = start.elapsed().as_secs_f64();
    write(&args, &plan, &model, &drawn, &kept)?;
    let (n, nfe, seed) = (plan.settings.n, drawn.nfe, plan.settings.seed);
    let batch = batch(&plan, &model, &device)?;
    let acceptance = (!drawn.acceptance.is_empty())
        .then(|| drawn.acceptance.iter().map(|&p| f64::from(p)).sum::<f64>() / drawn.acceptance.len() as f64);
    let value = json!({
        "model": args.model, "settings": plan.describe(), "out": args.out, "gif": args.gif, "npy": args.npy,
        "trajectory": args.trajectory, "inpaint": args.inpaint, "mask": args.mask, "acceptance": acceptance, "n": n, "batch": batch.min(n), "seed": seed, "nfe": nfe, "seconds": seconds,
        "device": description,
    });
    let out =
        args.out.or(args.npy).or(args.trajectory).map(|path| format!(" in {}", path.display())).unwrap_or_default();
    let accepted = acceptance.map_or_else(String::new, |mean| format!(", acceptance {mean:.3}"));
    context.report(&value, &format!("{n} samples{out} ({nfe} NFE{accepted}, {seconds:.1} s, {description})"))?;
    Ok(())
}

/// Finds what would fail at the end before the work is done.
fn check(args: &Args, plan: &Plan, model: &Model, device: &Device, context: &Context) -> Result<()> {
    let settings = &plan.settings;
    if !(1..=64).contains(&args.scale) {
        return Err(Error::setting("scale", args.scale, "1 to 64").into());
    }
    if args.out.is_some() || args.gif.is_some() || args.npy.is_none() && args.trajectory.is_none() {
        View::check(model, settings.n, args.scale)?;
    }
    let batch = batch(plan, model, device)?;
    if plan.total().is_none() && settings.n > batch && (args.gif.is_some() || args.trajectory.is_some()) {
        let name = settings.sampler.name();
        let expected = format!("at most {batch} with --gif or --trajectory: each batch of {name} takes its own steps");
        return Err(Error::setting("n", settings.n, expected).into());
    }
    outputs::check(&args.outputs(), context)?;
    Context::note_batches(plan, batch);
    Ok(())
}

/// Samples that are drawn at once.
fn batch(plan: &Plan, model: &Model, device: &Device) -> Result<usize> {
    let settings = &plan.settings;
    let times = model.score(&[settings.label], settings.guidance, device)?.evaluations();
    Ok(model.batch(BATCH, times))
}

/// What is kept of the steps, by their indices.
#[derive(Default)]
struct Kept {
    /// All samples after each step.
    trajectory: BTreeMap<usize, Vec<f32>>,
    /// Denoised estimates of all samples at the steps that the animation shows.
    frames: BTreeMap<usize, Vec<f32>>,
    /// Which steps that are: the multiples of this, and the last.
    every: usize,
}

impl Kept {
    /// Adds a batch's frame, so that there are [`FRAMES`] at most.
    fn show(&mut self, step: &Step) {
        self.every = match step.total {
            Some(total) => total.div_ceil(FRAMES),
            // An adaptive solver's steps are not known beforehand: when there may be too many frames, with this one, the
            // last update and the denoising, every second goes.
            None if self.frames.len() + 3 > FRAMES => 2 * self.every,
            None => self.every.max(1),
        };
        self.frames.retain(|index, _| step.total.is_some() || index.is_multiple_of(self.every));
        if step.index.is_multiple_of(self.every) || step.total == Some(step.index) {
            self.frames.entry(step.index).or_default().extend(numbers(step.denoised()));
        }
    }
}

fn draw(args: &Args, batches: &Batches<'_>, model: &Model) -> Result<(Drawn, Kept)> {
    let Batches { plan: Plan { settings, .. }, device, .. } = batches;
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {prefix} · {msg} · {eta} left")
        .expect("the template is a constant that parses");
    let bar = ProgressBar::no_length().with_style(style);
    let mut kept = Kept::default();
    let mut whole = None;
    let score =
        |range: std::ops::Range<usize>| model.score(&vec![settings.label; range.len()], settings.guidance, device);
    let drawn = batches.draw(score, |batch, step| {
        if args.trajectory.is_some() {
            kept.trajectory.entry(step.index).or_default().extend(numbers(step.x.clone()));
        }
        if args.gif.is_some() {
            kept.show(step);
        }
        // An adaptive solver's bar shows how far t has come, in per cent.
        let (whole, unit) = *whole.get_or_insert(step.total.map_or((100, "%"), |total| (total, "steps")));
        bar.set_length((batches.count() * whole) as u64);
        bar.set_prefix(unit);
        bar.set_position(((batch as f64 + step.progress) * whole as f64).round() as u64);
        bar.set_message(format!("{} NFE", step.nfe));
        Ok(())
    })?;
    bar.finish_and_clear();
    Ok((drawn, kept))
}

fn write(args: &Args, plan: &Plan, model: &Model, drawn: &Drawn, kept: &Kept) -> Result<()> {
    let shape = model.space().array_shape(plan.settings.n);
    if let Some(path) = &args.out {
        let picture = View::around(model, &[&drawn.samples])?.sheet(&drawn.samples, args.scale)?;
        output::write(path, &picture.png()?)?;
    }
    if let Some(path) = &args.gif {
        let frames: Vec<_> = kept.frames.values().map(Vec::as_slice).collect();
        let view = View::around(model, &frames)?;
        output::write(path, &gif(frames.iter().map(|frame| view.sheet(frame, args.scale)), 80, 2000)?)?;
    }
    if let Some(path) = &args.npy {
        npy::write(path, &shape, &drawn.samples)?;
    }
    if let Some(path) = &args.trajectory {
        let steps: Vec<_> = kept.trajectory.values().map(Vec::as_slice).collect();
        npy::write(path, &[&[steps.len()], shape.as_slice()].concat(), &steps.concat())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::Tensor;

    use crate::{
        sampler::{Sampler, SamplerKind},
        score::Score,
        sde::{Level, Process},
    };

    /// N(0, ½²)'s score, with eighty waves along the flow that an adaptive solver has to follow.
    struct Waves;

    impl Score for Waves {
        fn score(&self, x: Tensor<2>, Level { t, alpha, sigma }: &Level) -> Tensor<2> {
            x / -(0.25 * alpha * alpha + sigma * sigma) + (500.0 * t).cos() * alpha / sigma
        }
    }

    /// The steps that an animation of such a run shows, and all steps.
    fn shown(settings: &Settings) -> (Vec<usize>, usize) {
        let score = Waves;
        let mut sampler = Sampler::new(&settings.plan(&Process::default(), 1).unwrap(), &Device::flex()).unwrap();
        let mut kept = Kept::default();
        while let Some(step) = sampler.step(&score).unwrap() {
            kept.show(&step);
        }
        (kept.frames.into_keys().collect(), sampler.total().unwrap())
    }

    #[test]
    fn an_animation_has_at_most_a_hundred_frames_and_the_last_step() {
        let euler = Settings { sampler: SamplerKind::Euler, n: 1, ..Settings::default() };
        let times = |count: usize| {
            let times = (0..=count).map(|i| 1.0 - i as f64 / (count + 1) as f64).collect();
            Settings { times: Some(times), ..euler.clone() }
        };
        // --steps says 18 and does not count where times are given; one step more is the last denoising.
        for count in [1, 98, 99, 100, 1000, 1999, 10_000] {
            let (frames, total) = shown(&times(count));
            assert_eq!(total, count + 1);
            assert!(frames.len() <= FRAMES && frames.last() == Some(&total), "{count}: {}", frames.len());
            assert!(total > FRAMES || frames.len() == total, "{count}: short runs show every step");
        }
        let ode = Settings { sampler: SamplerKind::Ode, n: 1, ..Settings::default() };
        let (frames, total) = shown(&ode);
        assert!(total > FRAMES, "{total} steps are too few for this test");
        assert!(frames.len() <= FRAMES && frames.len() > FRAMES / 3, "{} of {total}", frames.len());
        assert_eq!(frames.last(), Some(&total));
    }
}
