//! The list of models beside the page: `index.json`, with sizes and hashes to check downloads by.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The list's file name.
pub const INDEX_FILE: &str = "index.json";

const VERSION: u32 = 1;
const REMEDY: &str = "write it anew with `scorefield inspect --index FOLDER --write`";

/// `index.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// 1.
    pub version: u32,
    /// The models, in order of file name.
    pub models: Vec<IndexEntry>,
}

/// One model of an [`Index`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexEntry {
    /// What users call it.
    pub name: String,
    /// The file, beside the list.
    pub file: String,
    /// The file's size.
    pub bytes: u64,
    /// The file's SHA-256, in lower-case hexadecimal.
    pub sha256: String,
    /// A line for people.
    pub title: String,
    /// The model that is used when none is named: exactly one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
}

impl Index {
    /// Reads and checks a list. `name` is only for messages.
    ///
    /// # Errors
    /// [`Error::Weights`] with the entry and field that are wrong.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self> {
        let index: Self = serde_json::from_slice(bytes).map_err(|e| Error::weights(name, e.to_string(), REMEDY))?;
        index.validate().map_err(|problem| Error::weights(name, problem, REMEDY))?;
        Ok(index)
    }

    fn validate(&self) -> Result<(), String> {
        if self.version != VERSION {
            return Err(format!("version {} is unknown, expected {VERSION}", self.version));
        }
        for (at, model) in self.models.iter().enumerate() {
            // A plain name in the same folder: no path leads out of it.
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            let stem = model.file.strip_suffix(".safetensors").unwrap_or_default();
            if stem.is_empty() || stem.starts_with('.') || !model.file.chars().all(plain) {
                return Err(format!("model {at}: file {:?} is not a plain name NAME.safetensors", model.file));
            }
            let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
            if model.sha256.len() != 64 || !model.sha256.chars().all(hex) {
                return Err(format!("model {at}: sha256 is not 64 lower-case hexadecimal digits"));
            }
            if model.name.is_empty() || self.models[..at].iter().any(|other| other.name == model.name) {
                return Err(format!("model {at}: the name {:?} is empty or taken", model.name));
            }
        }
        let defaults = self.models.iter().filter(|model| model.default).count();
        if defaults != 1 && !self.models.is_empty() {
            return Err(format!("{defaults} models are marked as default, expected one"));
        }
        Ok(())
    }

    /// The model of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&IndexEntry> {
        self.models.iter().find(|model| model.name == name)
    }

    /// The model that is used when none is named.
    #[must_use]
    pub fn default_model(&self) -> Option<&IndexEntry> {
        self.models.iter().find(|model| model.default)
    }
}

#[cfg(not(target_family = "wasm"))]
mod native {
    use std::{fs, path::Path};

    use super::{INDEX_FILE, Index, IndexEntry, VERSION};
    use crate::{
        Error, Result, output,
        weights::{File, read_file, sha256},
    };

    impl Index {
        /// The list in `folder`, if there is one.
        ///
        /// # Errors
        /// When it cannot be read, or is malformed.
        pub fn read(folder: &Path) -> Result<Option<Self>> {
            let path = folder.join(INDEX_FILE);
            match fs::read(&path) {
                Ok(bytes) => Self::parse(&path.display().to_string(), &bytes).map(Some),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(e) => Err(Error::io(&path)(e)),
            }
        }

        /// The list that belongs to the weights files in `folder`. Titles and the default are kept
        /// from `before`; else the title is the data's name, and the first file is the default.
        ///
        /// # Errors
        /// When a file cannot be read, or is not a good weights file.
        pub fn scan(folder: &Path, before: Option<&Self>) -> Result<Self> {
            let mut paths = Vec::new();
            for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
                let path = entry.map_err(Error::io(folder))?.path();
                if path.extension().is_some_and(|extension| extension == "safetensors") {
                    paths.push(path);
                }
            }
            paths.sort();
            let mut models = paths.iter().map(|path| describe(path, before)).collect::<Result<Vec<_>>>()?;
            if let (false, Some(first)) = (models.iter().any(|model| model.default), models.first_mut()) {
                first.default = true;
            }
            let index = Self { version: VERSION, models };
            index.validate().map_err(|problem| {
                Error::weights(folder.display().to_string(), problem, "rename the file to letters, digits, - and _")
            })?;
            Ok(index)
        }

        /// Writes the list into `folder`, atomically.
        ///
        /// # Errors
        /// When it cannot be written.
        pub fn write(&self, folder: &Path) -> Result<()> {
            let path = folder.join(INDEX_FILE);
            let mut json = serde_json::to_string_pretty(self)
                .map_err(|e| Error::weights(path.display().to_string(), e.to_string(), "report this as a bug"))?;
            json.push('\n');
            output::write(&path, json.as_bytes())
        }
    }

    fn describe(path: &Path, before: Option<&Index>) -> Result<IndexEntry> {
        let bytes = read_file(path)?;
        let file = File::parse(&path.display().to_string(), &bytes)?;
        let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let name = text(path.file_stem());
        let old = before.and_then(|index| index.get(&name));
        Ok(IndexEntry {
            file: text(path.file_name()),
            bytes: bytes.len() as u64,
            sha256: sha256(&bytes),
            title: old.map_or(file.manifest.data.name, |old| old.title.clone()),
            default: old.is_some_and(|old| old.default),
            name,
        })
    }
}
