//! Envoy as the program that the module runs in.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::thread;

use tracing::Level;

use crate::host::abi::{AbiBuffer, LOG_DEBUG, LOG_ERROR, LOG_INFO, LOG_TRACE, LOG_WARN};
use crate::host::callbacks::callbacks;
use crate::process::platform::{Platform, ThreadWork};

/// The functions of Envoy and of the system that the process needs.
pub fn platform() -> Platform {
    let nested = callbacks().and_then(|callbacks| callbacks.http_set_dynamic_metadata_struct);
    Platform {
        spawn,
        log,
        has_nested_metadata: nested.is_some(),
    }
}

/// Writes a line to Envoy's log, on this thread.
pub fn log(level: Level, line: &str) {
    let level = match level {
        Level::ERROR => LOG_ERROR,
        Level::WARN => LOG_WARN,
        Level::INFO => LOG_INFO,
        Level::DEBUG => LOG_DEBUG,
        _ => LOG_TRACE,
    };
    if let Some(callbacks) = callbacks() {
        // SAFETY: Envoy copies the line before the call returns.
        unsafe { (callbacks.log)(level, AbiBuffer::of(line.as_bytes())) }
    }
}

/// A thread inherits the signals that its creator blocks: those of the process are for Envoy's main thread.
fn spawn(name: &'static str, work: ThreadWork) -> io::Result<()> {
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: the set is initialised by the first call, and `before` by the second if it succeeds.
    let blocked = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr())
    };
    if blocked != 0 {
        return Err(io::Error::from_raw_os_error(blocked));
    }
    // The thread lives as long as the process.
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    // SAFETY: `before` was initialised by the call that blocked the signals.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut());
    }
    started.map(drop)
}
