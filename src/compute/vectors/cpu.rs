//! On the CPU backend's tensors: one pass, without temporaries.

use std::ops::{AddAssign, Mul};

use burn::{
    backend::tensor::FloatTensor,
    tensor::{Bytes, DType, Element},
};
use burn_flex::{Flex, FlexTensor, Layout};

use super::extension::{Plan, Vectors};
use crate::compute::buffer;

/// Values summed up before the next: they stay in the first cache.
const BLOCK: usize = 1024;

impl Vectors for Flex {
    fn sum(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        f: FloatTensor<Self>,
        plan: Plan,
    ) -> Option<FloatTensor<Self>> {
        let mut tensors = vec![a, b, c, d, e, f];
        tensors.truncate(plan.terms.len());
        let dtype = tensors[0].dtype();
        if tensors.iter().any(|tensor| tensor.dtype() != dtype) {
            return None;
        }
        match dtype {
            DType::F32 => {
                let mut y = buffer::take(plan.rows * plan.times * columns(&tensors));
                sum(&tensors, &plan, |weight| weight as f32, y.as_mut_slice());
                Some(result(y.into_bytes(), &tensors, &plan))
            }
            DType::F64 => {
                let mut y = vec![0.0; plan.rows * plan.times * columns(&tensors)];
                sum(&tensors, &plan, |weight| weight, &mut y);
                Some(result(Bytes::from_elems(y), &tensors, &plan))
            }
            _ => None,
        }
    }
}

fn columns(tensors: &[FlexTensor]) -> usize {
    let [_, d] = tensors[0].layout().shape().dims();
    d
}

fn result(bytes: Bytes, tensors: &[FlexTensor], plan: &Plan) -> FlexTensor {
    let dims = [plan.rows * plan.times, columns(tensors)];
    FlexTensor::new(bytes, Layout::contiguous(dims.into()), tensors[0].dtype())
}

fn sum<E>(tensors: &[FlexTensor], plan: &Plan, weight: fn(f64) -> E, sum: &mut [E])
where
    E: Element + bytemuck::Pod + Mul<Output = E> + AddAssign,
{
    let d = columns(tensors);
    let tensors: Vec<_> = tensors.iter().map(FlexTensor::to_contiguous).collect();
    let values = plan.rows * d;
    let terms: Vec<(E, &[E])> = tensors
        .iter()
        .zip(&plan.terms)
        .map(|(tensor, term)| (weight(term.weight), &tensor.storage::<E>()[term.first * d..][..values]))
        .collect();
    for start in (0..values).step_by(BLOCK) {
        let block = start..values.min(start + BLOCK);
        let sum = &mut sum[block.clone()];
        let (weight, first) = terms[0];
        sum.iter_mut().zip(&first[block.clone()]).for_each(|(sum, &x)| *sum = x * weight);
        for &(weight, x) in &terms[1..] {
            sum.iter_mut().zip(&x[block.clone()]).for_each(|(sum, &x)| *sum += x * weight);
        }
    }
    for copy in 1..plan.times {
        sum.copy_within(..values, copy * values);
    }
}
