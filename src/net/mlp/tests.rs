//! Derivatives against central differences in f64, and counts against numbers worked out by hand.

use burn::{
    Tensor,
    module::{Module as _, ModuleMapper, Param},
    tensor::{DType, Device, Int, TensorData},
};

use crate::{
    net::{Activation, Architecture, Evaluate as _, MlpConfig, Network, NetworkConfig as _, TimeEmbedding},
    noise::{Noise, Purpose},
};

/// In f64, every parameter drawn anew: a fresh head is zero.
struct Drawn(u64);

impl ModuleMapper for Drawn {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.0 += 1;
        let values = normal(self.0, param.lazy_shape().num_elements());
        let (shape, scale) = (param.lazy_shape(), 0.5);
        param.map(|old| {
            let data = TensorData::new(values.iter().map(|z| scale * z).collect(), shape);
            Tensor::from_data(data, (&old.device(), DType::F64))
        })
    }
}

fn normal(sample: u64, count: usize) -> Vec<f64> {
    let mut values = vec![0.0; count];
    Noise::new(7).fill_normal(sample, Purpose::Weights, 0, &mut values);
    values.into_iter().map(f64::from).collect()
}

fn tensor(values: Vec<f64>, dims: [usize; 2]) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, dims), (&Device::flex(), DType::F64))
}

fn values(tensor: Tensor<2>) -> Vec<f64> {
    tensor.into_data().try_to_vec().unwrap()
}

fn configs() -> impl Iterator<Item = MlpConfig> {
    [Activation::Silu, Activation::Softplus, Activation::Tanh].into_iter().flat_map(|activation| {
        [(1, false), (3, false), (1, true), (3, true)].map(move |(depth, energy)| MlpConfig {
            dim: 3,
            width: 5,
            depth,
            activation,
            embedding: 4,
            classes: 2,
            energy,
            ..MlpConfig::default()
        })
    })
}

fn network(config: &MlpConfig) -> Network {
    config.init(1, &Device::flex()).map(&mut Drawn(100))
}

const N: usize = 4;

/// Points, levels and classes of one batch.
fn batch() -> (Tensor<2>, Tensor<2>, Tensor<1, Int>) {
    let class = Tensor::from_data([0, 1, 2, 1], &Device::flex());
    (tensor(normal(1, 3 * N), [N, 3]), tensor(normal(2, N), [N, 1]), class)
}

/// Of central differences at this step in f64: h² times a third derivative, and 1e-16/h of rounding.
const STEP: f64 = 1e-5;
const TOLERANCE: f64 = 1e-8;

#[test]
fn tangents_are_differences() {
    for config in configs() {
        let (net, (x, level, class)) = (network(&config), batch());
        let at = |x: Tensor<2>| net.forward(x, level.clone(), class.clone());
        let directions: Vec<_> = (10..13).map(|i| tensor(normal(i, 3 * N), [N, 3])).collect();
        for count in [0, 1, 3] {
            let (f, tangents) = net.jvp(x.clone(), level.clone(), class.clone(), &directions[..count]);
            assert_eq!((values(f), tangents.len()), (values(at(x.clone())), count));
            for (v, tangent) in directions.iter().zip(tangents) {
                let there = |h: f64| at(x.clone() + v.clone() * h);
                let difference = values((there(STEP) - there(-STEP)) / (2.0 * STEP));
                for (ours, theirs) in values(tangent).into_iter().zip(difference) {
                    assert!((ours - theirs).abs() < TOLERANCE, "{config:?}: {ours} {theirs}");
                }
            }
        }
    }
}

#[test]
fn an_energys_force_is_its_slope() {
    for config in configs() {
        let (net, (x, level, class)) = (network(&config), batch());
        assert_eq!((net.has_energy(), config.has_energy()), (config.energy, config.energy));
        let at = |x: Tensor<2>| net.energy(x, level.clone(), class.clone());
        if !config.energy {
            assert!(at(x).is_none());
            continue;
        }
        let force = values(net.forward(x.clone(), level.clone(), class.clone()));
        for dimension in 0..3 {
            let unit = tensor((0..3).map(|i| if i == dimension { STEP } else { 0.0 }).collect(), [1, 3]);
            let there = |sign: f64| values(at(x.clone() + unit.clone() * sign).unwrap());
            for (row, (up, down)) in there(1.0).into_iter().zip(there(-1.0)).enumerate() {
                let slope = (up - down) / (2.0 * STEP);
                assert!((force[3 * row + dimension] + slope).abs() < TOLERANCE, "{config:?}");
            }
        }
    }
}

#[test]
fn an_energys_jacobian_is_symmetric() {
    for config in configs().filter(|config| config.energy) {
        let (net, (x, level, class)) = (network(&config), batch());
        let axes: Vec<_> = (0..3)
            .map(|axis| tensor((0..3 * N).map(|i| if i % 3 == axis { 1.0 } else { 0.0 }).collect(), [N, 3]))
            .collect();
        let columns: Vec<_> = net.jvp(x, level, class, &axes).1.into_iter().map(values).collect();
        for row in 0..N {
            for (i, j) in [(0, 1), (0, 2), (1, 2)] {
                let apart = columns[j][3 * row + i] - columns[i][3 * row + j];
                // f64's rounding of sums of tens of terms of about 1.
                assert!(apart.abs() < 1e-13, "{config:?}: {apart}");
            }
        }
    }
}

#[test]
fn one_row_of_level_is_the_whole_batchs() {
    let config = MlpConfig { dim: 3, width: 5, embedding: 4, ..MlpConfig::default() };
    let (net, (x, _, class)) = (network(&config), batch());
    let of = |levels: usize| values(net.forward(x.clone(), tensor(vec![0.3; levels], [levels, 1]), class.clone()));
    assert_eq!(of(1), of(N));
    let blind = network(&MlpConfig { time: TimeEmbedding::None, ..config });
    let of = |level: f64| values(blind.forward(x.clone(), tensor(vec![level], [1, 1]), class.clone()));
    // Of clean data there is no noise level: ln 0.
    assert_eq!(of(0.3), of(f64::NEG_INFINITY));
}

#[test]
fn parameters_are_counted() {
    let count = |config: MlpConfig| Architecture::Mlp(config).parameters();
    let plain = MlpConfig { time: TimeEmbedding::None, ..MlpConfig::default() };
    // 2-128-128-128-2.
    assert_eq!(count(plain.clone()), 3 * 128 + 2 * 129 * 128 + 129 * 2);
    // 16 frequencies, 32 waves; a row for each of 3 classes and for none.
    assert_eq!(count(MlpConfig { classes: 3, ..MlpConfig::default() }), count(plain.clone()) + 16 + 32 * 128 + 4 * 128);
    // One output, without a bias.
    assert_eq!(count(MlpConfig { energy: true, ..plain.clone() }), count(plain.clone()) - 129 * 2 + 128);
    // What an evaluation holds at its widest: a layer and the next.
    assert_eq!(Architecture::Mlp(plain).activations(), 2 * 128);
}
