//! The answer to a check, independent of the protocol that carries it.
//!
//! To Envoy an answer without a status, and even an empty one, is an admission (CONTRACT 4.6.1). So an [`Admission`] can be
//! made from a decided admission only, and a [`RefusedAnswer`] admits nothing: its code has no variant for 0.

use std::borrow::Cow;
use std::sync::Arc;

use crate::authn::identity::Identity;
use crate::authn::token_metadata::MetadataValue;
use crate::authz::denial_context::RefusalForm;
use crate::authz::record::DecisionRecord;
use crate::forward::strip::StripList;

/// A decided request: what to report, and what to answer.
#[derive(Clone, Debug)]
pub struct Judged {
    pub record: DecisionRecord,
    pub answer: Answer,
}

/// The answer to a check.
#[derive(Clone, Debug)]
pub enum Answer {
    Admit(Admission),
    Refuse(RefusedAnswer),
}

/// The changes that an admission makes to the request.
#[derive(Clone, Debug)]
pub struct Admission {
    identity: Option<Arc<Identity>>,
    /// Headers, `:path` included, that get another value because a token was removed from them.
    changed: Vec<(&'static str, String)>,
    /// The headers that only a token can set, by the configuration that made the decision.
    strip: Arc<StripList>,
    /// Names to remove from this request beside those of `strip`.
    remove: Vec<String>,
    /// The values of `metadata`.
    metadata: Vec<(Arc<str>, MetadataValue<'static>)>,
}

/// What accredit sends to the client in place of the upstream: the answer to a denial, or the document of `resource_metadata`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedAnswer {
    /// The HTTP status.
    pub status: u16,
    pub code: RefusalCode,
    pub form: RefusalForm,
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    pub body: Cow<'static, str>,
}

/// The gRPC status code of a denial (CONTRACT 4.5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalCode {
    InvalidArgument = 3,
    PermissionDenied = 7,
    Unavailable = 14,
    Unauthenticated = 16,
}

// === impl Admission ===

impl Admission {
    pub(in crate::authz) fn new(
        identity: Option<Arc<Identity>>,
        changed: Vec<(&'static str, String)>,
        strip: Arc<StripList>,
        remove: Vec<String>,
    ) -> Admission {
        Admission {
            identity,
            changed,
            strip,
            remove,
            metadata: Vec::new(),
        }
    }

    pub(in crate::authz) fn set_metadata(
        &mut self,
        metadata: Vec<(Arc<str>, MetadataValue<'static>)>,
    ) {
        self.metadata = metadata;
    }

    /// The values of `metadata`, by name.
    pub fn metadata(&self) -> &[(Arc<str>, MetadataValue<'static>)] {
        &self.metadata
    }

    /// The holder of the token; `None` for a request without one.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_deref()
    }

    /// The headers to set, each once.
    pub fn set(&self) -> impl Iterator<Item = (&str, &str)> {
        let claims = self.identity().into_iter().flat_map(Identity::headers);
        claims.chain(self.changed())
    }

    /// The headers to set that are not claim headers of the identity.
    pub fn changed(&self) -> impl Iterator<Item = (&str, &str)> {
        let changed = self.changed.iter();
        changed.map(|(name, value)| (*name, value.as_str()))
    }

    /// The names of the headers to remove, each once.
    pub fn remove(&self) -> impl Iterator<Item = &str> {
        let others = self.remove.iter().map(String::as_str);
        let identity = self.identity();
        let sets = move |name: &str| identity.is_some_and(|identity| identity.sets_header(name));
        self.strip.unset(sets).chain(others)
    }
}
