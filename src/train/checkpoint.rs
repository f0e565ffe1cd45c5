//! Checkpoints: one safetensors file (f32) with the optimiser's four vectors and, in its metadata, the step,
//! the config and the parameters' layout. Written atomically: the old one stays until the new one is whole.

use std::{collections::HashMap, path::Path};

use burn::{
    Tensor,
    tensor::{Device, TensorData},
};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use super::{RunConfig, log::Partial, optimiser::Optimiser, trainer::Trainer};
use crate::{Error, Result, output};

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

/// Writes the trainer's whole state, and what the run did so far.
///
/// # Errors
/// When the file cannot be written; the old checkpoint is then untouched.
pub(super) fn save(trainer: &Trainer, before: Before, path: &Path) -> Result<()> {
    let Optimiser { parameters, average, moment1, moment2, .. } = trainer.optimiser();
    let vectors: Vec<Vec<f32>> = [parameters, average, moment1, moment2]
        .into_iter()
        .map(|vector| vector.clone().into_data().iter::<f32>().collect())
        .collect();
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
    let bytes = safetensors::serialize(views, Some(metadata)).expect("four named vectors serialise");
    output::write(path, &bytes)
}

/// Restores a trainer from a checkpoint; returns what the run did before.
///
/// # Errors
/// When the file is not a checkpoint of the same network and objective.
pub(super) fn load(trainer: &mut Trainer, path: &Path, device: &Device) -> Result<Before> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let file = path.display().to_string();
    let remedy = "delete it to start afresh, or train without --resume in another folder";
    let bad = |problem: String| Error::weights(file.clone(), problem, remedy);
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| bad(format!("not a checkpoint ({e})")))?;
    let header = metadata.metadata().as_ref().and_then(|m| m.get("scorefield-checkpoint"));
    let header = header.ok_or_else(|| bad("no checkpoint's header".to_owned()))?;
    let header: Header = serde_json::from_str(header).map_err(|e| bad(format!("its header: {e}")))?;
    if header.version != VERSION {
        return Err(bad(format!("version {}, this program reads {VERSION}", header.version)));
    }
    let (old, new) = (&header.config, trainer.config());
    if header.layout != trainer.layout() {
        return Err(bad("the network in the config is another one".to_owned()));
    }
    if header.step > new.train.steps {
        return Err(bad(format!(
            "it is at step {}, the config ends at train.steps = {}",
            header.step, new.train.steps
        )));
    }
    // All but the length and what is written when: with anything else it would be another run.
    if (old.data, &old.process, old.objective, old.optimiser, old.train.seed, old.train.batch)
        != (new.data, &new.process, new.objective, new.optimiser, new.train.seed, new.train.batch)
    {
        return Err(bad("data, process, objective, optimiser, seed or batch differ from the config's".to_owned()));
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
    Ok(header.before)
}
