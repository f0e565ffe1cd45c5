//! The WebGPU engine's entry: all that it exports is in the library's `browser` module.

#[cfg(target_family = "wasm")]
use scorefield as _;

/// Runs the constructors by which CubeCL registers what it compiles, once. A module that doesn't run them by itself gets
/// them from the linker in front of each exported function, wasm-bindgen's for every JavaScript object included: ten
/// milliseconds a GPU dispatch.
fn main() {
    #[cfg(target_family = "wasm")]
    {
        unsafe extern "C" {
            fn __wasm_call_ctors();
        }
        // SAFETY: the linker makes it; JavaScript calls `main` once, as it starts the module.
        unsafe { __wasm_call_ctors() };
    }
}
