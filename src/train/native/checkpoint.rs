//! Checkpoints: one safetensors file (f32) with the optimiser's four vectors and, in its metadata, the step,
//! the config and the parameters' layout. Written atomically: the old one stays until the new one is whole.

use std::{collections::HashMap, path::Path};

use burn::{
    Tensor,
    tensor::{Device, TensorData},
};
use half::f16;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use super::{
    folder::{elsewhere, shell},
    log::Partial,
};
use crate::{
    Error, Result,
    train::{Change, Changes, RunConfig, Trainer, optimiser::Optimiser},
};

/// The file's name in a run's folder.
pub const FILE: &str = "checkpoint.safetensors";

const VERSION: u32 = 1;
const NAMES: [&str; 4] = ["parameters", "average", "moment1", "moment2"];

/// What a run did before: the time it trained, and the losses that its log does not hold yet.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Before {
    pub seconds: f64,
    pub partial: Partial,
}

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    step: u64,
    before: Before,
    config: RunConfig,
    layout: Vec<(String, usize)>,
}

/// The bytes of the trainer's whole state, and of what the run did so far.
///
/// # Errors
/// When a number is not finite, or a weight will not be in f16: nobody could use it.
pub(super) fn to_bytes(trainer: &Trainer, before: Before) -> Result<Vec<u8>> {
    let Optimiser { parameters, average, moment1, moment2, .. } = trainer.optimiser();
    let mut vectors = Vec::new();
    for (name, vector) in NAMES.iter().zip([parameters, average, moment1, moment2]) {
        let values: Vec<f32> = vector.clone().into_data().iter::<f32>().collect();
        let bad = |what: String| {
            Err(Error::NotFinite { what, step: trainer.steps_done() as usize, remedy: "lower optimiser.lr".to_owned() })
        };
        if values.iter().any(|value| !value.is_finite()) {
            return bad(format!("a number in {name}"));
        }
        if *name == "average" && values.iter().any(|&value| f16::from_f32(value).is_infinite()) {
            return bad(format!("a number in {name}, as f16,"));
        }
        vectors.push(values);
    }
    let views = NAMES.iter().zip(&vectors).map(|(name, vector)| {
        let view = TensorView::new(Dtype::F32, vec![vector.len()], bytemuck::cast_slice(vector))
            .expect("the shape is the vector's own");
        (*name, view)
    });
    let header = Header {
        version: VERSION,
        step: trainer.steps_done(),
        before,
        config: trainer.config().clone(),
        layout: trainer.layout(),
    };
    let header = serde_json::to_string(&header).expect("plain data serialises");
    let metadata = HashMap::from([("scorefield-checkpoint".to_owned(), header)]);
    Ok(safetensors::serialize(views, Some(metadata)).expect("four named vectors serialise"))
}

/// A config as a checkpoint's header gives it back: JSON is read fast, and the last digit of a long number may be another.
fn as_read(config: &RunConfig) -> RunConfig {
    let json = serde_json::to_string(config).expect("plain data serialises");
    serde_json::from_str(&json).expect("it has just been written")
}

/// Restores a trainer from the checkpoint in `folder`; returns what the run did before, and what its config has
/// changed.
///
/// # Errors
/// When the file is not a checkpoint, or one of another run.
pub(super) fn load(trainer: &mut Trainer, folder: &Path, device: &Device) -> Result<(Before, Changes)> {
    let path = folder.join(FILE);
    let bytes = std::fs::read(&path).map_err(Error::io(&path))?;
    let bad = |problem: String| {
        let remedy = format!(
            "remove it to train anew (`rm {}`), or give another folder (`--out {}`)",
            shell(&path),
            shell(&elsewhere(folder))
        );
        Error::weights(path.display().to_string(), problem, remedy)
    };
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| bad(format!("not a checkpoint ({e})")))?;
    let header = metadata.metadata().as_ref().and_then(|m| m.get("scorefield-checkpoint"));
    let header = header.ok_or_else(|| bad("no checkpoint's header".to_owned()))?;
    let header: Header = serde_json::from_str(header).map_err(|e| bad(format!("its header: {e}")))?;
    if header.version != VERSION {
        return Err(bad(format!("version {}, this program reads {VERSION}", header.version)));
    }
    let changes = Changes::between(&header.config, &as_read(trainer.config()), header.step)
        .map_err(|fixed| another_run(folder, &fixed))?;
    if header.step > trainer.config().train.steps {
        return Err(Error::Run {
            folder: folder.display().to_string(),
            problem: format!(
                "its checkpoint is at step {}, the config ends at train.steps = {}",
                header.step,
                trainer.config().train.steps
            ),
            remedy: format!("train on (`--set train.steps={}`, or more)", header.step),
        });
    }
    if header.layout != trainer.layout() {
        return Err(bad("its parameters are not those of the config's network".to_owned()));
    }
    let tensors = SafeTensors::deserialize(&bytes).map_err(|e| bad(e.to_string()))?;
    let p = trainer.parameters();
    let mut vectors = Vec::new();
    for name in NAMES {
        let view = tensors.tensor(name).map_err(|e| bad(format!("{name}: {e}")))?;
        if view.dtype() != Dtype::F32 || view.shape() != [p] {
            return Err(bad(format!("{name}: {:?} {:?} instead of F32 [{p}]", view.dtype(), view.shape())));
        }
        let values: Vec<f32> = bytemuck::pod_collect_to_vec(view.data());
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(bad(format!("{name}: entry {at} is not finite")));
        }
        vectors.push(Tensor::<1>::from_data(TensorData::new(values, [p]), device));
    }
    let mut next = || vectors.remove(0);
    let mut optimiser = Optimiser::new(trainer.config().optimiser, next(), device);
    (optimiser.average, optimiser.moment1, optimiser.moment2) = (next(), next(), next());
    trainer.restore(optimiser, header.step);
    Ok((header.before, changes))
}

/// The refusal to go on with other data, another network and so on.
fn another_run(folder: &Path, fixed: &[Change]) -> Error {
    let fields: Vec<_> = fixed.iter().map(ToString::to_string).collect();
    let here = shell(folder);
    let own = format!("scorefield train {} --resume --out {here}", shell(&folder.join(super::folder::CONFIG)));
    Error::Run {
        folder: folder.display().to_string(),
        problem: format!("going on with {} would make another run of it", fields.join(", ")),
        remedy: format!(
            "go on with its own config (`{own}`), or train in another folder (`--out {}`)",
            shell(&elsewhere(folder))
        ),
    }
}
