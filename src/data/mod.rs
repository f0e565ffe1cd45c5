//! Data sets: images x₀ ∈ [−1, 1]ᵈ with labels, found on this machine, checked and held as bytes.
//!
//! A pixel p ∈ 0 … 255 becomes p/127.5 − 1. A data set is searched for in the folder that the caller names and
//! nowhere else; without one, in `$SCOREFIELD_DATA`, in the system's data sets and in the user's data folder.
//! Files are compared with the published ones by SHA-256, so that a result is of the data that it names.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{Error, Result, space::Space};

mod fetch;
pub mod idx;
mod published;
pub mod source;

pub use fetch::{Fetched, fetch};
pub use published::{DataFile, Part, Published};
pub use source::Source;

/// Which data set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum DatasetName {
    /// 70,000 grey images of clothes, 28×28, ten classes.
    #[default]
    FashionMnist,
}

/// Which part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// What models are fitted to.
    Train,
    /// What they are judged by.
    Test,
}

impl fmt::Display for DatasetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.published().name)
    }
}

impl DatasetName {
    /// Every data set.
    pub const ALL: &'static [Self] = &[Self::FashionMnist];

    /// What is published about it.
    #[must_use]
    pub fn published(self) -> &'static Published {
        match self {
            Self::FashionMnist => &published::FASHION_MNIST,
        }
    }

    /// The folders that are searched, in this order: `dir` alone if it is given, else `$SCOREFIELD_DATA`, the
    /// system's folder and the user's. A folder may hold the files themselves or in a folder of the set's name.
    #[must_use]
    pub fn folders(self, dir: Option<&Path>) -> Vec<PathBuf> {
        let name = self.published().name;
        let roots: Vec<PathBuf> = match dir {
            Some(dir) => vec![dir.to_path_buf()],
            None => std::env::var_os("SCOREFIELD_DATA")
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
                .into_iter()
                .chain([PathBuf::from("/usr/share/datasets")])
                .chain(user_folder())
                .collect(),
        };
        roots.into_iter().flat_map(|root| [root.join(name), root]).collect()
    }

    /// The first of [`folders`](Self::folders) that holds every file.
    ///
    /// # Errors
    /// [`Error::Data`] with the folders searched and where to get the data.
    pub fn locate(self, dir: Option<&Path>) -> Result<PathBuf> {
        let published = self.published();
        let folders = self.folders(dir);
        let complete = |folder: &&PathBuf| published.files().all(|file| file.in_folder(folder).is_some());
        folders.iter().find(complete).cloned().ok_or_else(|| {
            let searched: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
            let problem = format!("its four files are in none of {}", searched.join(", "));
            Error::data(published.name, problem, published.remedy())
        })
    }
}

/// `$XDG_DATA_HOME/scorefield`, or `~/.local/share/scorefield`.
fn user_folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = set("XDG_DATA_HOME").or_else(|| Some(std::env::home_dir()?.join(".local/share")))?;
    Some(data.join("scorefield"))
}

/// A pixel as a number: p/127.5 − 1 ∈ [−1, 1].
#[must_use]
pub fn unit(pixel: u8) -> f32 {
    f32::from(pixel) / 127.5 - 1.0
}

/// The images and labels of one split.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Which data set.
    pub name: DatasetName,
    /// Channels, height and width.
    pub shape: [usize; 3],
    /// Pixels, `[n, c, h, w]` flattened.
    pub images: Vec<u8>,
    /// One label an image, below the number of classes.
    pub labels: Vec<u8>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Its licence.
    pub licence: String,
}

impl Dataset {
    /// Reads one split from `dir`, or from where [`DatasetName::locate`] finds it.
    ///
    /// # Errors
    /// [`Error::Data`] when files are missing, malformed, or not the published ones.
    pub fn load(name: DatasetName, split: Split, dir: Option<&Path>) -> Result<Self> {
        let published = name.published();
        let folder = name.locate(dir)?;
        let part = published.part(split);
        let remedy = published.remedy();
        let [channels, height, width] = published.shape;
        // MNIST's kin store grey images without a channel index.
        let sizes: &[usize] =
            if channels == 1 { &[part.len, height, width] } else { &[part.len, channels, height, width] };
        let images = part.images.read(&folder, sizes, &remedy)?;
        let labels = part.labels.read(&folder, &[part.len], &remedy)?;
        if let Some(at) = labels.iter().position(|&label| usize::from(label) >= published.classes.len()) {
            let problem = format!("label {} of image {at}: expected less than {}", labels[at], published.classes.len());
            return Err(Error::data(part.labels.name, problem, remedy));
        }
        Ok(Self {
            name,
            shape: published.shape,
            images,
            labels,
            classes: published.classes.iter().map(|&class| class.to_owned()).collect(),
            licence: published.licence.to_owned(),
        })
    }

    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Numbers an image: c·h·w.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.shape.iter().product()
    }

    /// Writes image `index` into `out` as p/127.5 − 1 ∈ [−1, 1], mirrored left to right if `flip`.
    ///
    /// # Shapes
    /// `out`: `[c·h·w]`.
    ///
    /// # Panics
    /// When `index` is not below [`len`](Self::len), or `out` has another length.
    pub fn fill(&self, index: usize, flip: bool, out: &mut [f32]) {
        let d = self.dim();
        assert_eq!(out.len(), d, "an image has {d} numbers");
        let width = self.shape[2];
        let image = &self.images[index * d..][..d];
        for (to, from) in out.chunks_exact_mut(width).zip(image.chunks_exact(width)) {
            for (x, value) in to.iter_mut().enumerate() {
                let pixel = from[if flip { width - 1 - x } else { x }];
                *value = unit(pixel);
            }
        }
    }
}

