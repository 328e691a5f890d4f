//! Exports spans by OTLP. The exporter and the SDK read the endpoint, headers, timeout, compression, sampler, limits and
//! resource from the environment themselves.

use std::sync::Arc;

use opentelemetry::{Key, KeyValue};
use opentelemetry_otlp::{
    ExporterBuildError, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
    WithTonicConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Config, SdkTracerProvider, ShouldSample, SpanExporter as _};

use crate::telemetry::build_info::VERSION;
use crate::telemetry::local_decision::LocalDecision;
use crate::telemetry::otlp_certificates::OtlpCertificateError;
use crate::telemetry::otlp_settings::{OtlpProtocol, OtlpSettings};
use crate::telemetry::span_queue::{SpanCounts, SpanQueue};

/// Why spans are not exported.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// The receiver cannot be verified as the environment asks, or would not get the client certificate.
    #[error(transparent)]
    Certificates(#[from] OtlpCertificateError),
    /// Without the library's text, which can quote an address with a password.
    #[error(
        "OTEL_EXPORTER_OTLP_ENDPOINT is not a valid URL for the protocol, or its certificates cannot be used"
    )]
    Endpoint,
    /// No thread, or no runtime for it.
    #[error("the thread that exports spans cannot be started")]
    Thread(#[from] std::io::Error),
}

/// A provider of spans that go to the receiver, and the counts of exported and dropped spans.
///
/// # Errors
/// [`OtlpError`]
pub fn provider(settings: OtlpSettings) -> Result<(SdkTracerProvider, Arc<SpanCounts>), OtlpError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let resource = resource();
    let mut exporter = {
        // The gRPC client has to be made inside the runtime that drives it.
        let _inside = runtime.enter();
        exporter(&settings)?
    };
    exporter.set_resource(&resource);
    let counts = Arc::new(SpanCounts::default());
    let queue = SpanQueue::start(runtime, exporter, settings.batching, counts.clone())?;
    let sampler = LocalDecision(Config::default().sampler);
    let provider = SdkTracerProvider::builder()
        .with_sampler(Box::new(sampler) as Box<dyn ShouldSample>)
        .with_resource(resource)
        .with_span_processor(queue)
        .build();
    Ok((provider, counts))
}

fn resource() -> Resource {
    let version = KeyValue::new("service.version", VERSION);
    let builder = || Resource::builder().with_attribute(version.clone());
    let resource = builder().build();
    let name = resource.get(&Key::new("service.name"));
    // The SDK's default (OpenTelemetry's resource conventions) where the environment names no service.
    match name.is_none_or(|name| name.as_str().starts_with("unknown_service")) {
        true => builder().with_service_name("accredit").build(),
        false => resource,
    }
}

fn exporter(settings: &OtlpSettings) -> Result<SpanExporter, OtlpError> {
    let built = match settings.protocol {
        OtlpProtocol::Grpc => {
            let mut builder = SpanExporter::builder().with_tonic();
            if let Some(endpoint) = &settings.endpoint {
                builder = builder.with_endpoint(endpoint);
                if !endpoint.starts_with("http:") {
                    builder = builder.with_tls_config(settings.certificates.grpc_tls());
                }
            }
            builder.build()
        }
        OtlpProtocol::Http => SpanExporter::builder()
            .with_http()
            .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
            .with_http_client(settings.certificates.http_client()?)
            .build(),
    };
    built.map_err(|_: ExporterBuildError| OtlpError::Endpoint)
}
