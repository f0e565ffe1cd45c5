//! Sample quality, measured against the data by a small classifier of our own.
//!
//! - The Fréchet distance between the classifier's penultimate features of n samples and of all test images
//!   ([`frechet`]), beside its floor (n training images) and its ceiling (n clamped N(0, 1) images). These are not
//!   Inception's features, and no FID: only distances by the same judge compare, which is why its SHA-256 is
//!   part of the protocol. With n samples the distance is biased upwards, the floor shows by how much.
//! - Label agreement: the part of the class-conditional samples whose likeliest class is the one asked for.
//! - The distance to the nearest training image, beside that of as many test images ([`nearest()`]).
//!
//! Everything is measured on 8-bit pixels, those that are seen: samples are clamped and rounded first. Points have no judge:
//! [`points`].

use std::ops::Range;

use burn::tensor::Device;
use serde::Serialize;

use crate::{
    Error, Result,
    data::Dataset,
    figure,
    noise::{Noise, Purpose},
    sampler::{Batches, Plan},
    score::Score,
};

pub mod classifier;
pub mod frechet;
pub mod judge;
pub mod nearest;
pub mod points;
pub mod training;

use frechet::Gaussian;
use judge::Judge;
use nearest::{Summary, nearest};

/// Told of the stage, how much of it is done, and how much there is.
pub type Progress<'a> = &'a dyn Fn(&'static str, usize, usize);

/// What samples are measured by.
#[derive(Debug)]
pub struct Bench {
    /// The classifier.
    pub judge: Judge,
    /// What the model was fitted to.
    pub train: Dataset,
    /// What its samples should look like.
    pub test: Dataset,
}

/// How good n samples are.
#[derive(Clone, Debug, Serialize)]
pub struct Quality {
    /// How many samples.
    pub n: usize,
    /// Fréchet distance of the samples to all test images.
    pub frechet: f64,
    /// The same of the first n training images.
    pub frechet_floor: f64,
    /// The same of n images of clamped N(0, 1) noise, seed 0.
    pub frechet_ceiling: f64,
    /// `frechet` in per cent of `frechet_ceiling`.
    pub frechet_percent: f64,
    /// The part of the samples that the judge gives the label that was asked for.
    pub label_agreement: Option<f64>,
    /// The part of the test images that it gives their own.
    pub judge_accuracy: f64,
    /// Distance of the samples to their nearest training images.
    pub nearest_samples: Summary,
    /// Distance of the first n test images (or of all) to theirs.
    pub nearest_test: Summary,
    /// Samples that equal a training image in every pixel.
    pub copies: usize,
}

impl Bench {
    /// Whether n samples can be measured: a covariance needs two, the floor as many training images.
    ///
    /// # Errors
    /// When they cannot.
    pub fn check(&self, n: usize) -> Result<()> {
        let ok = (2..=self.train.len()).contains(&n);
        ok.then_some(()).ok_or_else(|| Error::setting("n", n, format!("2 to {}", self.train.len())))
    }

    /// Measures 8-bit samples and, where they were asked for by label, whether they show it.
    ///
    /// # Shapes
    /// `samples`: n images `[c, h, w]`; `labels`: n.
    ///
    /// # Errors
    /// When there are fewer than two samples, more than training images, or not as many labels.
    pub fn measure(
        &self,
        samples: &[u8],
        labels: Option<&[u8]>,
        device: &Device,
        progress: Progress<'_>,
    ) -> Result<Quality> {
        let d = self.test.dim();
        let n = samples.len() / d;
        self.check(n)?;
        if !samples.len().is_multiple_of(d) {
            return Err(Error::shape("samples", format!("{} pixels", samples.len()), format!("images of {d}")));
        }
        if let Some(labels) = labels.filter(|labels| labels.len() != n) {
            return Err(Error::shape("labels", format!("{} entries", labels.len()), format!("{n}, one per sample")));
        }
        let judge = |stage, images: &[u8]| {
            let (mut done, all) = (0, images.len() / d);
            progress(stage, 0, all);
            self.judge.classifier.judge(images, self.test.shape, device, |more| {
                done += more;
                progress(stage, done, all);
            })
        };
        let test = judge("judging test images", &self.test.images)?;
        let of_test = Gaussian::fit(&test.features, test.width)?;
        let distance = |judgement: &classifier::Judgement| {
            Ok::<_, Error>(frechet::distance(&Gaussian::fit(&judgement.features, judgement.width)?, &of_test))
        };
        let judged = judge("judging samples", samples)?;
        let frechet = distance(&judged)?;
        let frechet_floor = distance(&judge("judging training images", &self.train.images[..n * d])?)?;
        let frechet_ceiling = distance(&judge("judging noise", &noise_images(n, d))?)?;

        let near = |stage, images: &[u8]| {
            let (mut done, all) = (0, self.train.len());
            progress(stage, 0, all);
            nearest(images, &self.train.images, d, |more| {
                done += more;
                progress(stage, done, all);
            })
        };
        let distances = |found: Vec<(usize, f64)>| found.into_iter().map(|(_, distance)| distance).collect::<Vec<_>>();
        let of_samples = distances(near("nearest to the samples", samples));
        let some_test = &self.test.images[..n.min(self.test.len()) * d];
        Ok(Quality {
            n,
            frechet,
            frechet_floor,
            frechet_ceiling,
            frechet_percent: 100.0 * frechet / frechet_ceiling,
            label_agreement: labels.map(|labels| judged.agreement(labels)),
            judge_accuracy: test.agreement(&self.test.labels),
            nearest_samples: Summary::new(&of_samples),
            nearest_test: Summary::new(&distances(near("nearest to test images", some_test))),
            copies: of_samples.iter().filter(|&&distance| distance == 0.0).count(),
        })
    }
}

/// `n` images of clamped N(0, 1) noise: the prior, undiffused, which no model should be worse than.
fn noise_images(n: usize, d: usize) -> Vec<u8> {
    let mut values = vec![0.0; d];
    let mut images = Vec::with_capacity(n * d);
    for sample in 0..n as u64 {
        Noise::new(0).fill_normal(sample, Purpose::Prior, 0, &mut values);
        images.extend(values.iter().map(|&value| figure::byte(value).expect("a normal draw is finite")));
    }
    images
}

/// Samples as 8-bit pixels, and what one of them cost.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// `[n, d]`, flattened.
    pub images: Vec<u8>,
    /// Network evaluations per sample, guidance counted as two.
    pub nfe: u64,
}

