//! Perceptrons and energy networks against the same in PyTorch, float64: `tests/reference/mlp.py`.

use std::collections::BTreeMap;

use burn::{
    Tensor,
    module::{Module, ModuleMapper, Param},
    tensor::{DType, Device, Int, TensorData},
};
use scorefield::{
    net::{Activation, Evaluate as _, MlpConfig, Network, NetworkConfig as _, TimeEmbedding},
    train::flat,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    sizes: Sizes,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Sizes {
    dim: usize,
    width: usize,
    depth: usize,
    embedding: usize,
    classes: usize,
}

#[derive(Deserialize)]
struct Case {
    activation: Activation,
    energy: bool,
    parameters: BTreeMap<String, Vec<f64>>,
    x: Vec<Vec<f64>>,
    c_noise: Vec<f64>,
    class: Vec<i32>,
    directions: Vec<Vec<Vec<f64>>>,
    output: Vec<Vec<f64>>,
    tangents: Vec<Vec<Vec<f64>>>,
    energies: Option<Vec<f64>>,
    loss: f64,
    gradients: BTreeMap<String, Vec<f64>>,
}

/// The fixture's parameters, in their order in the network, in a precision.
struct Given<'a> {
    names: std::vec::IntoIter<String>,
    parameters: &'a BTreeMap<String, Vec<f64>>,
    dtype: DType,
}

impl ModuleMapper for Given<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let values = self.parameters[&self.names.next().unwrap()].clone();
        let (shape, dtype) = (param.lazy_shape(), self.dtype);
        param.map(|old| {
            let data = TensorData::new(values, shape).convert_dtype(dtype);
            Tensor::from_data(data, (&old.device(), dtype)).require_grad()
        })
    }
}

fn network(case: &Case, sizes: &Sizes, dtype: DType, device: &Device) -> Network {
    let &Sizes { dim, width, depth, embedding, classes } = sizes;
    let (activation, energy, time) = (case.activation, case.energy, TimeEmbedding::Sinusoidal);
    let config = MlpConfig { dim, width, depth, activation, time, embedding, classes, energy };
    let net = config.init(1, device);
    let names: Vec<_> = flat::layout(&net).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), case.parameters.len());
    net.map(&mut Given { names: names.into_iter(), parameters: &case.parameters, dtype })
}

fn close(ours: Tensor<2>, theirs: &[f64], tolerance: f64, what: &str) {
    let ours: Vec<f64> = ours.into_data().iter().collect();
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert!((ours - theirs).abs() < tolerance * (1.0 + theirs.abs()), "{what}: {ours}, PyTorch {theirs}");
    }
}

/// f64 goes through burn's operators, f32 through the kernels: rounding of sums of some tens of terms of order one.
#[test]
fn values_tangents_and_gradients_of_a_jacobian_are_pytorchs() {
    let Fixture { sizes, cases } = serde_json::from_str(include_str!("../reference/mlp.json")).unwrap();
    for (case, (dtype, tolerance)) in
        cases.iter().flat_map(|case| [(DType::F64, 1e-13), (DType::F32, 1e-5)].map(|precision| (case, precision)))
    {
        let device = Device::flex().autodiff();
        let what = format!("{:?}, energy {}, {dtype:?}", case.activation, case.energy);
        let tensor = |rows: &[Vec<f64>]| {
            let data = TensorData::new(rows.concat(), [rows.len(), rows[0].len()]).convert_dtype(dtype);
            Tensor::<2>::from_data(data, (&device, dtype))
        };
        let net = network(case, &sizes, dtype, &device);
        let levels: Vec<_> = case.c_noise.iter().map(|&level| vec![level]).collect();
        let (x, c_noise) = (tensor(&case.x), tensor(&levels));
        let class = Tensor::<1, Int>::from_data(case.class.as_slice(), &device);

        let directions: Vec<_> = case.directions.iter().map(|rows| tensor(rows)).collect();
        let (f, tangents) = net.jvp(x.clone(), c_noise.clone(), class.clone(), &directions);
        close(f, &case.output.concat(), tolerance, &what);
        close(net.forward(x.clone(), c_noise.clone(), class.clone()), &case.output.concat(), tolerance, &what);
        for (ours, theirs) in tangents.into_iter().zip(&case.tangents) {
            close(ours, &theirs.concat(), tolerance, &what);
        }
        match (net.energy(x.clone(), c_noise.clone(), class.clone()), &case.energies) {
            (Some(ours), Some(theirs)) => close(ours, theirs, tolerance, &what),
            (ours, theirs) => assert_eq!((ours.is_some(), theirs.is_some()), (false, false), "{what}"),
        }

        let n = case.x.len();
        let axis = |axis| tensor(&vec![(0..sizes.dim).map(|i| f64::from(u8::from(i == axis))).collect(); n]);
        let axes: Vec<_> = (0..sizes.dim).map(axis).collect();
        let (f, columns) = net.jvp(x, c_noise, class, &axes);
        let traces = columns.into_iter().enumerate().map(|(axis, column)| column.narrow(1, axis, 1));
        let trace = traces.reduce(|sum, term| sum + term).unwrap();
        let loss = (trace + f.square().sum_dim(1) * 0.5).mean();
        close(loss.clone().inner().reshape([1, 1]), &[case.loss], tolerance, &what);
        let gradient = flat::gradient(&net, &loss.backward());
        let mut first = 0;
        for (name, size) in flat::layout(&net) {
            let ours = gradient.clone().narrow(0, first, size).reshape([1, size]);
            first += size;
            // Training leaves the frequencies as they are.
            let none = vec![0.0; size];
            close(ours, case.gradients.get(&name).unwrap_or(&none), tolerance, &format!("{what}, ∂{name}"));
        }
    }
}
