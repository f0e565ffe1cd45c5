//! Memory of tensors, used again: a sampling run and a training step ask for the same sizes over and over, and fresh
//! memory costs as much as what is computed in it (cleared pages natively, growth in WebAssembly).
//!
//! A tensor made of a [`Buffer`] gives it back when its last clone is dropped, on whatever thread.

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

/// What nobody uses, the latest last.
static IDLE: Mutex<Idle> = Mutex::new(Idle { buffers: Vec::new(), values: 0 });

struct Idle {
    buffers: Vec<Vec<f32>>,
    values: usize,
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
    let mut idle = idle();
    let found = idle.buffers.iter().rposition(|buffer| buffer.len() == len);
    Buffer(match found {
        Some(at) => {
            idle.values -= len;
            idle.buffers.remove(at)
        }
        None => {
            drop(idle);
            vec![0.0; len]
        }
    })
}

impl Buffer {
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
        let mut idle = idle();
        while idle.values + buffer.len() > MOST {
            let oldest = idle.buffers.remove(0);
            idle.values -= oldest.len();
        }
        idle.values += buffer.len();
        idle.buffers.push(buffer);
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
}
