//! The hooks of configurations: of the filter, and of routes.

use std::ffi::c_void;
use std::ptr;

use accredit_core::config::route_config;
use tracing::Level;

use crate::host::abi::{AbiBuffer, EnvoyPtr};
use crate::host::callbacks::callbacks;
use crate::host::counters::FilterCounters;
use crate::host::guard::guarded;
use crate::host::platform::{log, platform};
use crate::host::routes;
use crate::process::configuration::FilterConfiguration;
use crate::process::environment::environment;
use crate::process::policy::{self, ConfigurationError};
use crate::process::runtime::process_or_start;

/// The name of the filter, and of the bootstrap extension (CONTRACT 9.1, 9.9).
pub const NAME: &[u8] = b"accredit";

/// One configuration of the filter, as Envoy holds it.
pub struct FilterConfig {
    /// `None` if Envoy only validates its configuration.
    pub configuration: Option<FilterConfiguration>,
    pub counters: FilterCounters,
}

/// Makes a configuration of the filter. Null makes Envoy refuse its own configuration; the log has the reason.
///
/// # Safety
/// As Envoy's ABI says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_new(
    envoy: EnvoyPtr,
    name: AbiBuffer,
    config: AbiBuffer,
) -> *const c_void {
    let made = guarded(|| {
        // SAFETY: Envoy's buffers exist until this hook returns.
        let (name, config) = unsafe { (name.bytes(), config.bytes()) };
        if !is_own_name(name) {
            return None;
        }
        // SAFETY: Envoy makes this configuration now.
        let counters = unsafe { FilterCounters::define(envoy, callbacks()?) };
        let counters = counters
            .inspect_err(|error| log(Level::ERROR, &error.to_string()))
            .ok()?;
        let configuration = start(config)?;
        Some(Box::new(FilterConfig {
            configuration,
            counters,
        }))
    });
    made.flatten().map_or(ptr::null(), |config| {
        Box::into_raw(config).cast_const().cast()
    })
}

/// # Safety
/// As Envoy's ABI says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_destroy(config: *const c_void) {
    let config: *mut FilterConfig = config.cast_mut().cast();
    if !config.is_null() {
        // SAFETY: `config_new` made it, and Envoy does not use it again.
        guarded(|| drop(unsafe { Box::from_raw(config) }));
    }
}

/// Makes the configuration of a route. Null makes Envoy refuse its own configuration.
///
/// # Safety
/// As Envoy's ABI says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_per_route_config_new(
    name: AbiBuffer,
    config: AbiBuffer,
) -> *const c_void {
    let made = guarded(|| {
        // SAFETY: Envoy's buffers exist until this hook returns.
        let (name, config) = unsafe { (name.bytes(), config.bytes()) };
        if !is_own_name(name) {
            return None;
        }
        let Ok(text) = std::str::from_utf8(config) else {
            refuse(&ConfigurationError::NotText);
            return None;
        };
        match route_config::read(text, &environment) {
            Ok(settings) => Some(routes::keep(settings)),
            Err(problems) => {
                refuse(&ConfigurationError::Problems(problems));
                None
            }
        }
    });
    made.flatten().unwrap_or(ptr::null())
}

/// # Safety
/// As Envoy's ABI says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_http_filter_per_route_config_destroy(
    config: *const c_void,
) {
    guarded(|| routes::forget(config));
}

/// Starts a configuration, or validates it. The outer `None` is an error, which the log has.
pub(in crate::host) fn start(config: &[u8]) -> Option<Option<FilterConfiguration>> {
    let started = std::str::from_utf8(config)
        .map_err(|_| ConfigurationError::NotText)
        .and_then(|text| {
            let is_validation = callbacks().and_then(|callbacks| callbacks.is_validation_mode);
            // SAFETY: Envoy permits it on the main thread, which makes configurations.
            if is_validation.is_some_and(|is_validation| unsafe { is_validation() }) {
                for warning in policy::validate(text, platform())? {
                    log(Level::WARN, &warning.to_string());
                }
                return Ok(None);
            }
            let process = process_or_start(platform());
            let process = process.map_err(ConfigurationError::Start)?;
            FilterConfiguration::start(text, process).map(Some)
        });
    started.inspect_err(refuse).ok()
}

/// Writes to the log at once: Envoy can end because of this error, before the queue of the log is written.
fn refuse(error: &ConfigurationError) {
    for line in error.lines() {
        log(Level::ERROR, &format!("accredit: {line}"));
    }
}

pub(in crate::host) fn is_own_name(name: &[u8]) -> bool {
    let is_own = name == NAME;
    if !is_own {
        log(
            Level::ERROR,
            "accredit: unknown filter_name or extension_name; write `accredit`",
        );
    }
    is_own
}
