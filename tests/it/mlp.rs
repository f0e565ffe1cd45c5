//! Perceptrons and energy networks against the same in PyTorch, float64: `tests/reference/mlp.py`.

use std::collections::BTreeMap;

use burn::{
    Tensor,
    module::{Module, ModuleMapper, Param},
    tensor::{DType, Device, Int, TensorData},
};
use scorefield::{
    data::Points,
    net::{Activation, Evaluate as _, MlpConfig, Network, NetworkConfig as _, TimeEmbedding},
    noise::{Noise, Purpose},
    sampler::{Sampler, SamplerKind, Settings},
    score::network::{Denoiser, NetworkScore},
    train::{RunConfig, Trainer, flat},
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

/// An energy network that has learnt 0.8·N(1, 0.3²) + 0.2·N(−1, 0.3²) under VP has its moments at t = 0.3 by MALA and HMC,
/// which accept by the learned density; ULA, at the same step as MALA, has not.
#[test]
fn metropolis_on_a_learned_energy_has_the_datas_moments() {
    const N: usize = 8000;
    let config = RunConfig::parse(
        "name = 'energy'
         data = { name = 'two-moons', sigma_data = 0.854 }
         model = { kind = 'mlp', dim = 1, width = 64, depth = 2, energy = true }
         process = { kind = 'vp' }
         optimiser = { lr = 3e-3, warmup = 20, decay = 'cosine', ema = 0.98 }
         train = { batch = 512, steps = 800, seed = 3 }",
        "energy.toml",
        &[],
    )
    .unwrap();
    let (mut values, mut sides) = (vec![0.0f32; 20_000], vec![0.0; 20_000]);
    Noise::new(6).fill_normal(0, Purpose::Data, 0, &mut values);
    Noise::new(6).fill_uniform(1, Purpose::Data, 0, &mut sides);
    for (x, side) in values.iter_mut().zip(sides) {
        *x = 0.3 * *x + if side < 0.8 { 1.0 } else { -1.0 };
    }
    let (data, device) = (Points::new(values, 1).unwrap(), Device::flex());
    let process = config.process.clone();
    let parameterisation = config.objective().parameterisation();
    let mut trainer = Trainer::new(config, &device);
    for _ in 0..800 {
        trainer.step(&data).unwrap();
    }
    let denoiser = Denoiser { net: trainer.averaged(), parameterisation };
    let score = NetworkScore::new(denoiser, &vec![None; N], 1.0, 0, &device);

    // Of x₀ 0.6 and 0.3² + 1 − 0.6²; of x at t by the process.
    let level = process.level(0.3);
    let (mean, variance) = (level.alpha * 0.6, level.alpha.powi(2) * 0.73 + level.sigma.powi(2));
    let errors = |sampler, steps, step_size| {
        let (step_size, t_end) = (Some(step_size), Some(level.t));
        let settings = Settings { sampler, n: N, steps: Some(steps), step_size, t_end, ..Settings::default() };
        let settings = Settings { denoise: false, ..settings };
        let mut sampler = Sampler::new(&settings.plan(&process, 1).unwrap(), &device).unwrap();
        while sampler.step(&score).unwrap().is_some() {}
        let x: Vec<f64> = sampler.x().into_data().iter().collect();
        let m = x.iter().sum::<f64>() / N as f64;
        let v = x.iter().map(|x| (x - m).powi(2)).sum::<f64>() / N as f64;
        [m - mean, v / variance - 1.0]
    };
    for (sampler, steps, step_size) in [(SamplerKind::Mala, 150, 0.5), (SamplerKind::Hmc, 30, 0.3)] {
        let [m, v] = errors(sampler, steps, step_size);
        // Four standard errors, √(1/N) = 0.011 and √(2/N) = 0.016; what 800 steps have yet to learn is a few hundredths.
        assert!(m.abs() < 0.08 && v.abs() < 0.1, "{sampler:?}: mean off by {m}, variance by {v}");
    }
    // Its variance is S²/(1 − ε/2S²) on a Gaussian, a third too much at ε = 0.5.
    let [_, v] = errors(SamplerKind::Ula, 150, 0.5);
    assert!(v > 0.15, "ULA's variance off by {v}");
}
