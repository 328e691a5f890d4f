//! The hooks of the bootstrap extension. Envoy calls them on its main thread, except those of worker threads.

use std::ffi::c_void;
use std::ptr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::host::abi::{AbiBuffer, EnvoyPtr};
use crate::host::callbacks::callbacks;
use crate::host::guard::guarded;
use crate::host::hooks::filter_config::{is_own_name, start};
use crate::host::platform::platform;
use crate::host::scheduler::{EnvoyScheduler, ScheduledEvent};
use crate::host::statistics::ProcessStatistics;
use crate::process::bootstrap_extension::BootstrapExtension;
use crate::process::metrics;
use crate::process::module_process::ModuleProcess;
use crate::process::pages::{PAGES, page};
use crate::process::resumption::SharedResumption;
use crate::process::runtime::process_or_start;

/// The time limit for sending the last spans at the end of Envoy, which waits for it.
const SPAN_FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// The status of an admin page after a fault.
const FAULT: u32 = 500;

/// The configuration of the extension, as Envoy holds it.
struct BootstrapConfig {
    envoy: EnvoyPtr,
    /// `None` if Envoy does not need to wait: it only validates, or is too old to be called later.
    extension: Option<BootstrapExtension>,
    /// `None` if this Envoy cannot have them. Only the main thread uses them.
    statistics: Mutex<Option<ProcessStatistics>>,
}

impl BootstrapConfig {
    /// Updates Envoy's statistics.
    ///
    /// # Safety
    /// `envoy` is Envoy's configuration of the extension, on the main thread.
    unsafe fn publish(&self, envoy: EnvoyPtr, process: &ModuleProcess) {
        let mut statistics = self
            .statistics
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(statistics) = &mut *statistics {
            // SAFETY: by the contract of this function.
            unsafe { statistics.publish(envoy, metrics::samples(process)) }
        }
    }
}

/// Makes the configuration of the extension. An empty one is permitted; otherwise it is a configuration of accredit,
/// whose keys are fetched before the first listener exists. Null makes Envoy refuse to start.
///
/// # Safety
/// As Envoy's ABI says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_bootstrap_extension_config_new(
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
        let own = if is_empty(config) {
            None
        } else {
            start(config)?
        };
        let callbacks = callbacks()?;
        let scheduler = |event| {
            // SAFETY: Envoy makes this configuration now, on the main thread.
            let scheduler = unsafe { EnvoyScheduler::of_bootstrap(envoy, event, callbacks) }?;
            Some(SharedResumption::new(Box::new(scheduler)))
        };
        let ready = scheduler(ScheduledEvent::WaitEnded);
        let metrics = scheduler(ScheduledEvent::MetricsDue);
        let extension = ready
            .zip(metrics)
            .map(|(ready, metrics)| BootstrapExtension::new(own, ready, metrics));
        // SAFETY: as above.
        let statistics = unsafe { ProcessStatistics::define(envoy, callbacks) };
        let config = Box::new(BootstrapConfig {
            envoy,
            extension,
            statistics: Mutex::new(statistics),
        });
        // SAFETY: as above.
        unsafe { serve_pages(envoy) };
        Some(config)
    });
    made.flatten().map_or(ptr::null(), |config| {
        Box::into_raw(config).cast_const().cast()
    })
}

/// # Safety
/// As Envoy's ABI says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_bootstrap_extension_config_destroy(
    config: *const c_void,
) {
    let config: *mut BootstrapConfig = config.cast_mut().cast();
    if !config.is_null() {
        // SAFETY: `config_new` made it, and Envoy does not use it again.
        guarded(|| drop(unsafe { Box::from_raw(config) }));
    }
}

/// The extension has no state beside its configuration, which exists longer.
#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_bootstrap_extension_new(
    config: *const c_void,
    _envoy: EnvoyPtr,
) -> *const c_void {
    config
}

#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_bootstrap_extension_destroy(_extension: *const c_void) {}

