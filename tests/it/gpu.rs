//! The shipped network and the samplers on a GPU that offers what WebGPU promises and no more: how many dispatches an
//! evaluation and an update take, and that the scores are the CPU's.

#![allow(clippy::print_stdout, reason = "the counts are for whoever reads the test's output")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    thread::{self, ThreadId},
};

use burn::{
    Tensor,
    tensor::{
        Device, TensorData,
        wgpu::{WgpuSetup, wgpu},
    },
};
use burn_cubecl::cubecl::logging::{LaunchObservation, LaunchObserver};
use scorefield::{
    compute::account,
    model::Model,
    sampler::{Sampler, SamplerKind, Settings},
    score::{Density, Score},
    sde::{Level, Process},
};

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

/// The kernels that one thread launches, by name: other tests run beside this one.
struct Launches(ThreadId, Mutex<BTreeMap<&'static str, usize>>);

impl LaunchObserver for Launches {
    fn launched(&self, kernel: &'static str) {
        if thread::current().id() == self.0 {
            *self.1.lock().unwrap().entry(kernel).or_default() += 1;
        }
    }
}

/// What `f` launches.
fn watch<R>(f: impl FnOnce() -> R) -> (R, BTreeMap<&'static str, usize>) {
    let launches = Arc::new(Launches(thread::current().id(), Mutex::default()));
    let observation = LaunchObservation::new(launches.clone());
    let result = f();
    drop(observation);
    let launches = std::mem::take(&mut *launches.1.lock().unwrap());
    (result, launches)
}

/// All in one test: a process has one observation at a time.
#[test]
fn the_work_is_few_dispatches_and_gives_the_cpus_numbers() {
    match device() {
        Ok(gpu) => {
            evaluations(&gpu);
            updates(&gpu);
        }
        Err(error) if std::env::var_os("SCOREFIELD_REQUIRE_GPU").is_none() => {
            println!("skipped, as SCOREFIELD_REQUIRE_GPU is not set: {error}");
        }
        Err(error) => panic!("{error}"),
    }
}

/// The shipped network's score: how many dispatches it takes, that all of them are on its account, and that it is the
/// CPU's.
fn evaluations(gpu: &Device) {
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
            let (again, launches) = watch(|| account::counted(|| score.score(x, &level)));
            let (again, account) = (again.0.into_data(), again.1);
            assert_eq!(first, again, "a kernel reads what another one writes");
            let total: usize = launches.values().sum();
            let counted: u64 = account.values().map(|cost| cost.dispatches).sum();
            assert_eq!(counted, total as u64, "dispatches beside the account: {launches:#?} {account:#?}");
            (again.try_into_vec::<f32>().unwrap(), total, launches)
        };
        let (cpu, none, _) = on(&Device::flex());
        assert_eq!(none, 0);
        let (scores, total, launches) = on(gpu);
        println!("{n} samples, guidance {guidance}: {total} dispatches, {launches:#?}");
        assert!(total <= 42, "{total} dispatches");
        let largest = cpu.iter().fold(0f32, |most, value| most.max(value.abs()));
        let apart = cpu.iter().zip(&scores).fold(0f32, |most, (a, b)| most.max((a - b).abs()));
        println!("{:e} apart", apart / largest);
        // Sums of up to 1,728 products in another order, through 40 layers; 7e-7 on lavapipe.
        assert!(apart <= 1e-5 * largest, "{apart} apart, of {largest}");
    }
}

/// A score that takes no dispatch, with a log-density that takes none either.
struct Free {
    density: Option<Tensor<2>>,
    /// Held against evaluations that are not the sampler's own.
    evaluations: std::cell::Cell<usize>,
}

impl Score for Free {
    fn score(&self, x: Tensor<2>, _: &Level) -> Tensor<2> {
        self.evaluations.set(self.evaluations.get() + 1);
        x
    }

    fn density(&self) -> Option<&dyn Density> {
        self.density.is_some().then_some(self)
    }
}

impl Density for Free {
    fn log_density(&self, _: Tensor<2>, _: &Level) -> Tensor<2> {
        self.density.clone().unwrap()
    }
}

