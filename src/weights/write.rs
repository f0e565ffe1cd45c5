//! A module and a manifest to the bytes of a weights file: the same bytes for the same weights.

use std::{borrow::Cow, collections::HashMap};

use burn::{module::Module, tensor::TensorData};
use half::f16;
use safetensors::{Dtype, tensor::View};

use super::{File, Manifest, Storage, manifest::MANIFEST_KEY, module::tensors_of, source::shown};
use crate::{Error, Result};

/// The bytes of a weights file, read back and checked before they are returned.
///
/// # Errors
/// [`Error::Weights`] when a number is not finite or overflows f16 (65504), or the file could not
/// be read by [`File::parse`]; [`Error::Setting`] when a manifest field is out of range.
pub fn to_bytes<M: Module>(name: &str, module: &M, manifest: &Manifest, storage: Storage) -> Result<Vec<u8>> {
    let json = manifest.to_json()?;
    let bytes = encode(name, &tensors_of(module)?, (MANIFEST_KEY, &json), storage)?;
    File::parse(name, &bytes)?;
    Ok(bytes)
}

/// Tensors and one metadata entry as safetensors, sorted by name. `name` is only for messages.
///
/// # Errors
/// [`Error::Weights`] when a tensor is not f32, a number is not finite, or overflows f16.
pub fn encode(
    name: &str,
    tensors: &[(String, TensorData)],
    (key, text): (&str, &str),
    storage: Storage,
) -> Result<Vec<u8>> {
    for (path, data) in tensors {
        check(name, path, data, storage)?;
    }
    let failed = |e: safetensors::SafeTensorError| Error::weights(name, e.to_string(), "report this as a bug");
    // One entry only: a map of several would be written in another order each time.
    let metadata = HashMap::from([(key.to_owned(), text.to_owned())]);
    safetensors::serialize(tensors.iter().map(|(path, data)| (path, Stored { data, storage })), Some(metadata))
        .map_err(failed)
}

/// A tensor that was [checked](check), converted as it is written.
struct Stored<'a> {
    data: &'a TensorData,
    storage: Storage,
}

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        match self.storage {
            Storage::F16 => Dtype::F16,
            Storage::F32 => Dtype::F32,
        }
    }

    fn shape(&self) -> &[usize] {
        self.data.shape().as_slice()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let values = self.data.as_slice::<f32>().unwrap_or_default();
        Cow::Owned(match self.storage {
            Storage::F16 => values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect(),
            Storage::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        })
    }

    fn data_len(&self) -> usize {
        self.data.num_elements() * self.storage.bytes()
    }
}

/// That a tensor is f32, and every number finite and within the storage's range.
fn check(name: &str, path: &str, data: &TensorData, storage: Storage) -> Result<()> {
    let values = data
        .as_slice::<f32>()
        .map_err(|e| Error::weights(name, format!("tensor {}: {e}", shown(path)), "convert it to f32 before saving"))?;
    let bad = |at: usize, problem: &str, remedy: &str| {
        let problem = format!("tensor {}: element {at} is {}, {problem}", shown(path), values[at]);
        Err(Error::weights(name, problem, remedy))
    };
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        return bad(at, "not a number to save", "go back to a checkpoint from before the training diverged");
    }
    match values.iter().position(|&value| f16::from_f32(value).is_infinite()) {
        Some(at) if storage == Storage::F16 => bad(at, "too large for f16 (65504)", "store the weights as f32"),
        _ => Ok(()),
    }
}
