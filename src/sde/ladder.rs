//! A monotone function of t that is given at i/M, i = 0 … M, and linear in between.

use std::sync::Arc;

/// The values at the points, strictly increasing, shared by every copy.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ladder {
    values: Arc<[f64]>,
}

impl Ladder {
    /// `values` are two or more, strictly increasing and finite: what builds a ladder has checked it.
    pub(super) fn new(values: Vec<f64>) -> Self {
        Self { values: values.into() }
    }

    /// M, one less than there are points.
    pub(super) fn intervals(&self) -> usize {
        self.values.len() - 1
    }

    /// The interval that holds `t`, counted from 0.
    fn interval(&self, t: f64) -> usize {
        // A cast of a float saturates: t outside [0, 1] continues the first or the last interval.
        ((t * self.intervals() as f64) as usize).min(self.intervals() - 1)
    }

    pub(super) fn at(&self, t: f64) -> f64 {
        let i = self.interval(t);
        let (low, high) = (self.values[i], self.values[i + 1]);
        low + (t * self.intervals() as f64 - i as f64) * (high - low)
    }

    /// The derivative by t; at a point the one to its right, at t = 1 the one to its left.
    pub(super) fn slope(&self, t: f64) -> f64 {
        let i = self.interval(t);
        (self.values[i + 1] - self.values[i]) * self.intervals() as f64
    }

    /// The t at which the function is `value`; beyond the ends, the continuation of the outer intervals.
    pub(super) fn inverse(&self, value: f64) -> f64 {
        let i = self.values.partition_point(|v| *v <= value).clamp(1, self.intervals()) - 1;
        let (low, high) = (self.values[i], self.values[i + 1]);
        (i as f64 + (value - low) / (high - low)) / self.intervals() as f64
    }
}
