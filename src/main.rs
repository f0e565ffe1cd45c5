//! The command line's entry.

#[cfg(not(target_family = "wasm"))]
fn main() -> std::process::ExitCode {
    scorefield::cli::main()
}

#[cfg(target_family = "wasm")]
fn main() {}
