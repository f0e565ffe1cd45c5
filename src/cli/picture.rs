//! Samples as pictures: images in a grid, points in a plot.

use anyhow::{Context as _, Result, bail};

use crate::{
    figure::{Grid, Pixels, Plot},
    model::Model,
    space::Space,
};

/// How samples are drawn.
pub(super) enum Picture {
    /// Images.
    Grid(Grid, [usize; 3]),
    /// Points in this many dimensions, one or two.
    Plot(usize),
}

impl Picture {
    /// Of a model's samples, `scale` pixels to a side of theirs.
    ///
    /// # Errors
    /// For points in more than two dimensions.
    pub fn of(model: &Model, scale: usize) -> Result<Self> {
        match model.space() {
            Space::Image(shape) => Ok(Self::Grid(Grid { scale, ..Grid::default() }, shape)),
            Space::Points(d @ 1..=2) => Ok(Self::Plot(d)),
            Space::Points(d) => {
                bail!("--out and --gif draw images, or points in 1 or 2 dimensions, not {d}: use --npy")
            }
        }
    }

    /// # Errors
    /// When `n` samples make too large a picture.
    pub fn check(&self, n: usize) -> Result<()> {
        if let Self::Grid(grid, shape) = self {
            grid.sides(n, *shape).context("give a smaller --scale or --n")?;
        }
        Ok(())
    }

    /// Pictures of one size and scale.
    ///
    /// # Errors
    /// When they would be too large.
    pub fn draw(&self, frames: &[&[f32]]) -> Result<Vec<Pixels>> {
        Ok(match self {
            Self::Grid(grid, shape) => frames.iter().map(|x| grid.draw(x, *shape)).collect::<crate::Result<_>>()?,
            Self::Plot(d) => {
                let plot = Plot::around(frames, *d);
                frames.iter().map(|x| plot.draw(x)).collect()
            }
        })
    }
}
