//! WebGPU: an adapter and a device that we acquire, registered with burn.
//!
//! burn could acquire its own, but then a lost device or an uncaptured error would panic, and neither the limits nor
//! the adapter would be ours to choose and to show.

use std::sync::Arc;

use burn::tensor::{
    Device,
    wgpu::{WgpuSetup, wgpu},
};

use super::report;
use crate::{Error, Result};

/// The GPU operations that are sent at once: an evaluation is about fifty, and a browser starts each batch late.
const TASKS_MAX: usize = 64;

/// What burn computes on, for who draws with it.
pub(super) struct Gpu {
    pub(super) instance: wgpu::Instance,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    /// The adapter computes in software.
    pub(super) software: bool,
}

/// Opens the default adapter, a software one too.
///
/// # Errors
/// When there is none, it lacks what burn needs, or it gives no device.
pub(super) async fn open() -> Result<(Device, Gpu)> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::BROWSER_WEBGPU,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..wgpu::RequestAdapterOptions::default()
    };
    let adapter = instance
        .request_adapter(&options)
        .await
        .map_err(|error| unavailable(format!("there is no adapter ({error})")))?;
    // Without GPU timers cubecl-wgpu panics as it starts (its stream's `Timings::system`).
    if !adapter.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
        return Err(unavailable("the adapter lacks timestamp-query".into()));
    }
    let (device, queue) = adapter
        .request_device(&wgpu::DeviceDescriptor {
            label: Some("scorefield"),
            required_features: adapter.features() & FEATURES,
            required_limits: limits(&adapter.limits()),
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..wgpu::DeviceDescriptor::default()
        })
        .await
        .map_err(|error| unavailable(format!("the adapter gives no device ({error})")))?;

    let software = adapter.get_info().device_type == wgpu::DeviceType::Cpu;
    let gpu = Gpu { instance: instance.clone(), device: device.clone(), queue: queue.clone(), software };
    let setup = WgpuSetup { instance, adapter, device: device.clone(), queue, backend: wgpu::Backend::BrowserWebGpu };
    let registered = Device::wgpu_options()
        .tasks_max(TASKS_MAX)
        .setup(setup)
        .init()
        .map_err(|error| unavailable(format!("burn cannot use it ({error})")))?;

    // After the registration, which installs handlers of its own: its handler of errors panics.
    device.set_device_lost_callback(|reason, message| {
        report::event("lost", &format!("the GPU was lost ({reason:?}) {message}"));
    });
    device.on_uncaptured_error(Arc::new(|error: wgpu::Error| report::event("gpu-error", &error.to_string())));
    Ok((registered, gpu))
}

/// What burn's kernels can make use of; all other features would only narrow the choice of devices.
const FEATURES: wgpu::Features = wgpu::Features::TIMESTAMP_QUERY.union(wgpu::Features::SHADER_F16);

/// The adapter's limits where kernels depend on them, WebGPU's defaults elsewhere.
fn limits(adapter: &wgpu::Limits) -> wgpu::Limits {
    wgpu::Limits {
        max_bind_groups: adapter.max_bind_groups,
        max_bindings_per_bind_group: adapter.max_bindings_per_bind_group,
        max_storage_buffers_per_shader_stage: adapter.max_storage_buffers_per_shader_stage,
        max_storage_buffer_binding_size: adapter.max_storage_buffer_binding_size,
        max_uniform_buffer_binding_size: adapter.max_uniform_buffer_binding_size,
        max_buffer_size: adapter.max_buffer_size,
        max_compute_workgroup_storage_size: adapter.max_compute_workgroup_storage_size,
        max_compute_invocations_per_workgroup: adapter.max_compute_invocations_per_workgroup,
        max_compute_workgroup_size_x: adapter.max_compute_workgroup_size_x,
        max_compute_workgroup_size_y: adapter.max_compute_workgroup_size_y,
        max_compute_workgroup_size_z: adapter.max_compute_workgroup_size_z,
        max_compute_workgroups_per_dimension: adapter.max_compute_workgroups_per_dimension,
        min_uniform_buffer_offset_alignment: adapter.min_uniform_buffer_offset_alignment,
        min_storage_buffer_offset_alignment: adapter.min_storage_buffer_offset_alignment,
        ..wgpu::Limits::default()
    }
}

fn unavailable(problem: String) -> Error {
    Error::Device { device: "webgpu".into(), problem, remedy: "use the CPU, or a browser with WebGPU".into() }
}
