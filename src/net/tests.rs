//! What is said of networks by arithmetic, against the networks themselves.

use std::collections::BTreeMap;

use burn::{
    Tensor,
    module::{Module as _, ModuleVisitor, Param},
    tensor::{Device, Int},
};
use proptest::prelude::*;

use super::*;

/// Any configuration that is within its limits, of a network small enough for a test.
fn unet() -> impl Strategy<Value = UNetConfig> {
    let sizes = (prop_oneof![Just(1usize), Just(3)], 1..4usize, 1..4usize, 1..4usize);
    let widths = (1..5usize, 1..4usize, prop::collection::vec(1..4usize, 1..4));
    let rest = (1..3usize, 0..4usize, 1..9usize, any::<bool>(), 0..4usize);
    (sizes, widths, rest).prop_map(|((channels, patch, rows, columns), (groups, factor, multipliers), rest)| {
        let (blocks, heads, half, fourier, classes) = rest;
        let (width, stride) = (groups * factor, patch << (multipliers.len() - 1));
        let deepest = width * multipliers[multipliers.len() - 1];
        UNetConfig {
            shape: [channels, rows * stride, columns * stride],
            patch,
            width,
            multipliers,
            blocks,
            // The largest divisor that is not above the number drawn.
            heads: (0..=heads).rev().find(|&heads| heads == 0 || deepest % heads == 0).unwrap_or(0),
            groups,
            embedding: 2 * half,
            time: if fourier { TimeEmbedding::Fourier { scale: 1.0 } } else { TimeEmbedding::Sinusoidal },
            classes,
        }
    })
}

fn mlp() -> impl Strategy<Value = MlpConfig> {
    let sizes = (1..5usize, 1..9usize, 1..4usize, 1..5usize, 0..3usize);
    (sizes, 0..3usize, 0..3usize, any::<bool>()).prop_map(|((dim, width, depth, half, classes), time, act, energy)| {
        MlpConfig {
            dim,
            width,
            depth,
            activation: [Activation::Silu, Activation::Softplus, Activation::Tanh][act],
            time: [TimeEmbedding::Fourier { scale: 1.0 }, TimeEmbedding::Sinusoidal, TimeEmbedding::None][time],
            embedding: 2 * half,
            classes,
            energy,
        }
    })
}

fn any_network() -> impl Strategy<Value = Architecture> {
    prop_oneof![unet().prop_map(Architecture::UNet), mlp().prop_map(Architecture::Mlp)]
}

/// Name and size of every parameter.
fn parameters(network: &Network) -> BTreeMap<String, u64> {
    #[derive(Default)]
    struct Sizes {
        path: Vec<String>,
        sizes: BTreeMap<String, u64>,
    }
    impl ModuleVisitor for Sizes {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.sizes.insert(self.path.join("."), param.lazy_shape().num_elements() as u64);
        }
    }
    let mut sizes = Sizes::default();
    network.visit(&mut sizes);
    sizes.sizes
}

fn evaluated(network: &Network, d: usize, device: &Device) -> Vec<f32> {
    let x = Tensor::<2>::ones([1, d], device) * 0.5;
    let class = Tensor::<1, Int>::zeros([1], device);
    network.forward(x, Tensor::zeros([1, 1], device), class).into_data().try_into_vec().unwrap()
}

/// Numbers about zero, about the limits and beyond all.
fn edges() -> BoxedStrategy<usize> {
    prop_oneof![
        4 => 0..10usize,
        2 => prop::sample::select(vec![16, 17, 64, 128, 255, 256, 1023, 1024, 1025, 4096, 10_000, 10_001]),
        1 => any::<usize>(),
    ]
    .boxed()
}

/// Numbers that often divide one another.
fn small() -> BoxedStrategy<usize> {
    prop::sample::select(vec![0, 1, 1, 1, 2, 2, 2, 3, 4, 4]).boxed()
}

/// Configurations of any numbers, few of them good.
fn any_unet(number: BoxedStrategy<usize>) -> impl Strategy<Value = UNetConfig> {
    let n = move || number.clone();
    let multipliers = prop::collection::vec(n(), 0..8);
    ((n(), n(), n()), (n(), n(), n()), (n(), n(), n(), n()), multipliers).prop_map(
        |((c, h, w), (patch, width, blocks), (heads, groups, embedding, classes), multipliers)| UNetConfig {
            shape: [c, h, w],
            patch,
            width,
            multipliers,
            blocks,
            heads,
            groups,
            embedding,
            time: TimeEmbedding::Sinusoidal,
            classes,
        },
    )
}

