//! The sample grids of a run: each class a column, the same seed at every step. Points are a plot of the first two
//! coordinates.

use burn::tensor::Device;

use crate::{
    Result,
    figure::{Grid, Pixels, Plot},
    model::Model,
    sampler::{Sampler, Settings},
    space::Space,
};

const ROWS: usize = 4;
/// Columns of an unconditional model's grid.
const COLUMNS: usize = 10;

/// Draws a grid with the default sampler.
///
/// # Errors
/// When the model's process has no time grid, which a checked config excludes.
pub fn grid(model: &Model, seed: u64, device: &Device) -> Result<Pixels> {
    let columns = if model.classes() > 0 { model.classes().min(2 * COLUMNS) } else { COLUMNS };
    let n = ROWS * columns;
    let labels: Vec<_> = (0..n).map(|i| (model.classes() > 0).then_some(i % columns)).collect();
    let settings = Settings { n, seed, ..Settings::default() };
    let score = model.score(&labels, settings.guidance, device)?;
    let mut sampler = Sampler::new(&settings, model.process(), model.dim(), device)?;
    while sampler.step(&score)?.is_some() {}
    let samples: Vec<f32> = sampler.x().into_data().iter().collect();
    match model.space() {
        Space::Image(shape) => Grid { columns, ..Grid::default() }.draw(&samples, shape),
        Space::Points(d) => {
            let shown: Vec<f32> = samples.chunks_exact(d).flat_map(|point| &point[..d.min(2)]).copied().collect();
            Ok(Plot::around(&[&shown], d.min(2)).draw(&shown))
        }
    }
}
