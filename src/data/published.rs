//! What is published about each data set: its files with their sizes and hashes, its classes, its licence.

use std::path::{Path, PathBuf};

use super::{Split, idx};
use crate::{Error, Result};

/// What is published about a data set.
#[derive(Debug)]
pub struct Published {
    /// Its name on the command line, in configs and of its folder.
    pub name: &'static str,
    /// Its authors' name for it, with the paper.
    pub title: &'static str,
    /// Where it comes from.
    pub origin: &'static str,
    /// Its licence, by SPDX identifier and holder.
    pub licence: &'static str,
    /// The Debian package that holds its files.
    pub debian_package: &'static str,
    /// Channels, height and width.
    pub shape: [usize; 3],
    /// Names of the classes, in the order of the labels.
    pub classes: &'static [&'static str],
    /// Images and labels of the training part.
    pub train: Part,
    /// Images and labels of the test part.
    pub test: Part,
}

/// The two files of one part.
#[derive(Debug)]
pub struct Part {
    /// How many images.
    pub len: usize,
    /// The images.
    pub images: DataFile,
    /// Their labels.
    pub labels: DataFile,
}

/// A published file.
#[derive(Debug)]
pub struct DataFile {
    /// Its name, gzipped; without `.gz` the uncompressed file is taken too.
    pub name: &'static str,
    /// Its gzipped size in bytes, as published.
    pub bytes: u64,
    /// SHA-256 of its uncompressed content.
    pub sha256: &'static str,
}

/// Sizes and hashes were computed from Debian's `dataset-fashion-mnist` 0.0~git20200523.55506a9-1.
pub(super) static FASHION_MNIST: Published = Published {
    name: "fashion-mnist",
    title: "Fashion-MNIST (H. Xiao, K. Rasul, R. Vollgraf, 2017, arXiv:1708.07747)",
    origin: "https://github.com/zalandoresearch/fashion-mnist",
    licence: "MIT, Zalando SE",
    debian_package: "dataset-fashion-mnist",
    shape: [1, 28, 28],
    classes: &[
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ],
    train: Part {
        len: 60_000,
        images: DataFile {
            name: "train-images-idx3-ubyte.gz",
            bytes: 26_421_856,
            sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        },
        labels: DataFile {
            name: "train-labels-idx1-ubyte.gz",
            bytes: 29_491,
            sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        },
    },
    test: Part {
        len: 10_000,
        images: DataFile {
            name: "t10k-images-idx3-ubyte.gz",
            bytes: 4_422_079,
            sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        },
        labels: DataFile {
            name: "t10k-labels-idx1-ubyte.gz",
            bytes: 5_125,
            sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
    },
};

impl Published {
    /// The part of one split.
    #[must_use]
    pub fn part(&self, split: Split) -> &Part {
        match split {
            Split::Train => &self.train,
            Split::Test => &self.test,
        }
    }

    /// All files.
    pub fn files(&self) -> impl Iterator<Item = &DataFile> {
        [&self.train, &self.test].into_iter().flat_map(|part| [&part.images, &part.labels])
    }

    /// How to get the data, in one sentence.
    #[must_use]
    pub fn remedy(&self) -> String {
        format!("run `scorefield data get {}`, or {}", self.name, self.by_hand())
    }

    /// How to get the data where `scorefield data get` cannot.
    #[must_use]
    pub fn by_hand(&self) -> String {
        let files: Vec<_> = self.files().map(|file| format!("{} ({} bytes)", file.name, file.bytes)).collect();
        format!(
            "install Debian's or Ubuntu's package {}, or take {} from the official project at {}, put them in one \
             folder and name it with SCOREFIELD_DATA or --data",
            self.debian_package,
            files.join(", "),
            self.origin
        )
    }
}

impl DataFile {
    /// The file in `folder`, gzipped or not.
    pub(super) fn in_folder(&self, folder: &Path) -> Option<PathBuf> {
        let plain = self.name.strip_suffix(".gz").unwrap_or(self.name);
        [self.name, plain].into_iter().map(|name| folder.join(name)).find(|path| path.is_file())
    }

    pub(super) fn read(&self, folder: &Path, sizes: &[usize], remedy: &str) -> Result<Vec<u8>> {
        let path = self
            .in_folder(folder)
            .ok_or_else(|| Error::data(folder.display().to_string(), format!("{} is missing", self.name), remedy))?;
        let array = idx::read(&path, sizes.len())?;
        let file = path.display().to_string();
        if array.sizes != sizes {
            return Err(Error::data(file, format!("sizes {:?}: expected {sizes:?}", array.sizes), remedy));
        }
        let found: String = array.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        if found != self.sha256 {
            let problem = format!("SHA-256 of its content is {found}: the published file's is {}", self.sha256);
            return Err(Error::data(file, problem, remedy));
        }
        Ok(array.elements)
    }
}
