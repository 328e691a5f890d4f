//! A request and a token for expressions to read.

use std::fmt::Display;

use crate::expression::evaluate::Evaluation;
use crate::expression::failure::EvaluationFailure;
use crate::expression::variables::{RequestVariables, Variables};
use crate::request::{ClientCertificate, Completeness, Headers, Request};
use crate::rules::ambiguity::Ambiguities;
use crate::rules::facts::{Facts, Needs};
use crate::token::claims::Claims;

pub(super) struct Subject<'a> {
    pub(super) claims: Option<&'a str>,
    pub(super) headers: &'a [(&'a str, &'a [u8])],
    pub(super) path: &'a str,
    pub(super) source_address: &'a str,
}

impl Default for Subject<'_> {
    fn default() -> Self {
        Subject {
            claims: None,
            headers: &[
                ("x-a", b"1"),
                ("x-b", b"b"),
                ("x-a", b"2"),
                (":path", b"/a/b%20c?x=1"),
            ],
            path: "/a/b%20c?x=1",
            source_address: "10.0.0.1",
        }
    }
}

impl Subject<'_> {
    /// Evaluates a condition; also how many steps it took.
    pub(super) fn evaluate(&self, text: &str) -> (Result<(), EvaluationFailure>, usize) {
        let claims = self
            .claims
            .map(|claims| Claims::parse(claims.as_bytes()).expect("are claims"));
        let request = Request {
            method: "GET",
            host: "API.Example.:443",
            path: self.path,
            headers: Headers::new(self.headers.iter().copied(), Completeness::Complete),
            source_address: self.source_address,
            source_principal: "spiffe://a/b",
            source_certificate: ClientCertificate::Absent,
            scheme: "https",
            context: vec![("tier", "internal")],
            trace: None,
        };
        let needs = Needs {
            host: true,
            path: true,
            ..Needs::default()
        };
        let facts = Facts::read(&request, needs, Ambiguities::default()).expect("is not ambiguous");
        let host = facts.host.as_ref();
        let variables = Variables {
            request: Some(RequestVariables {
                request: &request,
                host: host.map(|host| host as &dyn Display),
                path: facts.path.segments(),
                now: 1_700_000_000.5,
            }),
            claims: claims.as_ref(),
            scopes: vec!["read", "write"],
            issuer: "",
        };
        let expression = super::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let mut evaluation = Evaluation::new(&variables);
        let result = evaluation.condition(&expression.program);
        (result, evaluation.steps())
    }

    pub(super) fn failure(&self, text: &str) -> Option<EvaluationFailure> {
        self.evaluate(text).0.err()
    }
}
