//! What a run tells whoever pulls it.

use super::Changes;

/// Something that has happened in a run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The run is about to make its first step; always the first event.
    Started(Started),
    /// A step is done.
    Step(StepStats),
    /// The state after this many steps is safe: the run can go on from it.
    Saved {
        /// Steps done.
        step: u64,
    },
    /// Samples of the averaged weights were drawn.
    Sampled {
        /// Steps done.
        step: u64,
    },
}

/// What one step reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepStats {
    /// Steps done, from 1.
    pub step: u64,
    /// Mean of |F − F*|² over the batch.
    pub loss: f64,
    /// Global norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Learning rate of the step.
    pub rate: f64,
}

/// Where a run starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Started {
    /// Steps done before.
    pub step: u64,
    /// Steps at its end.
    pub steps: u64,
    /// Number of the network's parameters.
    pub parameters: usize,
    /// Where its parameters come from.
    pub from: Start,
}

/// Where a run's first parameters come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// Drawn from the seed.
    Fresh,
    /// Drawn from the seed, since there was no checkpoint to go on from.
    NothingToResume,
    /// The weights of a file.
    Weights,
    /// A checkpoint, with what the config has changed since.
    Checkpoint(Changes),
}
