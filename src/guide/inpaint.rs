//! Inpainting by replacement (Song et al. 2021, appendix I.2): with the known numbers y at the mask's ones, after every
//! update
//!
//! x ← mask ⊙ (α·y + σ·z) + (1 − mask) ⊙ x, z ~ N(0, I) afresh.
//!
//! It is approximate: the unknown numbers follow the score of a sample whose known ones have been noised without regard to
//! them, and so know less of y than p(x | y) does. Corrector steps ([`pc`](crate::sampler::SamplerKind::Pc) with
//! `corrector_steps`) bring them nearer to it. The start is projected, too, and after the final denoising (α = 1, σ = 0) the
//! known numbers are y itself, to the last bit.

use std::ops::Range;

use burn::{
    Tensor,
    tensor::{Bool, Device, TensorData},
};

use super::Constraint;
use crate::{Error, Result, checks::check, sde::Level, space::Space};

/// Numbers that are known, of every sample the same ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Inpaint {
    /// y, one row for all samples or one for each.
    image: Vec<f32>,
    /// Which of a sample's numbers are known.
    known: Vec<bool>,
}

impl Inpaint {
    /// Checks the picture and the mask.
    ///
    /// # Shapes
    /// `image`: `[1, d]` or `[n, d]` flattened, n the run's samples; `mask`: `[d]`, or of images `[h, w]` for all channels,
    /// 1 where a number is known and 0 where it is to be generated.
    ///
    /// # Errors
    /// When they do not fit `space`, a number of the picture is not finite, one of the mask is neither 0 nor 1, or all are
    /// known or none.
    pub fn new(image: Vec<f32>, mask: &[f32], space: Space) -> Result<Self> {
        let d = space.dim();
        if image.is_empty() || !image.len().is_multiple_of(d) {
            let expected = format!("{d} ({space}), or {d} for each sample");
            return Err(Error::shape("inpaint.image", format!("{} numbers", image.len()), expected));
        }
        if let Some(at) = image.iter().position(|value| !value.is_finite()) {
            let expected = "finite numbers, such as 0 where nothing is known";
            return Err(Error::setting(format!("inpaint.image[{at}]"), image[at], expected));
        }
        if let Some(at) = mask.iter().position(|&value| value != 0.0 && value != 1.0) {
            let expected = "0 (to be generated) or 1 (known)";
            return Err(Error::setting(format!("inpaint.mask[{at}]"), mask[at], expected));
        }
        let known: Vec<_> = mask.iter().map(|&value| value == 1.0).collect();
        let known = match space {
            Space::Image([channels, height, width]) if mask.len() == height * width => known.repeat(channels),
            _ if mask.len() == d => known,
            Space::Image([_, height, width]) => {
                let expected = format!("{} (one per pixel) or {d} (one per number)", height * width);
                return Err(Error::shape("inpaint.mask", format!("{} numbers", mask.len()), expected));
            }
            Space::Points(_) => {
                let expected = format!("{d}, one per coordinate");
                return Err(Error::shape("inpaint.mask", format!("{} numbers", mask.len()), expected));
            }
        };
        let count = known.iter().filter(|known| **known).count();
        let some = "some known numbers (1) and some to be generated (0)";
        check(0 < count && count < d, "inpaint.mask", format!("{count} known of {d}"), some)?;
        Ok(Self { image, known })
    }

    fn rows(&self) -> usize {
        self.image.len() / self.known.len()
    }

    /// Whether the picture has one row, or `n`.
    pub(super) fn check(&self, n: usize) -> Result<()> {
        let rows = self.rows();
        check(rows == 1 || rows == n, "inpaint.image", format!("{rows} rows"), format!("1, or n = {n}: one per sample"))
    }

