//! What a run shows: images as they are, or the points of a mixture as one picture of them all.

use crate::{
    Result,
    cloud::{self, Window},
    image,
};

/// Side of a picture of points.
const SIDE: usize = 384;

/// How samples become pixels.
#[derive(Clone, Copy, Debug)]
pub(super) enum View {
    /// Images of channels × height × width.
    Images([usize; 3]),
    /// Points in so many dimensions, inside this window.
    Points(usize, Window),
}

impl View {
    /// Pictures that n samples make.
    pub(super) fn pictures(self, n: usize) -> usize {
        match self {
            Self::Images(_) => n,
            Self::Points(..) => 1,
        }
    }

    /// Channels, height and width of a picture.
    pub(super) fn shape(self) -> [usize; 3] {
        match self {
            Self::Images(shape) => shape,
            Self::Points(..) => [1, SIDE, SIDE],
        }
    }

    /// RGBA of all pictures, one after another.
    pub(super) fn pixels(self, values: &[f32]) -> Result<Vec<u8>> {
        match self {
            Self::Images(shape) => {
                let d: usize = shape.iter().product();
                let mut bytes = Vec::with_capacity(values.len() / shape[0] * 4);
                for sample in values.chunks_exact(d) {
                    bytes.extend(image::rgba(sample, shape)?);
                }
                Ok(bytes)
            }
            Self::Points(d, window) => cloud::picture(values, d, window, SIDE),
        }
    }
}
