//! The list of networks.

use burn::{
    Tensor,
    module::{Module, ModuleMapper, ModuleVisitor},
    tensor::{Device, Int},
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

use super::{
    Evaluate, Limits, Mlp, MlpConfig, NetworkConfig, UNet, UNetConfig,
    init::Init,
    layers::{Layer, blocks, parameters, peak},
};
use crate::{Result, checks::check, space::Space};

/// Its lines: a network's name here, its `kind` in files, its configuration, its module.
macro_rules! networks {
    ($($(#[$doc:meta])* $name:ident = $kind:literal, $config:ty => $net:ty;)+) => {
        /// A network's configuration.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", deny_unknown_fields)]
        pub enum Architecture {
            $($(#[$doc])* #[serde(rename = $kind)] $name($config),)+
        }

        impl Architecture {
            fn config(&self) -> &dyn NetworkConfig {
                match self {
                    $(Self::$name(config) => config,)+
                }
            }
        }

        /// A network. Its parameters have the names that they have in the network itself.
        #[derive(Clone, Debug)]
        #[allow(clippy::large_enum_variant, reason = "a program holds a few networks, not arrays of them")]
        pub enum Network {
            $($(#[$doc])* $name($net),)+
        }

        $(impl From<$net> for Network {
            fn from(net: $net) -> Self {
                Self::$name(net)
            }
        })+

        // burn would put the variant's name before every parameter's.
        impl Module for Network {
            fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
                match self { $(Self::$name(net) => net.visit(visitor),)+ }
            }

            fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
                match self { $(Self::$name(net) => Self::$name(net.map(mapper)),)+ }
            }

            fn collect_devices(&self, devices: Vec<Device>) -> Vec<Device> {
                match self { $(Self::$name(net) => net.collect_devices(devices),)+ }
            }

            fn to_device(self, device: &Device) -> Self {
                match self { $(Self::$name(net) => Self::$name(net.to_device(device)),)+ }
            }

            fn fork(self, device: &Device) -> Self {
                match self { $(Self::$name(net) => Self::$name(net.fork(device)),)+ }
            }

            fn valid(&self) -> Self {
                match self { $(Self::$name(net) => Self::$name(net.valid()),)+ }
            }

            fn train(self) -> Self {
                match self { $(Self::$name(net) => Self::$name(net.train()),)+ }
            }

            fn materialize(self) -> Self {
                match self { $(Self::$name(net) => Self::$name(net.materialize()),)+ }
            }
        }

        impl Evaluate for Network {
            fn forward(&self, x: Tensor<2>, c_noise: Tensor<2>, class: Tensor<1, Int>) -> Tensor<2> {
                match self { $(Self::$name(net) => net.forward(x, c_noise, class),)+ }
            }

            fn jvp(
                &self,
                x: Tensor<2>,
                c_noise: Tensor<2>,
                class: Tensor<1, Int>,
                directions: &[Tensor<2>],
            ) -> (Tensor<2>, Vec<Tensor<2>>) {
                match self { $(Self::$name(net) => net.jvp(x, c_noise, class, directions),)+ }
            }

            fn has_jvp(&self) -> bool {
                match self { $(Self::$name(net) => net.has_jvp(),)+ }
            }

            fn energy(&self, x: Tensor<2>, c_noise: Tensor<2>, class: Tensor<1, Int>) -> Option<Tensor<2>> {
                match self { $(Self::$name(net) => net.energy(x, c_noise, class),)+ }
            }

            fn has_energy(&self) -> bool {
                match self { $(Self::$name(net) => net.has_energy(),)+ }
            }

            fn by_blocks(
                self,
                x: Tensor<2>,
                c_noise: Tensor<2>,
                class: Tensor<1, Int>,
            ) -> Box<dyn Iterator<Item = ()>> {
                match self { $(Self::$name(net) => net.by_blocks(x, c_noise, class),)+ }
            }
        }
    };
}

networks! {
    /// The score U-Net.
    UNet = "unet", UNetConfig => UNet;
    /// The multilayer perceptron, of points.
    Mlp = "mlp", MlpConfig => Mlp;
}

impl Default for Architecture {
    fn default() -> Self {
        Self::UNet(UNetConfig::default())
    }
}

impl NetworkConfig for Architecture {
    fn space(&self) -> Space {
        self.config().space()
    }

    fn classes(&self) -> usize {
        self.config().classes()
    }

    fn validate(&self) -> Result<()> {
        self.validate_within(&Limits::HERE)
    }

    fn layers(&self) -> Vec<Layer> {
        self.config().layers()
    }

    fn sees_level(&self) -> bool {
        self.config().sees_level()
    }

    fn has_jvp(&self) -> bool {
        self.config().has_jvp()
    }

    fn has_energy(&self) -> bool {
        self.config().has_energy()
    }

    fn build(&self, init: &Init<'_>) -> Network {
        self.config().build(init)
    }
}

impl Architecture {
    /// [`NetworkConfig::validate`], and that the network is within `limits`: arithmetic alone, nothing is built.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] with the first field that is out of range.
    pub fn validate_within(&self, limits: &Limits) -> Result<()> {
        self.config().validate()?;
        let layers = self.layers();
        let most = |found: u64, most: u64, what: &str| {
            check(found <= most, "architecture", format!("{found} {what}"), format!("at most {most}"))
        };
        most(parameters(&layers), limits.parameters, "parameters")?;
        most(peak(&layers), limits.activations, "values of activations per sample")
    }

    /// Parameters, exactly.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        parameters(&self.layers())
    }

    /// Values that an evaluation holds at its widest, per sample: see [`peak`].
    #[must_use]
    pub fn activations(&self) -> u64 {
        peak(&self.layers())
    }

    /// Blocks that an evaluation is made of: see [`Evaluate::by_blocks`].
    #[must_use]
    pub fn blocks(&self) -> usize {
        blocks(&self.layers())
    }
}

/// Reads an architecture whose `kind` may be left out, as in a run's `[model]`: it is then the U-Net's.
///
/// # Errors
/// When it is no network's configuration.
pub fn unet_by_default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Architecture, D::Error> {
    let mut value = Value::deserialize(deserializer)?;
    if let Some(fields) = value.as_object_mut() {
        fields.entry("kind").or_insert_with(|| "unet".into());
    }
    Architecture::deserialize(value).map_err(D::Error::custom)
}
