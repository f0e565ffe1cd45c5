//! Devices: where tensors live.
//!
//! `auto` takes a real GPU if there is one and else the CPU: a software adapter (lavapipe, SwiftShader, WARP)
//! is many times slower than the CPU's own kernels. `gpu` takes any adapter, so that tests can.

#[cfg(not(target_family = "wasm"))]
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

#[cfg(not(target_family = "wasm"))]
use crate::{Error, Result};

/// Where to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// A real GPU if there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU, through burn-flex.
    Cpu,
    /// Any GPU through wgpu, software ones included.
    Gpu,
    /// NVIDIA's CUDA (a build with the feature `cuda`).
    Cuda,
}

impl DeviceChoice {
    /// Opens the device; the text names it, its backend and its kernels.
    ///
    /// # Errors
    /// When there is no such device, or this build has no support for it.
    pub fn init(self) -> Result<(Device, String)> {
        match self {
            Self::Cpu => Ok(cpu()),
            Self::Gpu => gpu::open(true),
            // A GPU that fails to open must not keep the CPU from working.
            Self::Auto => Ok(gpu::open(false).unwrap_or_else(|error| {
                let (device, description) = cpu();
                (device, format!("{description}; no GPU: {}", problem(&error)))
            })),
            Self::Cuda => cuda(),
        }
    }
}

/// What is wrong, without the remedy: nobody asked for a GPU.
fn problem(error: &Error) -> String {
    match error {
        Error::Device { problem, .. } => problem.clone(),
        other => other.to_string(),
    }
}

fn cpu() -> (Device, String) {
    (Device::flex(), format!("cpu (burn-flex, {}, {} threads)", vector_unit(), rayon::current_num_threads()))
}

/// The widest vector unit that the kernels use here.
fn vector_unit() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f") {
            return "AVX-512";
        }
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            return "AVX2";
        }
        "SSE2"
    }
    #[cfg(target_arch = "aarch64")]
    {
        "NEON"
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        "scalar"
    }
}

#[cfg(feature = "gpu")]
mod gpu {
    use burn::tensor::{Device, DeviceKind};

    use super::{Error, Result};

    pub(super) fn open(software: bool) -> Result<(Device, String)> {
        let fail = |problem: String| Error::Device {
            device: "gpu".to_owned(),
            problem,
            remedy: "install a Vulkan, Metal or DX12 driver, or use --device cpu".to_owned(),
        };
        let kind = kind(software).ok_or_else(|| {
            fail(if software { "wgpu finds no adapter" } else { "wgpu finds no adapter but software ones" }.to_owned())
        })?;
        let (device, setup) =
            Device::wgpu_options().device_kind(kind).init_with_setup().map_err(|e| fail(e.to_string()))?;
        let info = setup.adapter.get_info();
        let kernels = if cfg!(feature = "gpu-full") { "SPIR-V, autotune" } else { "WGSL" };
        Ok((device, format!("{} (wgpu, {}, {kernels})", info.name, info.backend)))
    }

    /// The best adapter there is, or none.
    fn kind(software: bool) -> Option<DeviceKind> {
        // Without OpenGL, whose start-up prints complaints where there is no display.
        let backends = wgpu::Backends::PRIMARY;
        let descriptor =
            wgpu::InstanceDescriptor { backends, ..wgpu::InstanceDescriptor::new_without_display_handle() };
        let instance = wgpu::Instance::new(descriptor);
        let adapters = futures_lite::future::block_on(instance.enumerate_adapters(backends));
        let types: Vec<_> = adapters.iter().map(|adapter| adapter.get_info().device_type).collect();
        let has = |wanted| types.contains(&wanted);
        if has(wgpu::DeviceType::DiscreteGpu) {
            Some(DeviceKind::DiscreteGpu(0))
        } else if has(wgpu::DeviceType::IntegratedGpu) {
            Some(DeviceKind::IntegratedGpu(0))
        } else if has(wgpu::DeviceType::VirtualGpu) {
            Some(DeviceKind::VirtualGpu(0))
        } else {
            (software && has(wgpu::DeviceType::Cpu)).then_some(DeviceKind::Cpu)
        }
    }
}

#[cfg(not(feature = "gpu"))]
mod gpu {
    use super::{Device, Error, Result};

    pub(super) fn open(_software: bool) -> Result<(Device, String)> {
        Err(Error::Device {
            device: "gpu".to_owned(),
            problem: "this build has no GPU support".to_owned(),
            remedy: "build with the default features, or use --device cpu".to_owned(),
        })
    }
}

#[cfg(feature = "cuda")]
fn cuda() -> Result<(Device, String)> {
    Ok((Device::cuda(0), "cuda:0 (burn-cuda)".to_owned()))
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Result<(Device, String)> {
    Err(Error::Device {
        device: "cuda".to_owned(),
        problem: "this build has no CUDA support".to_owned(),
        remedy: "build with --features cuda, or use --device gpu".to_owned(),
    })
}
