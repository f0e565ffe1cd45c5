//! The data of a run, from where they are.

use std::path::Path;

use crate::{
    Error, Result,
    data::{DataName, Dataset, Source, Split, open_points},
    train::{DataConfig, Origin},
};

/// The data to train on; `dir` is where a published set's files are, or a file of points.
///
/// # Errors
/// When they are missing or malformed, or `dir` is given where there are no files.
pub(super) fn open(config: &DataConfig, dir: Option<&Path>) -> Result<Box<dyn Source>> {
    match (config.origin()?, dir) {
        (Origin::Name(DataName::Published(name)), dir) => Ok(Box::new(Dataset::load(name, Split::Train, dir)?)),
        (Origin::Name(DataName::Distribution(distribution)), None) => Ok(Box::new(distribution.data())),
        (Origin::Name(DataName::Distribution(name)), Some(dir)) => {
            Err(Error::setting("--data", dir.display(), format!("nothing: {name} is drawn, and needs no files")))
        }
        (Origin::File(file), dir) => Ok(Box::new(open_points(&dir.unwrap_or("".as_ref()).join(file))?)),
    }
}
