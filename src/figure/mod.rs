//! Samples as pixels, points as pictures, and figures as SVG.

mod raster;
mod scatter;
#[cfg(not(target_family = "wasm"))]
pub mod svg;
mod view;

#[cfg(not(target_family = "wasm"))]
pub use self::raster::{gif, read_png};
pub use self::{
    raster::{Grid, MAX_SIDE, NOT_FINITE, Pixels, byte, rgba},
    scatter::Plot,
    view::View,
};
