//! Images x₀ ∈ [−1, 1]ᵈ with labels, held as bytes: a pixel p ∈ 0 … 255 becomes p/127.5 − 1.

use std::path::Path;

use super::{DataFile, DatasetName, Files, Published, Source, Split};
use crate::{Error, Result, space::Space};

pub mod idx;

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
    /// One label per image, below the number of classes.
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
        let (published, folder) = (name.published(), name.locate(dir)?);
        let part = published.part(split);
        let (images, labels) = match &part.files {
            Files::Idx { images, labels } => {
                let [channels, height, width] = published.shape;
                // MNIST's kin store grey images without a channel index.
                let whole = [part.len, channels, height, width];
                let grey = [part.len, height, width];
                let sizes = if channels == 1 { &grey[..] } else { &whole };
                (read_idx(published, images, &folder, sizes)?, read_idx(published, labels, &folder, &[part.len])?)
            }
        };
        Ok(Self {
            name,
            shape: published.shape,
            images,
            labels,
            classes: published.classes.iter().map(|&class| class.to_owned()).collect(),
            licence: published.licence.to_owned(),
        })
    }

    /// Whether samples and labels of a model in `space` with `classes` classes (none of an unconditional one) are of
    /// this set's kind.
    ///
    /// # Errors
    /// [`Error::Data`] when the spaces or the numbers of classes differ.
    pub fn check_model(&self, space: Space, classes: usize) -> Result<()> {
        let (name, known) = (self.name.to_string(), self.classes.len());
        if space != Space::Image(self.shape) {
            let problem = format!("its images are {:?}, the model's samples {space}", self.shape);
            return Err(Error::data(name, problem, "take a model of this data set, or data of the model's space"));
        }
        if classes != 0 && classes != known {
            let problem = format!("it has {known} classes, the model {classes}: labels would not mean the same");
            return Err(Error::data(name, problem, format!("take a model of {known} classes or of none")));
        }
        Ok(())
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

    /// Numbers per image: c·h·w.
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

/// The array of one of a set's files, which is compared with the published one.
fn read_idx(set: &Published, file: &DataFile, folder: &Path, sizes: &[usize]) -> Result<Vec<u8>> {
    let missing = || Error::data(folder.display().to_string(), format!("{} is missing", file.name), set.remedy());
    let path = set.find(file, folder).ok_or_else(missing)?;
    let array = idx::read(&path, idx::Expected::Sizes(sizes))?;
    let found: String = array.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    if found != file.sha256 {
        let problem = format!("SHA-256 of its content is {found}: the published file's is {}", file.sha256);
        return Err(Error::data(path.display().to_string(), problem, set.remedy()));
    }
    Ok(array.elements)
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
    fn a_file_that_is_not_the_published_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let published = DatasetName::FashionMnist.published();
        published.files().for_each(|file| std::fs::write(folder.path().join(file.name), b"").unwrap());
        let images = folder.path().join("t10k-images-idx3-ubyte.gz");
        let load = || Dataset::load(DatasetName::FashionMnist, Split::Test, Some(folder.path()));
        let refused = |expected: &str| {
            let error = load().unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("t10k-images"), "{error}");
        };
        refused("magic number");

        let mut bytes = vec![0, 0, 8, 3];
        [10_000u32, 28, 28].iter().for_each(|size| bytes.extend(size.to_be_bytes()));
        bytes.resize(bytes.len() + 7_840_000, 0);
        std::fs::write(&images, &bytes).unwrap();
        refused("SHA-256");

        bytes.pop();
        std::fs::write(&images, &bytes).unwrap();
        refused("length 7840015 bytes: sizes [10000, 28, 28] need 7840016");

        bytes[7] = 0x0f;
        std::fs::write(&images, &bytes).unwrap();
        refused("sizes [9999, 28, 28]: expected [10000, 28, 28]");
    }

    #[test]
    fn a_model_of_another_kind_of_data_is_told() {
        let data = test_images();
        assert!(data.check_model(Space::Image([1, 28, 28]), 10).is_ok());
        assert!(data.check_model(Space::Image([1, 28, 28]), 0).is_ok(), "an unconditional model");
        let refused = |space, classes| data.check_model(space, classes).unwrap_err().to_string();
        assert!(refused(Space::Image([1, 28, 28]), 7).contains("it has 10 classes, the model 7"));
        assert!(refused(Space::Image([3, 28, 28]), 10).contains("[1, 28, 28], the model's samples [3, 28, 28]"));
        assert!(refused(Space::Points(784), 0).contains("the model's samples [784]"));
    }
}
