//! An Envoy that holds one stream at a time for each test, and calls the hooks of the module for it.

use std::ffi::c_void;
use std::ptr;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use accredit_module::host::abi::AbiBuffer;
use accredit_module::host::callbacks::install;
use accredit_module::host::hooks::filter::{
    envoy_dynamic_module_on_http_filter_destroy as destroy,
    envoy_dynamic_module_on_http_filter_new as new,
    envoy_dynamic_module_on_http_filter_request_body as request_body,
    envoy_dynamic_module_on_http_filter_request_headers as request_headers,
    envoy_dynamic_module_on_http_filter_scheduled as scheduled,
};
use accredit_module::host::hooks::filter_config::{
    envoy_dynamic_module_on_http_filter_config_destroy as config_destroy,
    envoy_dynamic_module_on_http_filter_config_new as config_new,
};

use crate::fake_callbacks::callbacks;
use crate::fake_stream::{FakeStream, Reply, lock, pointer};

/// The configuration of the filter, and a stream of it.
pub(crate) struct FakeEnvoy {
    config: *const c_void,
}

/// A stream with the module's filter.
pub(crate) struct Streaming {
    /// Boxed, because the module has its address.
    pub(crate) stream: Box<Mutex<FakeStream>>,
    filter: *mut c_void,
    events: Receiver<u64>,
}

impl FakeEnvoy {
    /// Makes a configuration; `None` if the module refuses it.
    pub(crate) fn start(config: &str) -> Option<FakeEnvoy> {
        FakeEnvoy::named("accredit", config.as_bytes())
    }

    pub(crate) fn named(name: &str, config: &[u8]) -> Option<FakeEnvoy> {
        install(callbacks());
        let (name, config) = (AbiBuffer::of(name.as_bytes()), AbiBuffer::of(config));
        let config = unsafe { config_new(ptr::null_mut(), name, config) };
        (!config.is_null()).then_some(FakeEnvoy { config })
    }

    /// A stream with these request headers.
    pub(crate) fn stream(&self, headers: &[(&str, &str)]) -> Streaming {
        self.stream_with(headers, |_| ())
    }

    pub(crate) fn stream_with(
        &self,
        headers: &[(&str, &str)],
        change: impl FnOnce(&mut FakeStream),
    ) -> Streaming {
        let (sender, events) = channel();
        let pseudo = [
            (":method", "GET"),
            (":authority", "api.test"),
            (":path", "/a"),
        ];
        let headers = pseudo.iter().chain(headers);
        let mut stream = FakeStream {
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
                .collect(),
            events: Some(sender),
            ..FakeStream::default()
        };
        change(&mut stream);
        let stream = Box::new(Mutex::new(stream));
        let filter = unsafe { new(self.config, pointer(&stream)) }.cast_mut();
        Streaming {
            stream,
            filter,
            events,
        }
    }
}

impl Drop for FakeEnvoy {
    fn drop(&mut self) {
        unsafe { config_destroy(self.config) }
    }
}

impl Streaming {
    /// The headers of the request arrive. Returns the status of the hook.
    pub(crate) fn request_headers(&self) -> u32 {
        unsafe { request_headers(pointer(&self.stream), self.filter, true) }
    }

    pub(crate) fn request_body(&self) -> u32 {
        unsafe { request_body(pointer(&self.stream), self.filter, true) }
    }

    /// Waits for an event of the module's scheduler, and passes it on.
    pub(crate) fn run_event(&self) {
        let event = self.events.recv_timeout(Duration::from_secs(20));
        let event = event.expect("the module schedules an event");
        unsafe { scheduled(pointer(&self.stream), self.filter, event) }
    }

    /// Passes an event on that the module did not ask for.
    pub(crate) fn run_foreign_event(&self) {
        unsafe { scheduled(pointer(&self.stream), self.filter, 7) }
    }

    /// Envoy will destroy the filter within the call that sends a reply or resumes the stream.
    pub(crate) fn ends_within_call(&self) {
        lock(&self.stream).ends_within_call = Some(self.filter);
    }

    /// The stream ends, unless it has ended.
    pub(crate) fn end(self) -> FakeStream {
        let stream = std::mem::take(&mut *lock(&self.stream));
        if !stream.has_ended {
            unsafe { destroy(self.filter) }
        }
        stream
    }

    pub(crate) fn reply(&self) -> Option<Reply> {
        lock(&self.stream).reply.clone()
    }

    pub(crate) fn counted(&self) -> Vec<(&'static str, Option<String>)> {
        lock(&self.stream).counted.clone()
    }

    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        let stream = lock(&self.stream);
        let named = stream.headers.iter().filter(|(own, _)| own == name);
        named
            .map(|(_, value)| String::from_utf8(value.clone()).unwrap())
            .collect()
    }
}
