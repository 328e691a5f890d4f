//! The variables that an expression reads.

use crate::expression::variables::Variable;

/// Which variables and which members of `request` and `source` an expression reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    variables: u8,
    host: bool,
    method: bool,
    path: bool,
    query: bool,
    address: bool,
}

impl Reads {
    /// Whether the variable of this name is read.
    pub fn variable(self, name: &str) -> bool {
        Variable::named(name).is_some_and(|variable| self.variables & bit(variable) != 0)
    }

    /// Whether the host can decide, so that an invalid host must be refused.
    pub fn host(self) -> bool {
        self.host
    }

    /// Whether the method can decide, so that one with lower-case letters must be refused.
    pub fn method(self) -> bool {
        self.method
    }

    /// Whether the path can decide, so that an ambiguous path must be refused.
    pub fn path(self) -> bool {
        self.path
    }

    /// Whether the query string is read.
    pub fn query(self) -> bool {
        self.query
    }

    /// Whether the address of the connection's peer is read.
    pub fn address(self) -> bool {
        self.address
    }

    pub(super) fn add_variable(&mut self, variable: Variable) {
        self.variables |= bit(variable);
    }

    pub(super) fn add_request_member(&mut self, member: &str) {
        self.host |= member == "host";
        self.method |= member == "method";
        self.path |= member == "path";
        self.query |= member == "query";
    }

    pub(super) fn add_source_member(&mut self, member: &str) {
        self.address |= member == "address";
    }

    pub(super) fn add_whole_source(&mut self) {
        self.address = true;
    }

    pub(super) fn add_whole_request(&mut self) {
        self.host = true;
        self.method = true;
        self.path = true;
        self.query = true;
    }
}

fn bit(variable: Variable) -> u8 {
    1 << variable as u8
}
