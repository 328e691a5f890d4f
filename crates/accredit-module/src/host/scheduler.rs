//! Envoy's schedulers: they call a hook on the thread of a stream, or on the main thread, whichever thread asks for it.

use std::ffi::c_void;
use std::ptr::NonNull;

use crate::host::abi::EnvoyPtr;
use crate::host::callbacks::EnvoyCallbacks;
use crate::process::resumption::Resume;

/// Which call of a hook was asked for. Envoy passes the number on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduledEvent {
    /// The awaited event has happened.
    WaitEnded = 1,
    /// The metrics are due.
    MetricsDue = 2,
}

/// Calls a hook of one stream, or of the bootstrap extension's configuration.
pub struct EnvoyScheduler {
    scheduler: NonNull<c_void>,
    event: ScheduledEvent,
    commit: unsafe extern "C" fn(*mut c_void, u64),
    delete: unsafe extern "C" fn(*mut c_void),
}

// SAFETY: Envoy permits `commit` and `delete` on any thread.
unsafe impl Send for EnvoyScheduler {}

impl EnvoyScheduler {
    /// # Safety
    /// `filter` is Envoy's filter of a stream that exists, on the thread of the stream.
    pub unsafe fn of_stream(
        filter: EnvoyPtr,
        callbacks: &EnvoyCallbacks,
    ) -> Option<EnvoyScheduler> {
        // SAFETY: by the contract of this function.
        let scheduler = unsafe { (callbacks.http_filter_scheduler_new)(filter) };
        Some(EnvoyScheduler {
            scheduler: NonNull::new(scheduler)?,
            event: ScheduledEvent::WaitEnded,
            commit: callbacks.http_filter_scheduler_commit,
            delete: callbacks.http_filter_scheduler_delete,
        })
    }

    /// # Safety
    /// `config` is Envoy's configuration of the bootstrap extension, on the main thread.
    pub unsafe fn of_bootstrap(
        config: EnvoyPtr,
        event: ScheduledEvent,
        callbacks: &EnvoyCallbacks,
    ) -> Option<EnvoyScheduler> {
        let new = callbacks.bootstrap_extension_config_scheduler_new?;
        let commit = callbacks.bootstrap_extension_config_scheduler_commit?;
        let delete = callbacks.bootstrap_extension_config_scheduler_delete?;
        // SAFETY: by the contract of this function.
        let scheduler = NonNull::new(unsafe { new(config) })?;
        Some(EnvoyScheduler {
            scheduler,
            event,
            commit,
            delete,
        })
    }
}

impl Resume for EnvoyScheduler {
    fn resume(&self) {
        // SAFETY: the scheduler exists until it is dropped. Envoy does nothing if the stream has ended.
        unsafe { (self.commit)(self.scheduler.as_ptr(), self.event as u64) }
    }
}

impl Drop for EnvoyScheduler {
    fn drop(&mut self) {
        // SAFETY: Envoy made it, and it is not used again.
        unsafe { (self.delete)(self.scheduler.as_ptr()) }
    }
}
