//! The operators on the CPU backend's tensors.
//!
//! | module | holds |
//! |---|---|
//! | `conv`, `winograd`, `norm`, `attention`, `dense` | the kernels, on slices |
//! | `packed` | transformed weights, kept |
//! | `shape` | the sizes of a convolution |
//! | `product`, `math`, `simd` | what those are built on |

mod attention;
mod conv;
mod dense;
pub mod math;
mod norm;
mod packed;
mod product;
pub mod shape;
mod simd;
mod winograd;

use burn::{
    backend::{ops::FloatTensorOps as _, tensor::FloatTensor},
    tensor::DType,
};
use burn_flex::{Flex, FlexTensor, Layout};

use self::product::Matrix;

use super::{
    composed,
    extension::{KernelGradients, Kernels},
    options::{Activation, Norm, Shuffle},
};
use crate::compute::{
    buffer::{self, Buffer},
    parallel::map_chunks,
};

/// The kernels are of f32.
fn single(tensors: &[&FlexTensor]) -> bool {
    tensors.iter().all(|tensor| tensor.dtype() == DType::F32)
}

fn tensor<const D: usize>(values: impl Into<Buffer>, dims: [usize; D]) -> FlexTensor {
    FlexTensor::new(values.into().into_bytes(), Layout::contiguous(dims.into()), DType::F32)
}

fn dims<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    tensor.layout().shape().dims()
}

/// With its values one after the other; not copied where they are.
fn dense(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

/// The values of a tensor that is dense.
fn slice(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("a dense tensor of f32")
}

/// A tensor of two dimensions as a matrix, by its strides.
fn matrix(tensor: &FlexTensor) -> Matrix<'_> {
    let layout = tensor.layout();
    let strides = [0, 1].map(|axis| layout.strides()[axis].unsigned_abs());
    Matrix::strided(&tensor.storage()[layout.start_offset()..], dims(tensor), strides)
}

/// a·b, or that plus a row.
fn matrix_product(a: &FlexTensor, b: FlexTensor, bias: Option<&[f32]>) -> FlexTensor {
    let ([m, k], [k2, n]) = (dims(a), dims(&b));
    assert_eq!(k, k2, "[{m}, {k}] times [{k2}, {n}]");
    // The kernel reads whole rows of b.
    let b = dense(b);
    let copy = a.layout().strides().iter().any(|&stride| stride < 0).then(|| a.to_contiguous());
    tensor(dense::matrix_product(matrix(copy.as_ref().unwrap_or(a)), Matrix::new(slice(&b), n), bias), [m, n])
}

/// Whether the kernel takes the product of these: two matrices of f32 with something in them.
fn matrices(a: &FlexTensor, b: &FlexTensor) -> bool {
    let whole = |tensor: &FlexTensor| tensor.layout().num_dims() == 2 && tensor.layout().num_elements() > 0;
    single(&[a, b]) && whole(a) && whole(b)
}

