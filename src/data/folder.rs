//! Where a published set's files are on this machine.
//!
//! A set is searched for in the folder that the caller names and nowhere else; without one, in `$SCOREFIELD_DATA`, in
//! the system's data sets and in the user's data folder. In each of these its files may lie in a folder of the set's
//! own, as its entry lists them, or in the folder itself. An IDX file may be plain or gzipped, and its name may have a
//! dot for the second hyphen (`train-images.idx3-ubyte`), as some copies have.

use std::path::{Path, PathBuf};

use super::{DataFile, DatasetName, Published};
use crate::{Error, Result};

impl DatasetName {
    /// The folders that are searched, in this order.
    #[must_use]
    pub fn folders(self, dir: Option<&Path>) -> Vec<PathBuf> {
        let inner = self.published().folders;
        let within = |root: PathBuf| {
            let folders: Vec<_> = inner.iter().map(|folder| root.join(folder)).collect();
            folders.into_iter().chain([root])
        };
        roots(dir).into_iter().flat_map(within).collect()
    }

    /// The first of [`folders`](Self::folders) that holds every file.
    ///
    /// # Errors
    /// [`Error::Data`] with what is missing where, and how to get the data.
    pub fn locate(self, dir: Option<&Path>) -> Result<PathBuf> {
        let (published, folders) = (self.published(), self.folders(dir));
        let complete = |folder: &&PathBuf| published.missing(folder).is_empty();
        folders
            .iter()
            .find(complete)
            .cloned()
            .ok_or_else(|| Error::data(published.name, published.nearest_miss(dir, &folders), published.remedy()))
    }
}

impl Published {
    /// A file's path in `folder`, under one of the names that it may have.
    pub(super) fn find(&self, file: &DataFile, folder: &Path) -> Option<PathBuf> {
        names(file).into_iter().map(|name| folder.join(name)).find(|path| path.is_file())
    }

    fn missing(&self, folder: &Path) -> Vec<&DataFile> {
        self.files().filter(|file| self.find(file, folder).is_none()).collect()
    }

    /// Why the set is in none of `folders`: the folder that comes nearest to holding it, and what it lacks.
    fn nearest_miss(&self, dir: Option<&Path>, folders: &[PathBuf]) -> String {
        let all = self.files().count();
        let names = |files: &[&DataFile]| files.iter().map(|file| file.name).collect::<Vec<_>>().join(", ");
        let nearest =
            folders.iter().map(|folder| (folder, self.missing(folder))).min_by_key(|(_, missing)| missing.len());
        if let Some((folder, missing)) = nearest.filter(|(_, missing)| missing.len() < all) {
            let (there, verb) = (all - missing.len(), if missing.len() == 1 { "is" } else { "are" });
            let alike = self.alike(&missing, folder).map(|name| format!(" (found {name})")).unwrap_or_default();
            let folder = folder.display();
            return format!("{folder} has {there} of its {all} files: {} {verb} missing{alike}", names(&missing));
        }
        let files: Vec<_> = self.files().collect();
        let alike = folders.iter().find_map(|folder| Some((folder, self.alike(&files, folder)?)));
        if let Some((folder, name)) = alike {
            return format!("found {name} in {}, looked for {}, with .gz or without", folder.display(), names(&files));
        }
        if let Some(dir) = dir.filter(|dir| !dir.is_dir()) {
            return format!("{} is no folder", dir.display());
        }
        let roots: Vec<_> = roots(dir).iter().map(|root| root.display().to_string()).collect();
        let inner = self.folders.join(", ");
        format!("its {all} files are in none of {}, nor in {inner} there", roots.join(", "))
    }

    /// The name of something in `folder` that is called nearly as one of `files` is, such as an archive of it.
    fn alike(&self, files: &[&DataFile], folder: &Path) -> Option<String> {
        let letters = |name: &str| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        let known: Vec<String> = self.files().flat_map(names).collect();
        let stems: Vec<_> = files.iter().filter_map(|file| file.name.split("-idx").next()).map(letters).collect();
        let entries = std::fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let is_alike = |name: &String| !known.contains(name) && stems.iter().any(|stem| letters(name).contains(stem));
        // The first by name: a folder's own order is arbitrary.
        entries.filter(is_alike).min()
    }
}

