//! The largest networks and files that are taken, here and in a browser.

/// What a weights file may ask for. Each program has its own; [`Limits::HERE`] is this one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a weights file.
    pub bytes: u64,
    /// Parameters of a network.
    pub parameters: u64,
    /// Values of a network's activations, per sample: see [`peak`](super::layers::peak).
    pub activations: u64,
}

impl Limits {
    /// A browser's, where WebAssembly has 4 GB in all: a file of 64 MiB, which has room for the parameters in f16 and for
    /// its header, and 256 MiB of activations per sample.
    pub const BROWSER: Self = Self { bytes: 64 << 20, parameters: 32_000_000, activations: 64 << 20 };

    /// The command line's: a file of 4 GiB, which has room for the parameters in f32 and for its header, and 1 GiB of
    /// activations per sample.
    pub const NATIVE: Self = Self { bytes: 4 << 30, parameters: 1_000_000_000, activations: 256 << 20 };

    /// This program's.
    pub const HERE: Self = if cfg!(target_family = "wasm") { Self::BROWSER } else { Self::NATIVE };
}
