//! Every kernel beside burn's own operators, in a browser: for the tests alone, which build this export of the engine
//! with the feature `kernel-tests`.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use burn::tensor::Device;
use burn_cubecl::cubecl::logging::{LaunchObservation, LaunchObserver};
use js_sys::Function;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::{gpu, report};
use crate::net::cases::{self, Draw};

/// What JavaScript sees of a case.
#[derive(Serialize)]
struct Checked {
    kernel: &'static str,
    sizes: String,
    views: usize,
    /// Relative error; none where no kernel took the case.
    worst: Option<f64>,
    /// Of the GPU, for this case.
    dispatches: usize,
}

#[derive(Default)]
struct Launches(AtomicUsize);

impl LaunchObserver for Launches {
    fn launched(&self, _: &'static str) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Compares every kernel of `webgpu` or `cpu` in `count` cases of a seed: `[{ kernel, sizes, views, worst, dispatches }]`.
///
/// # Errors
/// When there is no such device.
#[wasm_bindgen(js_name = checkKernels)]
pub async fn check_kernels(device: String, seed: u32, count: u32, emit: Function) -> Result<JsValue, JsValue> {
    report::install(emit);
    let on_gpu = device == "webgpu";
    let device = if on_gpu { gpu::open().await.map_err(report::error)?.0 } else { Device::flex() };
    let launches = Arc::new(Launches::default());
    let observation = LaunchObservation::new(launches.clone());
    let mut checked = Vec::new();
    for (kernel, make) in cases::kernels(on_gpu) {
        for index in 0..count {
            let case = make(&mut Draw::new(seed.into(), index.into(), device.clone()));
            let before = launches.0.load(Ordering::Relaxed);
            let ours = (case.ours)();
            let dispatches = launches.0.load(Ordering::Relaxed) - before;
            let worst = match ours {
                Some(ours) => Some(cases::distance(ours, case.theirs).await),
                None => None,
            };
            checked.push(Checked { kernel, sizes: case.sizes, views: case.views, worst, dispatches });
        }
    }
    drop(observation);
    report::plain(&checked)
}
