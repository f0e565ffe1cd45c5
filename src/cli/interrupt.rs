//! Signals that ask a command to stop: the first is for the command, which may end in good order; at the second, the
//! user does not want to wait any longer.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use anyhow::{Context as _, Result};

use super::say;

/// Which signal has come.
pub(crate) struct Interrupts(Arc<AtomicU8>);

impl Interrupts {
    /// Listens from now on, before any other thread is made; says `notice` when a first signal comes, and ends the
    /// program at the second.
    ///
    /// # Errors
    /// When the system does not let it listen.
    pub(crate) fn watch(notice: &'static str) -> Result<Self> {
        let first = Arc::new(AtomicU8::new(0));
        let seen = first.clone();
        listen(move |signal| {
            if seen.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed).is_err() {
                std::process::exit(128 + i32::from(signal));
            }
            say(&format!("\n{notice}"));
        })
        .context("signals cannot be handled here")?;
        Ok(Self(first))
    }

    /// The first signal that came.
    pub(crate) fn signal(&self) -> Option<u8> {
        Some(self.0.load(Ordering::Relaxed)).filter(|&signal| signal != 0)
    }
}

/// A thread waits for the signals, which every thread made from now on leaves to it.
#[cfg(unix)]
fn listen(heard: impl Fn(u8) + Send + 'static) -> std::io::Result<()> {
    use nix::sys::signal::{SigSet, Signal};

    let mut signals: SigSet = [Signal::SIGINT, Signal::SIGTERM].into_iter().collect();
    if !hangups_are_ignored()? {
        signals.add(Signal::SIGHUP);
    }
    signals.thread_block()?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        while let Ok(signal) = signals.wait() {
            heard(signal as u8);
        }
    })?;
    Ok(())
}

/// Whether the program was started to outlive its terminal, as by `nohup`.
#[cfg(unix)]
fn hangups_are_ignored() -> nix::Result<bool> {
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: no handler is installed, neither one that is unsound nor any other.
    let before = unsafe { sigaction(Signal::SIGHUP, &ignore) }?;
    // SAFETY: this is what the system had.
    unsafe { sigaction(Signal::SIGHUP, &before) }?;
    Ok(matches!(before.handler(), SigHandler::SigIgn))
}

#[cfg(not(unix))]
fn listen(heard: impl Fn(u8) + Send + 'static) -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(move || heard(2)) // SIGINT, which is Ctrl-C
}
