//! A module and a manifest to the bytes of a weights file: the same bytes for the same weights.

use std::collections::HashMap;

use burn::{module::Module, tensor::TensorData};
use half::f16;
use safetensors::{Dtype, tensor::TensorView};

use super::{File, Manifest, Storage, manifest::MANIFEST_KEY, module::tensors_of, read::shown};
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
    let stored = tensors
        .iter()
        .map(|(path, data)| {
            let values = data.as_slice::<f32>().map_err(|e| {
                Error::weights(name, format!("tensor {}: {e}", shown(path)), "convert it to f32 before saving")
            })?;
            Ok((path.as_str(), data.shape().as_slice().to_vec(), store(name, path, values, storage)?))
        })
        .collect::<Result<Vec<_>>>()?;
    let dtype = match storage {
        Storage::F16 => Dtype::F16,
        Storage::F32 => Dtype::F32,
    };
    let failed = |e: safetensors::SafeTensorError| Error::weights(name, e.to_string(), "report this as a bug");
    let views = stored
        .iter()
        .map(|(path, shape, bytes)| Ok((*path, TensorView::new(dtype, shape.clone(), bytes).map_err(failed)?)))
        .collect::<Result<Vec<_>>>()?;
    // One entry only: a map of several would be written in another order each time.
    let metadata = HashMap::from([(key.to_owned(), text.to_owned())]);
    safetensors::serialize(views, Some(metadata)).map_err(failed)
}

fn store(name: &str, path: &str, values: &[f32], storage: Storage) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(values.len() * storage.bytes());
    for (at, &value) in values.iter().enumerate() {
        let bad = |problem: &str, remedy: &str| {
            Error::weights(name, format!("tensor {}: element {at} is {value}, {problem}", shown(path)), remedy)
        };
        if !value.is_finite() {
            return Err(bad("not a number to save", "go back to a checkpoint from before the training diverged"));
        }
        match storage {
            Storage::F32 => bytes.extend(value.to_le_bytes()),
            Storage::F16 => {
                let short = f16::from_f32(value);
                if short.is_infinite() {
                    return Err(bad("too large for f16 (65504)", "store the weights as f32"));
                }
                bytes.extend(short.to_le_bytes());
            }
        }
    }
    Ok(bytes)
}
