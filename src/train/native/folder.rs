//! A run's folder: one process at a time, and what its files are called.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use crate::{Error, Result};

/// The config as it was run, overrides applied.
pub(super) const CONFIG: &str = "config.toml";
/// The averaged weights.
pub(super) const WEIGHTS: &str = "weights.safetensors";
/// Folder of the sample grids.
pub(super) const SAMPLES: &str = "samples";

/// Makes the folder if there is none, and locks it for this process while the file is open.
pub(super) fn lock(folder: &Path) -> Result<File> {
    fs::create_dir_all(folder.join(SAMPLES)).map_err(Error::io(folder))?;
    let path = folder.join("lock");
    let file = File::create(&path).map_err(Error::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::Run {
            folder: folder.display().to_string(),
            problem: "another process is training here".to_owned(),
            remedy: format!("wait for it, stop it, or give another folder (`--out {}`)", shell(&elsewhere(folder))),
        }),
        Err(fs::TryLockError::Error(cause)) => Err(Error::io(&path)(cause)),
    }
}

/// A folder beside `folder` that there is not yet: `NAME-2` and so on.
pub(super) fn elsewhere(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or("run".as_ref()).to_string_lossy();
    let candidates = (2u32..).map(|i| folder.with_file_name(format!("{name}-{i}")));
    candidates.into_iter().find(|path| !path.exists()).expect("some number is free")
}

/// A path as a shell reads it.
pub(super) fn shell(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:@%,".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_as_a_shell_reads_them() {
        for path in ["runs/fashion", "a folder/it's one", "$HOME/*"] {
            let command = format!("printf %s {}", shell(path.as_ref()));
            let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), path);
        }
    }

    #[test]
    fn another_folder_is_one_that_is_free() {
        let root = tempfile::tempdir().unwrap();
        let run = root.path().join("run");
        assert_eq!(elsewhere(&run), root.path().join("run-2"));
        fs::create_dir(root.path().join("run-2")).unwrap();
        assert_eq!(elsewhere(&run), root.path().join("run-3"));
    }
}
