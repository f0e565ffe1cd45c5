//! One step of Adam with an average of the parameters, in one pass over its vectors.

use burn::{Tensor, backend::Dispatch};

use super::extension::Vectors as _;

/// What a step does to every value, g ← scale·g; m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g²;
/// p ← p − rate·m/(√v/correction + ε), p̄ ← p̄ + (p − p̄)·approach.
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    /// Of the gradient: what clips it.
    pub scale: f64,
    /// β₁.
    pub beta1: f64,
    /// β₂.
    pub beta2: f64,
    /// √(1 − β₂ᵗ).
    pub correction: f64,
    /// ε.
    pub epsilon: f64,
    /// The learning rate over 1 − β₁ᵗ.
    pub rate: f64,
    /// 1 − the average's decay.
    pub approach: f64,
}

/// Parameters, average and moments after a step with `gradient`.
///
/// # Shapes
/// All: `[p]`.
#[must_use]
pub fn adam(state: [Tensor<1>; 4], gradient: Tensor<1>, rule: Adam) -> [Tensor<1>; 4] {
    let p = gradient.dims()[0];
    let [parameters, average, moment1, moment2] = state.clone().map(Tensor::into_dispatch);
    let own = Dispatch::adam(parameters, average, moment1, moment2, gradient.clone().into_dispatch(), rule);
    if let Some(own) = own {
        let all = Tensor::<2>::from_dispatch(own);
        return [0, 1, 2, 3].map(|row| all.clone().narrow(0, row, 1).reshape([p]));
    }
    let Adam { scale, beta1, beta2, correction, epsilon, rate, approach } = rule;
    let [parameters, average, moment1, moment2] = state;
    let gradient = gradient * scale;
    let moment1 = moment1 * beta1 + gradient.clone() * (1.0 - beta1);
    let moment2 = moment2 * beta2 + gradient.square() * (1.0 - beta2);
    let parameters = parameters - moment1.clone() / (moment2.clone().sqrt() / correction + epsilon) * rate;
    let average = average.clone() + (parameters.clone() - average) * approach;
    [parameters, average, moment1, moment2]
}
