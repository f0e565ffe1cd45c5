//! What a trainer asks of its data, wherever they come from: a file's images, points of an array, draws from a density.

use crate::{score::Mixture, space::Space};

/// Samples to train on, by index. Row `index` is always the same numbers, so that runs repeat and resume exactly.
pub trait Source: Sync {
    /// Number of samples, at least one.
    fn len(&self) -> usize;

    /// Whether there are none, which no trainer can use.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The space that they lie in.
    fn space(&self) -> Space;

    /// Number of classes; 0 where samples have no labels.
    fn classes(&self) -> usize {
        0
    }

    /// The class of sample `index`, below [`classes`](Self::classes); none where it has no label.
    fn label(&self, index: usize) -> Option<usize> {
        let _ = index;
        None
    }

    /// The density that the samples are drawn from, where it is a mixture of Gaussians; none where it is not known.
    fn mixture(&self) -> Option<Mixture> {
        None
    }

    /// Writes sample `index`, below [`len`](Self::len), into `out`: an image in \[−1, 1\], a point as it is.
    ///
    /// # Shapes
    /// `out`: `[space().dim()]`.
    fn fill(&self, index: usize, out: &mut [f32]);
}
