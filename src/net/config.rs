//! What every network's configuration says of it, and what every network does.

use burn::{
    Tensor,
    module::Module,
    tensor::{Device, Int},
};

use super::{Network, init::Init, layers::Layer};
use crate::{Result, space::Space};

/// The configuration of a network: plain data, checked before anything is built of it.
pub trait NetworkConfig {
    /// What the network's samples are.
    fn space(&self) -> Space;

    /// Classes; 0 for an unconditional network. One more row of a conditional one is the null class of guidance.
    fn classes(&self) -> usize;

    /// Checks every field by arithmetic alone, so that all else can take the configuration as it is. How large the network
    /// is as a whole is left to [`Architecture::validate`](super::Architecture::validate).
    ///
    /// # Errors
    /// [`crate::Error::Setting`] with the first field that is out of range, such as `architecture.width`.
    fn validate(&self) -> Result<()>;

    /// The layers of one evaluation in their order, those of a checked configuration.
    fn layers(&self) -> Vec<Layer>;

    /// Whether the network is told the noise level; one that isn't has one score, of one level.
    fn sees_level(&self) -> bool {
        true
    }

    /// Whether [`Evaluate::jvp`] is there.
    fn has_jvp(&self) -> bool {
        false
    }

    /// Whether the network is the gradient of an energy: whether [`Evaluate::energy`] is there.
    fn has_energy(&self) -> bool {
        false
    }

    /// The network with weights by `init`, of a checked configuration.
    fn build(&self, init: &Init<'_>) -> Network;

    /// The network with fresh weights, which depend on `seed` and the parameters' names alone.
    fn init(&self, seed: u64, device: &Device) -> Network {
        self.build(&Init::new(device, seed))
    }

    /// The network with weights of zero, for others to be loaded.
    fn blank(&self, device: &Device) -> Network {
        self.build(&Init::blank(device))
    }

    /// The null class's row, which stands for "no label".
    fn null_class(&self) -> usize {
        self.classes()
    }
}

/// A network F(x̂, c_noise, class).
///
/// Derivatives by the weights and by x̂ come of burn's autodiff. Some networks also have a derivative in forward mode, whose
/// results autodiff differentiates again: losses of a Jacobian have exact gradients by it.
pub trait Evaluate: Module {
    /// F.
    ///
    /// # Shapes
    /// `x`: `[n, d]` of about unit variance; `c_noise`: `[n, 1]`, or `[1, 1]` where all are at one level; `class`: `[n]`,
    /// ignored by an unconditional network; result: `[n, d]`.
    fn forward(&self, x: Tensor<2>, c_noise: Tensor<2>, class: Tensor<1, Int>) -> Tensor<2>;

    /// F and (∂F/∂x̂)·v for each direction v, in one pass.
    ///
    /// # Shapes
    /// As for [`Evaluate::forward`]; each direction and each result: `[n, d]`.
    ///
    /// # Panics
    /// Where [`NetworkConfig::has_jvp`] says that there is none; a run that needs it is refused by its configuration.
    fn jvp(
        &self,
        _x: Tensor<2>,
        _c_noise: Tensor<2>,
        _class: Tensor<1, Int>,
        _directions: &[Tensor<2>],
    ) -> (Tensor<2>, Vec<Tensor<2>>) {
        panic!("a network without a derivative in forward mode")
    }

    /// Whether [`Evaluate::jvp`] is there.
    fn has_jvp(&self) -> bool {
        false
    }

    /// E, of which F = −∇E by x̂, up to a constant; none where F is no gradient.
    ///
    /// # Shapes
    /// As for [`Evaluate::forward`]; result: `[n, 1]`.
    fn energy(&self, _x: Tensor<2>, _c_noise: Tensor<2>, _class: Tensor<1, Int>) -> Option<Tensor<2>> {
        None
    }

    /// Whether [`Evaluate::energy`] is there.
    fn has_energy(&self) -> bool {
        false
    }

    /// An evaluation in as many steps as there are [blocks](super::layers::blocks), for a caller who lets others have the
    /// device in between: each `next` takes one block's. A network that does not part takes all in the first.
    ///
    /// # Shapes
    /// As for [`Evaluate::forward`].
    fn by_blocks(self, x: Tensor<2>, c_noise: Tensor<2>, class: Tensor<1, Int>) -> Box<dyn Iterator<Item = ()>>
    where
        Self: 'static,
    {
        Box::new(std::iter::once_with(move || drop(self.forward(x, c_noise, class))))
    }
}
