//! A stream of Envoy behind the interface of `check/`, and how it ends or goes on.

use accredit_core::authz::record::DecisionRecord;

use crate::check::fault;
use crate::check::http_stream::{
    ConnectionProperty, HttpStream, LocalReply, NotChanged, RawHeader, RouteConfiguration,
};
use crate::check::request_check::CheckAction;
use crate::host::abi::{
    AbiBuffer, AbiHeader, CONTINUE, EnvoyPtr, PEER_CERTIFICATE_DIGEST, PEER_DNS_SAN, PEER_SUBJECT,
    PEER_URI_SAN, REQUEST_HEADERS, SOURCE_ADDRESS, STOP, STOP_ALL_AND_WATERMARK,
};
use crate::host::callbacks::{EnvoyCallbacks, callbacks};
use crate::host::counters::FilterCounters;
use crate::host::routes;
use crate::host::scheduler::EnvoyScheduler;
use crate::process::resumption::Resume;

/// The name space of the dynamic metadata. It is that of Envoy's ext_authz filter, so that access logs and RBAC policies are the same
/// with the service and with the module.
const METADATA_NAMESPACE: &str = "envoy.filters.http.ext_authz";

/// A stream during one call of a hook.
pub struct EnvoyStream {
    filter: EnvoyPtr,
    callbacks: &'static EnvoyCallbacks,
    counters: FilterCounters,
}

impl EnvoyStream {
    /// `None` if Envoy gave no filter, or the module was not loaded.
    ///
    /// # Safety
    /// `filter` is null, or Envoy's filter of a stream that exists as long as this value, on the thread of the stream.
    pub unsafe fn new(filter: EnvoyPtr, counters: FilterCounters) -> Option<EnvoyStream> {
        let callbacks = callbacks()?;
        (!filter.is_null()).then_some(EnvoyStream {
            filter,
            callbacks,
            counters,
        })
    }

    fn change(
        &mut self,
        change: unsafe extern "C" fn(EnvoyPtr, u32, AbiBuffer, AbiBuffer) -> bool,
        name: &str,
        value: AbiBuffer,
    ) -> Result<(), NotChanged> {
        let name = AbiBuffer::of(name.as_bytes());
        // SAFETY: the stream exists by the contract of `new`; Envoy copies name and value.
        let is_changed = unsafe { change(self.filter, REQUEST_HEADERS, name, value) };
        is_changed.then_some(()).ok_or(NotChanged)
    }
}

impl HttpStream for EnvoyStream {
    /// The bytes are Envoy's. They are valid until the next change, which needs a mutable borrow of the stream.
    fn headers(&self) -> Option<Vec<RawHeader<'_>>> {
        // SAFETY: the stream exists by the contract of `new`.
        let count = unsafe { (self.callbacks.http_get_headers_size)(self.filter, REQUEST_HEADERS) };
        let mut headers = vec![AbiHeader::NULL; count];
        // SAFETY: there is room for that many headers.
        let are_given = unsafe {
            (self.callbacks.http_get_headers)(self.filter, REQUEST_HEADERS, headers.as_mut_ptr())
        };
        if !are_given {
            return None;
        }
        // SAFETY: Envoy's bytes do not change while the stream is borrowed.
        let parts = |header: AbiHeader| unsafe { header.parts() };
        let headers = headers.into_iter().map(parts);
        let headers = headers.map(|(name, value)| Some((text(name)?, value)));
        headers.collect()
    }

    fn property(&self, property: ConnectionProperty) -> Option<&[u8]> {
        let number = match property {
            ConnectionProperty::SourceAddress => SOURCE_ADDRESS,
            ConnectionProperty::PeerUri => PEER_URI_SAN,
            ConnectionProperty::PeerDnsName => PEER_DNS_SAN,
            ConnectionProperty::PeerSubject => PEER_SUBJECT,
            ConnectionProperty::PeerCertificateDigest => PEER_CERTIFICATE_DIGEST,
        };
        let mut value = AbiBuffer::NULL;
        // SAFETY: the stream exists by the contract of `new`.
        let is_given = unsafe {
            (self.callbacks.http_filter_get_attribute_string)(self.filter, number, &mut value)
        };
        // SAFETY: the text belongs to the connection, which exists as long as the stream.
        is_given.then(|| unsafe { value.bytes() })
    }

    fn route(&self) -> RouteConfiguration {
        // SAFETY: the stream exists by the contract of `new`.
        routes::find(unsafe { (self.callbacks.get_most_specific_route_config)(self.filter) })
    }

    fn set_header(&mut self, name: &str, value: &str) -> Result<(), NotChanged> {
        let value = AbiBuffer::of(value.as_bytes());
        self.change(self.callbacks.http_set_header, name, value)
    }

    fn add_header(&mut self, name: &str, value: &str) -> Result<(), NotChanged> {
        let value = AbiBuffer::of(value.as_bytes());
        self.change(self.callbacks.http_add_header, name, value)
    }

    fn remove_header(&mut self, name: &str) -> Result<(), NotChanged> {
        self.change(self.callbacks.http_set_header, name, AbiBuffer::NULL)
    }

    fn set_metadata_texts<'t>(
        &mut self,
        texts: impl Iterator<Item = (&'t str, &'t str)>,
        count: usize,
    ) {
        let namespace = AbiBuffer::of(METADATA_NAMESPACE.as_bytes());
        if let Some(set_all) = self.callbacks.http_set_dynamic_metadata_string_batch {
            let mut all = Vec::with_capacity(count);
            texts.for_each(|(name, text)| all.push(AbiHeader::of(name, text)));
            // SAFETY: the stream exists by the contract of `new`; Envoy copies the texts, which outlive the call.
            unsafe { set_all(self.filter, namespace, all.as_ptr(), all.len()) }
            return;
        }
        for (name, text) in texts {
            let name = AbiBuffer::of(name.as_bytes());
            let text = AbiBuffer::of(text.as_bytes());
            // SAFETY: as above.
            unsafe {
                (self.callbacks.http_set_dynamic_metadata_string)(
                    self.filter,
                    namespace,
                    name,
                    text,
                );
            }
        }
    }

    fn set_metadata_number(&mut self, name: &str, value: f64) {
        // SAFETY: the stream exists by the contract of `new`; Envoy copies the texts.
        unsafe {
            (self.callbacks.http_set_dynamic_metadata_number)(
                self.filter,
                AbiBuffer::of(METADATA_NAMESPACE.as_bytes()),
                AbiBuffer::of(name.as_bytes()),
                value,
            );
        }
    }

    fn set_metadata_struct(&mut self, fields: &[u8]) {
        // A configuration that needs it is refused where it is absent.
        if let Some(set) = self.callbacks.http_set_dynamic_metadata_struct {
            let namespace = AbiBuffer::of(METADATA_NAMESPACE.as_bytes());
            // SAFETY: the stream exists by the contract of `new`; Envoy reads the message before the call returns.
            unsafe { set(self.filter, namespace, AbiBuffer::of(fields)) }
        }
    }

    fn count(&mut self, record: &DecisionRecord) {
        // SAFETY: the stream exists by the contract of `new`, and has the counters of its configuration.
        unsafe { self.counters.count(self.filter, self.callbacks, record) }
    }

    fn resumption(&mut self) -> Option<Box<dyn Resume>> {
        // SAFETY: the stream exists by the contract of `new`.
        let scheduler = unsafe { EnvoyScheduler::of_stream(self.filter, self.callbacks) }?;
        Some(Box::new(scheduler))
    }
}

