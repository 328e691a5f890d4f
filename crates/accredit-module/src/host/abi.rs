//! The types of Envoy's ABI for dynamic modules, as of Envoy 1.38.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::slice;

/// Envoy's object of a filter, of the configuration of a filter or of a bootstrap extension.
pub type EnvoyPtr = *mut c_void;

/// Bytes of Envoy or of the module, not terminated.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct AbiBuffer {
    pub ptr: *const c_char,
    pub length: usize,
}

/// A header of Envoy or of the module.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct AbiHeader {
    pub key: *const c_char,
    pub key_length: usize,
    pub value: *const c_char,
    pub value_length: usize,
}

/// The map of the request headers.
pub const REQUEST_HEADERS: u32 = 0;

/// What Envoy does after the request headers, the body or the trailers.
pub const CONTINUE: u32 = 0;
/// For headers and trailers, the iteration stops; a body is buffered.
pub const STOP: u32 = 1;
/// For headers: the iteration stops, and the body waits in a bounded buffer.
pub const STOP_ALL_AND_WATERMARK: u32 = 4;

/// Properties of the connection, by Envoy's numbers of attributes.
pub const SOURCE_ADDRESS: u32 = 24;
pub const PEER_SUBJECT: u32 = 33;
pub const PEER_DNS_SAN: u32 = 35;
pub const PEER_URI_SAN: u32 = 37;
pub const PEER_CERTIFICATE_DIGEST: u32 = 38;

/// Log levels.
pub const LOG_TRACE: u32 = 0;
pub const LOG_DEBUG: u32 = 1;
pub const LOG_INFO: u32 = 2;
pub const LOG_WARN: u32 = 3;
pub const LOG_ERROR: u32 = 4;

/// The result of an operation on metrics that succeeded.
pub const METRIC_SUCCESS: u32 = 0;

impl AbiBuffer {
    /// No bytes. As the value of a header it means that the header is removed.
    pub const NULL: AbiBuffer = AbiBuffer {
        ptr: ptr::null(),
        length: 0,
    };

    /// The buffer must not be used after the end of `bytes`.
    pub fn of(bytes: &[u8]) -> AbiBuffer {
        AbiBuffer {
            ptr: bytes.as_ptr().cast(),
            length: bytes.len(),
        }
    }

    /// The bytes.
    ///
    /// # Safety
    /// The pointer is null, or points to `length` bytes that do not change during `'a`.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        // SAFETY: by the contract of this function.
        unsafe { bytes(self.ptr, self.length) }
    }
}

impl AbiHeader {
    pub const NULL: AbiHeader = AbiHeader {
        key: ptr::null(),
        key_length: 0,
        value: ptr::null(),
        value_length: 0,
    };

    /// The header must not be used after the end of these texts.
    pub fn of(key: &str, value: &str) -> AbiHeader {
        AbiHeader {
            key: key.as_ptr().cast(),
            key_length: key.len(),
            value: value.as_ptr().cast(),
            value_length: value.len(),
        }
    }

    /// The name and the value.
    ///
    /// # Safety
    /// Each pointer is null, or points to bytes of its length that do not change during `'a`.
    pub unsafe fn parts<'a>(self) -> (&'a [u8], &'a [u8]) {
        // SAFETY: by the contract of this function.
        unsafe {
            (
                bytes(self.key, self.key_length),
                bytes(self.value, self.value_length),
            )
        }
    }
}

/// # Safety
/// The pointer is null, or points to `length` bytes that do not change during `'a`.
unsafe fn bytes<'a>(start: *const c_char, length: usize) -> &'a [u8] {
    if start.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: not null, and by the contract of this function.
    unsafe { slice::from_raw_parts(start.cast(), length) }
}
