//! The sample grids of a run: each class a column, the same seed at every step. Points are a plot of the first two
//! coordinates, in one window of where the data lie.

use burn::tensor::Device;

use crate::{
    Result,
    figure::{Grid, Pixels, View},
    model::Model,
    sampler::{Batches, SamplerKind, Settings},
    sde::Process,
    space::Space,
};

const ROWS: usize = 4;
/// Columns of an unconditional model's grid.
const COLUMNS: usize = 10;
/// Steps of a chain on the score of clean data.
const CHAIN: usize = 1000;
/// Points of a plot.
const POINTS: usize = 2000;

/// Draws a grid with the default sampler.
///
/// # Errors
/// When the model's process has no time grid, which a checked config excludes.
pub fn grid(model: &Model, seed: u64, device: &Device) -> Result<Pixels> {
    let columns = if model.classes() > 0 { model.classes().min(2 * COLUMNS) } else { COLUMNS };
    let n = if matches!(model.space(), Space::Points(_)) { POINTS } else { ROWS * columns };
    let labels: Vec<_> = (0..n).map(|i| (model.classes() > 0).then_some(i % columns)).collect();
    let mut settings = Settings { n, seed, ..Settings::default() };
    if *model.process() == Process::None {
        // There is nothing to go back from: chains that have come to rest.
        (settings.sampler, settings.steps) = (SamplerKind::Ula, Some(CHAIN));
    }
    let plan = model.plan(&settings)?;
    let batches = Batches { plan: &plan, batch: model.batch(n, 1), init: None, guide: None, device };
    let drawn = batches.draw(|range| model.score(&labels[range], settings.guidance, device), |_, _| Ok(()))?;
    match View::of(model)? {
        View::Images(shape) => Grid { columns, ..Grid::default() }.draw(&drawn.samples, shape),
        points @ View::Points(..) => points.sheet(&drawn.samples, 1),
    }
}
