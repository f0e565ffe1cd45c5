//! Parts of a slice over all cores; one after the other where there are no threads (wasm).
//!
//! What a part is never depends on how many threads there are, so neither does any result.

use burn::tensor::Device;

/// `f` on one of the threads that share the work of the CPU (`device` may be another): many short operators in a row are
/// then handed from worker to worker, which takes a tenth of the time that it takes to wake one from outside.
pub fn among_workers<R: Send>(device: &Device, f: impl FnOnce() -> R + Send) -> R {
    #[cfg(target_family = "wasm")]
    let _ = device; // One thread does all.
    #[cfg(not(target_family = "wasm"))]
    if *device == Device::flex() && !device.is_autodiff() {
        return rayon::scope(|_| f());
    }
    f()
}

/// `f(i, chunk)` for the i-th chunk of `size` values (the last may be shorter); the results in order.
pub fn map_chunks<T: Send, R: Send>(data: &mut [T], size: usize, f: impl Fn(usize, &mut [T]) -> R + Sync) -> Vec<R> {
    let len = data.len();
    map_parts(data, len.div_ceil(size), |i| (i * size).min(len), f)
}

/// Values of the rows that are handed over at once: less takes no longer than to hand it over.
const VALUES: usize = 256;

/// `f(i, row)` for the i-th row of `size` items, of `values` values' work each; the results in order.
pub fn map_rows<T: Send, R: Send>(
    data: &mut [T],
    size: usize,
    values: usize,
    f: impl Fn(usize, &mut [T]) -> R + Sync,
) -> Vec<R> {
    let rows = (VALUES / values.max(1)).max(1);
    let parts = map_chunks(data, rows * size, |part, data| {
        data.chunks_mut(size).zip(part * rows..).map(|(row, i)| f(i, row)).collect::<Vec<_>>()
    });
    parts.into_iter().flatten().collect()
}

/// `f(i, part)` for `count` parts, the i-th from `start(i)` to `start(i + 1)`; the results in order.
pub fn map_parts<T: Send, R: Send>(
    data: &mut [T],
    count: usize,
    start: impl Fn(usize) -> usize,
    f: impl Fn(usize, &mut [T]) -> R + Sync,
) -> Vec<R> {
    let mut rest = data;
    let parts =
        (0..count).map(|i| rest.split_off_mut(..start(i + 1) - start(i)).expect("parts lie one after the other"));
    #[cfg(not(target_family = "wasm"))]
    if count > 1 {
        use rayon::prelude::*;
        let parts: Vec<_> = parts.enumerate().collect();
        return parts.into_par_iter().map(|(i, part)| f(i, part)).collect();
    }
    parts.enumerate().map(|(i, part)| f(i, part)).collect()
}
