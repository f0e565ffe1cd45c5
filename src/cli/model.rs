//! Models by name or by file.

use std::path::Path;

use anyhow::Result;
use burn::tensor::Device;

use crate::{Error, model::Model, weights::read_file};

/// The default model's name.
pub(crate) const DEFAULT: &str = "fashion";

/// The models inside the binary: an installed `scorefield` works from any folder.
const SHIPPED: &[(&str, &[u8])] = &[(DEFAULT, include_bytes!("../../web/models/fashion.safetensors"))];

/// The bytes behind a shipped model's name or a file's path.
pub(crate) fn bytes(model: &str) -> Result<Vec<u8>> {
    if let Some((_, bytes)) = SHIPPED.iter().find(|(name, _)| *name == model) {
        return Ok(bytes.to_vec());
    }
    let looks_like_a_name = !model.contains(['/', '\\', '.']) && !Path::new(model).exists();
    if looks_like_a_name {
        let names: Vec<_> = SHIPPED.iter().map(|(name, _)| *name).collect();
        let problem = "no shipped model has this name, and no file is there";
        let remedy = format!("give --model {}, or the path of a file", names.join(" or "));
        return Err(Error::weights(model, problem, remedy).into());
    }
    Ok(read_file(Path::new(model))?)
}

/// Loads a shipped model by name, a weights file or a mixture's TOML file.
pub(crate) fn load(model: &str, device: &Device) -> Result<Model> {
    Ok(Model::from_bytes(model, &bytes(model)?, device)?)
}
