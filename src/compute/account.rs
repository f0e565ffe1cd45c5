//! The account of what kernels do on a GPU: dispatches, FLOPs and bytes, counted as they are launched.
//!
//! - **Dispatches** are launches of this crate's kernels. (burn's own kernels are not seen; an evaluation has none of
//!   them, as `tests/it/gpu.rs` checks.)
//! - **FLOPs** are two for each multiply-add of a convolution, a linear layer, attention or a sum, those on a tile's
//!   padding included. What normalisations, activations and softmax do besides is not counted: about a hundredth.
//! - **Bytes** are those of each buffer that a dispatch binds, once: values that the units of a dispatch share, or read
//!   again, are taken to come from the cache. Of a table only the rows used count.

use std::{cell::RefCell, collections::BTreeMap, ops::AddAssign};

use serde::Serialize;

/// Dispatches, FLOPs and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Launches of a kernel.
    pub dispatches: u64,
    /// Two for each multiply-add.
    pub flops: u64,
    /// Bytes read.
    pub read: u64,
    /// Bytes written.
    pub written: u64,
}

impl Cost {
    /// Bytes moved.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.read + self.written
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.dispatches += other.dispatches;
        self.flops += other.flops;
        self.read += other.read;
        self.written += other.written;
    }
}

/// What a dispatch does, in numbers of f32 values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub multiply_adds: usize,
    pub read: usize,
    pub written: usize,
}

impl From<Work> for Cost {
    fn from(work: Work) -> Self {
        let bytes = |values: usize| (size_of::<f32>() * values) as u64;
        Self {
            dispatches: 1,
            flops: 2 * work.multiply_adds as u64,
            read: bytes(work.read),
            written: bytes(work.written),
        }
    }
}

thread_local! {
    /// Of this thread's launches, while they are counted.
    static LEDGER: RefCell<Option<BTreeMap<&'static str, Cost>>> = const { RefCell::new(None) };
}

/// Every kernel's launch goes on the account.
#[cfg_attr(not(feature = "burn-cubecl"), allow(dead_code, reason = "without GPUs there are no launches"))]
pub(crate) fn account(kernel: &'static str, work: Work) {
    LEDGER.with_borrow_mut(|ledger| {
        if let Some(ledger) = ledger {
            *ledger.entry(kernel).or_default() += work.into();
        }
    });
}

/// What `f` launches on this thread, by kernel; nothing where there is no GPU.
pub fn counted<R>(f: impl FnOnce() -> R) -> (R, BTreeMap<&'static str, Cost>) {
    let before = LEDGER.replace(Some(BTreeMap::new()));
    let result = f();
    (result, LEDGER.replace(before).unwrap_or_default())
}