    pub(super) fn constraint(&self, range: Range<usize>, device: &Device) -> Result<Box<dyn Constraint>> {
        let (d, rows) = (self.known.len(), self.rows());
        let of = if rows == 1 { 0..1 } else { range.clone() };
        check(of.end <= rows, "inpaint.image", format!("{rows} rows"), format!("1, or one for each of {}", of.end))?;
        let image = TensorData::new(self.image[of.start * d..of.end * d].to_vec(), [of.len(), d]);
        let known = TensorData::new(self.known.clone(), [1, d]);
        Ok(Box::new(Replacement {
            image: Tensor::<2>::from_data(image, device).expand([range.len(), d]),
            known: Tensor::<2, Bool>::from_data(known, device).expand([range.len(), d]),
        }))
    }
}

/// The known numbers of a batch.
struct Replacement {
    /// y, `[n, d]`.
    image: Tensor<2>,
    /// Which are known, `[n, d]`.
    known: Tensor<2, Bool>,
}

impl Constraint for Replacement {
    fn project(&self, x: Tensor<2>, level: &Level, noise: &dyn Fn() -> Tensor<2>) -> Tensor<2> {
        let clean = self.image.clone().cast(x.dtype());
        // Without noise the numbers are y's own, to the last bit.
        let known =
            if level.sigma == 0.0 && level.alpha == 1.0 { clean } else { clean * level.alpha + noise() * level.sigma };
        x.mask_where(self.known.clone(), known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        guide::Guide,
        model::Model,
        sampler::{Batches, Sampler, SamplerKind, Settings},
    };

    /// N(0, [[1, ρ], [ρ, 1]]) with ρ = 0.8.
    const CORRELATED: &[u8] =
        b"weights = [1]\nmeans = [[0, 0]]\ncovariances = [[[1, 0.8], [0.8, 1]]]\n[process]\nkind = 'vp'";

    fn model() -> Model {
        Model::from_bytes("correlated.toml", CORRELATED, &Device::flex()).unwrap()
    }

    /// Samples whose first coordinate is known to be `y`.
    fn filled(settings: &Settings, y: Vec<f32>, batch: usize) -> Vec<f32> {
        let (model, device) = (model(), Device::flex());
        let guide = Guide::Inpaint(Inpaint::new(y, &[1.0, 0.0], Space::Points(2)).unwrap());
        let plan = model.plan(settings).unwrap();
        let batches = Batches { plan: &plan, batch, init: None, guide: Some(&guide), device: &device };
        let score = |range: Range<usize>| model.score(&vec![None; range.len()], 1.0, &device);
        batches.draw(score, |_, _| Ok(())).unwrap().samples
    }

    #[test]
    fn known_numbers_are_as_given_to_the_last_bit() {
        let y = 0.1f32 + 0.2;
        for &sampler in SamplerKind::all() {
            let steps = sampler.info().steps.map(|_| 30);
            let settings = Settings { sampler, n: 3, steps, denoise: true, ..Settings::default() };
            let samples = filled(&settings, vec![y, 9.0], 3);
            let name = sampler.name();
            assert!(samples.chunks(2).all(|row| row[0].to_bits() == y.to_bits()), "{name}: {samples:?}");
            // The other number is of N(0, 1), and not the picture's.
            assert!(samples.chunks(2).all(|row| row[1].abs() < 5.0), "{name}: {samples:?}");
        }
    }

    #[test]
    fn corrector_steps_lead_to_the_dependence_that_replacement_lacks() {
        const N: usize = 1500;
        let mean = |settings: Settings| {
            let samples = filled(&Settings { n: N, ..settings }, vec![1.0, 0.0], N);
            samples.iter().skip(1).step_by(2).map(|&x| f64::from(x)).sum::<f64>() / N as f64
        };
        // E[x₂ | x₁ = 1] = ρ, of variance 1 − ρ². Without correction the known coordinate's noise is drawn anew at each
        // level: what x₂ has taken of it averages out, and of y it takes less.
        let ancestral = mean(Settings { sampler: SamplerKind::Ancestral, steps: Some(100), ..Settings::default() });
        let corrected = Settings { sampler: SamplerKind::Pc, corrector_steps: 10, snr: 0.3, ..Settings::default() };
        let corrected = mean(Settings { steps: Some(200), ..corrected });
        // Four standard errors of the mean, 4·0.75/√1500 = 0.077; of 4000 samples it was 0.48.
        assert!((ancestral - 0.48).abs() < 0.08, "{ancestral}");
        // 4·0.6/√1500 = 0.062, and what 2,000 Langevin steps still lack: of 4000 samples it was 0.773.
        assert!((corrected - 0.8).abs() < 0.09, "{corrected}");
    }

    #[test]
    fn a_picture_for_each_sample_goes_with_it_into_its_batch() {
        let settings = Settings { n: 5, steps: Some(4), ..Settings::default() };
        let rows: Vec<f32> = (0..5u8).flat_map(|i| [f32::from(i), 0.0]).collect();
        let (whole, parted) = (filled(&settings, rows.clone(), 5), filled(&settings, rows, 2));
        assert_eq!(parted.iter().step_by(2).copied().collect::<Vec<_>>(), [0.0, 1.0, 2.0, 3.0, 4.0]);
        // The same noise, to the rounding of batches of other sizes.
        assert!(whole.iter().zip(&parted).all(|(a, b)| (a - b).abs() < 1e-5), "{whole:?} {parted:?}");
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        let refused = |image: Vec<f32>, mask: &[f32], space| Inpaint::new(image, mask, space).unwrap_err().to_string();
        let image = Space::Image([3, 2, 2]);
        assert!(refused(vec![0.0; 11], &[1.0; 4], image).contains("inpaint.image has 11 numbers; give 12"));
        assert!(refused(vec![], &[1.0; 4], image).contains("inpaint.image has 0 numbers"));
        assert!(refused(vec![0.0; 12], &[1.0; 5], image).contains("4 (one per pixel) or 12 (one per number)"));
        assert!(refused(vec![0.0; 2], &[1.0; 3], Space::Points(2)).contains("one per coordinate"));
        assert!(refused(vec![0.0; 12], &[0.5, 1.0, 0.0, 0.0], image).contains("inpaint.mask[0] = 0.5"));
        assert!(refused(vec![0.0; 12], &[1.0; 4], image).contains("12 known of 12"));
        assert!(refused(vec![0.0; 12], &[0.0; 12], image).contains("0 known of 12"));
        assert!(refused(vec![f32::NAN; 12], &[1.0, 0.0, 0.0, 0.0], image).contains("inpaint.image[0] = NaN"));
        let three = Inpaint::new(vec![0.0; 6], &[1.0, 0.0], Space::Points(2)).unwrap();
        assert!(three.check(3).is_ok());
        assert!(three.check(4).unwrap_err().to_string().contains("3 rows: expected 1, or n = 4"));
        // One mask for all channels is that of each.
        let wide = Inpaint::new(vec![0.0; 12], &[1.0, 0.0, 0.0, 1.0], image).unwrap();
        assert_eq!(wide.known, [true, false, false, true].repeat(3));
    }

    #[test]
    fn a_sampler_starts_from_what_is_known() {
        let (model, device) = (model(), Device::flex());
        let settings = Settings { n: 2000, steps: Some(4), ..Settings::default() };
        let guide = Guide::Inpaint(Inpaint::new(vec![50.0, 0.0], &[1.0, 0.0], Space::Points(2)).unwrap());
        let sampler = Sampler::new(&model.plan(&settings).unwrap(), &device).unwrap().with_guide(&guide).unwrap();
        let x = sampler.x().into_data().try_to_vec::<f32>().unwrap();
        let mean = x.iter().step_by(2).map(|&x| f64::from(x)).sum::<f64>() / 2000.0;
        // α(1)·y; of VP's end α is e^(−¼·19.9 − ½·0.1) = 0.00657, and the noise of one sample is 1.
        assert!((mean - 50.0 * 0.00657).abs() < 4.0 / f64::sqrt(2000.0), "{mean}");
    }
}
