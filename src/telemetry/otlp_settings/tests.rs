//! Which environments ask for traces, and what replaces values that are not valid.

use std::collections::HashMap;

use super::{OtlpProtocol, OtlpSettings};

fn read(variables: &[(&str, &str)]) -> Option<OtlpSettings> {
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    OtlpSettings::read(&|name| variables.get(name).map(|text| (*text).to_owned()))
        .expect("names no certificates")
}

const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317");

#[test]
fn an_endpoint_or_an_exporter_name_enables_traces() {
    for (variables, asked) in [
        (vec![], false),
        (vec![("OTEL_SERVICE_NAME", "x")], false),
        (vec![ENDPOINT], true),
        (vec![("OTEL_EXPORTER_OTLP_ENDPOINT", "")], false),
        (
            vec![("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://otel.example")],
            true,
        ),
        (vec![("OTEL_TRACES_EXPORTER", "otlp")], true),
        (vec![("OTEL_TRACES_EXPORTER", "console")], false),
        (vec![ENDPOINT, ("OTEL_TRACES_EXPORTER", "console")], true),
        (vec![ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")], false),
        (vec![ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")], false),
        (vec![ENDPOINT, ("OTEL_SDK_DISABLED", "yes")], true),
    ] {
        assert_eq!(read(&variables).is_some(), asked, "{variables:?}");
    }
}

#[test]
fn the_otlp_variable_of_traces_takes_precedence_over_the_general_one() {
    let protocol = |traces: &str| {
        let settings = read(&[
            ENDPOINT,
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "HTTP/protobuf"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", traces),
        ]);
        settings.expect("asks for traces").protocol
    };
    assert_eq!(protocol("grpc"), OtlpProtocol::Grpc);
    assert_eq!(protocol(""), OtlpProtocol::Http);
    assert_eq!(protocol("udp"), OtlpProtocol::Http, "not valid");
}

#[test]
fn unknown_propagators_are_ignored() {
    for (names, reads_parents) in [
        ("", true),
        ("tracecontext", true),
        ("b3", true),
        ("b3,tracecontext", true),
        ("baggage", false),
        ("b3, none", false),
    ] {
        let settings = read(&[ENDPOINT, ("OTEL_PROPAGATORS", names)]);
        let settings = settings.expect("asks for traces");
        assert_eq!(settings.reads_parents, reads_parents, "{names}");
    }
}

#[test]
fn invalid_otlp_sizes_are_ignored_and_a_batch_is_at_most_the_queue() {
    for (queue, expected) in [("10", (10, 10)), ("-1", (2048, 512)), ("0", (2048, 512))] {
        let settings = read(&[ENDPOINT, ("OTEL_BSP_MAX_QUEUE_SIZE", queue)]);
        let batching = settings.expect("asks for traces").batching;
        assert_eq!((batching.max_queue, batching.max_batch), expected);
    }
}
