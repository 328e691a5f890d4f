//! Everything that is told of one decision, to whoever is told.

use std::time::Duration;

use crate::authz::asked::Asked;
use crate::authz::observer::Disclosure;
use crate::authz::record::Record;

/// One decision, the request that it is about, and what may be told of both.
#[derive(Debug)]
pub struct Account<'a> {
    /// The decision.
    pub record: Record<'a>,
    /// The request; of a message that could not be read there is none.
    pub asked: Option<Asked<'a>>,
    /// From the call's headers to the decision.
    pub took: Duration,
    /// What the configuration lets be told.
    pub disclosure: &'a Disclosure,
    /// The trace that its span is in, if there is one.
    pub trace_id: Option<String>,
}
