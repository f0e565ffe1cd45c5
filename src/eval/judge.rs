//! The shipped judge and its file: safetensors in f16, with how it was trained in the metadata.

use std::{collections::BTreeMap, path::Path};

use burn::tensor::{Device, TensorData};
use half::f16;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use super::{
    classifier::{Classifier, ClassifierConfig},
    training::Recipe,
};
use crate::{
    Error, Result,
    data::{Dataset, DatasetName, Split},
    weights,
};

/// The metadata key of [`About`].
const KEY: &str = "scorefield-classifier";

/// A weights file of the shipped size is 0.15 MB.
const MAX_BYTES: usize = 1 << 20;

const SHIPPED: (&str, &[u8]) = ("fashion-classifier.safetensors", include_bytes!("fashion-classifier.safetensors"));

/// What a classifier's file says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The network.
    pub config: ClassifierConfig,
    /// The data it was trained on.
    pub data: DatasetName,
    /// How.
    pub recipe: Recipe,
    /// The part of the test images whose class it names.
    pub accuracy: f64,
}

/// A classifier with its origin.
#[derive(Clone, Debug)]
pub struct Judge {
    /// The file's name.
    pub name: String,
    /// SHA-256 of the file, which is part of every result's protocol.
    pub sha256: String,
    /// What the file says.
    pub about: About,
    /// The network.
    pub classifier: Classifier,
}

impl Judge {
    /// The classifier that is part of this program.
    ///
    /// # Errors
    /// When there is none for `data`.
    pub fn shipped(data: DatasetName, device: &Device) -> Result<Self> {
        match data {
            DatasetName::FashionMnist => Self::from_bytes(SHIPPED.0, SHIPPED.1, device),
        }
    }

    /// Reads a classifier's file.
    ///
    /// # Errors
    /// When it is not one.
    pub fn from_bytes(name: &str, bytes: &[u8], device: &Device) -> Result<Self> {
        let wrong = |problem: String| {
            Error::weights(name, problem, "train a classifier anew with `scorefield eval --train-classifier FILE`")
        };
        if bytes.len() > MAX_BYTES {
            return Err(wrong(format!("{} bytes: expected at most {MAX_BYTES}", bytes.len())));
        }
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| wrong(e.to_string()))?;
        let json = header
            .metadata()
            .as_ref()
            .and_then(|map| map.get(KEY))
            .ok_or_else(|| wrong(format!("its metadata has no {KEY}: it is no classifier of this program")))?;
        let about: About = serde_json::from_str(json).map_err(|e| wrong(format!("{KEY}: {e}")))?;
        about.config.validate()?;
        let file = SafeTensors::deserialize(bytes).map_err(|e| wrong(e.to_string()))?;
        let mut tensors = BTreeMap::new();
        for (path, view) in file.tensors() {
            if view.dtype() != Dtype::F16 {
                return Err(wrong(format!("tensor {path} is {:?}: expected F16", view.dtype())));
            }
            let values: Vec<f32> =
                view.data().as_chunks::<2>().0.iter().map(|&pair| f16::from_le_bytes(pair).to_f32()).collect();
            if values.iter().any(|value| !value.is_finite()) {
                return Err(wrong(format!("tensor {path} is not finite")));
            }
            tensors.insert(path, TensorData::new(values, view.shape().to_vec()));
        }
        let classifier = weights::with_tensors(name, about.config.init(0, device), &tensors)?;
        Ok(Self { name: name.to_owned(), sha256: weights::sha256(bytes), about, classifier })
    }

    /// The bytes of a classifier's file.
    ///
    /// # Errors
    /// When a weight is not finite.
    pub fn to_bytes(name: &str, classifier: &Classifier, about: &About) -> Result<Vec<u8>> {
        let json = serde_json::to_string(about).expect("numbers and names only");
        weights::encode(name, &weights::tensors_of(classifier)?, (KEY, &json), weights::Storage::F16)
    }
}

/// Trains a classifier, measures it on the test images, as it reads from its file, and writes that.
///
/// # Errors
/// When the data cannot be read, the training diverges, or the file cannot be written.
pub fn train(
    data: DatasetName,
    dir: Option<&Path>,
    recipe: &Recipe,
    device: &Device,
    out: &Path,
    progress: impl FnMut(usize, usize, f32),
) -> Result<Judge> {
    let training = Dataset::load(data, Split::Train, dir)?;
    let test = Dataset::load(data, Split::Test, dir)?;
    let config =
        ClassifierConfig { shape: training.shape, classes: training.classes.len(), ..ClassifierConfig::default() };
    let classifier = super::training::train(&config, recipe, &training, device, progress)?;

    let name = out.file_name().unwrap_or(out.as_os_str()).to_string_lossy().into_owned();
    let mut about = About { config, data, recipe: *recipe, accuracy: 0.0 };
    let stored = Judge::from_bytes(&name, &Judge::to_bytes(&name, &classifier, &about)?, device)?.classifier;
    about.accuracy = stored.judge(&test.images, test.shape, device, |_| ())?.agreement(&test.labels);
    let bytes = Judge::to_bytes(&name, &classifier, &about)?;
    weights::atomic_write(out, &bytes)?;
    Judge::from_bytes(&name, &bytes, device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_judge_names_nine_of_ten_test_images() {
        let device = Device::flex();
        let judge = Judge::shipped(DatasetName::FashionMnist, &device).unwrap();
        assert!(judge.about.accuracy >= 0.91, "{:?}", judge.about);
        assert!(SHIPPED.1.len() <= 200_000);
        let test = Dataset::load(DatasetName::FashionMnist, Split::Test, None).expect("the tests need Fashion-MNIST");
        let judged = judge.classifier.judge(&test.images[..2000 * test.dim()], test.shape, &device, |_| ()).unwrap();
        // A binomial's standard deviation at 0.92 and n = 2000 is 0.006.
        let accuracy = judged.agreement(&test.labels[..2000]);
        assert!(accuracy >= 0.9 && (accuracy - judge.about.accuracy).abs() < 0.02, "{accuracy}");
    }

    #[test]
    fn a_file_that_is_no_judge_is_refused() {
        let device = Device::flex();
        let refused = |bytes: &[u8], expected: &str| {
            let error = Judge::from_bytes("bad", bytes, &device).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        refused(&SHIPPED.1[..SHIPPED.1.len() - 1], "ncomplete");
        refused(b"<!DOCTYPE html><html></html>", "eader");
        let config = ClassifierConfig { widths: [8, 8], features: 4, ..ClassifierConfig::default() };
        let about = About { config, data: DatasetName::FashionMnist, recipe: Recipe::default(), accuracy: 0.5 };
        let small = about.config.init(0, &device);
        let bytes = |about: &About| Judge::to_bytes("small", &small, about).unwrap();
        assert_eq!(Judge::from_bytes("small", &bytes(&about), &device).unwrap().about, about);
        let with = |config| bytes(&About { config, ..about.clone() });
        refused(&with(ClassifierConfig::default()), "conv1");
        refused(&with(ClassifierConfig { widths: [1 << 40, 8], ..ClassifierConfig::default() }), "widths");
        refused(&with(ClassifierConfig { groups: 0, ..ClassifierConfig::default() }), "groups");
    }
}
