//! What a sample is: an image or a point. Samplers and processes see neither, only rows of [`Space::dim`] numbers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Result, checks::check};

/// The longest side of an image, in pixels.
const MAX_SIDE: usize = 1024;
/// The most dimensions of a point.
const MAX_DIM: usize = 65_536;

/// The space that samples lie in. Written as its numbers: `[c, h, w]` or `[d]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<usize>", into = "Vec<usize>")]
pub enum Space {
    /// Images: channels, height and width, flattened in this order.
    Image([usize; 3]),
    /// Points in this many dimensions.
    Points(usize),
}

impl Space {
    /// Numbers in one sample: c·h·w, or d.
    #[must_use]
    pub fn dim(self) -> usize {
        match self {
            Self::Image(shape) => shape.iter().product(),
            Self::Points(dim) => dim,
        }
    }

    /// Shape of an array of `n` samples, as NPY files have it: `[n, c, h, w]`, or `[n, d]`.
    #[must_use]
    pub fn array_shape(self, n: usize) -> Vec<usize> {
        [vec![n], self.into()].concat()
    }

    /// Mirrors one image left to right, in place; a point has no left and stays.
    ///
    /// # Shapes
    /// `sample`: `[dim]`.
    pub fn mirror(self, sample: &mut [f32]) {
        if let Self::Image([_, _, width]) = self {
            sample.chunks_exact_mut(width).for_each(<[f32]>::reverse);
        }
    }

    /// Checks that samples can be held and shown: images grey or in colour. `field` is named in errors.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] when they can't.
    pub fn validate(self, field: &str) -> Result<()> {
        match self {
            Self::Image([channels, height, width]) => check(
                matches!(channels, 1 | 3) && (1..=MAX_SIDE).contains(&height) && (1..=MAX_SIDE).contains(&width),
                field,
                self,
                format!("[1, height, width] for grey or [3, height, width] for colour, at most {MAX_SIDE} a side"),
            ),
            Self::Points(dim) => check((1..=MAX_DIM).contains(&dim), field, self, format!("1 to {MAX_DIM} dimensions")),
        }
    }
}

impl From<Space> for Vec<usize> {
    fn from(space: Space) -> Self {
        match space {
            Space::Image(shape) => shape.to_vec(),
            Space::Points(dim) => vec![dim],
        }
    }
}

impl TryFrom<Vec<usize>> for Space {
    type Error = String;

    fn try_from(numbers: Vec<usize>) -> Result<Self, Self::Error> {
        match *numbers {
            [channels, height, width] => Ok(Self::Image([channels, height, width])),
            [dim] => Ok(Self::Points(dim)),
            _ => Err(format!("invalid length {}, expected [channels, height, width] or [dimensions]", numbers.len())),
        }
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Vec::from(*self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_shown_is_refused() {
        let validate = |space: Space| space.validate("shape").map_err(|error| error.to_string());
        for space in [Space::Image([1, 1, 1]), Space::Image([3, 1024, 1024]), Space::Points(1), Space::Points(65_536)] {
            validate(space).unwrap();
        }
        for shape in [[0, 1, 1], [2, 8, 8], [4, 8, 8], [usize::MAX, 8, 8], [1, 0, 8], [1, 8, 1025], [1, usize::MAX, 8]]
        {
            assert!(validate(Space::Image(shape)).unwrap_err().contains("for grey or [3, height, width] for colour"));
        }
        assert!(validate(Space::Points(0)).is_err() && validate(Space::Points(65_537)).is_err());
    }

    #[test]
    fn a_space_is_written_as_its_numbers() {
        for (space, text, dim, array) in
            [(Space::Image([3, 4, 5]), "[3,4,5]", 60, vec![7, 3, 4, 5]), (Space::Points(6), "[6]", 6, vec![7, 6])]
        {
            assert_eq!(serde_json::to_string(&space).unwrap(), text);
            assert_eq!(serde_json::from_str::<Space>(text).unwrap(), space);
            assert_eq!(space.to_string(), text.replace(',', ", "));
            assert_eq!((space.dim(), space.array_shape(7)), (dim, array));
        }
        for text in ["[]", "[1, 28]", "[1, 2, 3, 4]"] {
            assert!(serde_json::from_str::<Space>(text).unwrap_err().to_string().contains("invalid length"), "{text}");
        }
        assert!(serde_json::from_str::<Space>("[-1]").is_err());
    }

    #[test]
    fn images_are_mirrored_by_rows_and_points_are_not() {
        let mut sample = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        Space::Image([1, 2, 3]).mirror(&mut sample);
        assert_eq!(sample, [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
        Space::Points(6).mirror(&mut sample);
        assert_eq!(sample, [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
    }
}
