//! Envoy's side of one stream: what the module reads of it, and what the module did to it.

use std::ffi::c_void;
use std::ptr;
use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, PoisonError};

use accredit_module::host::abi::EnvoyPtr;

/// What the module sent in place of the upstream's answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u32,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) details: String,
}

/// Envoy's side of one stream.
#[derive(Default)]
pub(crate) struct FakeStream {
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// Whether Envoy gives the headers.
    pub(crate) hides_headers: bool,
    /// Whether Envoy says that there are more headers than memory, on which the module panics.
    pub(crate) counts_too_many: bool,
    /// Whether Envoy takes changes of headers.
    pub(crate) takes_no_changes: bool,
    /// Whether Envoy gives a scheduler.
    pub(crate) has_no_scheduler: bool,
    pub(crate) route: Option<usize>,
    pub(crate) source: Option<String>,
    pub(crate) certificate_digest: Option<String>,
    pub(crate) reply: Option<Reply>,
    pub(crate) metadata: Vec<(String, String)>,
    /// The counters that were incremented, with their label.
    pub(crate) counted: Vec<(&'static str, Option<String>)>,
    pub(crate) continued: usize,
    /// The headers that the module replaced or removed, not those that it added.
    pub(crate) replaced: Vec<String>,
    /// The filter that Envoy destroys within the call that sends a reply or resumes the stream.
    pub(crate) ends_within_call: Option<*mut c_void>,
    pub(crate) has_ended: bool,
    pub(crate) events: Option<Sender<u64>>,
}

pub(crate) fn lock(stream: &Mutex<FakeStream>) -> MutexGuard<'_, FakeStream> {
    stream.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn pointer(stream: &Mutex<FakeStream>) -> EnvoyPtr {
    ptr::from_ref(stream).cast_mut().cast()
}

/// The stream whose address the module gives back.
pub(crate) unsafe fn stream<'a>(envoy: EnvoyPtr) -> MutexGuard<'a, FakeStream> {
    lock(unsafe { &*envoy.cast::<Mutex<FakeStream>>() })
}