/// The name of a header. Comparing all bytes with ASCII takes a fraction of the work of decoding them.
fn text(name: &[u8]) -> Option<&str> {
    if name.is_ascii() {
        // SAFETY: ASCII is UTF-8.
        return Some(unsafe { std::str::from_utf8_unchecked(name) });
    }
    std::str::from_utf8(name).ok()
}

/// Performs what the check of the request headers decided, and returns Envoy's status. `None` is a fault. Envoy can end the stream
/// before this returns, so that the caller must hold no reference to the module's filter.
///
/// # Safety
/// `filter` is null, or Envoy's filter of a stream that exists, on the thread of the stream.
pub unsafe fn perform(filter: EnvoyPtr, action: Option<CheckAction>) -> u32 {
    match action {
        Some(CheckAction::Admit) => CONTINUE,
        Some(CheckAction::Hold) => STOP_ALL_AND_WATERMARK,
        Some(CheckAction::Refuse(reply)) => {
            // SAFETY: by the contract of this function.
            unsafe { send(filter, &reply) };
            STOP
        }
        None => {
            if let Some(callbacks) = callbacks()
                && !filter.is_null()
            {
                // SAFETY: by the contract of this function, and not null.
                unsafe { FilterCounters::count_fault(filter, callbacks) };
            }
            // SAFETY: by the contract of this function.
            unsafe { send(filter, &fault::reply()) };
            STOP
        }
    }
}

/// Like [`perform`], after the stream was held.
///
/// # Safety
/// As [`perform`].
pub unsafe fn perform_held(filter: EnvoyPtr, action: Option<CheckAction>) {
    // SAFETY: by the contract of this function.
    if unsafe { perform(filter, action) } == CONTINUE
        && let Some(callbacks) = callbacks()
        && !filter.is_null()
    {
        // SAFETY: by the contract of this function.
        unsafe { (callbacks.http_filter_continue_decoding)(filter) }
    }
}

/// # Safety
/// As [`perform`].
unsafe fn send(filter: EnvoyPtr, reply: &LocalReply) {
    let Some(callbacks) = callbacks() else {
        return;
    };
    if filter.is_null() {
        return;
    }
    let headers = reply.headers.iter();
    let mut headers: Vec<AbiHeader> = headers
        .map(|(name, value)| AbiHeader::of(name, value))
        .collect();
    // SAFETY: by the contract of this function; Envoy copies the texts.
    unsafe {
        (callbacks.http_send_response)(
            filter,
            reply.status.into(),
            headers.as_mut_ptr(),
            headers.len(),
            AbiBuffer::of(reply.body.as_bytes()),
            AbiBuffer::of(reply.details.as_bytes()),
        );
    }
}
