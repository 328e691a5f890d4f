//! The parts of a request that rules match. If a part has more than one interpretation, the request is denied.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::request::Request;
use crate::rules::ambiguity::{Ambiguities, Ambiguity};
use crate::rules::host::Host;
use crate::rules::path::{Path, Segments};
use crate::rules::peer::address_of;

/// What rules match, read before the credential.
#[derive(Debug)]
pub struct Facts<'a> {
    pub method: &'a str,
    /// `None` if no rule reads the host.
    pub host: Option<Host>,
    pub path: MatchedPath<'a>,
    /// Whether the request is a CORS preflight.
    pub(crate) is_preflight: bool,
    /// Envoy's per-route `context_extensions`.
    pub context: &'a [(&'a str, &'a str)],
    /// The principal of the connection's peer; empty if it has none.
    pub principal: &'a str,
    /// The address of the connection's peer, an IPv4-mapped one as IPv4. `None` if it is absent, or no rule reads it.
    pub address: Option<IpAddr>,
}

/// The path of a request in the form that patterns match.
#[derive(Debug)]
pub enum MatchedPath<'a> {
    /// No rule reads the path.
    Unread,
    /// The path has one interpretation. The segments are decoded.
    Plain(Segments<'a>),
    /// The path is ambiguous, and `ambiguous_paths` permits each of these kinds that it has. The segments are as sent.
    Permitted(Segments<'a>, Ambiguities),
}

/// The parts of a request that at least one rule reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    pub host: bool,
    pub method: bool,
    pub path: bool,
    /// The address of the connection's peer.
    pub address: bool,
}

/// A part of a request that a rule reads and that two servers could interpret differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The host is empty, or is not a valid name or address.
    #[error("the host is empty, or is not a valid name or address")]
    Host,
    /// The method has a lower-case letter. Upstreams fold the case, so that a rule for `DELETE` would not stop `delete`
    /// (CONTRACT 3.9.8).
    #[error("the method has a lower-case letter")]
    Method,
    /// The path is ambiguous in these ways, or has a form that no setting permits (`None`).
    #[error("{}", path_cause(*.0))]
    Path(Option<Ambiguities>),
    /// The comparison with the rules needs more steps than a check may make, and so no rule was found that decides.
    #[error(
        "comparing the request with the rules takes too many steps: the path is long, and the rules for this host have too many path patterns with `*` inside a segment, or lists that are too long"
    )]
    TooManyComparisons,
}

fn path_cause(kinds: Option<Ambiguities>) -> String {
    match kinds {
        Some(kinds) => {
            let names: Vec<_> = kinds.iter().map(Ambiguity::name).collect();
            format!("the path is ambiguous: {}", names.join(", "))
        }
        None => "the path has a control character, or does not begin with `/`".to_owned(),
    }
}

impl<'a> Facts<'a> {
    /// Reads the parts that the rules need.
    ///
    /// # Errors
    /// [`TargetError`]
    pub fn read(
        request: &'a Request<'a>,
        needs: Needs,
        permitted: Ambiguities,
    ) -> Result<Facts<'a>, TargetError> {
        let host = if needs.host {
            Some(Host::parse_authority(request.host).map_err(|_| TargetError::Host)?)
        } else {
            None
        };
        if needs.method && request.method.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(TargetError::Method);
        }
        let path = if needs.path {
            read_path(request, permitted)?
        } else {
            MatchedPath::Unread
        };
        Ok(Facts {
            method: request.method,
            host,
            path,
            is_preflight: is_preflight(request),
            context: &request.context,
            principal: request.source_principal,
            address: needs
                .address
                .then(|| address_of(request.source_address))
                .flatten(),
        })
    }

    /// The value of an entry of the route's context.
    pub fn context(&self, name: &str) -> Option<&'a str> {
        self.context
            .iter()
            .find(|(own, _)| *own == name)
            .map(|(_, value)| *value)
    }
}

impl<'a> MatchedPath<'a> {
    /// The segments that patterns match.
    pub fn segments(&self) -> Option<&[Cow<'a, str>]> {
        match self {
            MatchedPath::Unread => None,
            MatchedPath::Plain(segments) | MatchedPath::Permitted(segments, _) => Some(segments),
        }
    }

    pub(crate) fn is_ambiguous(&self) -> bool {
        matches!(self, MatchedPath::Permitted(..))
    }
}

fn read_path<'a>(
    request: &Request<'a>,
    permitted: Ambiguities,
) -> Result<MatchedPath<'a>, TargetError> {
    let (shown, target) = (request.path.as_bytes(), request.target());
    let path = if shown == target {
        Path::parse(shown)
    } else {
        Path::parse_differing(shown, target)
    };
    match path {
        Path::Plain(segments) => Ok(MatchedPath::Plain(segments)),
        Path::Ambiguous(found, raw) if found.are_all_in(permitted) => {
            Ok(MatchedPath::Permitted(raw, found))
        }
        Path::Ambiguous(found, _) => Err(TargetError::Path(Some(found))),
        Path::Unreadable => Err(TargetError::Path(None)),
    }
}

fn is_preflight(request: &Request<'_>) -> bool {
    let has = |name| request.headers.all(name).next().is_some();
    request.method == "OPTIONS" && has("origin") && has("access-control-request-method")
}
