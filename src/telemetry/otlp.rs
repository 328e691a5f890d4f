//! Sends spans by OTLP, over gRPC or HTTP, as the settings say.

use std::fmt;
use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry_otlp::{
    ExporterBuildError, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
    WithTonicConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracerProvider, ShouldSample, SpanExporter as _};

use crate::telemetry::otlp_settings::{OtlpSettings, Protocol, TraceSettingError};
use crate::telemetry::span_queue::{Counts, SpanQueue};

/// A provider whose spans go where the settings say, and the counts of what comes of them.
///
/// # Errors
/// [`TraceSettingError`]
pub fn provider(
    settings: OtlpSettings,
    sampler: impl ShouldSample + 'static,
) -> Result<(SdkTracerProvider, Arc<Counts>), TraceSettingError> {
    let cannot =
        |error: &dyn fmt::Display| TraceSettingError(format!("traces cannot be sent: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| cannot(&error))?;
    let resource = resource(settings.names_service);
    let mut exporter = {
        // The gRPC client wants to be made where it will run.
        let _inside = runtime.enter();
        exporter(&settings)?
    };
    exporter.set_resource(&resource);
    let counts = Arc::new(Counts::default());
    let queue = SpanQueue::start(runtime, exporter, settings.gathering, counts.clone())
        .map_err(|error| cannot(&error))?;
    let provider = SdkTracerProvider::builder()
        .with_sampler(Box::new(sampler) as Box<dyn ShouldSample>)
        .with_resource(resource)
        .with_span_processor(queue)
        .build();
    Ok((provider, counts))
}

fn resource(names_service: bool) -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let builder = Resource::builder().with_attribute(version);
    match names_service {
        true => builder.build(),
        false => builder.with_service_name("accredit").build(),
    }
}

fn exporter(settings: &OtlpSettings) -> Result<SpanExporter, TraceSettingError> {
    let built = match settings.protocol {
        Protocol::Grpc => {
            let mut builder = SpanExporter::builder().with_tonic();
            if let Some(endpoint) = &settings.endpoint {
                builder = builder.with_endpoint(endpoint);
            }
            let is_https = |endpoint: &String| endpoint.starts_with("https:");
            if settings.endpoint.as_ref().is_some_and(is_https) {
                builder = builder.with_tls_config(settings.certificates.for_grpc());
            }
            builder.build()
        }
        Protocol::Http => {
            let client = settings.certificates.http_client(settings.timeout)?;
            let mut builder = SpanExporter::builder().with_http().with_http_client(client);
            if let Some(endpoint) = &settings.endpoint {
                builder = builder.with_endpoint(endpoint);
            }
            builder.build()
        }
    };
    // The library's own words may quote an address with a password in it.
    built.map_err(|_: ExporterBuildError| {
        TraceSettingError(
            "OTEL_EXPORTER_OTLP_ENDPOINT, its certificates or headers cannot be used together; check them".to_owned(),
        )
    })
}
