//! The functions of Envoy that the module calls. Each reads the stream or records what the module does to it.

use std::ffi::c_void;
use std::ptr;
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;

use accredit_module::host::abi::{AbiBuffer, AbiHeader, EnvoyPtr};
use accredit_module::host::callbacks::EnvoyCallbacks;
use accredit_module::host::hooks::filter::envoy_dynamic_module_on_http_filter_destroy as destroy;

use crate::fake_bootstrap;
use crate::fake_stream::{FakeStream, Reply, stream};
use crate::module_log::{log, text};

/// The schedulers that the module holds.
pub(crate) static SCHEDULERS: AtomicUsize = AtomicUsize::new(0);

/// The counters of the filter.
const COUNTERS: [&str; 5] = [
    "accredit_allowed",
    "accredit_denied",
    "accredit_denials",
    "accredit_shadow",
    "accredit_faults",
];

pub(crate) fn callbacks() -> EnvoyCallbacks {
    EnvoyCallbacks {
        log,
        http_get_headers_size: headers_size,
        http_get_headers: headers,
        http_set_header: set_header,
        http_add_header: add_header,
        http_send_response: send_response,
        http_filter_get_attribute_string: attribute,
        http_set_dynamic_metadata_string: metadata_string,
        http_set_dynamic_metadata_number: metadata_number,
        get_most_specific_route_config: route,
        http_filter_continue_decoding: continue_decoding,
        http_filter_scheduler_new: scheduler_new,
        http_filter_scheduler_commit: scheduler_commit,
        http_filter_scheduler_delete: scheduler_delete,
        http_filter_config_define_counter: define_counter,
        http_filter_increment_counter: increment_counter,
        is_validation_mode: None,
        http_set_dynamic_metadata_string_batch: Some(metadata_strings),
        http_set_dynamic_metadata_struct: None,
        bootstrap_extension_config_scheduler_new: Some(fake_bootstrap::scheduler_new),
        bootstrap_extension_config_scheduler_commit: Some(scheduler_commit),
        bootstrap_extension_config_scheduler_delete: Some(scheduler_delete),
        bootstrap_extension_config_signal_init_complete: Some(fake_bootstrap::signal_ready),
        bootstrap_extension_config_define_counter: Some(fake_bootstrap::define),
        bootstrap_extension_config_increment_counter: Some(fake_bootstrap::add),
        bootstrap_extension_config_define_gauge: Some(fake_bootstrap::define),
        bootstrap_extension_config_set_gauge: Some(fake_bootstrap::set),
        bootstrap_extension_register_admin_handler: Some(fake_bootstrap::register_page),
        bootstrap_extension_admin_set_response: Some(fake_bootstrap::set_response),
    }
}

unsafe extern "C" fn headers_size(envoy: EnvoyPtr, map: u32) -> usize {
    assert_eq!(map, 0);
    let stream = unsafe { stream(envoy) };
    match stream.counts_too_many {
        true => usize::MAX,
        false => stream.headers.len(),
    }
}

unsafe extern "C" fn headers(envoy: EnvoyPtr, _map: u32, out: *mut AbiHeader) -> bool {
    let stream = unsafe { stream(envoy) };
    for (number, (name, value)) in stream.headers.iter().enumerate() {
        let header = AbiHeader {
            key: name.as_ptr().cast(),
            key_length: name.len(),
            value: value.as_ptr().cast(),
            value_length: value.len(),
        };
        unsafe { *out.add(number) = header };
    }
    !stream.hides_headers
}

unsafe extern "C" fn set_header(
    envoy: EnvoyPtr,
    _map: u32,
    name: AbiBuffer,
    value: AbiBuffer,
) -> bool {
    let (mut stream, name) = unsafe { (stream(envoy), text(name)) };
    if stream.takes_no_changes {
        return false;
    }
    stream.replaced.push(name.clone());
    stream.headers.retain(|(own, _)| *own != name);
    if !value.ptr.is_null() {
        let value = unsafe { value.bytes() }.to_vec();
        stream.headers.push((name, value));
    }
    true
}

/// Envoy adds the header also if the request has one of that name. Not every version adds an empty value.
unsafe extern "C" fn add_header(
    envoy: EnvoyPtr,
    _map: u32,
    name: AbiBuffer,
    value: AbiBuffer,
) -> bool {
    let (mut stream, name) = unsafe { (stream(envoy), text(name)) };
    let value = unsafe { value.bytes() }.to_vec();
    if stream.takes_no_changes || value.is_empty() {
        return false;
    }
    stream.headers.push((name, value));
    true
}

