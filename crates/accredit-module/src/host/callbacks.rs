//! The functions of Envoy that the module calls. They are looked up when Envoy loads the module, so that one file runs in several
//! versions of Envoy: a function that only newer versions have is absent in older ones.

use std::ffi::{CStr, c_void};
use std::sync::OnceLock;

use crate::host::abi::{AbiBuffer, AbiHeader, EnvoyPtr};

static CALLBACKS: OnceLock<EnvoyCallbacks> = OnceLock::new();

/// Declares the table of functions and how it is filled. The symbol of each function is its name after a common prefix.
macro_rules! callbacks {
    (
        required { $($required:ident: fn($($argument:ty),*) $(-> $result:ty)?;)* }
        optional { $($optional:ident: fn($($o_argument:ty),*) $(-> $o_result:ty)?;)* }
    ) => {
        /// Envoy's functions. Those that Envoy 1.38 does not have are optional.
        #[derive(Clone, Copy, Debug)]
        pub struct EnvoyCallbacks {
            $(pub $required: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
            $(pub $optional: Option<unsafe extern "C" fn($($o_argument),*) $(-> $o_result)?>,)*
        }

        impl EnvoyCallbacks {
            /// The functions that `find` finds by their symbols.
            ///
            /// # Errors
            /// The symbol of a required function that is absent.
            ///
            /// # Safety
            /// `find` returns null, or the function with that symbol of Envoy's ABI.
            unsafe fn load(
                find: impl Fn(&'static CStr) -> *mut c_void,
            ) -> Result<EnvoyCallbacks, &'static CStr> {
                Ok(EnvoyCallbacks {
                    $($required: {
                        let symbol = symbol!($required);
                        let found = find(symbol);
                        if found.is_null() {
                            return Err(symbol);
                        }
                        // SAFETY: not null, and the function with this symbol has this type.
                        unsafe {
                            std::mem::transmute::<
                                *mut c_void,
                                unsafe extern "C" fn($($argument),*) $(-> $result)?,
                            >(found)
                        }
                    },)*
                    $($optional: {
                        let found = find(symbol!($optional));
                        // SAFETY: null becomes `None`, and the function with this symbol has this type.
                        unsafe {
                            std::mem::transmute::<
                                *mut c_void,
                                Option<unsafe extern "C" fn($($o_argument),*) $(-> $o_result)?>,
                            >(found)
                        }
                    },)*
                })
            }
        }
    };
}

macro_rules! symbol {
    ($name:ident) => {{
        const NAME: &str = concat!("envoy_dynamic_module_callback_", stringify!($name), "\0");
        const SYMBOL: &CStr = match CStr::from_bytes_with_nul(NAME.as_bytes()) {
            Ok(symbol) => symbol,
            Err(_) => panic!("a name of Rust has no NUL"),
        };
        SYMBOL
    }};
}

callbacks! {
    required {
        log: fn(u32, AbiBuffer);
        http_get_headers_size: fn(EnvoyPtr, u32) -> usize;
        http_get_headers: fn(EnvoyPtr, u32, *mut AbiHeader) -> bool;
        http_set_header: fn(EnvoyPtr, u32, AbiBuffer, AbiBuffer) -> bool;
        http_add_header: fn(EnvoyPtr, u32, AbiBuffer, AbiBuffer) -> bool;
        http_send_response: fn(EnvoyPtr, u32, *mut AbiHeader, usize, AbiBuffer, AbiBuffer);
        http_filter_get_attribute_string: fn(EnvoyPtr, u32, *mut AbiBuffer) -> bool;
        http_set_dynamic_metadata_string: fn(EnvoyPtr, AbiBuffer, AbiBuffer, AbiBuffer);
        http_set_dynamic_metadata_number: fn(EnvoyPtr, AbiBuffer, AbiBuffer, f64);
        get_most_specific_route_config: fn(EnvoyPtr) -> *const c_void;
        http_filter_continue_decoding: fn(EnvoyPtr);
        http_filter_scheduler_new: fn(EnvoyPtr) -> *mut c_void;
        http_filter_scheduler_commit: fn(*mut c_void, u64);
        http_filter_scheduler_delete: fn(*mut c_void);
        http_filter_config_define_counter: fn(EnvoyPtr, AbiBuffer, *mut AbiBuffer, usize, *mut usize) -> u32;
        http_filter_increment_counter: fn(EnvoyPtr, usize, *mut AbiBuffer, usize, u64) -> u32;
    }
    optional {
        is_validation_mode: fn() -> bool;
        http_set_dynamic_metadata_string_batch: fn(EnvoyPtr, AbiBuffer, *const AbiHeader, usize);
        http_set_dynamic_metadata_struct: fn(EnvoyPtr, AbiBuffer, AbiBuffer);
        bootstrap_extension_config_scheduler_new: fn(EnvoyPtr) -> *mut c_void;
        bootstrap_extension_config_scheduler_commit: fn(*mut c_void, u64);
        bootstrap_extension_config_scheduler_delete: fn(*mut c_void);
        bootstrap_extension_config_signal_init_complete: fn(EnvoyPtr);
        bootstrap_extension_config_define_counter: fn(EnvoyPtr, AbiBuffer, *mut AbiBuffer, usize, *mut usize) -> u32;
        bootstrap_extension_config_increment_counter: fn(EnvoyPtr, usize, *mut AbiBuffer, usize, u64) -> u32;
        bootstrap_extension_config_define_gauge: fn(EnvoyPtr, AbiBuffer, *mut AbiBuffer, usize, *mut usize) -> u32;
        bootstrap_extension_config_set_gauge: fn(EnvoyPtr, usize, *mut AbiBuffer, usize, u64) -> u32;
        bootstrap_extension_register_admin_handler: fn(EnvoyPtr, AbiBuffer, AbiBuffer, bool, bool) -> bool;
        bootstrap_extension_admin_set_response: fn(EnvoyPtr, AbiBuffer);
    }
}

/// Looks the functions up in the program that has loaded the module.
///
/// # Errors
/// The symbol of a required function that the program does not have.
pub fn load() -> Result<(), &'static CStr> {
    // SAFETY: the symbol is terminated. `dlsym` finds what the program exports under it, which is Envoy's function.
    let find = |symbol: &'static CStr| unsafe { libc::dlsym(libc::RTLD_DEFAULT, symbol.as_ptr()) };
    // SAFETY: as above.
    install(unsafe { EnvoyCallbacks::load(find) }?);
    Ok(())
}

