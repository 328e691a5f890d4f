//! The hook that Envoy calls when it has loaded the module.

use std::ffi::c_char;
use std::ptr;

use crate::host::callbacks;
use crate::host::guard::guarded;

/// The version of the ABI, which Envoy only compares with its own to warn.
const ABI_VERSION: &std::ffi::CStr = c"v0.1.0";

/// Null refuses the module.
#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_program_init() -> *const c_char {
    // Without Envoy's functions there is no log either; Envoy reports that the module was refused.
    match guarded(callbacks::load) {
        Some(Ok(())) => ABI_VERSION.as_ptr(),
        Some(Err(_)) | None => ptr::null(),
    }
}