/// The configurations of static listeners exist now. Envoy is not ready before this extension says so.
///
/// # Safety
/// As Envoy's ABI says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_bootstrap_extension_server_initialized(
    _envoy: EnvoyPtr,
    extension: *const c_void,
) {
    // SAFETY: null, or what `new` returned, which is a configuration that exists.
    let Some(config) = (unsafe { extension.cast::<BootstrapConfig>().as_ref() }) else {
        return;
    };
    let is_waiting = guarded(|| {
        let extension = config.extension.as_ref()?;
        // Listeners of a control plane come later, and so would the process.
        let process = process_or_start(platform()).ok()?;
        extension.start(process);
        Some(process)
    });
    guarded(|| match is_waiting.flatten() {
        // SAFETY: Envoy's configuration exists as long as the module's, and this is the main thread.
        Some(process) => unsafe { config.publish(config.envoy, process) },
        // After a fault too: otherwise Envoy would never listen. Without keys, requests are denied.
        // SAFETY: as above.
        None => unsafe { signal_ready(config.envoy) },
    });
}

/// Called when the keys have been fetched, or the metrics are due.
///
/// # Safety
/// As Envoy's ABI says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_bootstrap_extension_config_scheduled(
    envoy: EnvoyPtr,
    config: *const c_void,
    event: u64,
) {
    guarded(|| {
        if event == ScheduledEvent::WaitEnded as u64 {
            // SAFETY: Envoy's configuration of the extension, on the main thread.
            unsafe { signal_ready(envoy) };
            return;
        }
        // SAFETY: null, or a configuration that `config_new` made and that exists.
        let config = unsafe { config.cast::<BootstrapConfig>().as_ref() };
        if let (Some(config), Some(process)) = (config, ModuleProcess::get()) {
            // SAFETY: as above.
            unsafe { config.publish(envoy, process) };
        }
    });
}

/// # Safety
/// As Envoy's ABI says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_bootstrap_extension_admin_request(
    envoy: EnvoyPtr,
    _config: *const c_void,
    _method: AbiBuffer,
    path: AbiBuffer,
    _body: AbiBuffer,
) -> u32 {
    let status = guarded(|| {
        // SAFETY: Envoy's buffer exists until this hook returns.
        let path = String::from_utf8_lossy(unsafe { path.bytes() });
        let (status, body) = page(&path, ModuleProcess::get());
        let set_response = callbacks()?.bootstrap_extension_admin_set_response?;
        // SAFETY: Envoy copies the body.
        unsafe { set_response(envoy, AbiBuffer::of(body.as_bytes())) };
        Some(u32::from(status))
    });
    status.flatten().unwrap_or(FAULT)
}

/// Sends the last spans. Envoy waits until `done` is called.
///
/// # Safety
/// As Envoy's ABI says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_bootstrap_extension_shutdown(
    _envoy: EnvoyPtr,
    _extension: *const c_void,
    done: Option<unsafe extern "C" fn(*mut c_void)>,
    context: *mut c_void,
) {
    guarded(|| {
        if let Some(process) = ModuleProcess::get() {
            process.observer().traces.shutdown(SPAN_FLUSH_TIMEOUT);
        }
    });
    if let Some(done) = done {
        // SAFETY: Envoy's function with Envoy's argument.
        unsafe { done(context) }
    }
}

fn is_empty(config: &[u8]) -> bool {
    // An absent Struct arrives as an empty object.
    matches!(config.trim_ascii(), b"" | b"{}")
}

/// # Safety
/// `envoy` is Envoy's configuration of the extension, on the main thread.
unsafe fn signal_ready(envoy: EnvoyPtr) {
    let signal = callbacks().and_then(|all| all.bootstrap_extension_config_signal_init_complete);
    if let Some(signal) = signal {
        // SAFETY: by the contract of this function.
        unsafe { signal(envoy) }
    }
}

/// # Safety
/// `envoy` is Envoy's configuration of the extension, on the main thread.
unsafe fn serve_pages(envoy: EnvoyPtr) {
    let register = callbacks().and_then(|all| all.bootstrap_extension_register_admin_handler);
    let Some(register) = register else {
        return;
    };
    for (path, about) in PAGES {
        let (path, about) = (
            AbiBuffer::of(path.as_bytes()),
            AbiBuffer::of(about.as_bytes()),
        );
        // SAFETY: by the contract of this function; Envoy copies the texts.
        let is_registered = unsafe { register(envoy, path, about, true, false) };
        if !is_registered {
            tracing::warn!("Envoy has no admin port, or another page at /accredit");
        }
    }
}
