//! Whether a trace is sampled: the configured sampler decides, and no client can.

use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator, SamplingResult, ShouldSample};

/// Marks a parent context that a client could have written: it gives the parent, and does not decide about sampling
/// (CONTRACT 6.3.3).
#[derive(Clone, Copy, Debug)]
pub struct Untrusted;

/// The configured sampler, which does not see the flag and the trace id of an untrusted parent.
#[derive(Clone, Debug)]
pub struct LocalDecision(pub Box<dyn ShouldSample>);

impl ShouldSample for LocalDecision {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let is_untrusted = parent.is_some_and(|parent| parent.get::<Untrusted>().is_some());
        let (parent, trace_id) = match is_untrusted {
            // `traceidratio` chooses by the trace id, which a client could pick.
            true => (None, RandomIdGenerator::default().new_trace_id()),
            false => (parent, trace_id),
        };
        self.0
            .should_sample(parent, trace_id, name, kind, attributes, links)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::Context;
    use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceState};
    use opentelemetry::trace::{SpanKind, TraceId};
    use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample as _};

    use super::{LocalDecision, Untrusted};

    fn decision(
        sampler: Sampler,
        trace_id: TraceId,
        flags: TraceFlags,
        untrusted: bool,
    ) -> SamplingDecision {
        let span = SpanContext::new(
            trace_id,
            SpanId::from(7),
            flags,
            true,
            TraceState::default(),
        );
        let parent = Context::new().with_remote_span_context(span);
        let parent = if untrusted {
            parent.with_value(Untrusted)
        } else {
            parent
        };
        LocalDecision(Box::new(sampler))
            .should_sample(Some(&parent), trace_id, "x", &SpanKind::Server, &[], &[])
            .decision
    }

    #[test]
    fn a_client_cannot_decide_sampling_by_flag_or_trace_id() {
        use SamplingDecision::{Drop, RecordAndSample};
        let parent_based = |root| Sampler::ParentBased(Box::new(root));
        let (sampled, not) = (TraceFlags::SAMPLED, TraceFlags::default());
        let any = TraceId::from(1);
        let cases = [
            (
                parent_based(Sampler::AlwaysOff),
                sampled,
                false,
                RecordAndSample,
            ),
            (parent_based(Sampler::AlwaysOff), sampled, true, Drop),
            (parent_based(Sampler::AlwaysOn), not, false, Drop),
            (parent_based(Sampler::AlwaysOn), not, true, RecordAndSample),
            // The smallest trace ids are sampled at every ratio.
            (
                Sampler::TraceIdRatioBased(1e-12),
                not,
                false,
                RecordAndSample,
            ),
            (Sampler::TraceIdRatioBased(1e-12), not, true, Drop),
        ];
        for (number, (sampler, flags, untrusted, expected)) in cases.into_iter().enumerate() {
            assert_eq!(
                decision(sampler, any, flags, untrusted),
                expected,
                "{number}"
            );
        }
    }
}
