//! The module: F, its tangents, and the energy.

use burn::{
    Tensor,
    module::{Module, Param},
    tensor::Int,
};

use super::MlpConfig;
use crate::{
    compute::{
        ops::{Activation, activation, linear, modulated, product, waves},
        parallel::among_workers,
    },
    net::{Evaluate, NetworkConfig as _, block::Linear, init::Init},
};

/// The network.
#[derive(Module, Debug)]
pub struct Mlp {
    frequencies: Option<Param<Tensor<1>>>,
    /// U, `[waves, width]`.
    time: Option<Param<Tensor<2>>>,
    /// `[classes + 1, width]`.
    class: Option<Param<Tensor<2>>>,
    hidden: Vec<Linear>,
    head: Head,
    #[module(skip)]
    activation: Activation,
}

/// The last layer.
#[derive(Module, Debug)]
struct Head {
    weight: Param<Tensor<2>>,
    /// None of an energy, which is known up to a constant.
    bias: Option<Param<Tensor<1>>>,
}

impl MlpConfig {
    /// The network with weights by `init`.
    pub(super) fn net(&self, init: &Init<'_>) -> Mlp {
        let Self { dim, width, depth, embedding, classes, energy, .. } = *self;
        let outputs = if energy { 1 } else { dim };
        Mlp {
            frequencies: self.time.frequencies(init, embedding / 2),
            time: self.sees_level().then(|| init.normal("time", [embedding, width], (2.0 / embedding as f64).sqrt())),
            class: (classes > 0).then(|| init.normal("class", [classes + 1, width], 1.0)),
            hidden: (0..depth)
                .map(|i| Linear::new(&init.at("hidden").at(i), [if i == 0 { dim } else { width }, width], 1.0))
                .collect(),
            head: Head {
                weight: init.at("head").constant([width, outputs], 0.0),
                bias: (!energy).then(|| init.at("head").constant([outputs], 0.0)),
            },
            activation: self.activation,
        }
    }
}

impl Evaluate for Mlp {
    fn forward(&self, x: Tensor<2>, c_noise: Tensor<2>, class: Tensor<1, Int>) -> Tensor<2> {
        among_workers(&x.device(), || {
            let hidden = self.hidden(x, c_noise, class);
            match self.output(&hidden) {
                Some(output) => output,
                None => self.force(&hidden),
            }
        })
    }

    fn jvp(
        &self,
        x: Tensor<2>,
        c_noise: Tensor<2>,
        class: Tensor<1, Int>,
        directions: &[Tensor<2>],
    ) -> (Tensor<2>, Vec<Tensor<2>>) {
        if directions.is_empty() {
            return (self.forward(x, c_noise, class), Vec::new());
        }
        among_workers(&x.device(), || {
            let n = x.dims()[0];
            let hidden = self.hidden(x, c_noise, class);
            let tangents = self.tangents(&hidden, stacked(directions));
            let (value, tangent) = match self.output(&hidden) {
                Some(output) => {
                    let last = hidden.len() - 1;
                    let tangent = self.modulated(&hidden[last], tangents[last].clone(), 1);
                    (output, product(tangent, self.head.weight.val()))
                }
                None => self.force_tangent(&hidden, &tangents),
            };
            let parts = (0..directions.len()).map(|i| tangent.clone().narrow(0, i * n, n)).collect();
            (value, parts)
        })
    }

    fn has_jvp(&self) -> bool {
        true
    }

    fn energy(&self, x: Tensor<2>, c_noise: Tensor<2>, class: Tensor<1, Int>) -> Option<Tensor<2>> {
        self.has_energy().then(|| {
            among_workers(&x.device(), || {
                let last = self.hidden(x, c_noise, class).pop().expect("at least one hidden layer");
                product(self.activated(&last), self.head.weight.val())
            })
        })
    }

    fn has_energy(&self) -> bool {
        self.head.bias.is_none()
    }
}

