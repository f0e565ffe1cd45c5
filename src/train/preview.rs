//! The sample grids of a run.
