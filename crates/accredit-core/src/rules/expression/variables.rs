//! The variables that an expression can read (CONTRACT 3.11.3).

use crate::request::Request;
use crate::rules::facts::Facts;
use crate::token::claims::Claims;

/// The names of the variables.
pub const VARIABLES: [&str; 7] = [
    "claims", "scopes", "request", "source", "context", "env", "now",
];

/// The members of `request`.
pub const REQUEST_MEMBERS: &[&str] = &["method", "host", "path", "query", "headers"];

/// The members of `source`.
pub const SOURCE_MEMBERS: &[&str] = &["address", "principal"];

/// The values of the variables for one request at one moment.
#[derive(Clone, Debug)]
pub struct Variables<'a> {
    pub request: &'a Request<'a>,
    /// The host and the path as rules match them.
    pub facts: &'a Facts<'a>,
    /// `None` without a token.
    pub claims: Option<&'a Claims>,
    /// Empty without a token.
    pub scopes: Vec<&'a str>,
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
            _ => return None,
        })
    }
}
