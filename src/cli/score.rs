//! `scorefield score`: the score at given points.

use std::path::PathBuf;

use anyhow::Result;
use burn::{Tensor, tensor::TensorData};
use serde_json::json;

use super::{Context, model, npy, outputs, outputs::Format};
use crate::score::Score;

/// Arguments of `score`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A shipped model's name, a weights file, or a mixture's TOML file.
    #[arg(long, default_value = model::DEFAULT)]
    model: String,
    /// Points, float32 of shape [n, d] or [n, c, h, w].
    #[arg(long, value_name = "X.npy")]
    x: PathBuf,
    /// Time, from 0 (data) to 1 (noise).
    #[arg(long)]
    t: f64,
    /// Class, counted from 0; without it the unconditional score.
    #[arg(long)]
    label: Option<usize>,
    /// Classifier-free guidance, 1 is plain conditional.
    #[arg(long, default_value_t = 1.0)]
    guidance: f64,
    /// Where the scores go, in the points' shape.
    #[arg(long, value_name = "S.npy")]
    npy: PathBuf,
}

/// Points scored at once: memory does not grow with their number.
const BATCH: usize = 256;

pub(crate) fn run(args: Args, context: &Context) -> Result<()> {
    let Args { t, label, guidance, .. } = args;
    let (device, description) = context.device.init()?;
    let model = model::load(&args.model, &device)?;
    let level = model.level(t)?;
    outputs::check(&[("--npy", Some(&args.npy), Format::Npy)], context)?;
    let array = npy::read(&args.x)?;
    let (n, d) = (array.rows(&args.x, model.space())?, model.dim());
    let npy::Array { shape, values } = array;
    let score = |n: usize| model.score(&vec![label; n], guidance, &device);
    let start = std::time::Instant::now();
    let nfe = score(1)?.evaluations();
    let mut scores = Vec::with_capacity(values.len());
    for part in values.chunks(model.batch(BATCH, nfe) * d) {
        let n = part.len() / d;
        let x = Tensor::<2>::from_data(TensorData::new(part.to_vec(), [n, d]), &device);
        scores.extend(score(n)?.score(x, &level).into_data().try_into_vec::<f32>()?);
    }
    let seconds = start.elapsed().as_secs_f64();
    npy::write(&args.npy, &shape, &scores)?;
    let result = json!({
        "out": args.npy, "n": n, "t": t, "nfe": nfe, "seconds": seconds, "device": description,
    });
    context.report(&result, &format!("{n} scores at t = {t} in {} ({seconds:.2} s, {description})", args.npy.display()))
}
