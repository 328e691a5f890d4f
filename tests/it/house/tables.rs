//! The rules as data.

/// Floors from the roof down: a room, and what it may import beside itself. A lower room must not import a higher one.
pub(super) const ROOMS: [(&str, &[&str]); 33] = [
    ("host", &["check", "config", "process", "reason"]),
    (
        "check",
        &[
            "authn", "authz", "config", "envoy", "observe", "process", "reason", "request",
        ],
    ),
    (
        "process",
        &[
            "admin",
            "app",
            "authz",
            "config",
            "deny_list",
            "engine",
            "file_watch",
            "jwks",
            "keys",
            "observe",
            "regular_file",
            "rules",
            "telemetry",
        ],
    ),
    (
        "cli",
        &[
            "app",
            "config",
            "admin",
            "dev_issuer",
            "file_watch",
            "reason",
            "import",
            "regular_file",
            "rule_tests",
            "server",
            "telemetry",
        ],
    ),
    ("import", &["config", "expression", "keys", "rules"]),
    (
        "rule_tests",
        &[
            "admin", "authn", "authz", "config", "engine", "explain", "jose", "keys", "token",
        ],
    ),
    (
        "app",
        &[
            "admin",
            "authn",
            "authz",
            "config",
            "console",
            "deny_list",
            "engine",
            "envoy",
            "explain",
            "jwks",
            "keys",
            "observe",
            "regular_file",
            "revocation",
            "rules",
            "server",
            "telemetry",
        ],
    ),
    (
        "console",
        &["admin", "jose", "observe", "reason", "telemetry"],
    ),
    (
        "explain",
        &[
            "admin", "authn", "authz", "envoy", "jose", "keys", "observe", "reason", "request",
            "rules", "token",
        ],
    ),
    (
        "envoy",
        &[
            "authn",
            "authz",
            "keys",
            "observe",
            "reason",
            "request",
            "server",
            "telemetry",
        ],
    ),
    (
        "admin",
        &[
            "authn",
            "authz",
            "jose",
            "keys",
            "observe",
            "reason",
            "request",
            "rules",
            "telemetry",
        ],
    ),
    (
        "observe",
        &["authn", "authz", "reason", "request", "telemetry", "token"],
    ),
    (
        "deny_list",
        &[
            "authn",
            "config",
            "file_watch",
            "jwks",
            "keys",
            "regular_file",
            "revocation",
            "telemetry",
            "token",
        ],
    ),
    ("server", &["config", "file_watch", "regular_file", "rules"]),
    (
        "engine",
        &[
            "authn",
            "authz",
            "config",
            "forward",
            "keys",
            "proof",
            "revocation",
            "rules",
        ],
    ),
    (
        "config",
        &[
            "authn",
            "authz",
            "expression",
            "forward",
            "jose",
            "keys",
            "proof",
            "reason",
            "revocation",
            "rules",
            "token",
        ],
    ),
    (
        "authz",
        &[
            "authn",
            "expression",
            "forward",
            "jose",
            "keys",
            "proof",
            "reason",
            "request",
            "revocation",
            "rules",
            "token",
        ],
    ),
    (
        "authn",
        &[
            "forward",
            "jose",
            "keys",
            "proof",
            "reason",
            "request",
            "revocation",
            "token",
        ],
    ),
    ("proof", &["jose", "request", "rules", "token"]),
    ("dev_issuer", &["rules"]),
    (
        "rules",
        &["expression", "forward", "token", "jose", "request"],
    ),
    ("forward", &["expression", "token", "jose"]),
    ("expression", &["token", "jose", "request"]),
    ("revocation", &["jose", "keys", "token"]),
    ("token", &["jose", "reason"]),
    (
        "jwks",
        &["file_watch", "jose", "keys", "regular_file", "telemetry"],
    ),
    ("keys", &["jose"]),
    ("reason", &[]),
    ("jose", &[]),
    ("request", &[]),
    ("file_watch", &[]),
    ("telemetry", &["regular_file"]),
    ("regular_file", &[]),
];

