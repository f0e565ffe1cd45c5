//! What the kernels for GPUs share: the layout of their tensors, their grids, and the account of what they do.

#[cfg(test)]
pub mod testing;

use burn::{backend::TensorMetadata, tensor::DType};
use burn_cubecl::{
    cubecl::{self, prelude::*},
    kernel::into_contiguous,
    tensor::CubeTensor,
};

/// Whether burn's own operators are to compute everything, which the tests compare our kernels' speed with.
#[cfg(feature = "kernel-tests")]
pub static KERNELS_OFF: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

/// The kernels are of f32.
pub fn single(tensors: &[&CubeTensor]) -> bool {
    #[cfg(feature = "kernel-tests")]
    if KERNELS_OFF.load(std::sync::atomic::Ordering::Relaxed) {
        return false;
    }
    tensors.iter().all(|tensor| tensor.dtype == DType::F32 && tensor.qparams.is_none())
}

pub fn dims<const D: usize>(tensor: &CubeTensor) -> [usize; D] {
    tensor.shape().dims()
}

/// The tensor with its values in the order of its indices. A view that differs only in the strides of sizes of one
/// needs no copy.
pub fn rows(tensor: CubeTensor) -> CubeTensor {
    let mut expected = 1;
    let mut ordered = !tensor.meta.is_tiled();
    for (&size, &stride) in tensor.meta.shape().iter().zip(tensor.meta.strides().iter()).rev() {
        ordered &= size == 1 || stride == expected;
        expected *= size;
    }
    if ordered { tensor } else { into_contiguous(tensor) }
}

/// The most values, of 4, that a vector of a row of `length` may hold.
pub fn vector(length: usize) -> usize {
    [4, 2, 1].into_iter().find(|lanes| length.is_multiple_of(*lanes)).expect("1 divides every length")
}

/// Workgroups, as many as WebGPU's least limit allows in each direction.
pub fn count(sizes: &[usize]) -> Option<CubeCount> {
    let mut sizes = sizes.iter().map(|&size| u16::try_from(size).ok().map(u32::from));
    let mut next = || sizes.next().unwrap_or(Some(1));
    Some(CubeCount::Static(next()?, next()?, next()?))
}

/// The sum of each unit's value, for all units of a workgroup. `shared` holds one value per unit.
#[cube]
pub fn total(value: f32, shared: &mut Shared<[f32]>) -> f32 {
    shared[UNIT_POS_X as usize] = value;
    sync_cube();
    let mut sum = 0.0f32;
    for i in 0..CUBE_DIM_X {
        sum += shared[i as usize];
    }
    sum
}
