//! On the CPU backend's tensors: one pass, without temporaries.

use std::ops::{AddAssign, Mul};

use burn::{
    backend::tensor::FloatTensor,
    tensor::{Bytes, DType, Element},
};
use burn_flex::{Flex, FlexTensor, Layout};

use super::extension::{Plan, Vectors};

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
            DType::F32 => Some(sum(&tensors, &plan, |weight| weight as f32)),
            DType::F64 => Some(sum(&tensors, &plan, |weight| weight)),
            _ => None,
        }
    }
}

fn sum<E>(tensors: &[FlexTensor], plan: &Plan, weight: fn(f64) -> E) -> FlexTensor
where
    E: Element + bytemuck::Pod + Mul<Output = E> + AddAssign,
{
    let [_, d] = tensors[0].layout().shape().dims();
    let tensors: Vec<_> = tensors.iter().map(FlexTensor::to_contiguous).collect();
    let values = plan.rows * d;
    let terms: Vec<(E, &[E])> = tensors
        .iter()
        .zip(&plan.terms)
        .map(|(tensor, term)| (weight(term.weight), &tensor.storage::<E>()[term.first * d..][..values]))
        .collect();
    let mut sum = Vec::with_capacity(values * plan.times);
    for start in (0..values).step_by(BLOCK) {
        let block = start..values.min(start + BLOCK);
        let (weight, first) = terms[0];
        sum.extend(first[block.clone()].iter().map(|&x| x * weight));
        for &(weight, x) in &terms[1..] {
            for (sum, &x) in sum[block.clone()].iter_mut().zip(&x[block.clone()]) {
                *sum += x * weight;
            }
        }
    }
    for _ in 1..plan.times {
        sum.extend_from_within(..values);
    }
    FlexTensor::new(Bytes::from_elems(sum), Layout::contiguous([plan.rows * plan.times, d].into()), E::dtype())
}
