//! The shipped judge and its file: safetensors in f16, with how it was trained in the metadata.

use std::path::Path;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::{
    classifier::{Classifier, ClassifierConfig},
    training::Recipe,
};
use crate::{
    Error, Result,
    data::{Dataset, DatasetName, Split},
    output, weights,
};

/// The metadata key of [`About`].
const KEY: &str = "scorefield-classifier";

/// A weights file of the shipped size is 0.15 MB.
const MAX_BYTES: u64 = 1 << 20;

const SHIPPED: (&str, &[u8]) = ("fashion-classifier.safetensors", include_bytes!("fashion-classifier.safetensors"));

/// How another judge is had.
const TRAIN: &str = "train a classifier with `scorefield eval --train-classifier FILE`";

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

    /// Whether this judges samples of `data`: its features and classes mean something for what it was trained on alone.
    ///
    /// # Errors
    /// [`Error::Data`] when it was trained on another set.
    pub fn check_data(&self, data: DatasetName) -> Result<()> {
        let (About { config, data: own, .. }, published) = (&self.about, data.published());
        if *own == data && config.shape == published.shape && config.classes == published.classes.len() {
            return Ok(());
        }
        let (shape, classes) = (config.shape, config.classes);
        let problem = format!(
            "the judge {} was trained on {own}, images {shape:?} of {classes} classes, and can judge nothing else",
            self.name
        );
        Err(Error::data(data.to_string(), problem, format!("{TRAIN} --data-set {data}, and give it with --judge FILE")))
    }

    /// Reads a classifier's file.
    ///
    /// # Errors
    /// When it is not one.
    pub fn from_bytes(name: &str, bytes: &[u8], device: &Device) -> Result<Self> {
        let wrong = |problem: String| Error::weights(name, problem, TRAIN);
        let file = weights::Container::open(name, bytes, MAX_BYTES)?;
        let json = file
            .text(KEY)
            .ok_or_else(|| wrong(format!("its metadata has no {KEY}: it is no classifier of this program")))?;
        let about: About = serde_json::from_str(json).map_err(|e| wrong(format!("{KEY}: {e}")))?;
        about.config.validate()?;
        let tensors = file.tensors()?.into_iter().map(|(path, entry)| (path, entry.to_data())).collect();
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
    output::write(out, &bytes)?;
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
        refused(&SHIPPED.1[..SHIPPED.1.len() - 1], "truncated");
        refused(b"<!DOCTYPE html><html></html>", "HTML");
        let config = ClassifierConfig { widths: [8, 8], features: 4, ..ClassifierConfig::default() };
        let about = About { config, data: DatasetName::FashionMnist, recipe: Recipe::default(), accuracy: 0.5 };
        let small = about.config.init(0, &device);
        let bytes = |about: &About| Judge::to_bytes("small", &small, about).unwrap();
        let judge_of = |bytes: &[u8]| Judge::from_bytes("small", bytes, &device).unwrap();
        assert_eq!(judge_of(&bytes(&about)).about, about);
        // A judge of other images, or of other classes, says what it was trained for.
        assert!(judge_of(&bytes(&about)).check_data(DatasetName::FashionMnist).is_ok());
        let other = ClassifierConfig { classes: 7, ..about.config.clone() };
        let seven = About { config: other, ..about.clone() };
        let seven = Judge::to_bytes("seven", &seven.config.init(0, &device), &seven).unwrap();
        let said = judge_of(&seven).check_data(DatasetName::FashionMnist).unwrap_err().to_string();
        assert!(said.contains("of 7 classes") && said.contains("--train-classifier"), "{said}");
        let with = |config| bytes(&About { config, ..about.clone() });
        refused(&with(ClassifierConfig::default()), "conv1");
        refused(&with(ClassifierConfig { widths: [1 << 40, 8], ..ClassifierConfig::default() }), "widths");
        refused(&with(ClassifierConfig { groups: 0, ..ClassifierConfig::default() }), "groups");
    }
}
