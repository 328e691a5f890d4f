//! Hooks of the bootstrap extension that Envoy requires and that the module does not need.

use std::ffi::c_void;

use crate::host::abi::{AbiBuffer, AbiHeader, EnvoyPtr};

#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_bootstrap_extension_drain_started(
    _envoy: EnvoyPtr,
    _extension: *const c_void,
) {
}

#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_bootstrap_extension_worker_thread_initialized(
    _envoy: EnvoyPtr,
    _extension: *const c_void,
) {
}

#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_bootstrap_extension_http_callout_done(
    _envoy: EnvoyPtr,
    _config: *const c_void,
    _callout: u64,
    _result: u32,
    _headers: *mut AbiHeader,
    _header_count: usize,
    _chunks: *mut AbiBuffer,
    _chunk_count: usize,
) {
}

#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_bootstrap_extension_timer_fired(
    _envoy: EnvoyPtr,
    _config: *const c_void,
    _timer: *mut c_void,
) {
}

#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_bootstrap_extension_file_changed(
    _envoy: EnvoyPtr,
    _config: *const c_void,
    _path: AbiBuffer,
    _events: u32,
) {
}

#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_bootstrap_extension_cluster_add_or_update(
    _envoy: EnvoyPtr,
    _config: *const c_void,
    _name: AbiBuffer,
) {
}

#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_bootstrap_extension_cluster_removal(
    _envoy: EnvoyPtr,
    _config: *const c_void,
    _name: AbiBuffer,
) {
}

#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_bootstrap_extension_listener_add_or_update(
    _envoy: EnvoyPtr,
    _config: *const c_void,
    _name: AbiBuffer,
) {
}

#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_bootstrap_extension_listener_removal(
    _envoy: EnvoyPtr,
    _config: *const c_void,
    _name: AbiBuffer,
) {
}