/// Uses these functions, unless there are some already. Tests have functions of their own.
pub fn install(callbacks: EnvoyCallbacks) {
    // A second load of the module finds the same functions.
    let _ = CALLBACKS.set(callbacks);
}

/// The functions; `None` before the module was loaded.
pub fn callbacks() -> Option<&'static EnvoyCallbacks> {
    CALLBACKS.get()
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::EnvoyCallbacks;

    extern "C" fn nothing() {}

    /// Nothing calls these functions.
    #[test]
    fn a_missing_function_of_envoy_is_named_unless_it_is_optional() {
        // SAFETY: the functions are not called.
        let without = |absent: &'static str| unsafe {
            EnvoyCallbacks::load(|symbol| match symbol.to_str() {
                Ok(name) if name.ends_with(absent) => ptr::null_mut(),
                _ => nothing as *mut _,
            })
        };
        let missing = without("callback_http_set_header").err();
        let missing = missing.and_then(|symbol| symbol.to_str().ok());
        let expected = "envoy_dynamic_module_callback_http_set_header";
        assert_eq!(missing, Some(expected));
        let older = without("dynamic_metadata_struct").expect("is optional");
        assert!(older.http_set_dynamic_metadata_struct.is_none());
        assert!(older.is_validation_mode.is_some());
    }
}
