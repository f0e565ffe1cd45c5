//! Every kernel beside burn's own operators, in a browser: for the tests alone, which build this export of the engine
//! with the feature `kernel-tests`.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use burn::{
    Tensor,
    tensor::{Device, Int},
};
use burn_cubecl::cubecl::logging::{LaunchObservation, LaunchObserver};
use js_sys::{Date, Function};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::{gpu, report};
use crate::{
    compute::{
        kernels::testing::{cases, cases::Draw},
        launch::KERNELS_OFF,
    },
    net::{Architecture, Evaluate as _, NetworkConfig as _},
};

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

/// Milliseconds of one evaluation of the shipped architecture, with fresh weights, on WebGPU: by our kernels and by burn's
/// own operators in turn, after one of each; `[[ours, burn's], …]`.
///
/// # Errors
/// When there is no such device, or its results can't be read.
#[wasm_bindgen(js_name = raceBurn)]
pub async fn race_burn(batch: usize, rounds: u32, emit: Function) -> Result<JsValue, JsValue> {
    report::install(emit);
    let device = gpu::open().await.map_err(report::error)?.0;
    let architecture = Architecture::default();
    let net = architecture.init(1, &device);
    let x = Tensor::<2>::ones([batch, architecture.space().dim()], &device);
    let class = Tensor::<1, Int>::zeros([batch], &device);
    let mut times = Vec::new();
    for _ in 0..=rounds {
        let mut pair = [0.0; 2];
        for (burns, time) in [false, true].into_iter().zip(&mut pair) {
            KERNELS_OFF.store(burns, Ordering::Relaxed);
            let begun = Date::now();
            let y = net.forward(x.clone(), Tensor::zeros([1, 1], &device), class.clone());
            let read = y.into_data_async().await;
            *time = Date::now() - begun;
            KERNELS_OFF.store(false, Ordering::Relaxed);
            read.map_err(|error| JsValue::from_str(&format!("{error:?}")))?;
        }
        times.push(pair);
    }
    // The first built the pipelines.
    report::plain(&times[1..].to_vec())
}
