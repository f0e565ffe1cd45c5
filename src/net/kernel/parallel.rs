//! Chunks of a slice over all cores; one after the other where there are no threads (wasm).
//!
//! What a chunk is never depends on how many threads there are, so neither does any result.

/// `f(i, chunk)` for the i-th chunk of `size` values (the last may be shorter); the results in order.
pub fn map_chunks<T: Send, R: Send>(data: &mut [T], size: usize, f: impl Fn(usize, &mut [T]) -> R + Sync) -> Vec<R> {
    #[cfg(not(target_family = "wasm"))]
    {
        use rayon::prelude::*;
        if data.len() > size {
            return data.par_chunks_mut(size).enumerate().map(|(i, chunk)| f(i, chunk)).collect();
        }
    }
    data.chunks_mut(size).enumerate().map(|(i, chunk)| f(i, chunk)).collect()
}