impl Mlp {
    /// z₁ … z_L.
    fn hidden(&self, x: Tensor<2>, c_noise: Tensor<2>, class: Tensor<1, Int>) -> Vec<Tensor<2>> {
        let mut z = self.hidden[0].forward(x);
        if let (Some(frequencies), Some(time)) = (&self.frequencies, &self.time) {
            // Neither is differentiated: training leaves the frequencies as they are.
            let waves = waves(constant(c_noise), constant(frequencies.val()));
            z = z + product(waves, time.val());
        }
        if let Some(rows) = &self.class {
            z = z + rows.val().select(0, class);
        }
        let mut hidden = vec![z];
        for layer in &self.hidden[1..] {
            hidden.push(layer.forward(self.activated(&hidden[hidden.len() - 1])));
        }
        hidden
    }

    /// F of the hidden layers; none of an energy network.
    fn output(&self, hidden: &[Tensor<2>]) -> Option<Tensor<2>> {
        let last = self.activated(&hidden[hidden.len() - 1]);
        self.head.bias.as_ref().map(|bias| linear(last, self.head.weight.val(), bias.val()))
    }

    /// ż₁ … ż_L for ẋ: `[m·n, d]`, m directions below each other.
    fn tangents(&self, hidden: &[Tensor<2>], direction: Tensor<2>) -> Vec<Tensor<2>> {
        let mut tangents = vec![product(direction, self.hidden[0].weight.val())];
        for (layer, z) in self.hidden[1..].iter().zip(hidden) {
            let tangent = self.modulated(z, tangents[tangents.len() - 1].clone(), 1);
            tangents.push(product(tangent, layer.weight.val()));
        }
        tangents
    }

    /// a(z).
    fn activated(&self, z: &Tensor<2>) -> Tensor<2> {
        activation(z.clone(), self.activation, 0)
    }

    /// The activation's derivative at z, times `tangent`, whose directions are below each other.
    fn modulated(&self, z: &Tensor<2>, tangent: Tensor<2>, order: u8) -> Tensor<2> {
        modulated(z.clone(), tangent, self.activation, order)
    }

    /// ∂E/∂a(z_L) = w in every one of `n` rows.
    fn last_gradient(&self, n: usize) -> Tensor<2> {
        let weight = self.head.weight.val().transpose();
        let width = weight.dims()[1];
        weight.expand([n, width])
    }

    /// −∇E.
    fn force(&self, hidden: &[Tensor<2>]) -> Tensor<2> {
        // q is the gradient by a layer's a(z), g that by its z.
        let mut q = self.last_gradient(hidden[0].dims()[0]);
        for (layer, z) in self.hidden.iter().zip(hidden).rev() {
            let g = self.modulated(z, q, 1);
            q = product(g, layer.weight.val().transpose());
        }
        -q
    }

    /// −∇E and its tangents, `[n, d]` and `[m·n, d]`.
    fn force_tangent(&self, hidden: &[Tensor<2>], tangents: &[Tensor<2>]) -> (Tensor<2>, Tensor<2>) {
        let mut q = self.last_gradient(hidden[0].dims()[0]);
        let mut q_tangent: Option<Tensor<2>> = None;
        for ((layer, z), tangent) in self.hidden.iter().zip(hidden).zip(tangents).rev() {
            // ġ = a″(z) ⊙ ż ⊙ q + a′(z) ⊙ q̇
            let mut g_tangent = along(q.clone(), self.modulated(z, tangent.clone(), 2));
            if let Some(q_tangent) = q_tangent {
                g_tangent = g_tangent + self.modulated(z, q_tangent, 1);
            }
            let weight = layer.weight.val().transpose();
            q = product(self.modulated(z, q, 1), weight.clone());
            q_tangent = Some(product(g_tangent, weight));
        }
        (-q, -q_tangent.expect("at least one hidden layer"))
    }
}

/// Without automatic differentiation: a constant to what it enters.
fn constant<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    if tensor.device().is_autodiff() { tensor.inner() } else { tensor }
}

/// The directions below each other.
fn stacked(directions: &[Tensor<2>]) -> Tensor<2> {
    match directions {
        [one] => one.clone(),
        many => Tensor::cat(many.to_vec(), 0),
    }
}

/// f ⊙ ż for each direction: `f` `[n, w]`, `tangent` `[m·n, w]`.
fn along(f: Tensor<2>, tangent: Tensor<2>) -> Tensor<2> {
    let ([n, w], [rows, _]) = (f.dims(), tangent.dims());
    if rows == n {
        return f * tangent;
    }
    (tangent.reshape([rows / n, n, w]) * f.unsqueeze()).reshape([rows, w])
}
