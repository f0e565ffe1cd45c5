//! `scorefield inspect`: what a weights file says of itself, and the list of models beside the page.

use std::{fmt::Write as _, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::Context;
use crate::{
    Error,
    weights::{File, Index, Manifest, read_file, sha256},
};

/// Arguments of `inspect`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A weights file.
    #[arg(required_unless_present = "index")]
    file: Option<PathBuf>,
    /// Check the list of models, index.json, in this folder against its weights files.
    #[arg(long, value_name = "FOLDER", conflicts_with = "file")]
    index: Option<PathBuf>,
    /// With --index: write the list anew.
    #[arg(long, requires = "index")]
    write: bool,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<()> {
    match (args.file, args.index) {
        (_, Some(folder)) => index(&folder, args.write, context),
        (Some(path), None) => file(&path, context),
        (None, None) => bail!("give a weights file, or --index FOLDER"),
    }
}

fn file(path: &std::path::Path, context: &Context) -> Result<()> {
    let name = path.display().to_string();
    let bytes = read_file(path)?;
    let file = File::parse(&name, &bytes)?;
    let tensors: Vec<Value> = file
        .tensors
        .iter()
        .map(|(name, tensor)| json!({ "name": name, "storage": tensor.storage, "shape": tensor.shape }))
        .collect();
    let hash = sha256(&bytes);
    let value = json!({
        "file": name,
        "bytes": bytes.len(),
        "sha256": hash,
        "parameters": file.parameters(),
        "activations": file.manifest.architecture.activations(),
        "manifest": file.manifest,
        "tensors": tensors,
    });
    context.report(&value, &describe(&file, bytes.len(), &hash)?)?;
    Ok(())
}

fn describe(file: &File<'_>, bytes: usize, hash: &str) -> Result<String> {
    let Manifest { data, training, .. } = &file.manifest;
    let mut text = String::new();
    writeln!(text, "{}", file.name)?;
    writeln!(text, "  {} parameters in {} tensors, {bytes} bytes", file.parameters(), file.tensors.len())?;
    writeln!(text, "  sha256            {hash}")?;
    let activations = file.manifest.architecture.activations();
    writeln!(text, "  activations       {activations} values per sample, at the widest place of an evaluation")?;
    for (name, value) in [
        ("architecture", serde_json::to_value(&file.manifest.architecture)?),
        ("process", serde_json::to_value(&file.manifest.process)?),
        ("parameterisation", serde_json::to_value(file.manifest.parameterisation)?),
    ] {
        writeln!(text, "  {name:<17} {value}")?;
    }
    writeln!(text, "  data              {}, {} in {:?}, {}", data.name, data.shape, data.range, data.licence)?;
    if !data.classes.is_empty() {
        writeln!(text, "  classes           {}", data.classes.join(", "))?;
    }
    let crate::weights::Training { steps, batch, seed, ema, hours, config } = training;
    writeln!(text, "  training          {steps} steps of {batch}, seed {seed}, EMA {ema}, {hours} h")?;
    if let Some(config) = config {
        writeln!(text, "  config")?;
        for line in config.lines() {
            writeln!(text, "    {line}")?;
        }
    }
    let width = file.tensors.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    for (name, tensor) in &file.tensors {
        let storage = format!("{:?}", tensor.storage);
        write!(text, "\n  {name:<width$}  {storage}  {:?}", tensor.shape)?;
    }
    Ok(text)
}

fn index(folder: &std::path::Path, write: bool, context: &Context) -> Result<()> {
    let before = match Index::read(folder) {
        Ok(index) => index,
        // A list that is malformed is what --write mends.
        Err(_) if write => None,
        Err(error) => return Err(error.into()),
    };
    let now = Index::scan(folder, before.as_ref())?;
    if write {
        now.write(folder)?;
    } else if before.as_ref() != Some(&now) {
        let list = folder.join(crate::weights::INDEX_FILE);
        let remedy = format!("write it anew: scorefield inspect --index '{}' --write", folder.display());
        return Err(Error::file(&list, "does not match the weights files beside it", remedy).into());
    }
    let lines: Vec<String> = now
        .models
        .iter()
        .map(|model| {
            let mark = if model.default { "  (default)" } else { "" };
            format!("{}  {} bytes  {}  {}{mark}", model.name, model.bytes, &model.sha256[..12], model.title)
        })
        .collect();
    let value = serde_json::to_value(&now).context("the list as JSON")?;
    context.report(&value, &lines.join("\n"))?;
    Ok(())
}
