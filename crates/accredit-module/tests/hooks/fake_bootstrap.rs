//! Envoy's side of the bootstrap extension.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr;
use std::sync::mpsc::channel;
use std::sync::{Mutex, MutexGuard, PoisonError};

use accredit_module::host::abi::{AbiBuffer, EnvoyPtr};
use accredit_module::host::callbacks::install;
use accredit_module::host::hooks::bootstrap::{
    envoy_dynamic_module_on_bootstrap_extension_admin_request as admin_request,
    envoy_dynamic_module_on_bootstrap_extension_config_destroy as config_destroy,
    envoy_dynamic_module_on_bootstrap_extension_config_new as config_new,
    envoy_dynamic_module_on_bootstrap_extension_config_scheduled as config_scheduled,
    envoy_dynamic_module_on_bootstrap_extension_new as new,
    envoy_dynamic_module_on_bootstrap_extension_server_initialized as server_initialized,
    envoy_dynamic_module_on_bootstrap_extension_shutdown as shutdown,
};

use crate::fake_callbacks::{callbacks, scheduler};
use crate::module_log::text;

/// What the module did to the extension.
#[derive(Default)]
pub(crate) struct FakeMain {
    /// The names of the counters and gauges, and how many labels each has. A number is a place in this list.
    pub(crate) families: Vec<(String, usize)>,
    /// The values of each series: a name, and the values of its labels.
    pub(crate) values: BTreeMap<(String, Vec<String>), u64>,
    /// How often the module said that Envoy may listen.
    pub(crate) ready: usize,
    pub(crate) pages: Vec<String>,
    body: String,
}

/// The extension, and Envoy's part of it.
pub(crate) struct FakeBootstrap {
    /// Boxed, because the module has its address.
    main: Box<Mutex<FakeMain>>,
    config: *const c_void,
}

impl FakeBootstrap {
    /// `None` if the module refuses the configuration.
    pub(crate) fn start(name: &str, config: &[u8]) -> Option<FakeBootstrap> {
        install(callbacks());
        let main = Box::new(Mutex::new(FakeMain::default()));
        let (name, config) = (AbiBuffer::of(name.as_bytes()), AbiBuffer::of(config));
        let config = unsafe { config_new(pointer(&main), name, config) };
        (!config.is_null()).then_some(FakeBootstrap { main, config })
    }

    pub(crate) fn main(&self) -> MutexGuard<'_, FakeMain> {
        lock(&self.main)
    }

    /// Static listeners have been made.
    pub(crate) fn initialize(&self) {
        let envoy = pointer(&self.main);
        unsafe { server_initialized(envoy, new(self.config, envoy)) }
    }

    pub(crate) fn run_event(&self, event: u64) {
        unsafe { config_scheduled(pointer(&self.main), self.config, event) }
    }

    /// The status and the body of a page of Envoy's admin.
    pub(crate) fn page(&self, path: &str) -> (u32, String) {
        let (method, path) = (AbiBuffer::of(b"GET"), AbiBuffer::of(path.as_bytes()));
        let envoy = pointer(&self.main);
        let status = unsafe { admin_request(envoy, self.config, method, path, AbiBuffer::NULL) };
        (status, std::mem::take(&mut self.main().body))
    }

    /// Envoy ends. Returns whether the module let it go on.
    pub(crate) fn shut_down(&self) -> bool {
        unsafe extern "C" fn done(context: *mut c_void) {
            unsafe { *context.cast::<bool>() = true }
        }
        let mut is_done = false;
        let context = ptr::from_mut(&mut is_done).cast();
        unsafe { shutdown(pointer(&self.main), self.config, Some(done), context) }
        is_done
    }
}

impl Drop for FakeBootstrap {
    fn drop(&mut self) {
        unsafe { config_destroy(self.config) }
    }
}

fn lock(main: &Mutex<FakeMain>) -> MutexGuard<'_, FakeMain> {
    main.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pointer(main: &Mutex<FakeMain>) -> EnvoyPtr {
    ptr::from_ref(main).cast_mut().cast()
}

unsafe fn main_of<'a>(envoy: EnvoyPtr) -> MutexGuard<'a, FakeMain> {
    lock(unsafe { &*envoy.cast::<Mutex<FakeMain>>() })
}

/// The events of this scheduler are lost: each test passes those on that it means.
pub(crate) unsafe extern "C" fn scheduler_new(_envoy: EnvoyPtr) -> *mut c_void {
    scheduler(channel().0)
}

pub(crate) unsafe extern "C" fn signal_ready(envoy: EnvoyPtr) {
    unsafe { main_of(envoy) }.ready += 1;
}

pub(crate) unsafe extern "C" fn define(
    envoy: EnvoyPtr,
    name: AbiBuffer,
    labels: *mut AbiBuffer,
    count: usize,
    id: *mut usize,
) -> u32 {
    let name = unsafe { text(name) };
    unsafe { texts(labels, count) };
    let mut main = unsafe { main_of(envoy) };
    unsafe { *id = main.families.len() };
    main.families.push((name, count));
    0
}

pub(crate) unsafe extern "C" fn add(
    envoy: EnvoyPtr,
    id: usize,
    labels: *mut AbiBuffer,
    count: usize,
    value: u64,
) -> u32 {
    unsafe { change(envoy, id, texts(labels, count), |own| *own += value) }
}

pub(crate) unsafe extern "C" fn set(
    envoy: EnvoyPtr,
    id: usize,
    labels: *mut AbiBuffer,
    count: usize,
    value: u64,
) -> u32 {
    unsafe { change(envoy, id, texts(labels, count), |own| *own = value) }
}

unsafe fn change(
    envoy: EnvoyPtr,
    id: usize,
    labels: Vec<String>,
    change: impl FnOnce(&mut u64),
) -> u32 {
    let mut main = unsafe { main_of(envoy) };
    let (name, count) = main.families[id].clone();
    assert_eq!(labels.len(), count, "{name}");
    change(main.values.entry((name, labels)).or_default());
    0
}

unsafe fn texts(buffers: *mut AbiBuffer, count: usize) -> Vec<String> {
    let buffers = unsafe { std::slice::from_raw_parts(buffers, count) };
    buffers
        .iter()
        .map(|buffer| unsafe { text(*buffer) })
        .collect()
}

pub(crate) unsafe extern "C" fn register_page(
    envoy: EnvoyPtr,
    path: AbiBuffer,
    _about: AbiBuffer,
    _is_removable: bool,
    mutates: bool,
) -> bool {
    assert!(!mutates);
    let path = unsafe { text(path) };
    unsafe { main_of(envoy) }.pages.push(path);
    true
}

pub(crate) unsafe extern "C" fn set_response(envoy: EnvoyPtr, body: AbiBuffer) {
    let body = unsafe { text(body) };
    unsafe { main_of(envoy) }.body = body;
}
