//! Samples as pixels.