unsafe extern "C" fn send_response(
    envoy: EnvoyPtr,
    status: u32,
    headers: *mut AbiHeader,
    count: usize,
    body: AbiBuffer,
    details: AbiBuffer,
) {
    let headers = unsafe { std::slice::from_raw_parts(headers, count) };
    let text_of = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let headers = headers.iter().map(|header| {
        let (name, value) = unsafe { header.parts() };
        (text_of(name), text_of(value))
    });
    let reply = Reply {
        status,
        headers: headers.collect(),
        body: unsafe { text(body) },
        details: unsafe { text(details) },
    };
    let mut stream = unsafe { stream(envoy) };
    assert_eq!(stream.reply, None, "two replies");
    stream.reply = Some(reply);
    end_within_call(stream);
}

fn end_within_call(mut stream: MutexGuard<'_, FakeStream>) {
    if let Some(filter) = stream.ends_within_call.take() {
        stream.has_ended = true;
        drop(stream);
        unsafe { destroy(filter) }
    }
}

unsafe extern "C" fn attribute(envoy: EnvoyPtr, id: u32, out: *mut AbiBuffer) -> bool {
    let stream = unsafe { stream(envoy) };
    let value = match id {
        24 => stream.source.as_ref(),
        38 => stream.certificate_digest.as_ref(),
        _ => None,
    };
    let Some(value) = value else {
        return false;
    };
    unsafe { *out = AbiBuffer::of(value.as_bytes()) };
    true
}

unsafe extern "C" fn metadata_string(
    envoy: EnvoyPtr,
    _namespace: AbiBuffer,
    name: AbiBuffer,
    value: AbiBuffer,
) {
    let entry = unsafe { (text(name), text(value)) };
    unsafe { stream(envoy) }.metadata.push(entry);
}

unsafe extern "C" fn metadata_strings(
    envoy: EnvoyPtr,
    _namespace: AbiBuffer,
    entries: *const AbiHeader,
    count: usize,
) {
    let entries = unsafe { std::slice::from_raw_parts(entries, count) };
    let text_of = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let entries = entries.iter().map(|entry| {
        let (name, value) = unsafe { entry.parts() };
        (text_of(name), text_of(value))
    });
    unsafe { stream(envoy) }.metadata.extend(entries);
}

unsafe extern "C" fn metadata_number(
    envoy: EnvoyPtr,
    _namespace: AbiBuffer,
    name: AbiBuffer,
    value: f64,
) {
    let entry = (unsafe { text(name) }, value.to_string());
    unsafe { stream(envoy) }.metadata.push(entry);
}

unsafe extern "C" fn route(envoy: EnvoyPtr) -> *const c_void {
    let route = unsafe { stream(envoy) }.route;
    ptr::without_provenance(route.unwrap_or_default())
}

unsafe extern "C" fn continue_decoding(envoy: EnvoyPtr) {
    let mut stream = unsafe { stream(envoy) };
    stream.continued += 1;
    end_within_call(stream);
}

struct FakeScheduler(Sender<u64>);

unsafe extern "C" fn scheduler_new(envoy: EnvoyPtr) -> *mut c_void {
    let stream = unsafe { stream(envoy) };
    if stream.has_no_scheduler {
        return ptr::null_mut();
    }
    scheduler(stream.events.clone().unwrap())
}

pub(crate) fn scheduler(events: Sender<u64>) -> *mut c_void {
    SCHEDULERS.fetch_add(1, Ordering::SeqCst);
    Box::into_raw(Box::new(FakeScheduler(events))).cast()
}

unsafe extern "C" fn scheduler_commit(scheduler: *mut c_void, event: u64) {
    let scheduler = unsafe { &*scheduler.cast::<FakeScheduler>() };
    // The stream may have ended.
    let _ = scheduler.0.send(event);
}

unsafe extern "C" fn scheduler_delete(scheduler: *mut c_void) {
    SCHEDULERS.fetch_sub(1, Ordering::SeqCst);
    drop(unsafe { Box::from_raw(scheduler.cast::<FakeScheduler>()) });
}

unsafe extern "C" fn define_counter(
    _config: EnvoyPtr,
    name: AbiBuffer,
    _labels: *mut AbiBuffer,
    _count: usize,
    id: *mut usize,
) -> u32 {
    let name = unsafe { text(name) };
    let known = COUNTERS.iter().position(|own| *own == name);
    unsafe { *id = known.unwrap_or_else(|| panic!("an unknown counter: {name}")) };
    0
}

unsafe extern "C" fn increment_counter(
    envoy: EnvoyPtr,
    id: usize,
    labels: *mut AbiBuffer,
    count: usize,
    value: u64,
) -> u32 {
    assert_eq!(value, 1);
    let label = (count == 1).then(|| unsafe { text(*labels) });
    unsafe { stream(envoy) }.counted.push((COUNTERS[id], label));
    0
}
