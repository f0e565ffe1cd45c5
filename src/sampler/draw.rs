//! A run from its start to its end, in batches: memory does not grow with the number of samples.
//!
//! Sample i is the same in every batch, as noise is counted, but for samplers whose rules look at a whole batch
//! ([`Plan::couples`]): of these each batch is a run of its own.

use std::ops::Range;

use burn::{
    Tensor,
    tensor::{Device, TensorData},
};

use super::{Plan, Sampler, Step};
use crate::{Error, Result, guide::Guide, score::Score};

/// What is drawn, and how many at once.
#[derive(Clone, Copy, Debug)]
pub struct Batches<'a> {
    /// The run, of all samples.
    pub plan: &'a Plan,
    /// Samples of a batch, at most.
    pub batch: usize,
    /// Where it starts, `[n, d]` flattened, in place of the prior.
    pub init: Option<&'a [f32]>,
    /// What the samples are held to.
    pub guide: Option<&'a Guide>,
    /// Where it is computed.
    pub device: &'a Device,
}

/// The samples, and what they cost.
#[derive(Clone, Debug, Default)]
pub struct Drawn {
    /// `[n, d]`, flattened.
    pub samples: Vec<f32>,
    /// The mean acceptance probability of each sample, where moves are accepted or rejected.
    pub acceptance: Vec<f32>,
    /// Network evaluations per sample, guidance counted as two: those of the batch that took the most.
    pub nfe: u64,
}

impl Batches<'_> {
    /// How many batches there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.plan.settings.n.div_ceil(self.batch.max(1))
    }

    /// Draws all samples. `score` is given the indices of a batch's samples, `each` the batch's number and its steps.
    ///
    /// # Errors
    /// [`Error::NotFinite`] when a sample is not; [`Error::Setting`] for batches of none, [`Error::Shape`] when
    /// `init` is not n samples; and those of `score` and `each`.
    pub fn draw(
        &self,
        mut score: impl FnMut(Range<usize>) -> Result<Box<dyn Score>>,
        mut each: impl FnMut(usize, &Step) -> Result<()>,
    ) -> Result<Drawn> {
        let Self { plan, batch, init, guide, device } = *self;
        let (all, d) = (plan.settings.n, plan.d);
        if batch == 0 {
            return Err(Error::setting("batch", batch, "at least 1"));
        }
        if let Some(init) = init.filter(|init| init.len() != all * d) {
            return Err(Error::shape("init", format!("{} numbers", init.len()), format!("{all}·{d}")));
        }
        if let Some(guide) = guide {
            guide.check(all)?;
        }
        let mut drawn = Drawn { samples: Vec::with_capacity(all * d), ..Drawn::default() };
        // As equal as can be: a last batch of few would have other norms than the rest.
        let edge = |part: usize| part * all / self.count();
        for part in 0..self.count() {
            let range = edge(part)..edge(part + 1);
            let n = range.len();
            let own = plan.batch(range.start, n);
            let score = score(range.clone())?;
            let mut sampler = match init {
                None => Sampler::new(&own, device)?,
                Some(values) => {
                    let rows = values[range.start * d..range.end * d].to_vec();
                    let x = Tensor::from_data(TensorData::new(rows, [n, d]), device);
                    Sampler::with_init(&own, x)?
                }
            };
            if let Some(guide) = guide {
                sampler = sampler.with_guide(guide)?;
            }
            let (mut steps, mut acceptance) = (0, None);
            while let Some(step) = sampler.step(&*score)? {
                each(part, &step)?;
                (steps, acceptance) = (step.index, step.acceptance);
            }
            let values = numbers(sampler.x());
            if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                let remedy =
                    "take more steps, a smaller snr or step_size, less guidance, or another sampler".to_owned();
                return Err(Error::NotFinite { what: format!("sample {}", range.start + at / d), step: steps, remedy });
            }
            drawn.samples.extend(values);
            drawn.acceptance.extend(acceptance.map(numbers).unwrap_or_default());
            drawn.nfe = drawn.nfe.max(sampler.nfe());
        }
        Ok(drawn)
    }
}

/// A tensor's numbers on the host, in row-major order.
pub(crate) fn numbers(x: Tensor<2>) -> Vec<f32> {
    x.into_data().iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        sampler::{SamplerKind, Settings},
        sde::{Level, Process},
    };

    /// The score of a point mass at `at`, where every sample ends.
    struct Point {
        at: f64,
    }

    impl Score for Point {
        fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
            (x - self.at * level.alpha) / -(level.sigma * level.sigma)
        }
    }

    fn draw(settings: &Settings, batch: usize, init: Option<&[f32]>) -> Result<(Drawn, Vec<Range<usize>>)> {
        let mut asked = Vec::new();
        let plan = settings.plan(&Process::default(), 3)?;
        let batches = Batches { plan: &plan, batch, init, guide: None, device: &Device::flex() };
        // The first sample of a batch decides its point: index/10, and NaN from the fifth on.
        let score = |range: Range<usize>| -> Result<Box<dyn Score>> {
            asked.push(range.clone());
            let at = if range.start > 4 { f64::NAN } else { range.start as f64 / 10.0 };
            Ok(Box::new(Point { at }))
        };
        let drawn = batches.draw(score, |_, _| Ok(()))?;
        Ok((drawn, asked))
    }

    #[test]
    fn samples_come_in_order_from_batches_of_equal_size() {
        let settings = Settings { n: 5, steps: Some(4), sampler: SamplerKind::Euler, ..Settings::default() };
        let (drawn, asked) = draw(&settings, 2, None).unwrap();
        assert_eq!(asked, [0..1, 1..3, 3..5]);
        for (value, point) in drawn.samples.chunks_exact(3).zip([0.0, 0.1, 0.1, 0.3, 0.3]) {
            // Tweedie's estimate of a point mass is the point, to the rounding of f32 where α is near 1.
            assert!(value.iter().all(|x| (x - point as f32).abs() < 1e-4), "{value:?} at {point}");
        }
        // One per step, and the final denoising.
        assert_eq!(drawn.nfe, 5);
        assert!(draw(&settings, 0, None).unwrap_err().to_string().contains("batch = 0"));
        let short = draw(&settings, 2, Some(&[0.0; 14])).unwrap_err().to_string();
        assert!(short.contains("init has 14 numbers"), "{short}");
    }

    #[test]
    fn a_sample_that_is_not_finite_is_named() {
        let settings = Settings { n: 8, steps: Some(2), ..Settings::default() };
        let error = draw(&settings, 2, None).unwrap_err().to_string();
        assert!(error.contains("sample 6"), "{error}");
    }

    #[test]
    fn a_batch_starts_from_its_own_rows_and_noise() {
        let settings = Settings { n: 4, steps: Some(3), sampler: SamplerKind::EulerMaruyama, ..Settings::default() };
        let init: Vec<f32> = (0..12).map(|i| i as f32 / 12.0).collect();
        let all = draw(&settings, 4, Some(&init)).unwrap().0;
        let halves = draw(&settings, 2, Some(&init)).unwrap().0;
        // The first half has the same score in both; of the second the point differs.
        assert_eq!(all.samples[..6], halves.samples[..6]);
        assert_ne!(all.samples[6..], halves.samples[6..]);
    }
}
