//! `scorefield eval`: sample quality, with its whole protocol; and the judge's own training.

use std::{
    cell::Cell,
    fmt::Write as _,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Result, bail};
use burn::tensor::Device;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::{Context, model as models, outputs, outputs::Format};
use crate::{
    Error,
    data::{DataName, Dataset, DatasetName, Distribution, Split},
    eval,
    eval::{Bench, Quality, judge, judge::Judge, points::PointQuality, training::Recipe},
    model::Model,
    sampler::{Batches, Plan, Settings},
    score::Score,
    space::Space,
    weights::{read_file, sha256},
};

/// Arguments of `eval`.
#[derive(clap::Args)]
#[command(mut_args(super::headings::under_heading))]
#[command(mut_arg("n", |arg| arg.default_value("5000")), mut_arg("label", |arg| arg.hide(true)))]
pub(crate) struct Args {
    /// A shipped model's name, or a weights file.
    #[arg(long, required_unless_present = "train_classifier")]
    model: Option<String>,
    #[command(flatten)]
    settings: Settings,
    /// Samples drawn at once.
    #[arg(long, default_value_t = 250)]
    batch: usize,
    /// Folder with the data; without it the usual places.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The classifier that judges samples, as --train-classifier writes it; without it the shipped one.
    #[arg(long, value_name = "FILE", conflicts_with = "train_classifier")]
    judge: Option<PathBuf>,
    /// Train the classifier that judges samples, and write it to this file. The shipped one is made so.
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    train_classifier: Option<PathBuf>,
    /// With --train-classifier: the data that it is to judge.
    #[arg(long, value_name = "NAME", default_value_t, requires = "train_classifier")]
    data_set: DatasetName,
    /// With --train-classifier: passes over the training images.
    #[arg(long, default_value_t = Recipe::default().epochs, requires = "train_classifier", value_parser = passes())]
    epochs: usize,
}

fn passes() -> impl clap::builder::TypedValueParser<Value = usize> {
    clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1000)
}

pub(crate) fn run(args: Args, context: &Context) -> Result<()> {
    let (device, described) = context.device.init()?;
    match (&args.model, &args.train_classifier) {
        (Some(model), _) => evaluate(model, &args, &device, &described, context),
        (None, Some(out)) => train_classifier(out, &args, &device, &described, context),
        (None, None) => bail!("give --model FILE, or --train-classifier FILE"),
    }
}

fn evaluate(name: &str, args: &Args, device: &Device, described: &str, context: &Context) -> Result<()> {
    context.refuse_idle(&["data_set", "epochs"], "--train-classifier")?;
    let start = Instant::now();
    let settings = &args.settings;
    if let Some(label) = settings.label {
        let expected = "no label: every class is drawn in turn, as the data has them all";
        return Err(
            Error::Setting { field: "label".into(), value: label.to_string(), expected: expected.into() }.into()
        );
    }
    let bytes = models::bytes(name)?;
    let model = Model::from_bytes(name, &bytes, device)?;
    let plan = model.plan(settings)?;
    plan.check_given(context.given())?;
    let trained_on = &model.network()?.manifest().data.name;
    let data = match DataName::find(trained_on) {
        Some(DataName::Published(data)) => data,
        Some(DataName::Distribution(distribution)) if model.space() == Space::Points(2) => {
            context.refuse_idle(&["judge", "data"], "a model of images: points are compared with draws")?;
            return points(name, &bytes, distribution, &model, &plan, args.batch, (device, described), context);
        }
        _ => {
            let problem = format!("{name} was trained on it, and there is neither a judge of it here nor its images");
            return Err(Error::data(trained_on, problem, format!("evaluate a model of {}", DatasetName::list())).into());
        }
    };
    let judge = match &args.judge {
        Some(path) => Judge::from_bytes(&path.display().to_string(), &read_file(path)?, device)?,
        None => Judge::shipped(data, device)?,
    };
    judge.check_data(data)?;
    let bench = Bench {
        judge,
        train: Dataset::load(data, Split::Train, args.data.as_deref())?,
        test: Dataset::load(data, Split::Test, args.data.as_deref())?,
    };
    bench.check(settings.n)?;
    bench.test.check_model(model.space(), model.classes())?;

    let bar = Bar::new();
    let progress = |stage, done, all| bar.show(stage, done, all);
    let (classes, process) = (model.classes(), model.process());
    let label = |i: usize| (classes > 0).then(|| i % classes);
    let score = |range: std::ops::Range<usize>| -> crate::Result<Box<dyn Score>> {
        let labels: Vec<_> = range.map(label).collect();
        model.score(&labels, settings.guidance, device)
    };
    Context::note_batches(&plan, args.batch);
    let drawn = eval::draw(&plan, args.batch, device, score, &progress)?;
    let sampling_seconds = start.elapsed().as_secs_f64();
    // Without guidance towards a class there is no label to agree with.
    let conditional = classes > 0 && settings.guidance > 0.0;
    let labels: Option<Vec<u8>> = conditional.then(|| (0..settings.n).filter_map(label).map(|l| l as u8).collect());
    let quality = bench.measure(&drawn.images, labels.as_deref(), device, &progress)?;
    bar.clear();

    let mut value = json!({
        "model": { "name": name, "sha256": sha256(&bytes) },
        "data": data,
        "judge": { "name": bench.judge.name, "sha256": bench.judge.sha256 },
        "settings": plan.describe(),
        "process": process,
        "t_end": plan.t_end,
        "grid": plan.settings.grid,
        "seed": settings.seed,
        "nfe": drawn.nfe,
        "device": described,
        "sampling_seconds": sampling_seconds,
        "seconds": start.elapsed().as_secs_f64(),
    });
    if let (Value::Object(value), Value::Object(quality)) = (&mut value, serde_json::to_value(&quality)?) {
        value.extend(quality);
    }
    context.report(&value, &describe(&quality, &value)?)?;
    Ok(())
}

