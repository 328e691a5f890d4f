//! An element of `jwt.providers` of a SecurityPolicy.

use serde_json::Value;

use crate::import::envoy::provider::{
    ALGORITHMS, CLOCK_SKEW, JwtAuthnProvider, default_places, header_place,
};
use crate::import::input::ForeignDocument;
use crate::import::members::Members;
use crate::import::policy::{
    ImportedTokenSource, ImportedValue, ProviderKeys, TokenPlaceKind, TokenProvider,
};
use crate::import::report::ImportReport;

/// The claims that Envoy Gateway splits into words, and reads scopes from.
const SCOPE_CLAIMS: [&str; 2] = ["scope", "scp"];

/// `name` is the name in requirements, which is unique in the input.
pub(crate) fn provider(
    name: String,
    members: Members<'_>,
    namespace: &str,
    documents: &[ForeignDocument],
) -> JwtAuthnProvider {
    let (at, report) = (members.place().to_owned(), members.report());
    members.ignore(&["name"]);
    let keys = keys(&members, namespace, documents);
    let issuer = members.text("issuer").filter(|issuer| !issuer.is_empty());
    let audiences = members.texts("audiences").unwrap_or_default();
    let mut claim_headers = Vec::new();
    for mapping in members.mappings("claimToHeaders") {
        let names = mapping.text("header").zip(mapping.text("claim"));
        claim_headers.extend(names.map(|(header, claim)| {
            let claim = claim.split('.').map(str::to_owned).collect();
            (header.to_ascii_lowercase(), claim)
        }));
        mapping.report_unread();
    }
    let claim_header_names = claim_headers
        .iter()
        .map(|(name, _): &(String, Vec<String>)| name.clone())
        .collect();
    if members.flag("recomputeRoute").unwrap_or(false) {
        report.left_out(
            &members.at("recomputeRoute"),
            "accredit does not make Envoy choose the route again after the check",
            "do not match claim headers in routes",
        );
    }
    let provider = match (issuer, keys) {
        (None, _) => {
            report.left_out(
                &at,
                "a provider without `issuer` accepts tokens of every issuer, and accredit does not, so it refuses its tokens",
                "add an issuer entry with the `iss` of the tokens",
            );
            None
        }
        (Some(_), None) => None,
        (Some(issuer), Some(keys)) => Some(TokenProvider {
            at: at.clone(),
            issuer,
            audiences,
            keys,
            algorithms: ALGORITHMS,
            clock_skew: ImportedValue::Default(CLOCK_SKEW),
            max_lifetime: None,
            required_claims: Vec::new(),
            scope_claims: Some(SCOPE_CLAIMS.map(str::to_owned).into()),
            claim_headers,
            subjects: None,
        }),
    };
    let places = places(&members);
    members.report_unread();
    JwtAuthnProvider {
        name,
        provider,
        places,
        forward: ImportedValue::Default(true),
        payload_header: None,
        claim_header_names,
        metadata_key: None,
        word_claims: SCOPE_CLAIMS.map(str::to_owned).into(),
    }
}

fn keys(
    members: &Members<'_>,
    namespace: &str,
    documents: &[ForeignDocument],
) -> Option<ProviderKeys> {
    let report = members.report();
    if let Some(remote) = members.mapping("remoteJWKS") {
        remote.ignore(&["failedRefetchDuration"]);
        for name in ["backendRefs", "backendRef"] {
            if remote.has(name) {
                report.left_out(
                    &remote.at(name),
                    "accredit connects to the host in `jwks.uri` itself",
                    "set `jwks.ca_file` or the proxy variables of the environment if that host needs them",
                );
            }
        }
        let mut timeout = None;
        if let Some(settings) = remote.mapping("backendSettings") {
            // accredit opens its own connections and retries by its own rules.
            settings.ignore(&[
                "retry",
                "circuitBreaker",
                "connection",
                "dns",
                "healthCheck",
                "http2",
                "loadBalancer",
                "tcpKeepalive",
                "proxyProtocol",
            ]);
            if let Some(own) = settings.mapping("timeout") {
                own.ignore(&["tcp"]);
                if let Some(http) = own.mapping("http") {
                    http.ignore(&[
                        "connectionIdleTimeout",
                        "maxConnectionDuration",
                        "maxStreamDuration",
                        "streamIdleTimeout",
                    ]);
                    timeout = http.milliseconds("requestTimeout");
                    http.report_unread();
                }
                own.report_unread();
            }
            settings.report_unread();
        }
        let keys = remote.text("uri").map(|uri| ProviderKeys::Uri {
            uri,
            timeout,
            refresh: None,
            ca_file: None,
        });
        let refresh = remote.milliseconds("cacheDuration");
        remote.report_unread();
        return keys.map(|keys| match keys {
            ProviderKeys::Uri {
                uri,
                timeout,
                ca_file,
                ..
            } => ProviderKeys::Uri {
                uri,
                timeout,
                refresh,
                ca_file,
            },
            keys => keys,
        });
    }
    let local = members.mapping("localJWKS")?;
    local.ignore(&["type"]);
    let (at, inline) = (local.place().to_owned(), local.text("inline"));
    let reference = local.mapping("valueRef").and_then(|reference| {
        reference.ignore(&["group", "kind"]);
        let name = reference.text("name");
        reference.report_unread();
        name
    });
    local.report_unread();
    let found = inline.or_else(|| config_map(documents, namespace, &reference?));
    if found.is_none() {
        report.left_out(
            &at,
            "the ConfigMap with the key set is not in the input, so accredit refuses the tokens of this issuer",
            "add it to the input, or set `jwks.file`",
        );
    }
    found.map(ProviderKeys::Inline)
}

/// The key set in a ConfigMap: the value of `jwks`, or else the only value.
fn config_map(documents: &[ForeignDocument], namespace: &str, name: &str) -> Option<String> {
    let text = |value: &Value, pointer: &str| {
        let found = value.pointer(pointer).and_then(Value::as_str);
        found.map(str::to_owned)
    };
    let found = documents.iter().find(|document| {
        text(&document.value, "/kind").as_deref() == Some("ConfigMap")
            && text(&document.value, "/metadata/name").as_deref() == Some(name)
            && text(&document.value, "/metadata/namespace").unwrap_or_else(|| "default".to_owned())
                == namespace
    })?;
    let data = found.value.get("data")?.as_object()?;
    let only = data.values().next().filter(|_| data.len() == 1);
    data.get("jwks").or(only)?.as_str().map(str::to_owned)
}

fn places(members: &Members<'_>) -> Vec<ImportedTokenSource> {
    let Some(extract) = members.mapping("extractFrom") else {
        return default_places();
    };
    let report: &ImportReport = extract.report();
    let mut kinds = Vec::new();
    for header in extract.mappings("headers") {
        let (name, prefix) = (header.text("name"), header.text("valuePrefix"));
        let at = header.place().to_owned();
        header.report_unread();
        let place =
            name.and_then(|name| header_place(&name, &prefix.unwrap_or_default(), &at, report));
        kinds.extend(place);
    }
    let queries = extract.texts("params").unwrap_or_default();
    kinds.extend(queries.into_iter().map(TokenPlaceKind::Query));
    let cookies = extract.texts("cookies").unwrap_or_default();
    kinds.extend(cookies.into_iter().map(TokenPlaceKind::Cookie));
    extract.report_unread();
    kinds
        .into_iter()
        .map(|kind| ImportedTokenSource {
            kind,
            is_default: false,
        })
        .collect()
}
