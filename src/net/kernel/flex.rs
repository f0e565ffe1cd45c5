//! The operators on the CPU backend's tensors.

use super::{
    composed, conv,
    extension::{KernelGradients, Kernels, Norm},
    norm,
};
use burn::{
    backend::tensor::FloatTensor,
    tensor::{Bytes, DType},
};
use burn_flex::{Flex, FlexTensor, Layout};

/// The kernels are of f32.
fn single(tensors: &[&FlexTensor]) -> bool {
    tensors.iter().all(|tensor| tensor.dtype() == DType::F32)
}

fn tensor<const D: usize>(values: Vec<f32>, dims: [usize; D]) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(dims.into()), DType::F32)
}

fn dims<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    tensor.layout().shape().dims()
}

fn conv_shape(x: &FlexTensor, weight: &FlexTensor) -> conv::Shape {
    let ([n, h, w, c], [k, k2, c2, o]) = (dims(x), dims(weight));
    assert!(c == c2 && k == k2 && k % 2 == 1, "a convolution of {c} channels by a kernel [{k}, {k2}, {c2}, {o}]");
    conv::Shape { n, h, w, c, o, k }
}

fn norm_shape(x: &FlexTensor, gamma: &FlexTensor, beta: &FlexTensor, groups: usize) -> norm::Shape {
    let [n, h, w, c] = dims(x);
    assert!(groups > 0 && c % groups == 0, "{c} channels in {groups} groups");
    for parameters in [gamma, beta] {
        let [rows, columns] = dims(parameters);
        assert!(
            (rows == 1 || rows == n) && columns == c,
            "parameters [{rows}, {columns}] for {n} samples of {c} channels"
        );
    }
    norm::Shape { n, pixels: h * w, c, groups }
}

impl Kernels for Flex {
    fn conv2d_same(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        if !single(&[&x, &weight, &bias]) {
            return composed::conv2d::<Self>(x, weight, bias);
        }
        let shape = conv_shape(&x, &weight);
        let [x, weight, bias] = [x, weight, bias].map(|tensor| tensor.to_contiguous());
        assert_eq!(bias.storage::<f32>().len(), shape.o, "a bias a channel");
        let y = conv::forward(x.storage(), weight.storage(), bias.storage(), shape);
        tensor(y, [shape.n, shape.h, shape.w, shape.o])
    }

    fn group_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        options: Norm,
    ) -> FloatTensor<Self> {
        if !single(&[&x, &gamma, &beta]) {
            return composed::group_norm::<Self>(x, gamma, beta, options);
        }
        let shape = norm_shape(&x, &gamma, &beta, options.groups);
        let size: [usize; 4] = dims(&x);
        let [x, gamma, beta] = [x, gamma, beta].map(|tensor| tensor.to_contiguous());
        let (gamma, beta) = (gamma.storage(), beta.storage());
        tensor(norm::forward(x.storage(), gamma, beta, options.epsilon, shape, options.silu), size)
    }
}

impl KernelGradients for Flex {
    fn conv2d_same_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        want_x: bool,
    ) -> (Option<FloatTensor<Self>>, [FloatTensor<Self>; 2]) {
        if !single(&[&x, &weight, &grad]) {
            return composed::conv2d_backward::<Self>(x, weight, grad, want_x);
        }
        let shape = conv_shape(&x, &weight);
        let conv::Shape { n, h, w, c, o, k } = shape;
        let [x, weight, grad] = [x, weight, grad].map(|tensor| tensor.to_contiguous());
        let gradients = conv::backward(x.storage(), weight.storage(), grad.storage(), shape, want_x);
        let dx = gradients.x.map(|dx| tensor(dx, [n, h, w, c]));
        (dx, [tensor(gradients.weight, [k, k, c, o]), tensor(gradients.bias, [o])])
    }

    fn conv2d_same_input_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        if !single(&[&x, &weight, &grad]) {
            return composed::conv2d_input_backward::<Self>(x, weight, grad);
        }
        let shape = conv_shape(&x, &weight);
        let [weight, grad] = [weight, grad].map(|tensor| tensor.to_contiguous());
        tensor(conv::input_gradient(weight.storage(), grad.storage(), shape), [shape.n, shape.h, shape.w, shape.c])
    }

    fn group_norm_backward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        options: Norm,
    ) -> [FloatTensor<Self>; 3] {
        if !single(&[&x, &gamma, &beta, &grad]) {
            return composed::group_norm_backward::<Self>(x, gamma, beta, grad, options);
        }
        let shape = norm_shape(&x, &gamma, &beta, options.groups);
        let (x_size, gamma_size, beta_size): ([usize; 4], [usize; 2], [usize; 2]) =
            (dims(&x), dims(&gamma), dims(&beta));
        let [x, gamma, beta, grad] = [x, gamma, beta, grad].map(|tensor| tensor.to_contiguous());
        let (gamma, beta, grad) = (gamma.storage(), beta.storage(), grad.storage());
        let gradients = norm::backward(x.storage(), gamma, beta, grad, options.epsilon, shape, options.silu);
        [tensor(gradients.x, x_size), tensor(gradients.gamma, gamma_size), tensor(gradients.beta, beta_size)]
    }
}
