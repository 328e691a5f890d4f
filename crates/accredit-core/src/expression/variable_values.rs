//! The values of the variables, read from the request and the token as the expression asks for them.

use std::net::{Ipv4Addr, Ipv6Addr};

use chrono::DateTime;

use crate::expression::budget::EvaluationBudget;
use crate::expression::failure::EvaluationFailure;
use crate::expression::value::{List, Map, Value};
use crate::expression::variables::{
    REQUEST_MEMBERS, RequestVariables, SOURCE_MEMBERS, Variable, Variables,
};
use crate::request::without_zone;

impl Variables<'_> {
    /// The value of a variable.
    ///
    /// # Errors
    /// [`EvaluationFailure::BudgetExceeded`]
    pub fn value<'a>(
        &'a self,
        variable: Variable,
        budget: &mut EvaluationBudget,
    ) -> Result<Value<'a>, EvaluationFailure> {
        Ok(match variable {
            Variable::Claims => Value::Map(match self.claims {
                Some(claims) => Map::Claims(claims),
                None => Map::Texts(&[]),
            }),
            Variable::Scopes => {
                budget.allocate(self.scopes.len() * size_of::<&str>())?;
                Value::List(List::Texts(self.scopes.as_slice().into()))
            }
            Variable::Request => self.members(REQUEST_MEMBERS),
            Variable::Source => self.members(SOURCE_MEMBERS),
            Variable::Context => Value::Map(match &self.request {
                Some(RequestVariables { request, .. }) => Map::Texts(&request.context),
                None => Map::Texts(&[]),
            }),
            Variable::Now => match &self.request {
                Some(RequestVariables { now, .. }) => timestamp(*now)?,
                None => Value::Null,
            },
            Variable::Issuer => Value::borrowed(self.issuer),
        })
    }

    fn members<'a>(&'a self, names: &'static [&'static str]) -> Value<'a> {
        Value::Map(match &self.request {
            Some(request) => Map::Members(names, request),
            None => Map::Texts(&[]),
        })
    }
}

impl RequestVariables<'_> {
    /// A member of `request` or `source`. No name is in both.
    ///
    /// # Errors
    /// [`EvaluationFailure::BudgetExceeded`]
    pub fn member<'a>(
        &'a self,
        name: &str,
        budget: &mut EvaluationBudget,
    ) -> Result<Option<Value<'a>>, EvaluationFailure> {
        Ok(Some(match name {
            "method" => Value::borrowed(self.request.method),
            "host" => match self.host {
                Some(host) => Value::built(host.to_string(), budget)?,
                None => Value::borrowed(""),
            },
            "path" => match self.path {
                Some(segments) => Value::built(format!("/{}", segments.join("/")), budget)?,
                None => Value::borrowed(""),
            },
            "query" => Value::borrowed(match self.request.path.split_once('?') {
                Some((_, query)) => query,
                None => "",
            }),
            "headers" => Value::Map(Map::Headers(&self.request.headers)),
            "address" => match mapped(self.request.source_address) {
                Some(address) => Value::built(address.to_string(), budget)?,
                None => Value::borrowed(without_zone(self.request.source_address)),
            },
            "principal" => Value::borrowed(self.request.source_principal),
            _ => return Ok(None),
        }))
    }
}

fn timestamp<'a>(seconds: f64) -> Result<Value<'a>, EvaluationFailure> {
    let nanoseconds = (seconds.fract() * 1e9) as u32;
    DateTime::from_timestamp(seconds as i64, nanoseconds)
        .map(|now| Value::Timestamp(now.fixed_offset()))
        .ok_or(EvaluationFailure::Value("the time is out of range"))
}

/// A peer of a port for both versions of IP can have an IPv4-mapped IPv6 address, which counts as IPv4: `containsIP` fails on
/// such an address.
fn mapped(address: &str) -> Option<Ipv4Addr> {
    address.parse::<Ipv6Addr>().ok()?.to_ipv4_mapped()
}
