//! What is published about each data set, in one file for each: its files with their sizes and hashes, its classes, its
//! licence, and how to get it. Files are compared with the published ones by SHA-256, so that a result is of the data
//! that it names.

use std::fmt;

use serde::{Deserialize, Serialize};

mod fashion_mnist;

/// Which data set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum DatasetName {
    /// 70,000 grey images of clothes, 28×28, ten classes.
    #[default]
    FashionMnist,
}

impl DatasetName {
    /// Every data set.
    pub const ALL: &'static [Self] = &[Self::FashionMnist];

    /// What is published about it.
    #[must_use]
    pub fn published(self) -> &'static Published {
        match self {
            Self::FashionMnist => &fashion_mnist::FASHION_MNIST,
        }
    }

    /// The data set of this name, as a model's manifest has it.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|set| set.published().name == name)
    }

    /// The names of all of them, for messages.
    #[must_use]
    pub fn list() -> String {
        let names: Vec<_> = Self::ALL.iter().map(|set| set.published().name).collect();
        names.join(", ")
    }
}

impl fmt::Display for DatasetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.published().name)
    }
}

/// Which part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// What models are fitted to.
    Train,
    /// What they are judged by.
    Test,
}

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
    /// Channels, height and width.
    pub shape: [usize; 3],
    /// Names of the classes, in the order of the labels.
    pub classes: &'static [&'static str],
    /// Standard deviation of the training pixels in [−1, 1], to three decimals.
    pub sigma_data: f64,
    /// Where, within a folder of data sets, its files may lie, beside that folder itself.
    pub folders: &'static [&'static str],
    /// How to get it.
    pub obtain: Obtain,
    /// The training part.
    pub train: Part,
    /// The test part.
    pub test: Part,
}

/// How a data set is got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obtain {
    /// From a Debian package, which is unpacked and not installed.
    Debian {
        /// The package.
        package: &'static str,
        /// The folder with the files in it.
        folder: &'static str,
    },
}

/// One part.
#[derive(Debug)]
pub struct Part {
    /// How many images.
    pub len: usize,
    /// Its files.
    pub files: Files,
}

/// The files of a part, by their format.
#[derive(Debug)]
pub enum Files {
    /// Two IDX files, plain or gzipped.
    Idx {
        /// The images.
        images: DataFile,
        /// Their labels.
        labels: DataFile,
    },
}

impl Files {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &DataFile> {
        match self {
            Self::Idx { images, labels } => [images, labels].into_iter(),
        }
    }
}

/// A published file.
#[derive(Debug)]
pub struct DataFile {
    /// Its name.
    pub name: &'static str,
    /// Its size in bytes, as published.
    pub bytes: u64,
    /// SHA-256 of its uncompressed content.
    pub sha256: &'static str,
}

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
        [&self.train, &self.test].into_iter().flat_map(|part| part.files.all())
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
        let packaged = match self.obtain {
            Obtain::Debian { package, .. } => format!("install Debian's or Ubuntu's package {package}"),
        };
        format!(
            "{packaged}, or take {} from the official project at {}, put them in one folder and name it with \
             SCOREFIELD_DATA or --data",
            files.join(", "),
            self.origin
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Dataset;

    #[test]
    fn every_sets_facts_agree_with_each_other() {
        for &name in DatasetName::ALL {
            let published = name.published();
            // One name in configs, in manifests and on the command line.
            assert_eq!(serde_json::to_value(name).unwrap(), published.name);
            assert_eq!(DatasetName::find(published.name), Some(name));
            assert_eq!(clap::ValueEnum::to_possible_value(&name).unwrap().get_name(), published.name);
            assert!((1..=256).contains(&published.classes.len()), "labels are bytes");
            assert!(published.files().all(|file| file.sha256.len() == 64 && file.bytes > 0));
        }
        assert_eq!(DatasetName::find("my-cats"), None);
    }

    #[test]
    fn sigma_data_and_classes_are_the_training_datas() {
        for &name in DatasetName::ALL {
            let data = Dataset::load(name, Split::Train, None).expect("the tests need the data sets");
            let n = data.images.len() as f64;
            let [sum, squares] = [1, 2].map(|power| data.images.iter().map(|&p| f64::from(p).powi(power)).sum::<f64>());
            let sigma = (squares / n - (sum / n).powi(2)).sqrt() / 127.5;
            // Three decimals.
            assert!((sigma - name.published().sigma_data).abs() <= 5e-4, "{name}: {sigma}");
            let classes = data.labels.iter().copied().max().map(|label| usize::from(label) + 1);
            assert_eq!(classes, Some(name.published().classes.len()), "{name}");
        }
    }
}
