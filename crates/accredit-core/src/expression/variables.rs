//! The variables that an expression can read (CONTRACT 3.11.3, 3.7.6).

use std::borrow::Cow;
use std::fmt;

use crate::request::Request;
use crate::token::claims::Claims;

/// The variables that an expression may name. Each place of the configuration permits one of these sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VariableSet {
    /// Of a request, and of its token if it has one: `when` and `metadata`.
    Request,
    /// Of a verified token alone, so that the result can be kept with the token: claim headers.
    Token,
}

/// The members of `request`.
pub const REQUEST_MEMBERS: &[&str] = &["method", "host", "path", "query", "headers"];

/// The members of `source`.
pub const SOURCE_MEMBERS: &[&str] = &["address", "principal"];

/// The values of the variables.
#[derive(Clone, Debug)]
pub struct Variables<'a> {
    /// `None` for expressions of [`VariableSet::Token`], which cannot name what it contains.
    pub request: Option<RequestVariables<'a>>,
    /// `None` without a token.
    pub claims: Option<&'a Claims>,
    /// Empty without a token.
    pub scopes: Vec<&'a str>,
    /// The `iss` of the token; empty without one.
    pub issuer: &'a str,
}

/// A request at one moment.
#[derive(Clone, Copy)]
pub struct RequestVariables<'a> {
    pub request: &'a Request<'a>,
    /// The host as rules match it. `None` if no rule and no expression reads the host.
    pub host: Option<&'a dyn fmt::Display>,
    /// The segments of the path as rules match them. `None` if no rule and no expression reads the path.
    pub path: Option<&'a [Cow<'a, str>]>,
    /// Seconds since the epoch.
    pub now: f64,
}

/// A variable other than `env`, which is known when the expression is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable {
    Claims,
    Scopes,
    Request,
    Source,
    Context,
    Now,
    Issuer,
}

impl VariableSet {
    /// The names of the variables.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            VariableSet::Request => &[
                "claims", "scopes", "request", "source", "context", "env", "now",
            ],
            VariableSet::Token => &["claims", "scopes", "issuer", "env"],
        }
    }

    /// The variable of this name, if the set has it.
    pub(super) fn variable(self, name: &str) -> Option<Variable> {
        self.names()
            .contains(&name)
            .then(|| Variable::named(name))
            .flatten()
    }
}

impl Variable {
    pub fn named(name: &str) -> Option<Variable> {
        Some(match name {
            "claims" => Variable::Claims,
            "scopes" => Variable::Scopes,
            "request" => Variable::Request,
            "source" => Variable::Source,
            "context" => Variable::Context,
            "now" => Variable::Now,
            "issuer" => Variable::Issuer,
            _ => return None,
        })
    }
}

impl fmt::Debug for RequestVariables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestVariables(..)")
    }
}
