//! The hooks of one stream.
//!
//! Envoy calls the hooks of a stream one after the other on one thread. A denial or a resumption can make it call `destroy` before
//! the call returns, so no hook holds a reference to the filter during such a call.

use std::ffi::c_void;
use std::ptr;

use crate::check::request_check::RequestCheck;
use crate::host::abi::{CONTINUE, EnvoyPtr, STOP};
use crate::host::counters::FilterCounters;
use crate::host::envoy_stream::{EnvoyStream, perform, perform_held};
use crate::host::guard::guarded;
use crate::host::hooks::filter_config::FilterConfig;
use crate::process::module_process::ModuleProcess;

/// The filter of one stream.
struct StreamFilter {
    check: RequestCheck,
    counters: FilterCounters,
}

/// Null is a fault: Envoy 1.40 denies the request, and older versions call the other hooks with null, which deny it.
///
/// # Safety
/// As Envoy's ABI says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_new(
    config: *const c_void,
    _envoy: EnvoyPtr,
) -> *const c_void {
    let filter = guarded(|| {
        // SAFETY: null, or a configuration that `config_new` made and that exists as long as its streams.
        let config = unsafe { config.cast::<FilterConfig>().as_ref() }?;
        let active = config.configuration.as_ref()?.active().clone();
        Some(Box::new(StreamFilter {
            check: RequestCheck::new(active, ModuleProcess::get()?),
            counters: config.counters,
        }))
    });
    filter.flatten().map_or(ptr::null(), |filter| {
        Box::into_raw(filter).cast_const().cast()
    })
}

/// # Safety
/// As Envoy's ABI says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_destroy(filter: *mut c_void) {
    let filter: *mut StreamFilter = filter.cast();
    if !filter.is_null() {
        // SAFETY: `new` made it, and Envoy does not use it again.
        guarded(|| drop(unsafe { Box::from_raw(filter) }));
    }
}

/// # Safety
/// As Envoy's ABI says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_headers(
    envoy: EnvoyPtr,
    filter: *mut c_void,
    _end_of_stream: bool,
) -> u32 {
    let action = guarded(|| {
        // SAFETY: null, or a filter that `new` made. No other reference to it exists during this closure.
        let filter = unsafe { filter.cast::<StreamFilter>().as_mut() }?;
        // SAFETY: Envoy's filter of this stream, on its thread.
        let mut stream = unsafe { EnvoyStream::new(envoy, filter.counters) }?;
        Some(filter.check.request_headers(&mut stream))
    });
    // SAFETY: as above. The reference to the filter has ended.
    guarded(|| unsafe { perform(envoy, action.flatten()) }).unwrap_or(STOP)
}

/// # Safety
/// As Envoy's ABI says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_body(
    _envoy: EnvoyPtr,
    filter: *mut c_void,
    _end_of_stream: bool,
) -> u32 {
    // SAFETY: as for the request headers.
    unsafe { continue_if_admitted(filter) }
}

/// # Safety
/// As Envoy's ABI says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_trailers(
    _envoy: EnvoyPtr,
    filter: *mut c_void,
) -> u32 {
    // SAFETY: as for the request headers.
    unsafe { continue_if_admitted(filter) }
}

/// # Safety
/// As Envoy's ABI says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_scheduled(
    envoy: EnvoyPtr,
    filter: *mut c_void,
    _event: u64,
) {
    let action = guarded(|| {
        // SAFETY: as for the request headers.
        let filter = unsafe { filter.cast::<StreamFilter>().as_mut() }?;
        // SAFETY: as for the request headers.
        let mut stream = unsafe { EnvoyStream::new(envoy, filter.counters) }?;
        Some(filter.check.resumed(&mut stream))
    });
    match action.flatten() {
        // The event of a wait that had ended.
        Some(None) => {}
        Some(action @ Some(_)) => {
            // SAFETY: as for the request headers.
            guarded(|| unsafe { perform_held(envoy, action) });
        }
        None => {
            // SAFETY: as for the request headers.
            guarded(|| unsafe { perform_held(envoy, None) });
        }
    }
}

/// # Safety
/// `filter` is null, or a filter that `new` made.
unsafe fn continue_if_admitted(filter: *mut c_void) -> u32 {
    let is_admitted = guarded(|| {
        // SAFETY: by the contract of this function.
        let filter = unsafe { filter.cast::<StreamFilter>().as_ref() };
        filter.is_some_and(|filter| filter.check.is_admitted())
    });
    match is_admitted {
        Some(true) => CONTINUE,
        Some(false) | None => STOP,
    }
}
