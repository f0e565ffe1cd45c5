//! The operators' steps in burn's automatic differentiation.
//!
//! A step keeps its inputs and recomputes what else it needs: patches and statistics are cheaper to make again
//! than to store and read.

use super::{
    extension::{KernelGradients, Kernels},
    options::{Activation, Norm},
};
use burn::backend::{
    Autodiff, Backend,
    autodiff::{
        NodeId,
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::FloatTensor,
};

#[derive(Debug)]
struct Conv2d;

impl<B: Backend + KernelGradients> Backward<B, 3> for Conv2d {
    /// x and the weight.
    type State = [NodeId; 2];

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let [x, weight] = ops.state.map(|node| checkpointer.retrieve_node_output::<FloatTensor<B>>(node));
        let [x_node, weight_node, bias_node] = ops.parents;
        if let (Some(node), None, None) = (&x_node, &weight_node, &bias_node) {
            grads.register::<B>(node.id, B::conv2d_same_input_backward(x, weight, grad));
            return;
        }
        let (dx, [dw, db]) = B::conv2d_same_backward(x, weight, grad, x_node.is_some());
        for (node, grad) in [(x_node, dx), (weight_node, Some(dw)), (bias_node, Some(db))] {
            if let (Some(node), Some(grad)) = (node, grad) {
                grads.register::<B>(node.id, grad);
            }
        }
    }
}

#[derive(Debug)]
struct GroupNorm;

impl<B: Backend + KernelGradients> Backward<B, 3> for GroupNorm {
    /// x, γ and β.
    type State = ([NodeId; 3], Norm);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (nodes, norm) = ops.state;
        let [x, gamma, beta] = nodes.map(|node| checkpointer.retrieve_node_output::<FloatTensor<B>>(node));
        let gradients = B::group_norm_backward(x, gamma, beta, grad, norm);
        for (node, grad) in ops.parents.into_iter().zip(gradients) {
            if let Some(node) = node {
                grads.register::<B>(node.id, grad);
            }
        }
    }
}

#[derive(Debug)]
struct Product;

impl<B: Backend + KernelGradients> Backward<B, 2> for Product {
    /// a and b.
    type State = [NodeId; 2];

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let [a, b] = ops.state.map(|node| checkpointer.retrieve_node_output::<FloatTensor<B>>(node));
        let [a_node, b_node] = ops.parents;
        if let Some(node) = a_node {
            grads.register::<B>(node.id, B::product(grad.clone(), B::float_transpose(b)));
        }
        if let Some(node) = b_node {
            grads.register::<B>(node.id, B::product(B::float_transpose(a), grad));
        }
    }
}

#[derive(Debug)]
struct Linear;

impl<B: Backend + KernelGradients> Backward<B, 3> for Linear {
    /// x and the weight.
    type State = [NodeId; 2];

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let [x, weight] = ops.state.map(|node| checkpointer.retrieve_node_output::<FloatTensor<B>>(node));
        let [x_node, weight_node, bias_node] = ops.parents;
        if let (Some(node), None, None) = (&x_node, &weight_node, &bias_node) {
            grads.register::<B>(node.id, B::product(grad, B::float_transpose(weight)));
            return;
        }
        let (dx, [dw, db]) = B::dense_layer_backward(x, weight, grad, x_node.is_some());
        for (node, grad) in [(x_node, dx), (weight_node, Some(dw)), (bias_node, Some(db))] {
            if let (Some(node), Some(grad)) = (node, grad) {
                grads.register::<B>(node.id, grad);
            }
        }
    }
}

#[derive(Debug)]
struct Activated;

impl<B: Backend + KernelGradients> Backward<B, 1> for Activated {
    /// z.
    type State = (NodeId, Activation, u8);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (node, activation, order) = ops.state;
        let z = checkpointer.retrieve_node_output::<FloatTensor<B>>(node);
        if let [Some(node)] = ops.parents {
            grads.register::<B>(node.id, B::modulated(z, grad, activation, order + 1));
        }
    }
}

#[derive(Debug)]
struct Modulated;

impl<B: Backend + KernelGradients> Backward<B, 2> for Modulated {
    /// z and t.
    type State = ([NodeId; 2], Activation, u8);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (nodes, activation, order) = ops.state;
        let [z, t] = nodes.map(|node| checkpointer.retrieve_node_output::<FloatTensor<B>>(node));
        if let [None, Some(node)] = &ops.parents {
            grads.register::<B>(node.id, B::modulated(z, grad, activation, order));
            return;
        }
        let gradients = B::modulated_backward(z, t, grad, activation, order);
        for (node, grad) in ops.parents.into_iter().zip(gradients) {
            if let Some(node) = node {
                grads.register::<B>(node.id, grad);
            }
        }
    }
}

impl<B: Backend + KernelGradients, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        match Product.prepare::<C>([a.node(), b.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = [prep.checkpoint(&a), prep.checkpoint(&b)];
                prep.finish(state, B::product(a.into_primitive(), b.into_primitive()))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::product(a.into_primitive(), b.into_primitive())),
        }
    }

    fn dense_layer(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        match Linear.prepare::<C>([x.node(), weight.node(), bias.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = [prep.checkpoint(&x), prep.checkpoint(&weight)];
                prep.finish(state, B::dense_layer(x.into_primitive(), weight.into_primitive(), bias.into_primitive()))
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(B::dense_layer(x.into_primitive(), weight.into_primitive(), bias.into_primitive()))
            }
        }
    }

    fn activation(z: FloatTensor<Self>, activation: Activation, order: u8) -> FloatTensor<Self> {
        match Activated.prepare::<C>([z.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&z), activation, order);
                prep.finish(state, B::activation(z.into_primitive(), activation, order))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::activation(z.into_primitive(), activation, order)),
        }
    }

    fn modulated(z: FloatTensor<Self>, t: FloatTensor<Self>, activation: Activation, order: u8) -> FloatTensor<Self> {
        match Modulated.prepare::<C>([z.node(), t.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = ([prep.checkpoint(&z), prep.checkpoint(&t)], activation, order);
                prep.finish(state, B::modulated(z.into_primitive(), t.into_primitive(), activation, order))
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(B::modulated(z.into_primitive(), t.into_primitive(), activation, order))
            }
        }
    }

    fn conv2d_same(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        match Conv2d.prepare::<C>([x.node(), weight.node(), bias.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = [prep.checkpoint(&x), prep.checkpoint(&weight)];
                prep.finish(state, B::conv2d_same(x.into_primitive(), weight.into_primitive(), bias.into_primitive()))
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(B::conv2d_same(x.into_primitive(), weight.into_primitive(), bias.into_primitive()))
            }
        }
    }

    fn group_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        norm: Norm,
    ) -> FloatTensor<Self> {
        match GroupNorm.prepare::<C>([x.node(), gamma.node(), beta.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = ([&x, &gamma, &beta].map(|tensor| prep.checkpoint(tensor)), norm);
                let y = B::group_norm(x.into_primitive(), gamma.into_primitive(), beta.into_primitive(), norm);
                prep.finish(state, y)
            }
            OpsKind::UnTracked(prep) => {
                let y = B::group_norm(x.into_primitive(), gamma.into_primitive(), beta.into_primitive(), norm);
                prep.finish(y)
            }
        }
    }
}
