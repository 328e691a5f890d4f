//! What rules are matched against: a request's host and path in their only reading.

use crate::request::Request;
use crate::rules::host::Host;
use crate::rules::path::{Ambiguities, Path};

/// What is known of a request before its credential is looked at.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The method.
    pub method: &'a str,
    /// The host, where it is one.
    pub host: Option<Host>,
    /// The path.
    pub target: Target,
    /// Whether the request is a CORS preflight.
    pub is_preflight: bool,
    /// The route's context.
    pub context: &'a [(&'a str, &'a str)],
}

/// A request's path as rules see it.
#[derive(Debug)]
pub enum Target {
    /// Nobody asks for it.
    Unread,
    /// One reading: decoded segments.
    Plain(Vec<String>),
    /// Several, which the operator lets through: undecoded segments.
    LetThrough(Vec<String>),
}

/// Which parts of a request's target decide something, and so must have one reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The host.
    pub host: bool,
    /// The path.
    pub path: bool,
}

/// A target that two careful servers could read differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetError {
    /// The host is empty, or no valid name or address.
    Host,
    /// The path.
    Path(Option<Ambiguities>),
}

impl<'a> Facts<'a> {
    /// Reads what is needed.
    ///
    /// # Errors
    /// [`TargetError`] where a needed part has no reading that all servers share.
    pub fn read(
        request: &'a Request<'a>,
        needs: Needs,
        allowed: Ambiguities,
    ) -> Result<Facts<'a>, TargetError> {
        let host = match Host::parse(request.host) {
            Ok(host) => Some(host),
            Err(_) if needs.host => return Err(TargetError::Host),
            Err(_) => None,
        };
        let target = if needs.path {
            read_target(request, allowed)?
        } else {
            Target::Unread
        };
        Ok(Facts {
            method: request.method,
            host,
            target,
            is_preflight: is_preflight(request),
            context: &request.context,
        })
    }

    /// An entry of the route's context.
    pub fn context(&self, name: &str) -> Option<&'a str> {
        self.context
            .iter()
            .find(|(own, _)| *own == name)
            .map(|(_, value)| *value)
    }
}

impl Target {
    /// The segments that patterns are matched against.
    pub fn segments(&self) -> Option<&[String]> {
        match self {
            Target::Unread => None,
            Target::Plain(segments) | Target::LetThrough(segments) => Some(segments),
        }
    }

    /// Whether it has more than one reading.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Target::LetThrough(_))
    }
}

fn read_target(request: &Request<'_>, allowed: Ambiguities) -> Result<Target, TargetError> {
    let path = match Path::parse(request.path) {
        // The proxy shows bytes outside of ASCII as `!`, and passes them on; the raw header tells.
        Path::Plain(segments) if is_shown_otherwise(request) => {
            Path::Ambiguous(Ambiguities::BAD_ENCODING, segments)
        }
        path => path,
    };
    match path {
        Path::Plain(segments) => Ok(Target::Plain(segments)),
        Path::Ambiguous(found, raw) if found.are_all_in(allowed) => Ok(Target::LetThrough(raw)),
        Path::Ambiguous(found, _) => Err(TargetError::Path(Some(found))),
        Path::Unreadable => Err(TargetError::Path(None)),
    }
}

fn is_shown_otherwise(request: &Request<'_>) -> bool {
    request
        .headers
        .all(":path")
        .any(|raw| raw != request.path.as_bytes())
}

fn is_preflight(request: &Request<'_>) -> bool {
    let has = |name| request.headers.all(name).next().is_some();
    request.method == "OPTIONS" && has("origin") && has("access-control-request-method")
}
