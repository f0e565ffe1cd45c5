//! Memory of tensors, used again: a sampling run and a training step ask for the same sizes over and over, and fresh
//! memory costs as much as what is computed in it (cleared pages natively, growth in WebAssembly).
//!
//! A tensor made of a [`Buffer`] gives it back when its last clone is dropped, on whatever thread. Only a tensor of the same
//! length takes it again, so what was kept for one batch is of no use to another one: [`release`] between them.

use burn::tensor::Bytes;
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty};
use bytemuck::{cast_slice, cast_slice_mut};
use std::{
    mem::MaybeUninit,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Values below which memory is not worth keeping.
const LEAST: usize = 1024;
/// Values kept at most while nobody uses them: 128 MB in a browser, 1 GB natively.
const MOST: usize = if cfg!(target_family = "wasm") { 1 << 25 } else { 1 << 28 };

static IDLE: Mutex<Idle> = Mutex::new(Idle::new());

/// What nobody uses, the latest last.
struct Idle {
    buffers: Vec<Vec<f32>>,
    values: usize,
}

impl Idle {
    const fn new() -> Self {
        Self { buffers: Vec::new(), values: 0 }
    }

    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        let at = self.buffers.iter().rposition(|buffer| buffer.len() == len)?;
        self.values -= len;
        Some(self.buffers.remove(at))
    }

    fn keep(&mut self, buffer: Vec<f32>) {
        while self.values + buffer.len() > MOST {
            let oldest = self.buffers.remove(0);
            self.values -= oldest.len();
        }
        self.values += buffer.len();
        self.buffers.push(buffer);
    }
}

fn idle() -> MutexGuard<'static, Idle> {
    // A panic elsewhere leaves it whole.
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Floats that somebody had before.
#[derive(Debug)]
pub struct Buffer(Vec<f32>);

/// A buffer of that length, with any values in it.
pub fn take(len: usize) -> Buffer {
    // Unlocked before anything is allocated.
    let found = idle().take(len);
    Buffer(found.unwrap_or_else(|| vec![0.0; len]))
}

/// Gives back what nobody uses.
pub fn release() {
    let buffers = std::mem::replace(&mut *idle(), Idle::new());
    drop(buffers);
}

impl Buffer {
    #[cfg_attr(
        all(target_family = "wasm", not(feature = "browser-cpu")),
        allow(dead_code, reason = "the CPU's kernels read it")
    )]
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.0
    }

    /// For a tensor.
    pub fn into_bytes(self) -> Bytes {
        let len = size_of_val(&*self.0);
        // SAFETY: every float of the vector has a value.
        unsafe { Bytes::from_controller(Box::new(self), len) }
    }
}

impl From<Vec<f32>> for Buffer {
    fn from(values: Vec<f32>) -> Self {
        Self(values)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        if buffer.len() < LEAST || buffer.len() > MOST {
            return;
        }
        idle().keep(buffer);
    }
}

impl AllocationController for Buffer {
    fn alloc_align(&self) -> usize {
        align_of::<f32>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(&mut self, _: AccessPolicy) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let bytes: &mut [u8] = cast_slice_mut(&mut self.0);
        // SAFETY: the caller writes nothing but values (the trait's condition).
        Ok(unsafe { &mut *(std::ptr::from_mut(bytes) as *mut [MaybeUninit<u8>]) })
    }

    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let bytes: &[u8] = cast_slice(&self.0);
        // SAFETY: bytes with values may be seen as bytes that may have none.
        Ok(unsafe { &*(std::ptr::from_ref(bytes) as *const [MaybeUninit<u8>]) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back() {
        // A length that nothing else has.
        let mut first = take(104_729);
        first.as_mut_slice()[7] = 7.0;
        let at = first.0.as_ptr();
        let bytes = first.into_bytes();
        assert_eq!(bytes.len(), 4 * 104_729);
        std::thread::spawn(move || drop(bytes)).join().expect("it only drops");
        let second = take(104_729);
        assert_eq!((second.0.as_ptr(), second.0[7]), (at, 7.0));
        assert_ne!(take(104_729).0.as_ptr(), at);
    }

    /// A run asks for its sizes at every step; what it leaves is a run's, not all runs'.
    #[test]
    fn what_is_kept_is_released_or_bounded() {
        let mut idle = Idle::new();
        let run = |idle: &mut Idle, n: usize| {
            for _ in 0..3 {
                let buffers = [2, 3, 5].map(|size| idle.take(n * size).unwrap_or_else(|| vec![0.0; n * size]));
                buffers.into_iter().for_each(|buffer| idle.keep(buffer));
            }
            idle.values
        };
        assert_eq!(run(&mut idle, 1 << 20), 10 << 20);
        assert_eq!(run(&mut idle, 1 << 19), 15 << 20, "none of the larger run's lengths");
        idle = Idle::new();
        assert_eq!(run(&mut idle, 1 << 19), 5 << 20);
        // Without a release the oldest go, and what is counted is what is held.
        idle.keep(vec![0.0; MOST - (5 << 20)]);
        assert_eq!((idle.buffers.len(), idle.values), (4, MOST));
        idle.keep(vec![0.0; LEAST]);
        assert_eq!((idle.buffers.len(), idle.values), (4, MOST - (1 << 20) + LEAST));
    }
}
