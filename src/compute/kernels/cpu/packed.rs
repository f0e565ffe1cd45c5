//! Transformed kernels of convolutions, made once for as long as the weights live.
//!
//! A weight is known by the address of the memory that it shares with its tensor's clones, to which its entry holds a weak
//! reference. While there is one, the address is nobody else's, and its values stay: burn-flex writes into memory of one
//! owner through [`Arc::make_mut`], which moves the values to a new address where a weak reference is left behind.

use super::winograd;
use burn::tensor::Bytes;
use burn_flex::FlexTensor;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

struct Entry {
    memory: Weak<Bytes>,
    offset: usize,
    dims: [usize; 4],
    u: Arc<Vec<f32>>,
}

static ENTRIES: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

fn entries() -> MutexGuard<'static, Vec<Entry>> {
    // A panic elsewhere leaves them whole.
    ENTRIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Winograd's U of a weight `[3, 3, c, o]`, contiguous or not.
pub fn transformed(weight: &FlexTensor) -> Arc<Vec<f32>> {
    let dims: [usize; 4] = weight.layout().shape().dims();
    if !weight.layout().is_contiguous() {
        return Arc::new(make(&weight.to_contiguous(), dims));
    }
    let memory = weight.data_arc();
    let offset = weight.layout().start_offset();
    let same =
        |entry: &&Entry| entry.memory.as_ptr() == Arc::as_ptr(&memory) && entry.offset == offset && entry.dims == dims;
    if let Some(entry) = entries().iter().find(same) {
        return Arc::clone(&entry.u);
    }
    // Unlocked: burn may copy on several threads, and one of these may be asked for a weight, too.
    let u = Arc::new(make(&weight.to_contiguous(), dims));
    let mut entries = entries();
    entries.retain(|entry| entry.memory.strong_count() > 0);
    entries.push(Entry { memory: Arc::downgrade(&memory), offset, dims, u: Arc::clone(&u) });
    u
}

fn make(weight: &FlexTensor, [_, _, c, o]: [usize; 4]) -> Vec<f32> {
    let mut u = vec![0.0; 16 * c * o];
    winograd::transform_weight(weight.storage(), &mut u);
    u
}
