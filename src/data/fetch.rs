//! Getting a data set: from this machine, or out of its Debian package, which is unpacked and not installed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    Dataset, DatasetName, Obtain, Published, Split,
    folder::{set, user_folder},
};
use crate::{Error, Result};

/// Where a data set was found, or put.
#[derive(Debug)]
pub struct Fetched {
    /// The folder with its files.
    pub folder: PathBuf,
    /// Whether it was already there.
    pub found: bool,
}

/// Finds the data set or downloads it; with `dir`, it is there afterwards. Its files are checked.
///
/// # Errors
/// [`Error::Data`] when it is neither here nor can be downloaded, with how to get it by hand.
pub fn fetch(name: DatasetName, dir: Option<&Path>) -> Result<Fetched> {
    let published = name.published();
    if let Ok(folder) = name.locate(dir) {
        check(name, &folder)?;
        return Ok(Fetched { folder, found: true });
    }
    let folder = match dir {
        Some(dir) => dir.to_path_buf(),
        None => set("SCOREFIELD_DATA").or_else(user_folder).map(|root| root.join(published.name)).ok_or_else(|| {
            Error::data(published.name, "no folder to put it in: HOME is not set", "name one with --dir")
        })?,
    };

    fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    let filled = fill(name, &folder);
    if filled.is_err() {
        // Succeeds only where it is empty, as it was made here.
        fs::remove_dir(&folder).ok();
    }
    filled.map(|()| Fetched { folder, found: false })
}

fn fill(name: DatasetName, folder: &Path) -> Result<()> {
    let published = name.published();
    // Beside its place, so that each file is renamed into it whole.
    let work = tempfile::tempdir_in(folder).map_err(Error::io(folder))?;
    let source = match name.locate(None) {
        Ok(elsewhere) => elsewhere,
        Err(_) => obtain(published, work.path())?,
    };
    check(name, &source)?;
    for file in published.files() {
        let from = published.find(file, &source).ok_or_else(|| {
            let problem = format!("{} is missing in {}", file.name, source.display());
            Error::data(published.name, problem, published.by_hand())
        })?;
        let name = from.file_name().expect("the path ends in a file's name");
        let copy = work.path().join(name);
        fs::copy(&from, &copy).map_err(Error::io(&copy))?;
        fs::rename(&copy, folder.join(name)).map_err(Error::io(folder))?;
    }
    Ok(())
}

fn check(name: DatasetName, folder: &Path) -> Result<()> {
    Dataset::load(name, Split::Train, Some(folder))?;
    Dataset::load(name, Split::Test, Some(folder))?;
    Ok(())
}

/// Gets the files into `work`; returns the folder with them.
fn obtain(published: &Published, work: &Path) -> Result<PathBuf> {
    match published.obtain {
        Obtain::Debian { package, folder } => unpack(published, package, work).map(|()| work.join(folder)),
    }
}

/// Downloads a Debian package into `work` and unpacks it there.
fn unpack(published: &Published, package: &str, work: &Path) -> Result<()> {
    let failed = |problem: String| Error::data(published.name, problem, published.by_hand());
    run(Command::new("apt-get").args(["download", "-q", package]).current_dir(work)).map_err(failed)?;
    let archive = fs::read_dir(work)
        .map_err(Error::io(work))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .ok_or_else(|| failed(format!("apt-get downloaded no package {package}")))?;
    run(Command::new("dpkg-deb").arg("-x").args([archive.as_path(), work])).map_err(failed)
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name} cannot be run here: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name} failed: {}", said.lines().last().unwrap_or("it gave no reason")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetched_set_can_be_loaded_from_its_folder() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("new");
        let fetched = fetch(DatasetName::FashionMnist, Some(&folder)).unwrap();
        assert!(!fetched.found && fetched.folder == folder);
        // Nothing but the four files is left there, and a second call finds them.
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 4);
        assert!(fetch(DatasetName::FashionMnist, Some(&folder)).unwrap().found);
    }

    #[test]
    fn a_command_that_fails_or_is_missing_is_reported() {
        assert!(run(&mut Command::new("scorefield-no-such-command")).unwrap_err().contains("cannot be run"));
        assert!(run(Command::new("sh").args(["-c", "echo why >&2; false"])).unwrap_err().contains("failed: why"));
    }
}
