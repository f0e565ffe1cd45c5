//! Guides: what holds samples to something known while a sampler draws them.
//!
//! A [`Constraint`] overwrites the samples after every update. It is no score: classifier-free guidance, which changes the
//! score, is [`crate::score`]'s. A [`Guide`] is what a user asks for, with all that it knows (a picture, a mask), and makes
//! the constraint of a run's samples; a sampler takes one by [`crate::sampler::Sampler::with_guide`].
//!
//! What a guide knows are numbers, and no settings: settings are text, the same on the command line and in JavaScript, and
//! go with a run's seed into what is reported.
//!
//! | guide | is |
//! |---|---|
//! | [`inpaint`](Inpaint) | approximate: known numbers are replaced at every noise level |

mod constraint;
mod inpaint;

use std::ops::Range;

use burn::tensor::Device;

pub use self::{constraint::Constraint, inpaint::Inpaint};
use crate::Result;

/// A guide with what it knows.
#[derive(Clone, Debug, PartialEq)]
pub enum Guide {
    /// Some numbers of every sample are known.
    Inpaint(Inpaint),
}

impl Guide {
    /// Whether it is one for `n` samples.
    ///
    /// # Errors
    /// When it has rows for another number of them.
    pub fn check(&self, n: usize) -> Result<()> {
        match self {
            Self::Inpaint(inpaint) => inpaint.check(n),
        }
    }

    /// The constraint of the samples `range`, on `device`.
    ///
    /// # Errors
    /// When there are not so many.
    pub fn constraint(&self, range: Range<usize>, device: &Device) -> Result<Box<dyn Constraint>> {
        match self {
            Self::Inpaint(inpaint) => inpaint.constraint(range, device),
        }
    }
}
