//! Where a tensor's numbers come from, and its name in messages.

use burn::tensor::{DType, TensorData};

use crate::error::brief;

/// A tensor that is read only once its shape is known to fit.
pub(super) trait Source {
    fn shape(&self) -> &[usize];
    fn dtype(&self) -> DType;
    fn data(&self) -> TensorData;
}

impl Source for TensorData {
    fn shape(&self) -> &[usize] {
        self.shape().as_slice()
    }

    fn dtype(&self) -> DType {
        self.dtype()
    }

    fn data(&self) -> TensorData {
        self.clone()
    }
}

/// A tensor's name short enough for several in a message.
pub(super) fn shown(path: &str) -> String {
    brief(path, 64)
}