/// The names that a file may have, the published one first: IDX files may be plain, or dotted.
fn names(file: &DataFile) -> Vec<String> {
    let plain = file.name.strip_suffix(".gz").unwrap_or(file.name);
    let dotted = plain.replace("-idx", ".idx");
    let mut names = vec![file.name.to_owned(), plain.to_owned(), format!("{dotted}.gz"), dotted];
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// Folders of data sets.
fn roots(dir: Option<&Path>) -> Vec<PathBuf> {
    match dir {
        Some(dir) => vec![dir.to_path_buf()],
        None => set("SCOREFIELD_DATA").into_iter().chain([PathBuf::from(SYSTEM)]).chain(user_folder()).collect(),
    }
}

const SYSTEM: &str = "/usr/share/datasets";

/// A path in a variable of the environment that is set and not empty.
pub(super) fn set(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// `$XDG_DATA_HOME/scorefield`, or `~/.local/share/scorefield`.
pub(super) fn user_folder() -> Option<PathBuf> {
    let data = set("XDG_DATA_HOME").or_else(|| Some(std::env::home_dir()?.join(".local/share")))?;
    Some(data.join("scorefield"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::{Dataset, Split};

    const SET: DatasetName = DatasetName::FashionMnist;

    /// The set's files, linked into `folder` under other names.
    fn link(folder: &Path, rename: impl Fn(&str) -> String) {
        let from = SET.locate(None).expect("the tests need Fashion-MNIST");
        fs::create_dir_all(folder).unwrap();
        for file in SET.published().files() {
            let from = SET.published().find(file, &from).unwrap();
            fs::copy(from, folder.join(rename(file.name))).unwrap();
        }
    }

    fn problem(folder: &Path) -> String {
        SET.locate(Some(folder)).unwrap_err().to_string()
    }

    #[test]
    fn torchvisions_layout_and_dotted_names_are_read() {
        let root = tempfile::tempdir().unwrap();
        let raw = root.path().join("FashionMNIST/raw");
        // torchvision keeps the archives beside what it unpacked of them.
        link(&raw, str::to_owned);
        for dir in [root.path(), &root.path().join("FashionMNIST"), &raw] {
            assert_eq!(SET.locate(Some(dir)).unwrap(), raw);
        }
        let dotted = tempfile::tempdir().unwrap();
        link(dotted.path(), |name| name.replace("-idx", ".idx"));
        let read = |split, dir| Dataset::load(SET, split, dir).unwrap();
        for split in [Split::Train, Split::Test] {
            let (ours, other) = (read(split, None), read(split, Some(dotted.path())));
            assert!(ours.images == other.images && ours.labels == other.labels);
        }
        assert_eq!(read(Split::Test, Some(root.path())).labels[..3], [9, 2, 1]);
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = "t10k-labels-idx1-ubyte.gz";
        for file in SET.published().files().filter(|file| file.name != missing) {
            fs::write(folder.path().join(file.name), b"").unwrap();
        }
        let said = problem(folder.path());
        assert!(
            said.contains(&format!("{} has 3 of its 4 files: {missing} is missing;", folder.path().display())),
            "{said}"
        );
        fs::write(folder.path().join("t10k-labels.zip"), b"").unwrap();
        assert!(problem(folder.path()).contains("is missing (found t10k-labels.zip)"));
        // A folder under a file's name is no file.
        fs::create_dir(folder.path().join(missing)).unwrap();
        assert!(problem(folder.path()).contains(&format!("{missing} is missing")));
    }

    #[test]
    fn a_near_miss_is_named_beside_what_was_looked_for() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("raw")).unwrap();
        fs::write(folder.path().join("raw/Train_Images.idx"), b"").unwrap();
        let said = problem(folder.path());
        let place = folder.path().join("raw").display().to_string();
        assert!(
            said.contains(&format!("found Train_Images.idx in {place}, looked for train-images-idx3-ubyte.gz")),
            "{said}"
        );
    }

    #[test]
    fn a_missing_set_says_where_it_looked_and_how_to_get_it() {
        let folder = tempfile::tempdir().unwrap();
        let said = problem(folder.path());
        let place = folder.path().display().to_string();
        for part in [&place, "FashionMNIST/raw", "scorefield data get", "dataset-fashion-mnist", "26421856"] {
            assert!(said.contains(part), "{said}");
        }
        assert!(problem(&folder.path().join("no")).contains("no is no folder"));
    }
}