/// Polls once: a future that waits for the device is not ready.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(result) => Some(result),
        std::task::Poll::Pending => None,
    }
}

/// Every sampler's own dispatches, beside its evaluations, in its longest update.
fn updates(gpu: &Device) {
    let vp = Process::Vp(Default::default());
    const LEAPS: usize = 10;
    let settings = |sampler| Settings {
        sampler,
        steps: Some(5),
        n: 3,
        churn: 5.0,
        level_steps: 4,
        leapfrog_steps: (sampler == SamplerKind::Hmc).then_some(LEAPS),
        ..Settings::default()
    };
    // In all, and an evaluation: one for every point that is evaluated or ended at, where nothing depends on a norm.
    let expected = |kind, evaluations: usize| match kind {
        SamplerKind::Euler
        | SamplerKind::Ddim
        | SamplerKind::Dpmpp2m
        | SamplerKind::Dpmpp2mSde
        | SamplerKind::EulerMaruyama
        | SamplerKind::ReverseDiffusion
        | SamplerKind::Ancestral
        | SamplerKind::Ddpm
        | SamplerKind::Ula => 1,
        // Two evaluations.
        SamplerKind::Heun | SamplerKind::StochasticHeun | SamplerKind::DpmSolver | SamplerKind::Dpmpp2s => 2,
        // Two evaluations, and the point raised to new noise.
        SamplerKind::Edm => 3,
        // One evaluation: its estimate, the point corrected by it, and the next.
        SamplerKind::UniPc => 3,
        // Four evaluations.
        SamplerKind::Rk4 => 4,
        // Two evaluations: the predictor's update, and the corrector's norms and update.
        SamplerKind::Pc => 3,
        // Four evaluations, after the move to the level.
        SamplerKind::AnnealedLangevin => 5,
        // One evaluation: its point, the momentum and the energies, and the choice between two points by a mask.
        SamplerKind::Mala => 19,
        // As many more points and momenta as leaps.
        SamplerKind::Hmc => 19 + 2 * (LEAPS - 1),
        // Three an evaluation: a stage, its x, and the slope; two a try: the error, and its norms; more in the first
        // update, which has an evaluation for the first slope and one for the first step's size.
        SamplerKind::Ode => 3 * evaluations + evaluations / 3 + 6,
    };
    let mut beyond = Vec::new();
    for &kind in SamplerKind::all() {
        let density = matches!(kind, SamplerKind::Mala | SamplerKind::Hmc);
        let density = density.then(|| Tensor::from_data([[-1.0f32], [-2.0], [0.5]], gpu));
        let score = Free { density, evaluations: Default::default() };
        let mut sampler = Sampler::new(&settings(kind).plan(&vp, 784).unwrap(), gpu).unwrap();
        let mut most = (0, BTreeMap::new());
        let (mut shown, mut evaluated) = (None, 0);
        let updates = sampler.total().map(|total| total - usize::from(settings(kind).denoise));
        loop {
            let (step, launches) = watch(|| match kind {
                SamplerKind::Ode => Some(sampler.step(&score)),
                _ => at_once(sampler.advance(&score)),
            });
            let step = step.unwrap_or_else(|| panic!("{kind:?} waits for the device")).unwrap();
            let Some(step) = step else { break };
            let total: usize = launches.values().sum();
            let evaluations = score.evaluations.get() - std::mem::replace(&mut evaluated, score.evaluations.get());
            // The final denoising is one, as any estimate.
            let bound =
                if updates.is_some_and(|updates| step.index > updates) { 1 } else { expected(kind, evaluations) };
            if total > bound {
                beyond.push(format!("{}: {total} dispatches, not {bound}: {launches:#?}", kind.name()));
            }
            if total > most.0 {
                most = (total, launches);
            }
            shown = Some(step);
        }
        println!("{}: at most {} an update, {evaluated} evaluations in all: {:?}", kind.name(), most.0, most.1);
        let (_, launches) = watch(|| shown.unwrap().denoised());
        assert_eq!(launches.values().sum::<usize>(), 1, "an estimate is one dispatch");
    }
    assert!(beyond.is_empty(), "{}", beyond.join("\n"));
}
