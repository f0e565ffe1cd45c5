//! Data: samples x₀, images or points, by index.
//!
//! | module | holds |
//! |---|---|
//! | [`source`] | [`Source`], all that a trainer asks of its data |
//! | [`points`] | points of an array |
//! | [`name`] | what has a name: a published set, or a distribution |
//! | [`plane`] | distributions in the plane |
//! | [`csv`], [`npy`], [`picture`] | points of a text, of an array's file, of a picture |
//! | [`spread`] | where samples lie |
//! | `open` | points of a file |
//! | [`range`] | what the numbers of images look like |
//! | `images` | images held as bytes, and the formats that they are read from |
//! | `published` | the published sets, one file each: what is in them, where it comes from, how to get it |
//! | `folder` | where a published set is on this machine |
//! | `fetch` | getting it |
//! | [`distance`] | distances between samples |
//!
//! Another published set is a file of facts in `published/`, and an arm each in [`DatasetName`]'s lists; another
//! distribution in the plane a function and a line in `plane/`. What reads files is native only, what reads their bytes is
//! not.

pub mod csv;
pub mod distance;
pub mod name;
pub mod npy;
pub mod picture;
pub mod plane;
pub mod points;
mod published;
pub mod range;
pub mod source;
pub mod spread;

#[cfg(not(target_family = "wasm"))]
mod fetch;
#[cfg(not(target_family = "wasm"))]
mod folder;
#[cfg(not(target_family = "wasm"))]
pub mod images;
#[cfg(not(target_family = "wasm"))]
mod open;

pub use self::{
    csv::points_of_csv,
    name::DataName,
    npy::points_of_npy,
    picture::points_of_picture,
    plane::Distribution,
    points::Points,
    published::{DataFile, DatasetName, Files, Obtain, Part, Published, Split},
    source::Source,
    spread::Spread,
};
#[cfg(not(target_family = "wasm"))]
pub use self::{
    fetch::{Fetched, fetch},
    images::{Dataset, unit},
    open::open_points,
};
