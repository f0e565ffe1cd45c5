//! Scorefield's side of `./dev bench`, natively on the CPU: one JSON request a line on standard input, one answer a line on
//! standard output, so that `bench/run.js` can alternate each measurement with its peer's. `bench/peers.py` speaks the
//! same protocol for PyTorch, `bench/browser.js` for the browser's engines.
//!
//!     cargo bench --bench network -- web/models/fashion.safetensors

mod requests;

use std::io::{BufRead, Write};

use anyhow::Context;
use serde_json::json;

fn main() -> anyhow::Result<()> {
    // `cargo bench` adds --bench.
    let model = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let model =
        model.context("usage: cargo bench --bench network -- WEIGHTS.safetensors, or all of it: ./dev bench")?;
    let mut bench = requests::Bench::open(&model)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", json!({ "ready": true }))?;
    out.flush()?;
    for line in std::io::stdin().lock().lines() {
        let answer =
            serde_json::from_str(&line?).map_err(anyhow::Error::from).and_then(|request| bench.answer(request));
        // What fails costs its rows of the table, which the driver names, and not the others.
        let answer = answer.unwrap_or_else(|error| json!({ "error": format!("{error:#}") }));
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}
