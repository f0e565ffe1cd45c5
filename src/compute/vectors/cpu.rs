//! On the CPU backend's tensors: one pass, without temporaries.

use std::ops::{AddAssign, Mul};

use burn::{
    backend::tensor::FloatTensor,
    tensor::{Bytes, DType, Element},
};
use burn_flex::{Flex, FlexTensor, Layout};

use super::{
    Adam,
    extension::{Plan, Vectors},
};
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

    fn adam(
        parameters: FloatTensor<Self>,
        average: FloatTensor<Self>,
        moment1: FloatTensor<Self>,
        moment2: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        rule: Adam,
    ) -> Option<FloatTensor<Self>> {
        let tensors = [parameters, average, moment1, moment2, gradient];
        let [p, ..] = tensors[0].layout().shape().dims::<1>();
        let slices = [0, 1, 2, 3, 4].map(|i| tensors[i].as_slice::<f32>().filter(|slice| slice.len() == p));
        let [Some(parameters), Some(average), Some(moment1), Some(moment2), Some(gradient)] = slices else {
            return None;
        };
        let mut y = buffer::take(4 * p);
        adam([parameters, average, moment1, moment2, gradient], rule, y.as_mut_slice());
        Some(FlexTensor::new(y.into_bytes(), Layout::contiguous([4, p].into()), DType::F32))
    }
}

fn adam([parameters, average, moment1, moment2, gradient]: [&[f32]; 5], rule: Adam, y: &mut [f32]) {
    let p = parameters.len();
    let (new, rest) = y.split_at_mut(p);
    let (new_average, rest) = rest.split_at_mut(p);
    let (new_moment1, new_moment2) = rest.split_at_mut(p);
    let Adam { scale, beta1, beta2, correction, epsilon, rate, approach } = rule;
    let [scale, correction, epsilon, rate, approach] = [scale, correction, epsilon, rate, approach].map(|x| x as f32);
    let [keep1, add1, keep2, add2] = [beta1, 1.0 - beta1, beta2, 1.0 - beta2].map(|x| x as f32);
    let vectors = parameters.iter().zip(average).zip(moment1.iter().zip(moment2)).zip(gradient);
    let results = new.iter_mut().zip(new_average).zip(new_moment1.iter_mut().zip(new_moment2));
    for ((((p, average), (m, v)), g), ((p_new, average_new), (m_new, v_new))) in vectors.zip(results) {
        let g = g * scale;
        *m_new = m * keep1 + g * add1;
        *v_new = v * keep2 + g * g * add2;
        *p_new = p - *m_new / (v_new.sqrt() / correction + epsilon) * rate;
        *average_new = average + (*p_new - average) * approach;
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
