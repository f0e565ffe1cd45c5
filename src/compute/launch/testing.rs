//! A GPU for tests, software ones included, and the comparison of a kernel with burn's own operators.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, ThreadId},
};

use burn::{
    Tensor,
    tensor::{Device, Distribution},
};
use burn_cubecl::cubecl::logging::{LaunchObservation, LaunchObserver};

use crate::device::DeviceChoice;

/// As the CPU kernels', and twice as much again for a GPU's exp, sin and √.
pub const TOLERANCE: f32 = 6e-5;

/// One for all tests.
pub fn gpu() -> Option<&'static Device> {
    static DEVICE: OnceLock<Option<Device>> = OnceLock::new();
    let open = || match DeviceChoice::Gpu.init() {
        Ok((device, _)) => Some(device),
        Err(error) if std::env::var_os("SCOREFIELD_REQUIRE_GPU").is_none() => {
            println!("skipped, as SCOREFIELD_REQUIRE_GPU is not set: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    };
    DEVICE.get_or_init(open).as_ref()
}

/// Standard normal values, on the CPU.
pub fn random<const D: usize>(dims: [usize; D]) -> Tensor<D> {
    Tensor::random(dims, Distribution::Normal(0.0, 1.0), &Device::flex())
}

/// Counts the launches of one thread: the tests run beside one another.
struct Launches(ThreadId, AtomicUsize);

impl LaunchObserver for Launches {
    fn launched(&self, _: &'static str) {
        if thread::current().id() == self.0 {
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What `f` returns, and the dispatches that it makes.
pub fn launches<T>(f: impl FnOnce() -> T) -> (T, usize) {
    // A process has one observation at a time.
    static OBSERVING: Mutex<()> = Mutex::new(());
    let _observing = OBSERVING.lock().unwrap_or_else(PoisonError::into_inner);
    let launches = Arc::new(Launches(thread::current().id(), AtomicUsize::new(0)));
    let observation = LaunchObservation::new(launches.clone());
    let result = f();
    drop(observation);
    (result, launches.1.load(Ordering::Relaxed))
}

/// `ours` on the GPU, in one dispatch, gives what `theirs` does.
#[track_caller]
pub fn assert_is<const D: usize>(ours: impl FnOnce() -> Tensor<D>, theirs: Tensor<D>) {
    let (ours, dispatches) = launches(ours);
    assert_eq!(dispatches, 1, "dispatches");
    assert_eq!(ours.dims(), theirs.dims());
    let ours = ours.to_device(&Device::flex());
    let scale = theirs.clone().abs().max().into_scalar::<f32>().max(1.0);
    let worst = (ours - theirs).abs().max().into_scalar::<f32>();
    assert!(worst <= TOLERANCE * scale, "{worst} apart, of {scale}");
}
