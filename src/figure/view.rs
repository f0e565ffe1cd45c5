//! How a model's samples are shown: images as they are, the points of a mixture as one picture of them all.

use super::{Grid, Pixels, Plot, raster, rgba};
use crate::{Error, Result, model::Model, space::Space};

/// Draws of a mixture that find the window for its points.
const DRAWS: usize = 1000;

/// How samples become pixels. The window on points is chosen once, so that frames can follow one another.
#[derive(Clone, Copy, Debug)]
pub enum View {
    /// Images of channels × height × width.
    Images([usize; 3]),
    /// Points in so many dimensions, of which the first two are shown.
    Points(usize, Plot),
}

impl View {
    /// Of a model's samples, with a window on points where data are: draws of a mixture, or a network's range.
    ///
    /// # Errors
    /// [`Error::Figure`] for images that are neither grey nor RGB.
    pub fn of(model: &Model) -> Result<Self> {
        match (model.space(), model) {
            (Space::Image(shape), _) => Self::images(shape),
            (Space::Points(d), Model::Network(network)) => {
                let corners = network.manifest().data.range.map(|x| vec![x as f32; d]);
                Ok(Self::points(d, &[&corners[0], &corners[1]]))
            }
            (Space::Points(d), Model::Mixture(analytic)) => {
                let draws: Vec<f32> = analytic.mixture().sample(0, 0, DRAWS).into_iter().map(|x| x as f32).collect();
                Ok(Self::points(d, &[&draws]))
            }
        }
    }

    /// Of a model's samples, with a window that has the points of all `frames`.
    ///
    /// # Shapes
    /// Each of `frames`: `[n, d]` in row-major order.
    ///
    /// # Errors
    /// [`Error::Figure`] for images that are neither grey nor RGB.
    pub fn around(model: &Model, frames: &[&[f32]]) -> Result<Self> {
        match model.space() {
            Space::Image(shape) => Self::images(shape),
            Space::Points(d) => Ok(Self::points(d, frames)),
        }
    }

    fn images(shape: [usize; 3]) -> Result<Self> {
        raster::length(shape).map(|_| Self::Images(shape))
    }

    fn points(d: usize, frames: &[&[f32]]) -> Self {
        let shown: Vec<_> = frames.iter().map(|frame| first_two(frame, d)).collect();
        let shown: Vec<_> = shown.iter().map(Vec::as_slice).collect();
        Self::Points(d, Plot::around(&shown, d.min(2)))
    }

    /// Finds, before there are samples, whether `n` of a model's have a sheet that hides nothing.
    ///
    /// # Errors
    /// [`Error::Figure`] when it would be too large, its images are neither grey nor RGB, or its points have more than
    /// two dimensions.
    pub fn check(model: &Model, n: usize, scale: usize) -> Result<()> {
        match model.space() {
            Space::Image(shape) => {
                Self::images(shape)?;
                sheet(scale).sides(n, shape).map(drop)
            }
            Space::Points(1 | 2) => Ok(()),
            Space::Points(d) => Err(Error::figure(
                format!("a point in {d} dimensions"),
                "pictures are of images, or of points in 1 or 2 dimensions",
                "write the samples to a file with --npy, without --out and --gif",
            )),
        }
    }

    /// Pictures that n samples make in a browser.
    #[must_use]
    pub fn pictures(self, n: usize) -> usize {
        match self {
            Self::Images(_) => n,
            Self::Points(..) => 1,
        }
    }

    /// Channels, height and width of a picture in a browser.
    #[must_use]
    pub fn shape(self) -> [usize; 3] {
        match self {
            Self::Images(shape) => shape,
            Self::Points(..) => [1, Plot::SIDE, Plot::SIDE],
        }
    }

    /// RGBA of all pictures, one after another.
    ///
    /// # Errors
    /// [`Error::Shape`] when `values` are not whole samples.
    pub fn pixels(self, values: &[f32]) -> Result<Vec<u8>> {
        match self {
            Self::Images(shape) => {
                let d: usize = shape.iter().product();
                let mut bytes = Vec::with_capacity(values.len() / shape[0] * 4);
                for sample in values.chunks_exact(d) {
                    bytes.extend(rgba(sample, shape)?);
                }
                Ok(bytes)
            }
            Self::Points(d, plot) => Ok(plot.draw(&first_two(values, d)).rgba),
        }
    }

    /// One picture of all samples: images in a grid, `scale` pixels to a side of theirs, or the plot of points.
    ///
    /// # Errors
    /// [`Error::Shape`] when `values` are not whole samples, [`Error::Figure`] when the picture would be too large.
    pub fn sheet(self, values: &[f32], scale: usize) -> Result<Pixels> {
        match self {
            Self::Images(shape) => sheet(scale).draw(values, shape),
            Self::Points(d, plot) => Ok(plot.draw(&first_two(values, d))),
        }
    }
}

fn sheet(scale: usize) -> Grid {
    Grid { scale, ..Grid::default() }
}

/// The first two coordinates of points in `d` dimensions, or the one that there is.
fn first_two(values: &[f32], d: usize) -> Vec<f32> {
    values.chunks_exact(d).flat_map(|point| point[..d.min(2)].iter().copied()).collect()
}
