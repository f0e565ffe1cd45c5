//! What the numbers of images look like by their range: models have images in [−1, 1], files often hold pixels from 0 to
//! 255, or [0, 1].

/// Images of a model may leave [−1, 1] a little, but not as far as this.
const FARTHEST: f32 = 2.0;

/// The range of an array's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The least.
    pub low: f32,
    /// The largest.
    pub high: f32,
    /// Whether all are whole.
    whole: bool,
}

impl Range {
    /// Of at least one finite number.
    #[must_use]
    pub fn of(values: &[f32]) -> Self {
        let low = values.iter().copied().fold(f32::INFINITY, f32::min);
        let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        Self { low, high, whole: values.iter().all(|value| value.fract() == 0.0) }
    }

    /// Whether they lie in [0, 1].
    #[must_use]
    pub fn is_unit(&self) -> bool {
        self.low >= 0.0 && self.high <= 1.0
    }

    /// Whether they may be pixels: whole numbers from 0 to 255.
    #[must_use]
    pub fn is_bytes(&self) -> bool {
        self.whole && self.low >= 0.0 && self.high <= 255.0
    }

    /// Whether they can only be pixels, which no model's images are.
    #[must_use]
    pub fn is_pixels(&self) -> bool {
        self.low >= 0.0 && self.is_far()
    }

    /// Whether they leave [−1, 1] further than a model's images do.
    #[must_use]
    pub fn is_far(&self) -> bool {
        self.low < -FARTHEST || self.high > FARTHEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_told_apart() {
        let look = |values: &[f32]| {
            let range = Range::of(values);
            (range.is_unit(), range.is_bytes(), range.is_far())
        };
        assert_eq!(look(&[-1.03, 0.5, 1.2]), (false, false, false), "a model's own");
        assert_eq!(look(&[-1.0, 1.0]), (false, false, false));
        assert_eq!(look(&[0.0, 0.25, 1.0]), (true, false, false));
        assert_eq!(look(&[0.0, 128.0, 255.0]), (false, true, true));
        assert_eq!(look(&[0.0, 2.0]), (false, true, false), "the darkest of pixels");
        assert_eq!(look(&[0.4, 255.7]), (false, false, true), "dequantised pixels");
        assert_eq!(look(&[0.0, 256.0]), (false, false, true));
        assert_eq!(look(&[-2.5, 0.0]), (false, false, true));
    }
}