/// Outside crates, and the only places that name them.
pub(super) const HOMES: [(&str, &[&str]); 26] = [
    (
        "aws_lc_rs",
        &[
            "jose/",
            "token/bearer.rs",
            "config/fingerprint.rs",
            "dev_issuer/",
            "rule_tests/keys.rs",
            "server/tls_files.rs",
        ],
    ),
    (
        "arc_swap",
        &[
            "jwks/",
            "envoy/current.rs",
            "keys/",
            "observe/",
            "process/",
            "revocation/",
            "telemetry/span_queue.rs",
            "server/tls.rs",
        ],
    ),
    (
        "axum",
        &[
            "server/",
            "dev_issuer/",
            "app/",
            "envoy/port.rs",
            "console/",
        ],
    ),
    ("cel", &["expression/", "expression.rs"]),
    ("clap", &["cli/"]),
    ("clap_complete", &["cli/completions.rs"]),
    ("clap_mangen", &["cli/completions.rs"]),
    ("envoy_types", &["envoy/"]),
    ("jsonwebtoken", &[]),
    ("notify", &["file_watch.rs"]),
    ("opentelemetry", &["telemetry/"]),
    ("opentelemetry_otlp", &["telemetry/otlp_exporter.rs"]),
    ("opentelemetry_sdk", &["telemetry/"]),
    ("prometheus_client", &["telemetry/metrics.rs"]),
    ("prost", &["envoy/", "admin/"]),
    ("quick_cache", &["authn/token_cache.rs"]),
    ("reqwest", &["jwks/", "telemetry/otlp_certificates.rs"]),
    (
        "rustls",
        &[
            "server/",
            "jwks/client_identity.rs",
            "jwks/http_clients.rs",
            "jwks/issuer_client.rs",
            "jwks/trust.rs",
            "jwks/verifier.rs",
        ],
    ),
    ("saphyr_parser", &["config/yaml/"]),
    ("schemars", &["config/"]),
    ("tokio_rustls", &["server/"]),
    (
        "tonic",
        &[
            "envoy/port.rs",
            "admin/",
            "app/",
            "telemetry/otlp_certificates.rs",
        ],
    ),
    ("tonic_health", &["app/"]),
    ("libc", &["host/"]),
    ("tracing_subscriber", &["process/log.rs", "telemetry/"]),
    (
        "x509_parser",
        &[
            "server/client_names.rs",
            "server/tls_files.rs",
            "jwks/verifier.rs",
            "jwks/http_clients.rs",
        ],
    ),
];

/// What is said or done in one place alone.
pub(super) const WORDS: [(&str, &[&str]); 10] = [
    // Envoy gives pointers.
    ("unsafe_code", &["host/mod.rs"]),
    ("CheckResponse", &["envoy/"]),
    ("tonic::include_proto!", &["admin/pb.rs"]),
    (
        "SystemTime::now",
        &[
            "envoy/service.rs",
            "dev_issuer/mint.rs",
            // Entries of the deny list have dates.
            "deny_list/loading.rs",
            // Saved key sets outlive the process.
            "jwks/key_saver.rs",
            // The tail and a span say when it was.
            "observe/report.rs",
            "telemetry/traces.rs",
            // Certificates have wall-clock times.
            "server/tls.rs",
        ],
    ),
    // A verified token is made where its signature is verified.
    ("VerifiedToken {", &["token/verified.rs"]),
    // A task has an owner.
    ("tokio::spawn", &[]),
    ("task::spawn(", &[]),
    ("process::exit", &[]),
    ("pub use ", &[]),
    ("super::", &[]),
];

/// What rooms that do no I/O and read no clock have no word for.
pub(super) const IMPURE: [&str; 8] = [
    "tokio",
    "std::fs",
    "std::net::Tcp",
    "ToSocketAddrs",
    "std::env",
    "SystemTime",
    "Instant",
    "async ",
];
pub(super) const PURE: [&str; 5] = ["jose/", "token/", "expression/", "forward/", "rules/"];
