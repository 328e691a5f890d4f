//! Which environments ask for traces, and what is refused.

use std::collections::HashMap;

use super::{OtlpSettings, Protocol};

fn read(variables: &[(&str, &str)]) -> Result<Option<OtlpSettings>, String> {
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    OtlpSettings::read(&|name| variables.get(name).map(|text| (*text).to_owned()))
        .map_err(|error| error.to_string())
}

const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317");

#[test]
fn traces_are_asked_for_by_an_endpoint_or_by_name() {
    for (variables, asked) in [
        (vec![], false),
        (vec![("OTEL_SERVICE_NAME", "x")], false),
        (vec![ENDPOINT], true),
        (
            vec![("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://otel.example")],
            true,
        ),
        (vec![("OTEL_TRACES_EXPORTER", "otlp")], true),
        (vec![ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")], false),
        (vec![ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")], false),
        (vec![ENDPOINT, ("OTEL_SDK_DISABLED", "false")], true),
    ] {
        assert_eq!(
            read(&variables).map(|settings| settings.is_some()),
            Ok(asked),
            "{variables:?}"
        );
    }
}

#[test]
fn what_cannot_be_followed_is_refused_by_name() {
    for (name, value) in [
        ("OTEL_TRACES_EXPORTER", "console"),
        ("OTEL_TRACES_EXPORTER", "otlp,console"),
        ("OTEL_SDK_DISABLED", "yes"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "udp"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "localhost:4317"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a b=c"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere/ca.pem"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/nowhere/key.pem"),
        ("OTEL_PROPAGATORS", "b3"),
        ("OTEL_PROPAGATORS", "tracecontext,jaeger"),
        ("OTEL_TRACES_SAMPLER", "xray"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
        ("OTEL_BSP_SCHEDULE_DELAY", "0"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "many"),
        ("OTEL_CONFIG_FILE", "/etc/otel.yaml"),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "100"),
    ] {
        let refused = read(&[ENDPOINT, (name, value)]).expect_err(name);
        assert!(
            refused.starts_with(name) && refused.contains("; "),
            "{refused}"
        );
        assert!(
            !refused.contains(value) || value.starts_with("/") || value.len() < 3,
            "{refused}"
        );
    }
    let sampled = [
        ENDPOINT,
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "2"),
    ];
    assert!(read(&sampled).is_err_and(|error| error.starts_with("OTEL_TRACES_SAMPLER_ARG")));
}

#[test]
fn what_is_for_traces_beats_what_is_for_all() {
    let settings = read(&[
        ENDPOINT,
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
        ("OTEL_PROPAGATORS", "baggage"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "10"),
    ]);
    let settings = settings.expect("can be followed").expect("asks for traces");
    assert_eq!(settings.protocol, Protocol::Http);
    assert!(!settings.reads_parents);
    assert_eq!(
        (settings.gathering.queue, settings.gathering.batch),
        (10, 10)
    );
}
