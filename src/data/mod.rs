//! Data: samples x₀, images or points, by index.
//!
//! | module | holds |
//! |---|---|
//! | [`source`] | [`Source`], all that a trainer asks of its data |
//! | [`points`] | points of an array |
//! | [`range`] | what the numbers of images look like |
//! | `images` | images held as bytes, and the formats that they are read from |
//! | `published` | the published sets, one file each: what is in them, where it comes from, how to get it |
//! | `folder` | where a published set is on this machine |
//! | `fetch` | getting it |
//! | [`distance`] | distances between samples |
//!
//! Another published set is a file of facts in `published/`, and an arm each in [`DatasetName`]'s lists. What reads files
//! is native only.

pub mod distance;
pub mod points;
mod published;
pub mod range;
pub mod source;

#[cfg(not(target_family = "wasm"))]
mod fetch;
#[cfg(not(target_family = "wasm"))]
mod folder;
#[cfg(not(target_family = "wasm"))]
pub mod images;

#[cfg(not(target_family = "wasm"))]
pub use self::{
    fetch::{Fetched, fetch},
    images::{Dataset, unit},
};
pub use self::{
    points::Points,
    published::{DataFile, DatasetName, Files, Obtain, Part, Published, Split},
    source::Source,
};
