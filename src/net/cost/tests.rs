//! The counts against numbers worked out by hand.

use burn::tensor::Device;

use super::*;

/// The shipped network's.
fn shipped() -> Architecture {
    Architecture::default()
}

#[test]
fn the_least_is_the_sum_over_the_layers() {
    // The shipped network: 28×28 in patches of 2, 48 channels at 14×14, 96 at 7×7. Multiply-adds of its convolutions,
    // layer by layer: (pixels, taps·inputs·outputs).
    let layers: [(u64, u64); 21] = [
        (196, 9 * 4 * 48),  // stem
        (196, 9 * 48 * 48), // down, 14×14
        (196, 9 * 48 * 48),
        (49, 192 * 48),    // resize
        (49, 9 * 48 * 96), // down, 7×7
        (49, 9 * 96 * 96),
        (49, 48 * 96),
        (49, 9 * 96 * 96), // middle
        (49, 9 * 96 * 96),
        (49, 96 * 288), // attention
        (49, 96 * 96),
        (49, 9 * 96 * 96), // middle
        (49, 9 * 96 * 96),
        (49, 9 * 192 * 96), // up, 7×7
        (49, 9 * 96 * 96),
        (49, 192 * 96),
        (49, 96 * 192),     // resize
        (196, 9 * 96 * 48), // up, 14×14
        (196, 9 * 48 * 48),
        (196, 96 * 48),
        (196, 9 * 48 * 4), // head
    ];
    let convolutions: u64 = layers.iter().map(|(pixels, products)| pixels * products).sum();
    let least = Least::of(&shipped(), 1, 1);
    assert_eq!(least.convolutions, convolutions);
    // What ARCHITECTURE.md says of a sample: 60.6 million multiply-adds, 121 MFLOP.
    assert_eq!((2 * convolutions + 500_000) / 1_000_000, 121);
    // Samples differ in nothing but their number; guidance is twice as many.
    assert_eq!(Least::of(&shipped(), 16, 1).convolutions, 16 * convolutions);
    assert_eq!(Least::of(&shipped(), 16, 2).convolutions, 32 * convolutions);
    // Every parameter of the network is read once, but for the classes that no sample has.
    let net = shipped().init(0, &Device::flex());
    let parameters = burn::module::Module::num_params(&net) as u64;
    assert_eq!(least.weights, parameters - 10 * 128);
    assert_eq!(Least::of(&shipped(), 16, 1).weights, parameters);
}

/// Of networks of every kind of layer, as counted by a walk through the U-Net that was written apart from this list of its
/// layers: dispatches, FLOPs, bytes read and written.
#[test]
fn the_least_is_that_of_a_walk_through_the_network() {
    let unet = |change: fn(&mut crate::net::UNetConfig)| {
        let mut config = crate::net::UNetConfig::default();
        change(&mut config);
        Architecture::UNet(config)
    };
    let large = unet(|c| {
        (c.shape, c.patch, c.width, c.multipliers) = ([3, 32, 32], 1, 64, vec![2, 1, 4]);
        (c.blocks, c.heads, c.embedding, c.classes) = (2, 8, 256, 0);
    });
    let flat = unet(|c| (c.heads, c.multipliers) = (0, vec![2]));
    for (architecture, batch, halves, [dispatches, flops, read, written]) in [
        (&shipped(), 1, 1, [20, 122_709_376, 5_021_520, 482_944]),
        (&shipped(), 16, 1, [20, 1_961_465_856, 16_410_320, 7_727_104]),
        (&shipped(), 4, 2, [20, 981_445_632, 10_312_400, 3_851_008]),
        (&large, 1, 1, [38, 4_387_897_344, 59_175_436, 6_844_416]),
        (&large, 3, 2, [38, 26_314_276_864, 119_353_868, 41_029_632]),
        (&flat, 20, 1, [11, 5_751_220_224, 24_677_968, 12_857_600]),
    ] {
        assert_eq!(least(architecture, batch, halves), Cost { dispatches, flops, read, written });
    }
}

#[cfg(feature = "gpu")]
mod gpu {
    use std::collections::BTreeMap;

    use super::*;
    use crate::compute::{
        account::counted,
        launch::testing::{gpu, random},
        ops,
    };

    #[test]
    fn a_layers_count_is_the_hands() {
        let Some(gpu) = gpu() else { return };
        // 3·5·7 = 105 pixels in tiles of 8·4 (few workgroups: the smaller tile), 4 of them; 10 channels in tiles of
        // 8·2, 1 of them; 9·6 products each.
        let [x, residual] = [[3, 5, 7, 6], [3, 5, 7, 10]].map(|dims| random(dims).to_device(gpu));
        let (weight, bias) = (random([3, 3, 6, 10]).to_device(gpu), random([10]).to_device(gpu));
        let (_, kernels) = counted(|| ops::conv2d_add(x, weight, bias, residual));
        let expected = Cost {
            dispatches: 1,
            flops: 2 * (4 * 32) * 16 * 54,
            read: 4 * (105 * 6 + 540 + 10 + 105 * 10),
            written: 4 * 105 * 10,
        };
        assert_eq!(kernels, BTreeMap::from([("convolution", expected)]));
        // 25 tokens in 4 workgroups of 8 queries, 2 heads of 3; the logits and the weighted values.
        let qkv = random([1, 5, 5, 18]).to_device(gpu);
        let (_, kernels) = counted(|| ops::attention(qkv, 2));
        let expected = Cost { dispatches: 1, flops: 2 * (32 + 25) * 25 * 6, read: 4 * 25 * 18, written: 4 * 25 * 6 };
        assert_eq!(kernels, BTreeMap::from([("attention", expected)]));
        // Nothing is counted outside, nor on the CPU.
        assert!(counted(|| ops::attention(random([1, 5, 5, 18]), 2)).1.is_empty());
    }
}
