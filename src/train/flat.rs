//! All parameters of a network as one vector, in the order in which the module visits them: the
//! optimiser, the clipping and the average are then a few vector operations, and a checkpoint four vectors.

#[cfg(any(not(target_family = "wasm"), feature = "training"))]
use burn::tensor::Gradients;
use burn::{
    Tensor,
    module::{Module, ModuleMapper, ModuleVisitor, Param},
};

/// The parameters of `module` in a row, on its device without autodiff: `[p]`.
#[must_use]
pub fn flatten<M: Module>(module: &M) -> Tensor<1> {
    struct Collect(Vec<Tensor<1>>);
    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let value = param.val();
            let value = if value.device().is_autodiff() { value.inner() } else { value };
            self.0.push(value.flatten(0, D - 1));
        }
    }
    let mut collect = Collect(Vec::new());
    module.visit(&mut collect);
    Tensor::cat(collect.0, 0)
}

/// `module` with the parameters `flat`, `[p]`. On an autodiff device they are tracked.
#[must_use]
pub fn unflatten<M: Module>(module: M, flat: &Tensor<1>) -> M {
    struct Assign<'a> {
        flat: &'a Tensor<1>,
        offset: usize,
    }
    impl ModuleMapper for Assign<'_> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let shape = param.lazy_shape();
            let size = shape.num_elements();
            let value = self.flat.clone().narrow(0, self.offset, size).reshape(shape);
            self.offset += size;
            param.map(|old| if old.device().is_autodiff() { Tensor::from_inner(value).require_grad() } else { value })
        }
    }
    module.map(&mut Assign { flat, offset: 0 })
}

/// The gradient in the same order; zeros where a parameter has none.
///
/// # Shapes
/// Result: `[p]`, on the device without autodiff.
#[cfg(any(not(target_family = "wasm"), feature = "training"))]
#[must_use]
pub fn gradient<M: Module>(module: &M, gradients: &Gradients) -> Tensor<1> {
    struct Collect<'a> {
        gradients: &'a Gradients,
        parts: Vec<Tensor<1>>,
    }
    impl ModuleVisitor for Collect<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let value = param.val();
            let part = value.grad(self.gradients).unwrap_or_else(|| value.inner().zeros_like());
            self.parts.push(part.flatten(0, D - 1));
        }
    }
    let mut collect = Collect { gradients, parts: Vec::new() };
    module.visit(&mut collect);
    Tensor::cat(collect.parts, 0)
}

/// Name and number of entries of each parameter, in the same order.
#[must_use]
pub fn layout<M: Module>(module: &M) -> Vec<(String, usize)> {
    struct Names {
        path: Vec<String>,
        layout: Vec<(String, usize)>,
    }
    impl ModuleVisitor for Names {
        fn enter_module(&mut self, name: &str, _container: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.layout.push((self.path.join("."), param.lazy_shape().num_elements()));
        }
    }
    let mut names = Names { path: Vec::new(), layout: Vec::new() };
    module.visit(&mut names);
    names.layout
}
