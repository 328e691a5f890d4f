//! The values of the variables, read from the request and the token as the expression asks for them.

use std::net::{Ipv4Addr, Ipv6Addr};

use chrono::DateTime;

use crate::rules::expression::budget::EvaluationBudget;
use crate::rules::expression::failure::ConditionFailure;
use crate::rules::expression::value::{List, Map, Value};
use crate::rules::expression::variables::{REQUEST_MEMBERS, SOURCE_MEMBERS, Variable, Variables};
use crate::rules::peer::without_zone;

impl Variables<'_> {
    /// The value of a variable.
    ///
    /// # Errors
    /// [`ConditionFailure::BudgetExceeded`]
    pub fn value<'a>(
        &'a self,
        variable: Variable,
        budget: &mut EvaluationBudget,
    ) -> Result<Value<'a>, ConditionFailure> {
        Ok(match variable {
            Variable::Claims => Value::Map(match self.claims {
                Some(claims) => Map::Claims(claims),
                None => Map::Texts(&[]),
            }),
            Variable::Scopes => {
                budget.allocate(self.scopes.len() * size_of::<&str>())?;
                Value::List(List::Texts(self.scopes.as_slice().into()))
            }
            Variable::Request => Value::Map(Map::Members(REQUEST_MEMBERS, self)),
            Variable::Source => Value::Map(Map::Members(SOURCE_MEMBERS, self)),
            Variable::Context => Value::Map(Map::Texts(&self.request.context)),
            Variable::Now => self.now()?,
        })
    }

    /// A member of `request` or `source`. No name is in both.
    ///
    /// # Errors
    /// [`ConditionFailure::BudgetExceeded`]
    pub fn member<'a>(
        &'a self,
        name: &str,
        budget: &mut EvaluationBudget,
    ) -> Result<Option<Value<'a>>, ConditionFailure> {
        Ok(Some(match name {
            "method" => Value::borrowed(self.request.method),
            "host" => match &self.facts.host {
                Some(host) => Value::built(host.to_string(), budget)?,
                None => Value::borrowed(""),
            },
            "path" => match self.facts.path.segments() {
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

    fn now<'a>(&self) -> Result<Value<'a>, ConditionFailure> {
        let nanoseconds = (self.now.fract() * 1e9) as u32;
        DateTime::from_timestamp(self.now as i64, nanoseconds)
            .map(|now| Value::Timestamp(now.fixed_offset()))
            .ok_or(ConditionFailure::Value("the time is out of range"))
    }
}

/// A peer of a port for both versions of IP can have an IPv4-mapped IPv6 address, which counts as IPv4: `containsIP` fails on
/// such an address.
fn mapped(address: &str) -> Option<Ipv4Addr> {
    address.parse::<Ipv6Addr>().ok()?.to_ipv4_mapped()
}
