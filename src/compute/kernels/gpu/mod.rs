//! The operators' kernels for GPUs, in CubeCL: WGSL in browsers, WGSL or SPIR-V natively, CUDA.
//!
//! They need neither subgroups nor f16, at most 256 units and 16 KB of memory per workgroup and 8 buffers: what WebGPU
//! gives everywhere. Where a size is beyond a kernel, and for other types than f32, the backend's own operators serve.

mod attention;
mod conv;
mod join;
mod layer;
mod norm;
#[cfg(any(target_family = "wasm", test))]
mod product;
#[cfg(test)]
mod tests;

use burn::{
    backend::tensor::{FloatTensor, IntTensor},
    tensor::DType,
};
use burn_cubecl::{
    CubeBackend,
    cubecl::{self, prelude::*},
    tensor::CubeTensor,
};

use super::{
    composed,
    extension::{KernelGradients, Kernels},
    options::{Norm, Shuffle},
};
use crate::compute::launch::{count, dims, rows, single, total, vector};

/// 1/(1 + e⁻ᶻ). Below −80 it is 0 to f32, and WGSL need not know infinity.
#[cube]
fn sigmoid(z: f32) -> f32 {
    1.0f32 / (1.0f32 + min(-z, 80.0f32).exp())
}

/// A convolution of another type than f32, or of more pixels than one dispatch takes. In a browser there are only the
/// latter, and burn's own convolution would be a large part of the engine: so part of the samples at a time.
#[cfg(any(not(target_family = "wasm"), feature = "kernel-tests"))]
fn beyond(x: CubeTensor, weight: CubeTensor, bias: CubeTensor) -> CubeTensor {
    composed::conv2d::<CubeBackend>(x, weight, bias)
}

#[cfg(all(target_family = "wasm", not(feature = "kernel-tests")))]
fn beyond(x: CubeTensor, weight: CubeTensor, bias: CubeTensor) -> CubeTensor {
    use burn::{backend::ops::FloatTensorOps, tensor::Slice};

    let [n, _, _, _] = dims(&x);
    assert!(n > 1, "a convolution of {:?}, which is too large for one dispatch", x.meta.shape());
    let halves = [0..n / 2, n / 2..n].map(|range| {
        let part = CubeBackend::float_slice(x.clone(), &[Slice::from(range)]);
        CubeBackend::conv2d_same(part, weight.clone(), bias.clone())
    });
    CubeBackend::float_cat(halves.into(), 0)
}

impl Kernels for CubeBackend {
    fn conv2d_same(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        let own = single(&[&x, &weight, &bias])
            .then(|| conv::conv2d(x.clone(), weight.clone(), bias.clone(), None, Shuffle::default()))
            .flatten();
        own.unwrap_or_else(|| beyond(x, weight, bias))
    }

    // Natively burn's products, of which it takes what suits the device.
    #[cfg(any(target_family = "wasm", test))]
    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        #[cfg(feature = "kernel-tests")]
        if !single(&[&a, &b]) {
            use burn::backend::ops::FloatTensorOps;
            return Self::float_matmul(a, b);
        }
        product::product(a, b)
    }

    fn group_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        norm: Norm,
    ) -> FloatTensor<Self> {
        let own = single(&[&x, &gamma, &beta])
            .then(|| norm::group_norm(x.clone(), gamma.clone(), beta.clone(), None, norm))
            .flatten();
        own.unwrap_or_else(|| composed::group_norm::<Self>(x, gamma, beta, norm))
    }

    fn conv2d_shuffle(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        fold: Shuffle,
    ) -> Option<FloatTensor<Self>> {
        single(&[&x, &weight, &bias]).then(|| conv::conv2d(x, weight, bias, None, fold)).flatten()
    }

    fn conv2d_add(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
    ) -> Option<FloatTensor<Self>> {
        single(&[&x, &weight, &bias, &residual])
            .then(|| conv::conv2d(x, weight, bias, Some(residual), Shuffle::default()))
            .flatten()
    }

    fn group_norm_film(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        embedding: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        norm: Norm,
    ) -> Option<FloatTensor<Self>> {
        single(&[&x, &gamma, &beta, &embedding, &weight, &bias])
            .then(|| norm::group_norm(x, gamma, beta, Some(norm::Film { embedding, weight, bias }), norm))
            .flatten()
    }

    fn attention(qkv: FloatTensor<Self>, heads: usize) -> Option<FloatTensor<Self>> {
        single(&[&qkv]).then(|| attention::attention(qkv, heads)).flatten()
    }

    fn join(a: FloatTensor<Self>, b: FloatTensor<Self>) -> Option<FloatTensor<Self>> {
        single(&[&a, &b]).then(|| join::join(a, b)).flatten()
    }

    fn waves_layer(
        level: FloatTensor<Self>,
        frequencies: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> Option<FloatTensor<Self>> {
        single(&[&level, &frequencies, &weight, &bias])
            .then(|| layer::waves_layer(level, frequencies, weight, bias))
            .flatten()
    }

    fn class_layer(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        rows: FloatTensor<Self>,
        class: IntTensor<Self>,
    ) -> Option<FloatTensor<Self>> {
        (single(&[&x, &weight, &bias, &rows]) && class.dtype == DType::I32)
            .then(|| layer::class_layer(x, weight, bias, rows, class))
            .flatten()
    }
}

impl KernelGradients for CubeBackend {}
