//! For tests, native and in a browser: random cases of every kernel, and what burn's own operators make of them.

pub mod cases;
mod layers;
pub mod reference;
