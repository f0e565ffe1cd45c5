//! Sample quality.
