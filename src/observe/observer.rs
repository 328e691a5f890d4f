//! Reports each decision to the metrics, the log, the span, the tail and the last denials.

use std::sync::Arc;

use accredit_core::authn::authenticator::attempt::CacheLookup;
use accredit_core::authz::denial::{Class, Denial};
use accredit_core::authz::record::DecisionRecord;
use accredit_core::reason::Decision;
use accredit_core::request::Request;

use crate::observe::check_span::CheckSpan;
use crate::observe::decision_metrics::DecisionMetrics;
use crate::observe::refusal_log::RefusalLog;
use crate::observe::report::{DecisionReport, Disclosure};
use crate::observe::request_summary::RequestSummary;
use crate::observe::tail::followers::Followers;
use crate::observe::tail::last_refusals::LastRefusals;
use crate::telemetry::traces::{ActiveSpan, Kind, Traces};

/// Methods that spans show by name: OpenTelemetry's conventions want few values of the attribute.
const METHODS: [&str; 10] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE",
];

/// The name of each check's span (CONTRACT 6.3.4).
const SPAN: &str = "envoy.service.auth.v3.Authorization/Check";

/// The receivers of the decisions of a process, for all of its configurations.
#[derive(Clone, Debug, Default)]
pub struct Observer {
    pub metrics: Arc<DecisionMetrics>,
    pub refusals: Arc<RefusalLog>,
    pub traces: Traces,
    pub followers: Arc<Followers>,
    pub last_refusals: Arc<LastRefusals>,
    /// Whether checks are calls inside the process, and no gRPC.
    is_inside_envoy: bool,
}

impl Observer {
    pub fn new(traces: Traces) -> Observer {
        Observer {
            traces,
            ..Observer::default()
        }
    }

    /// The observer of checks that are no calls over the network.
    pub fn inside_envoy(traces: Traces) -> Observer {
        Observer {
            is_inside_envoy: true,
            ..Observer::new(traces)
        }
    }

    /// Begins the span of a check whose request was read. `forwarded` is the request's `traceparent`.
    pub fn begin(&self, check: &CheckSpan, forwarded: Option<&str>) {
        if self.traces.is_on() {
            check.keep(self.span(check, forwarded));
        }
    }

    /// Reports a decision.
    pub fn report(
        &self,
        record: &DecisionRecord,
        request: Option<&Request<'_>>,
        check: &CheckSpan,
        disclosure: &Disclosure,
    ) {
        let took = check.arrived.elapsed();
        self.metrics.count(record, took);
        let is_refusal = record.decision() == Decision::Deny;
        let is_logged = record.denial.is_some();
        let is_followed = self.followers.are_any();
        if !is_logged && !is_followed && !self.traces.is_on() {
            return;
        }
        let span = match self.traces.is_on() {
            true => check.take().or_else(|| self.span(check, None)),
            false => None,
        };
        let report = Arc::new(DecisionReport::new(
            record,
            request.map(RequestSummary::of),
            took,
            disclosure,
            span.as_ref().map(ActiveSpan::trace_id),
        ));
        if is_logged {
            self.refusals.write(&report);
        }
        if is_refusal {
            self.last_refusals.keep(report.clone());
        }
        if is_followed {
            self.followers.send(&report);
        }
        if let Some(span) = span {
            end(span, &report, self.is_inside_envoy);
        }
    }

    fn span(&self, check: &CheckSpan, forwarded: Option<&str>) -> Option<ActiveSpan> {
        let parent = self.traces.parent(check.caller.as_ref(), forwarded);
        self.traces
            .begin(SPAN, Kind::Server, &parent, check.arrived.elapsed())
    }
}

fn end(mut span: ActiveSpan, report: &DecisionReport, is_inside_envoy: bool) {
    if !span.is_recording() {
        return;
    }
    let record = &report.record;
    let text = |text: &str| text.to_owned();
    // The names follow OpenTelemetry's semantic conventions 1.45.0, which made those for gRPC stable. A denial is not a gRPC error.
    if !is_inside_envoy {
        span.set("rpc.system.name", "grpc");
        span.set("rpc.method", SPAN);
        span.set("rpc.status_code", "OK");
    }
    span.set("accredit.decision", record.decision().as_str());
    span.set("accredit.reason", record.reason.as_str());
    span.set("accredit.rule", text(&record.rule));
    span.set("accredit.config", text(&report.config));
    if let Some(issuer) = record.issuer() {
        span.set("accredit.issuer", text(issuer));
    }
    if let Some(key_id) = record.key_id() {
        span.set("accredit.key_id", text(key_id));
    }
    if let Some(cache) = record.cache {
        span.set("accredit.token_cache", CacheLookup::as_str(cache));
    }
    if let Some(request) = &report.request {
        set_request(&mut span, request);
    }
    for (name, value) in &report.claims {
        span.set(format!("accredit.claim.{name}"), text(value));
    }
    // A mistake of the client is not an error of accredit.
    let class = record.denial.as_ref().map(Denial::class);
    if matches!(class, Some(Class::Unavailable { .. })) && !record.is_shadow {
        span.set("error.type", record.reason.as_str());
        span.fail(record.reason.as_str());
    }
    span.end();
}

fn set_request(span: &mut ActiveSpan, request: &RequestSummary) {
    if METHODS.contains(&&*request.method) {
        span.set("http.request.method", request.method.to_string());
    } else {
        span.set("http.request.method", "_OTHER");
        span.set("http.request.method_original", request.method.to_string());
    }
    span.set("url.path", request.path.to_string());
    let (address, port) = request.server();
    span.set("server.address", address.to_owned());
    if let Some(port) = port {
        span.set("server.port", i64::from(port));
    }
    if let Some(id) = &request.id {
        span.set_list("http.request.header.x-request-id", id.to_string());
    }
}