impl Source for Dataset {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn space(&self) -> Space {
        Space::Image(self.shape)
    }

    fn classes(&self) -> usize {
        self.classes.len()
    }

    fn label(&self, index: usize) -> Option<usize> {
        Some(usize::from(self.labels[index]))
    }

    fn fill(&self, index: usize, out: &mut [f32]) {
        Self::fill(self, index, false, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test_images() -> Dataset {
        Dataset::load(DatasetName::FashionMnist, Split::Test, None).expect("the tests need Fashion-MNIST")
    }

    #[test]
    fn fashion_mnist_is_balanced_and_starts_as_published() {
        let data = test_images();
        assert_eq!((data.len(), data.dim(), data.classes.len()), (10_000, 784, 10));
        // The first ten test labels, as in the data set's README and every tutorial on it.
        assert_eq!(data.labels[..10], [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]);
        for class in 0..10 {
            assert_eq!(data.labels.iter().filter(|&&label| label == class).count(), 1000);
        }
        // Mean of the pixels in [0, 1]: 0.2868 (PyTorch users normalise by 0.2860, the training set's).
        let mean = data.images.iter().map(|&p| f64::from(p)).sum::<f64>() / (255.0 * data.images.len() as f64);
        assert!((mean - 0.2868).abs() < 5e-4, "{mean}");
    }

    #[test]
    fn pixels_span_minus_one_to_one_and_flip_by_rows() {
        let data = Dataset {
            name: DatasetName::FashionMnist,
            shape: [1, 2, 3],
            images: vec![9, 9, 9, 9, 9, 9, 0, 51, 255, 102, 153, 204],
            labels: vec![0, 1],
            classes: vec!["a".into(), "b".into()],
            licence: String::new(),
        };
        let mut out = [0.0; 6];
        data.fill(1, false, &mut out);
        let expected = [-1.0, -0.6, 1.0, -0.2, 0.2, 0.6];
        // One rounding each in the division and the subtraction.
        assert!(out.iter().zip(expected).all(|(a, b): (&f32, f32)| (a - b).abs() < 2e-7), "{out:?}");
        data.fill(1, true, &mut out);
        let mirrored = [1.0, -0.6, -1.0, 0.6, 0.2, -0.2];
        assert!(out.iter().zip(mirrored).all(|(a, b): (&f32, f32)| (a - b).abs() < 2e-7), "{out:?}");
    }

    #[test]
    fn a_missing_set_says_where_it_looked_and_how_to_get_it() {
        let folder = tempfile::tempdir().unwrap();
        let error =
            Dataset::load(DatasetName::FashionMnist, Split::Train, Some(folder.path())).unwrap_err().to_string();
        for part in [&folder.path().display().to_string(), "scorefield data get", "dataset-fashion-mnist", "26421856"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_not_the_published_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let published = DatasetName::FashionMnist.published();
        published.files().for_each(|file| std::fs::write(folder.path().join(file.name), b"").unwrap());
        let load = || Dataset::load(DatasetName::FashionMnist, Split::Test, Some(folder.path()));
        let refused = |expected: &str| {
            let error = load().unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("t10k-images"), "{error}");
        };
        refused("magic number");

        let mut bytes = vec![0, 0, 8, 3];
        [10_000u32, 28, 28].iter().for_each(|size| bytes.extend(size.to_be_bytes()));
        bytes.resize(bytes.len() + 7_840_000, 0);
        std::fs::write(folder.path().join(published.test.images.name), &bytes).unwrap();
        refused("SHA-256");

        bytes[7] = 0x0f;
        bytes.pop();
        std::fs::write(folder.path().join(published.test.images.name), &bytes).unwrap();
        refused("length");
    }
}