/// The same of perceptrons.
fn any_mlp(number: BoxedStrategy<usize>) -> impl Strategy<Value = MlpConfig> {
    let n = move || number.clone();
    (n(), n(), n(), n(), n(), any::<bool>()).prop_map(|(dim, width, depth, embedding, classes, energy)| MlpConfig {
        dim,
        width,
        depth,
        embedding,
        classes,
        energy,
        ..MlpConfig::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4096) })]

    #[test]
    fn validation_never_panics(unet in any_unet(edges()), mlp in any_mlp(edges())) {
        // No product leaves its range, in what is refused and in what is not.
        let _ = Architecture::UNet(unet).validate();
        let _ = Architecture::Mlp(mlp).validate();
    }

    #[test]
    fn what_small_numbers_validate_evaluates(config in any_unet(small())) {
        let (device, architecture) = (Device::flex(), Architecture::UNet(config));
        if architecture.validate().is_ok() {
            let d = architecture.space().dim();
            prop_assert_eq!(evaluated(&architecture.init(1, &device), d, &device).len(), d);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn what_is_valid_evaluates_and_has_the_parameters_and_blocks_of_its_layers(architecture in any_network()) {
        let device = Device::flex();
        architecture.validate().unwrap();
        let (layers, network) = (architecture.layers(), architecture.init(1, &device));
        let mut rest = parameters(&network);
        for layer in layers.iter().filter(|layer| !layer.name.is_empty()) {
            let inside = format!("{}.", layer.name);
            let own: Vec<_> = rest.keys().filter(|name| **name == layer.name || name.starts_with(&inside)).cloned().collect();
            let sum = own.iter().filter_map(|name| rest.remove(name)).sum::<u64>();
            prop_assert_eq!(sum, layer.parameters, "{}", &layer.name);
        }
        prop_assert!(rest.is_empty(), "in no layer: {:?}", rest.keys());
        prop_assert_eq!(architecture.parameters(), network.num_params() as u64);

        let d = architecture.space().dim();
        prop_assert_eq!(evaluated(&network, d, &device).len(), d);
        let [x, level] = [d, 1].map(|d| Tensor::zeros([1, d], &device));
        let by_blocks = network.by_blocks(x, level, Tensor::zeros([1], &device));
        prop_assert_eq!(by_blocks.count(), architecture.blocks());
    }
}

#[test]
fn a_network_that_cannot_is_refused_what_it_cannot() {
    let refused = |architecture: Architecture| architecture.validate().unwrap_err().to_string();
    let unet = UNetConfig { time: TimeEmbedding::None, ..UNetConfig::default() };
    let found = refused(Architecture::UNet(unet));
    assert!(found.starts_with("architecture.time.kind = none: expected fourier or sinusoidal"), "{found}");
    for (config, field) in [
        (MlpConfig { dim: 0, ..MlpConfig::default() }, "architecture.dim"),
        (MlpConfig { width: 0, ..MlpConfig::default() }, "architecture.width = 0"),
        (MlpConfig { depth: 0, ..MlpConfig::default() }, "architecture.depth = 0"),
        (MlpConfig { depth: 33, ..MlpConfig::default() }, "architecture.depth = 33"),
        (MlpConfig { embedding: 31, ..MlpConfig::default() }, "architecture.embedding = 31: expected an even"),
        (MlpConfig { classes: 10_001, ..MlpConfig::default() }, "architecture.classes"),
        (
            MlpConfig { time: TimeEmbedding::Fourier { scale: f64::NAN }, ..MlpConfig::default() },
            "architecture.time.scale",
        ),
        (MlpConfig { dim: 65_536, width: 8192, depth: 32, ..MlpConfig::default() }, "architecture = "),
    ] {
        let found = refused(Architecture::Mlp(config));
        assert!(found.starts_with(field), "{found}");
    }
}

#[test]
fn activations_are_those_at_the_widest_place() {
    // 4×4 pixels of one channel, one level of 2 channels, an embedding of 2. The widest is the way up's first convolution:
    // the join of 2 + 2 channels, which the shortcut still needs, the same normalised, and the result of 2, of 16 pixels
    // each; and the condition's 2 numbers.
    let config = UNetConfig {
        shape: [1, 4, 4],
        patch: 1,
        width: 2,
        multipliers: vec![1],
        groups: 1,
        heads: 0,
        embedding: 2,
        classes: 0,
        ..UNetConfig::default()
    };
    let architecture = Architecture::UNet(config.clone());
    assert_eq!(architecture.activations(), 16 * (4 + 4 + 2) + 2);
    // Attention between the 16 pixels by 2 heads holds 2·16² weights beside its own 2 channels, the 6 of q, k and v, the 2
    // of the block before, for the sum after it, and the 2 for the way up.
    let architecture = Architecture::UNet(UNetConfig { heads: 2, ..config });
    assert_eq!(architecture.activations(), 2 * 16 * 16 + 16 * (2 + 6 + 2 + 2) + 2);
}
