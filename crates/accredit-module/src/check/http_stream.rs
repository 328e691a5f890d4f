//! What a check needs of the stream that Envoy holds. `host/` implements it; tests have other streams.

use std::sync::Arc;

use accredit_core::authz::record::DecisionRecord;
use accredit_core::config::route_config::RouteSettings;

use crate::process::resumption::Resume;

/// A header of the request as Envoy has it: the name in lower case, pseudo-headers included, and the bytes of the value.
pub type RawHeader<'a> = (&'a str, &'a [u8]);

/// A property of the connection to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionProperty {
    /// The address of the client with its port, as Envoy's HTTP connection manager determines it.
    SourceAddress,
    /// The first URI of the peer certificate's subject alternative names.
    PeerUri,
    /// The first DNS name of the peer certificate's subject alternative names.
    PeerDnsName,
    /// The subject of the peer certificate.
    PeerSubject,
    /// The SHA-256 digest of the peer certificate, in hexadecimal.
    PeerCertificateDigest,
}

/// The configuration of the request's route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteConfiguration {
    /// The route has none.
    Absent,
    Settings(Arc<RouteSettings>),
    /// This module did not make it: the route was configured for another file or version of the module.
    Foreign,
}

/// An answer that Envoy sends to the client in place of the upstream's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalReply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    /// Envoy's response code details, for its access log.
    pub details: String,
}

/// Envoy did not apply a change of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Envoy did not apply a change of the request")]
pub struct NotChanged;

/// A stream whose request headers have arrived. Nothing here can end the stream, so that a check can hold references into it.
pub trait HttpStream {
    /// Every header of the request in order; `None` if Envoy does not give them, or gives a name that is not text.
    fn headers(&self) -> Option<Vec<RawHeader<'_>>>;

    fn property(&self, property: ConnectionProperty) -> Option<&[u8]>;

    fn route(&self) -> RouteConfiguration;

    /// Sets a header of the request in place of every value that it has.
    ///
    /// # Errors
    /// [`NotChanged`]
    fn set_header(&mut self, name: &str, value: &str) -> Result<(), NotChanged>;

    /// Adds a header that the request does not have. Envoy does it with less work than [`HttpStream::set_header`].
    ///
    /// # Errors
    /// [`NotChanged`], in some versions of Envoy also for an empty value.
    fn add_header(&mut self, name: &str, value: &str) -> Result<(), NotChanged>;

    /// Removes every value of a header of the request.
    ///
    /// # Errors
    /// [`NotChanged`]
    fn remove_header(&mut self, name: &str) -> Result<(), NotChanged>;

    /// Sets metadata: each name and its text. `count` is about the number of them.
    fn set_metadata_texts<'t>(
        &mut self,
        texts: impl Iterator<Item = (&'t str, &'t str)>,
        count: usize,
    );

    fn set_metadata_number(&mut self, name: &str, value: f64);

    /// Sets metadata of a serialized `google.protobuf.Struct`.
    fn set_metadata_struct(&mut self, fields: &[u8]);

    /// Counts a decision in Envoy's statistics.
    fn count(&mut self, record: &DecisionRecord);

    /// What resumes this stream; `None` if Envoy does not give it.
    fn resumption(&mut self) -> Option<Box<dyn Resume>>;
}