/// The quality of points, by their distance from draws.
#[expect(clippy::too_many_arguments, reason = "the rest of evaluate, for points")]
fn points(
    name: &str,
    bytes: &[u8],
    distribution: Distribution,
    model: &Model,
    plan: &Plan,
    batch: usize,
    (device, described): (&Device, &str),
    context: &Context,
) -> Result<()> {
    let start = Instant::now();
    let settings = &plan.settings;
    PointQuality::check(settings.n)?;
    Context::note_batches(plan, batch);
    let batches = Batches { plan, batch, init: None, guide: None, device };
    let drawn =
        batches.draw(|range| model.score(&vec![None; range.len()], settings.guidance, device), |_, _| Ok(()))?;
    let sampling_seconds = start.elapsed().as_secs_f64();
    let quality = PointQuality::of(&drawn.samples, distribution)?;
    let hash = sha256(bytes);
    let mut value = json!({
        "model": { "name": name, "sha256": hash }, "data": distribution, "settings": plan.describe(),
        "process": model.process(), "t_end": plan.t_end, "grid": settings.grid, "seed": settings.seed,
        "nfe": drawn.nfe, "device": described, "sampling_seconds": sampling_seconds,
        "seconds": start.elapsed().as_secs_f64(),
    });
    if let (Value::Object(value), Value::Object(quality)) = (&mut value, serde_json::to_value(quality)?) {
        value.extend(quality);
    }
    let PointQuality { n, energy_distance, energy_distance_floor: floor, energy_distance_ceiling: ceiling } = quality;
    let human = format!(
        "Energy distance from {n} draws of {distribution} that were not trained on\n\
         {n:>8} samples                {energy_distance:9.5}\n\
         {n:>8} training points        {floor:9.5}   the floor: 0 in the mean\n\
         {n:>8} of N(0, σ_d²·I)        {ceiling:9.5}   the ceiling\n\
         Protocol\n  model    {name} ({hash})\n  sampler  {}, NFE {}, seed {}\n           {}\n  on {described}",
        value["settings"]["sampler"].as_str().unwrap_or("-"),
        drawn.nfe,
        settings.seed,
        value["settings"],
    );
    context.report(&value, &human)
}

