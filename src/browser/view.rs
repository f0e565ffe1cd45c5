//! What a run shows: images as they are, or the points of a mixture as one picture of them all.

use crate::{Result, figure, figure::Plot, model::Model, space::Space};

/// Draws of a mixture that find the window for its points.
const DRAWS: usize = 1000;

/// How samples become pixels.
#[derive(Clone, Copy, Debug)]
pub(super) enum View {
    /// Images of channels × height × width.
    Images([usize; 3]),
    /// Points in so many dimensions, of which the first two are shown.
    Points(usize, Plot),
}

impl View {
    pub(super) fn of(model: &Model) -> Self {
        match (model.space(), model) {
            (Space::Image(shape), _) => Self::Images(shape),
            (Space::Points(d), Model::Network(network)) => {
                let [low, high] = network.manifest().data.range.map(|x| x as f32);
                let d_shown = d.min(2);
                Self::Points(d, Plot::around(&[&vec![low; d_shown], &vec![high; d_shown]], d_shown))
            }
            (Space::Points(d), Model::Mixture(analytic)) => {
                let draws: Vec<f32> = analytic.mixture().sample(0, 0, DRAWS).into_iter().map(|x| x as f32).collect();
                Self::Points(d, Plot::around(&[&first_two(&draws, d)], d.min(2)))
            }
        }
    }

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
            Self::Points(..) => [1, Plot::SIDE, Plot::SIDE],
        }
    }

    /// RGBA of all pictures, one after another.
    pub(super) fn pixels(self, values: &[f32]) -> Result<Vec<u8>> {
        match self {
            Self::Images(shape) => {
                let d: usize = shape.iter().product();
                let mut bytes = Vec::with_capacity(values.len() / shape[0] * 4);
                for sample in values.chunks_exact(d) {
                    bytes.extend(figure::rgba(sample, shape)?);
                }
                Ok(bytes)
            }
            Self::Points(d, plot) => Ok(plot.draw(&first_two(values, d)).rgba),
        }
    }
}

/// The first two coordinates of points in `d` dimensions, or the one that there is.
fn first_two(values: &[f32], d: usize) -> Vec<f32> {
    values.chunks_exact(d).flat_map(|point| point[..d.min(2)].iter().copied()).collect()
}
