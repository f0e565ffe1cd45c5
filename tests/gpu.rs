//! The shipped network on a GPU that offers what WebGPU promises and no more: how many dispatches an evaluation takes,
//! and that it computes the CPU's scores.

#![cfg(feature = "gpu")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use burn::{
    Tensor,
    tensor::{
        Device, TensorData,
        wgpu::{WgpuSetup, wgpu},
    },
};
use burn_cubecl::cubecl::logging::{LaunchObservation, LaunchObserver};
use scorefield::{model::Model, score::Score};

/// Any adapter, with a device of WebGPU's default limits and neither subgroups nor f16: 8 storage buffers, 256
/// units and 16 KB a workgroup.
fn device() -> Result<Device, wgpu::RequestAdapterError> {
    let backends = wgpu::Backends::PRIMARY;
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let options = wgpu::RequestAdapterOptions::default();
    let adapter = futures_lite::future::block_on(instance.request_adapter(&options))?;
    let descriptor = wgpu::DeviceDescriptor {
        // burn's own kernels (of guidance) have 64-bit indices where the adapter could; browsers have none.
        required_features: adapter.features() & wgpu::Features::SHADER_INT64,
        required_limits: wgpu::Limits::default(),
        ..wgpu::DeviceDescriptor::default()
    };
    let (device, queue) = futures_lite::future::block_on(adapter.request_device(&descriptor)).unwrap();
    let backend = adapter.get_info().backend;
    let setup = WgpuSetup { instance, adapter, device, queue, backend };
    Ok(Device::wgpu_options().setup(setup).init().unwrap())
}

/// The kernels that are launched, by name.
#[derive(Default)]
struct Launches(Mutex<BTreeMap<&'static str, usize>>);

impl LaunchObserver for Launches {
    fn launched(&self, kernel: &'static str) {
        *self.0.lock().unwrap().entry(kernel).or_default() += 1;
    }
}

/// All in one test: the launches are those of the process.
#[test]
fn an_evaluation_takes_few_dispatches_and_gives_the_cpus_scores() {
    let gpu = match device() {
        Ok(gpu) => gpu,
        Err(error) if std::env::var_os("SCOREFIELD_REQUIRE_GPU").is_none() => {
            println!("skipped, as SCOREFIELD_REQUIRE_GPU is not set: {error}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let bytes = std::fs::read("web/models/fashion.safetensors").unwrap();
    for (n, guidance) in [(1, 1.0), (3, 1.0), (2, 2.0)] {
        let x: Vec<f32> =
            (0..n * 784).map(|i| 1.5 * (12.9898 * i as f32 + 4.1414 * (0.37 * i as f32).sin()).sin()).collect();
        let on = |device: &Device| {
            let model = Model::from_bytes("fashion", &bytes, device).unwrap();
            let score = model.score(&vec![Some(3); n], guidance, device).unwrap();
            let x = Tensor::<2>::from_data(TensorData::new(x.clone(), [n, 784]), device);
            let level = model.level(0.3).unwrap();
            let first = score.score(x.clone(), &level).into_data();
            let launches = Arc::new(Launches::default());
            let observation = LaunchObservation::new(launches.clone());
            let again = score.score(x, &level).into_data();
            drop(observation);
            assert_eq!(first, again, "a kernel reads what another one writes");
            let launches = std::mem::take(&mut *launches.0.lock().unwrap());
            (again.try_into_vec::<f32>().unwrap(), launches)
        };
        let (cpu, none) = on(&Device::flex());
        assert!(none.is_empty());
        let (scores, launches) = on(&gpu);
        let total: usize = launches.values().sum();
        println!("{n} samples, guidance {guidance}: {total} dispatches, {launches:#?}");
        assert!(total <= 60, "{total} dispatches");
        let largest = cpu.iter().fold(0f32, |most, value| most.max(value.abs()));
        let apart = cpu.iter().zip(&scores).fold(0f32, |most, (a, b)| most.max((a - b).abs()));
        println!("{:e} apart", apart / largest);
        // Sums of up to 1,728 products in another order, through 40 layers; 7e-7 on lavapipe.
        assert!(apart <= 1e-5 * largest, "{apart} apart, of {largest}");
    }
}