/// The report for people: the figures, then all that is needed to get them again.
fn describe(quality: &Quality, value: &Value) -> Result<String> {
    let Quality { n, frechet, frechet_floor, frechet_ceiling, frechet_percent, .. } = quality;
    let text = |pointer: &str| match value.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "-".to_owned(),
    };
    let on_off = if text("/settings/denoise") == "true" { "on" } else { "off" };
    let mut out = String::new();
    writeln!(out, "Fréchet distance to all test images, in the judge's features (no FID: those are Inception's)")?;
    writeln!(out, "  {n:>6} samples             {frechet:9.3}   {frechet_percent:.2} % of the ceiling")?;
    writeln!(out, "  {n:>6} training images     {frechet_floor:9.3}   the floor")?;
    writeln!(out, "  {n:>6} clamped N(0, 1)     {frechet_ceiling:9.3}   the ceiling")?;
    let accuracy = 100.0 * quality.judge_accuracy;
    match quality.label_agreement {
        Some(agreement) => write!(out, "Label agreement {:.2} %", 100.0 * agreement)?,
        None => write!(out, "Label agreement: none, as no labels were asked for")?,
    }
    writeln!(out, " (the judge names the class of {accuracy:.2} % of the test images)")?;
    let (near, test) = (quality.nearest_samples, quality.nearest_test);
    writeln!(out, "Distance to the nearest training image, over pixels in [−1, 1]")?;
    writeln!(out, "  samples      median {:.3}, mean {:.3}; {} exact copies", near.median, near.mean, quality.copies)?;
    writeln!(out, "  test images  median {:.3}, mean {:.3}", test.median, test.mean)?;
    writeln!(out, "Protocol")?;
    writeln!(out, "  model    {} ({})", text("/model/name"), text("/model/sha256"))?;
    writeln!(out, "  judge    {} ({})", text("/judge/name"), text("/judge/sha256"))?;
    writeln!(
        out,
        "  sampler  {}, {} steps on the {} grid to t = {}, denoising {on_off}, guidance {}, NFE {}, seed {}",
        text("/settings/sampler"),
        text("/settings/steps"),
        text("/grid"),
        text("/t_end"),
        text("/settings/guidance"),
        text("/nfe"),
        text("/seed"),
    )?;
    writeln!(out, "           {}", text("/settings"))?;
    let seconds = |pointer| value.pointer(pointer).and_then(Value::as_f64).unwrap_or_default();
    let (all, sampling) = (seconds("/seconds"), seconds("/sampling_seconds"));
    write!(out, "  took     {all:.0} s, {sampling:.0} s of them sampling, on {}", text("/device"))?;
    Ok(out)
}

fn train_classifier(out: &Path, args: &Args, device: &Device, described: &str, context: &Context) -> Result<()> {
    let start = Instant::now();
    outputs::check(&[("--train-classifier", Some(out), Format::Weights)], context)?;
    let recipe = Recipe { epochs: args.epochs, seed: args.settings.seed, ..Recipe::default() };
    let bar = Bar::new();
    let judge = judge::train(args.data_set, args.data.as_deref(), &recipe, device, out, |step, steps, loss| {
        bar.show("training", step, steps);
        bar.bar.set_message(format!("loss {loss:.3}"));
    })?;
    bar.clear();
    let seconds = start.elapsed().as_secs_f64();
    let value = json!({
        "file": out, "sha256": judge.sha256, "about": judge.about, "seed": recipe.seed, "nfe": 0,
        "seconds": seconds, "device": described,
    });
    let accuracy = 100.0 * judge.about.accuracy;
    context.report(&value, &format!("{}: {accuracy:.2} % of the test images, {seconds:.0} s", out.display()))?;
    Ok(())
}

/// One bar on standard error, started anew for every stage.
struct Bar {
    bar: ProgressBar,
    stage: Cell<&'static str>,
}

impl Bar {
    fn new() -> Self {
        let style = ProgressStyle::with_template("{prefix:24} {wide_bar} {pos}/{len} {eta:>5} {msg}")
            .expect("the template is well formed");
        Self { bar: ProgressBar::new(0).with_style(style), stage: Cell::new("") }
    }

    fn show(&self, stage: &'static str, done: usize, all: usize) {
        if self.stage.replace(stage) != stage {
            self.bar.set_prefix(stage);
            self.bar.set_length(all as u64);
            self.bar.reset();
        }
        self.bar.set_position(done as u64);
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
