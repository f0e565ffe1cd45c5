//! The sample grids of a run: each class a column, the same seed at every step. Points are a plot of the first two
//! coordinates.

use burn::tensor::Device;

use crate::{
    Result,
    figure::{Grid, Pixels, View},
    model::Model,
    sampler::{Batches, Settings},
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
    let plan = model.plan(&settings)?;
    let batches = Batches { plan: &plan, batch: model.batch(n, 1), init: None, guide: None, device };
    let drawn = batches.draw(|range| model.score(&labels[range], settings.guidance, device), |_, _| Ok(()))?;
    match View::around(model, &[&drawn.samples])? {
        View::Images(shape) => Grid { columns, ..Grid::default() }.draw(&drawn.samples, shape),
        points @ View::Points(..) => points.sheet(&drawn.samples, 1),
    }
}