/// Draws a plan's samples, `batch` at a time; `score` is given the indices of a batch's samples.
///
/// Sample i is the same in every batch, as noise is counted.
///
/// # Errors
/// [`Error::NotFinite`] when a sample is not; [`Error::Setting`] for a batch of none; and `score`'s.
pub fn draw(
    plan: &Plan,
    batch: usize,
    device: &Device,
    score: impl FnMut(Range<usize>) -> Result<Box<dyn Score>>,
    progress: Progress<'_>,
) -> Result<Drawn> {
    const STAGE: &str = "sampling";
    let n = plan.settings.n;
    progress(STAGE, 0, n);
    let batches = Batches { plan, batch, init: None, guide: None, device };
    let drawn = batches.draw(score, |part, step| {
        let share = (part as f64 + step.progress) / batches.count() as f64;
        progress(STAGE, (n as f64 * share) as usize, n);
        Ok(())
    })?;
    let images = drawn.samples.into_iter().map(|value| figure::byte(value).expect("samples are finite")).collect();
    Ok(Drawn { images, nfe: drawn.nfe })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::{DatasetName, Split},
        sampler::{SamplerKind, Settings},
        sde::{Level, Process},
    };

    #[test]
    fn training_images_are_the_floor_and_give_themselves_away() {
        let device = Device::flex();
        let load = |split| Dataset::load(DatasetName::FashionMnist, split, None).expect("the tests need Fashion-MNIST");
        let judge = Judge::shipped(DatasetName::FashionMnist, &device).unwrap();
        let bench = Bench { judge, train: load(Split::Train), test: load(Split::Test) };
        let (d, n) = (784, 400);
        // Shuffled labels agree by chance, one in ten: a binomial's standard deviation is 0.015.
        let labels: Vec<u8> = (0..n).map(|i| bench.train.labels[(i * 7 + 1) % n]).collect();
        let quality = bench.measure(&bench.train.images[..n * d], Some(&labels), &device, &|_, _, _| ()).unwrap();
        assert_eq!(quality.frechet, quality.frechet_floor);
        // Noise is nothing like clothes: the room between floor and ceiling is what makes a percentage of it mean
        // something. At n = 400 the floor is mostly bias.
        assert!(quality.frechet_floor < 0.1 * quality.frechet_ceiling, "{quality:?}");
        assert!((quality.frechet_percent - 100.0 * quality.frechet / quality.frechet_ceiling).abs() < 1e-9);
        assert!((quality.label_agreement.unwrap() - 0.1).abs() < 0.06, "{quality:?}");
        // The accuracy is the one that the judge's file states, but for rounding on another processor.
        assert!((quality.judge_accuracy - bench.judge.about.accuracy).abs() < 2e-3);
        assert_eq!((quality.nearest_samples, quality.copies), (Summary { median: 0.0, mean: 0.0 }, n));
        assert!(quality.nearest_test.median > 1.0, "{quality:?}");

        let odd = bench.measure(&bench.train.images[..d], None, &device, &|_, _, _| ()).unwrap_err();
        assert!(odd.to_string().contains("2 to 60000"), "{odd}");
    }

    /// The score of a point mass: every sample ends at `at`.
    struct Point {
        at: f64,
    }

    impl Score for Point {
        fn score(&self, x: burn::Tensor<2>, level: &Level) -> burn::Tensor<2> {
            (x - self.at * level.alpha) / -(level.sigma * level.sigma)
        }
    }

    #[test]
    fn samples_are_drawn_in_order_whatever_the_batch() {
        let settings = Settings { n: 5, steps: Some(4), sampler: SamplerKind::Euler, ..Settings::default() };
        let plan = settings.plan(&Process::default(), 3).unwrap();
        let draw_by = |batch: usize| {
            let mut asked = Vec::new();
            // The first sample of a batch decides its point: index/10.
            let score = |range: Range<usize>| -> Result<Box<dyn Score>> {
                asked.push(range.clone());
                Ok(Box::new(Point { at: range.start as f64 / 10.0 }))
            };
            let drawn = draw(&plan, batch, &Device::flex(), score, &|_, _, _| ()).unwrap();
            (drawn, asked)
        };
        let (drawn, asked) = draw_by(2);
        assert_eq!(asked, [0..1, 1..3, 3..5]);
        // x = 0, 0.1 and 0.3 as pixels: round((x + 1)·127.5).
        let expected: Vec<u8> = [128u8, 140, 140, 166, 166].iter().flat_map(|&pixel| [pixel; 3]).collect();
        assert_eq!(drawn.images, expected);
        // One per step, and the final denoising.
        assert_eq!(drawn.nfe, 5);
        let none = |_: Range<usize>| -> Result<Box<dyn Score>> { unreachable!("a batch of none is refused first") };
        assert!(draw(&plan, 0, &Device::flex(), none, &|_, _, _| ()).is_err());
    }

    #[test]
    fn a_sample_that_is_not_finite_is_named() {
        let settings = Settings { n: 3, steps: Some(2), ..Settings::default() };
        let plan = settings.plan(&Process::default(), 3).unwrap();
        let score = |range: Range<usize>| -> Result<Box<dyn Score>> {
            Ok(Box::new(Point { at: if range.contains(&2) { f64::NAN } else { 0.0 } }))
        };
        let error = draw(&plan, 2, &Device::flex(), score, &|_, _, _| ()).unwrap_err();
        // The second batch is of samples 1 and 2.
        assert!(error.to_string().contains("sample 1"), "{error}");
    }
}