fn conv_shape(x: &FlexTensor, weight: &FlexTensor) -> shape::Shape {
    let ([n, h, w, c], [k, k2, c2, o]) = (dims(x), dims(weight));
    assert!(c == c2 && k == k2 && k % 2 == 1, "a convolution of {c} channels by a kernel [{k}, {k2}, {c2}, {o}]");
    shape::Shape { n, h, w, c, o, k }
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

fn convolve(
    x: FlexTensor,
    weight: FlexTensor,
    bias: FlexTensor,
    residual: Option<FlexTensor>,
    shape: shape::Shape,
    fold: Shuffle,
) -> FlexTensor {
    let [x, bias] = [x, bias].map(|tensor| tensor.to_contiguous());
    let residual = residual.map(|residual| residual.to_contiguous());
    let residual = residual.as_ref().map(FlexTensor::storage);
    assert_eq!(bias.storage::<f32>().len(), shape.o, "a bias a channel");
    let mut folded = (fold.input > 1).then(|| conv::space_to_depth(x.storage(), shape, fold.input));
    let x = folded.as_mut().map_or(x.storage(), |folded| folded.as_mut_slice());
    let mut y = if shape.winograd() {
        winograd::forward(x, &packed::transformed(&weight), bias.storage(), residual, shape)
    } else {
        conv::forward(x, weight.to_contiguous().storage(), bias.storage(), residual, shape)
    };
    if fold.output > 1 {
        y = conv::depth_to_space(y.as_mut_slice(), shape, fold.output);
    }
    let (n, p) = (shape.n, fold.output);
    tensor(y, [n, shape.h * p, shape.w * p, shape.o / (p * p)])
}

impl Kernels for Flex {
    fn conv2d_same(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        if !single(&[&x, &weight, &bias]) {
            return composed::conv2d::<Self>(x, weight, bias);
        }
        let shape = conv_shape(&x, &weight);
        convolve(x, weight, bias, None, shape, Shuffle::default())
    }

    fn conv2d_add(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
    ) -> Option<FloatTensor<Self>> {
        single(&[&x, &weight, &bias, &residual]).then(|| {
            let shape = conv_shape(&x, &weight);
            assert_eq!(dims(&residual), [shape.n, shape.h, shape.w, shape.o], "a residual for every result");
            convolve(x, weight, bias, Some(residual), shape, Shuffle::default())
        })
    }

    fn conv2d_shuffle(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        fold: Shuffle,
    ) -> Option<FloatTensor<Self>> {
        single(&[&x, &weight, &bias]).then(|| {
            let ([n, h, w, c], [k, k2, c2, o], p) = (dims(&x), dims(&weight), fold.input);
            assert!(
                h % p == 0 && w % p == 0 && c * p * p == c2 && k == k2 && k % 2 == 1 && o % fold.output.pow(2) == 0,
                "[{n}, {h}, {w}, {c}] folded by {p} for a kernel [{k}, {k2}, {c2}, {o}], unfolded by {}",
                fold.output
            );
            let shape = shape::Shape { n, h: h / p, w: w / p, c: c2, o, k };
            convolve(x, weight, bias, None, shape, fold)
        })
    }

    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        if matrices(&a, &b) { matrix_product(&a, b, None) } else { Self::float_matmul(a, b) }
    }

    fn dense_layer(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        if !(matrices(&x, &weight) && single(&[&bias])) {
            return composed::linear::<Self>(x, weight, bias);
        }
        let bias = dense(bias);
        matrix_product(&x, weight, Some(slice(&bias)))
    }

    fn waves(level: FloatTensor<Self>, frequencies: FloatTensor<Self>) -> FloatTensor<Self> {
        let [count] = dims(&frequencies);
        if !single(&[&level, &frequencies]) || count == 0 {
            return composed::waves::<Self>(level, frequencies);
        }
        let [rows, columns] = dims(&level);
        assert_eq!(columns, 1, "a level a row");
        let [level, frequencies] = [level, frequencies].map(dense);
        tensor(dense::waves(slice(&level), slice(&frequencies)), [rows, 2 * count])
    }

    fn activation(z: FloatTensor<Self>, activation: Activation, order: u8) -> FloatTensor<Self> {
        if !single(&[&z]) {
            return composed::activation::<Self>(z, activation, order);
        }
        let z = dense(z);
        tensor(dense::activation(slice(&z), activation, order), dims::<2>(&z))
    }

    fn modulated(z: FloatTensor<Self>, t: FloatTensor<Self>, activation: Activation, order: u8) -> FloatTensor<Self> {
        if !single(&[&z, &t]) {
            return composed::modulated::<Self>(z, t, activation, order);
        }
        let [z, t] = [z, t].map(dense);
        modulated_dims(&z, &t);
        tensor(dense::modulated(slice(&z), slice(&t), activation, order), dims::<2>(&t))
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

    fn group_norm_film(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        embedding: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: Norm,
    ) -> Option<FloatTensor<Self>> {
        single(&[&x, &gamma, &beta, &embedding, &weight, &bias]).then(|| {
            let shape = norm_shape(&x, &gamma, &beta, options.groups);
            let (size, [rows, e], [inputs, columns]): ([usize; 4], [usize; 2], [usize; 2]) =
                (dims(&x), dims(&embedding), dims(&weight));
            assert!(
                (rows == shape.n || rows == 1) && inputs == e && columns == 2 * shape.c,
                "an embedding [{rows}, {e}] by [{inputs}, {columns}] for {} samples of {} channels",
                shape.n,
                shape.c
            );
            let [x, gamma, beta] = [x, gamma, beta].map(|tensor| tensor.to_contiguous());
            let [embedding, weight, bias] = [embedding, weight, bias].map(|tensor| tensor.to_contiguous());
            let film = norm::Film {
                embedding: embedding.storage(),
                weight: weight.storage(),
                bias: bias.storage(),
                gamma: gamma.storage(),
                beta: beta.storage(),
            };
            tensor(norm::film(x.storage(), film, options.epsilon, shape, options.silu), size)
        })
    }

    fn attention(qkv: FloatTensor<Self>, heads: usize) -> Option<FloatTensor<Self>> {
        single(&[&qkv]).then(|| {
            let [n, h, w, c] = dims(&qkv);
            assert!(heads > 0 && c % (3 * heads) == 0, "{c} channels for queries, keys and values of {heads} heads");
            let y = attention::forward(qkv.to_contiguous().storage(), h * w, c / 3, heads);
            tensor(y, [n, h, w, c / 3])
        })
    }

    fn join(a: FloatTensor<Self>, b: FloatTensor<Self>) -> Option<FloatTensor<Self>> {
        single(&[&a, &b]).then(|| {
            let ([n, h, w, c], [n2, h2, w2, d]) = (dims(&a), dims(&b));
            assert_eq!([n, h, w], [n2, h2, w2], "two parts of the same pixels");
            let [a, b] = [a, b].map(|tensor| tensor.to_contiguous());
            let mut y = buffer::take(n * h * w * (c + d));
            let (a, b): (&[f32], &[f32]) = (a.storage(), b.storage());
            map_chunks(y.as_mut_slice(), h * w * (c + d), |i, y| {
                let (a, b) = (&a[i * h * w * c..], &b[i * h * w * d..]);
                for (y, (a, b)) in y.chunks_exact_mut(c + d).zip(a.chunks_exact(c).zip(b.chunks_exact(d))) {
                    y[..c].copy_from_slice(a);
                    y[c..].copy_from_slice(b);
                }
            });
            tensor(y, [n, h, w, c + d])
        })
    }
}

fn modulated_dims(z: &FlexTensor, t: &FlexTensor) {
    let ([n, w], [rows, columns]) = (dims(z), dims(t));
    assert!(n > 0 && rows % n == 0 && columns == w, "[{rows}, {columns}] times a function of [{n}, {w}]");
}

impl KernelGradients for Flex {
    fn dense_layer_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        want_x: bool,
    ) -> (Option<FloatTensor<Self>>, [FloatTensor<Self>; 2]) {
        if !(matrices(&x, &weight) && single(&[&grad])) {
            return composed::linear_backward::<Self>(x, weight, grad, want_x);
        }
        let grad = dense(grad);
        let columns = dims::<2>(&weight)[1];
        let db = tensor(dense::column_sums(slice(&grad), columns), [columns]);
        let dx = want_x.then(|| matrix_product(&grad, weight.transpose(0, 1), None));
        (dx, [matrix_product(&x.transpose(0, 1), grad, None), db])
    }

    fn modulated_backward(
        z: FloatTensor<Self>,
        t: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        activation: Activation,
        order: u8,
    ) -> [FloatTensor<Self>; 2] {
        if !single(&[&z, &t, &grad]) {
            return composed::modulated_backward::<Self>(z, t, grad, activation, order);
        }
        let [z, t, grad] = [z, t, grad].map(dense);
        modulated_dims(&z, &t);
        let (values, size) = (slice(&z), dims::<2>(&t));
        let dz = tensor(dense::modulated_gradient(values, slice(&t), slice(&grad), activation, order), dims::<2>(&z));
        [dz, tensor(dense::modulated(values, slice(&grad), activation, order), size)]
    }

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
        let shape::Shape { n, h, w, c, o, k } = shape;
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
