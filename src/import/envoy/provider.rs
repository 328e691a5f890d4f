//! An element of `providers` of the filter `jwt_authn`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::import::members::Members;
use crate::import::policy::{
    ImportedTokenSource, ImportedValue, ProviderKeys, TokenPlaceKind, TokenProvider,
};
use crate::import::report::ImportReport;
use crate::import::text_test::TextTest;

/// A provider, and its settings of which accredit has one for all issuers.
#[derive(Clone, Debug)]
pub(crate) struct JwtAuthnProvider {
    pub(crate) name: String,
    /// `None` if accredit has no equivalent for it, which is in the report.
    pub(crate) provider: Option<TokenProvider>,
    pub(crate) places: Vec<ImportedTokenSource>,
    pub(crate) forward: ImportedValue<bool>,
    pub(crate) payload_header: Option<String>,
    /// The names of the claim headers, also if accredit cannot use the provider.
    pub(crate) claim_header_names: Vec<String>,
    /// The key in the dynamic metadata under which other filters find the claims.
    pub(crate) metadata_key: Option<String>,
    /// The claims that this metadata has as lists of words.
    pub(crate) word_claims: Vec<String>,
}

/// The algorithms that Envoy verifies if it has a key for them.
pub(crate) const ALGORITHMS: &[&str] = &[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
];

/// The default of Envoy's `clock_skew_seconds`, in milliseconds.
pub(crate) const CLOCK_SKEW: u64 = 60_000;

pub(crate) fn provider(name: &str, members: Members<'_>) -> JwtAuthnProvider {
    let (at, report) = (members.place().to_owned(), members.report());
    let keys = keys(&members);
    let issuer = members.text("issuer").filter(|issuer| !issuer.is_empty());
    let audiences = members.texts("audiences").unwrap_or_default();
    let subjects = members
        .mapping("subjects")
        .map(crate::import::envoy::matchers::string_matcher);
    let clock_skew = members
        .number("clock_skew_seconds")
        .filter(|seconds| *seconds > 0)
        .map(|seconds| ImportedValue::Given(seconds.saturating_mul(1000)));
    let max_lifetime = members.milliseconds("max_lifetime");
    let claim_headers = claim_headers(&members);
    let claim_header_names = claim_headers.iter().map(|(name, _)| name.clone()).collect();
    members.ignore(&[
        "require_expiration",
        "jwt_cache_config",
        "header_in_metadata",
    ]);
    if members.flag("clear_route_cache").unwrap_or(false) {
        report.note(format_args!(
            "{}: accredit does not make Envoy choose the route again after the check; do not match claim headers in routes",
            members.at("clear_route_cache")
        ));
    }
    if members.flag("pad_forward_payload_header").unwrap_or(false) {
        report.note(format_args!(
            "{}: accredit never pads the payload header",
            members.at("pad_forward_payload_header")
        ));
    }
    if members.has("failed_status_in_metadata") {
        report.note(format_args!(
            "{}: accredit writes the reason of a denial to the metadata envoy.filters.http.ext_authz, key `reason`",
            members.at("failed_status_in_metadata")
        ));
    }
    let words = members
        .mapping("normalize_payload_in_metadata")
        .and_then(|normalized| normalized.texts("space_delimited_claims"))
        .unwrap_or_default();
    let provider = match (issuer, keys, subjects) {
        (None, ..) => {
            report.left_out(
                &at,
                "a provider without `issuer` accepts tokens of every issuer, and accredit does not, so it refuses its tokens",
                "add an issuer entry with the `iss` of the tokens",
            );
            None
        }
        (_, None, _) => None,
        // The test was reported.
        (_, _, Some(None)) => None,
        (Some(issuer), Some(keys), subjects) => Some(TokenProvider {
            at: at.clone(),
            issuer,
            audiences,
            keys,
            algorithms: ALGORITHMS,
            clock_skew: clock_skew.unwrap_or(ImportedValue::Default(CLOCK_SKEW)),
            max_lifetime,
            required_claims: Vec::new(),
            scope_claims: words
                .iter()
                .any(|claim| claim == "scope")
                .then(|| vec!["scope".to_owned()]),
            claim_headers,
            subjects: subjects.flatten(),
        }),
    };
    let found = JwtAuthnProvider {
        name: name.to_owned(),
        provider,
        places: places(&members),
        forward: match members.flag("forward") {
            Some(forward) => ImportedValue::Given(forward),
            None => ImportedValue::Default(false),
        },
        payload_header: members
            .text("forward_payload_header")
            .filter(|name| !name.is_empty()),
        claim_header_names,
        metadata_key: members
            .text("payload_in_metadata")
            .filter(|name| !name.is_empty()),
        word_claims: words,
    };
    members.report_unread();
    found
}

fn keys(members: &Members<'_>) -> Option<ProviderKeys> {
    let report = members.report();
    if let Some(remote) = members.mapping("remote_jwks") {
        remote.ignore(&["async_fetch", "retry_policy"]);
        let refresh = remote.milliseconds("cache_duration");
        let address = remote.mapping("http_uri");
        let keys = address.as_ref().and_then(|address| {
            address.ignore(&["cluster"]);
            Some(ProviderKeys::Uri {
                uri: address.text("uri")?,
                timeout: address.milliseconds("timeout"),
                refresh,
                ca_file: None,
            })
        });
        let at = remote.place().to_owned();
        address.into_iter().for_each(Members::report_unread);
        remote.report_unread();
        report.note(
            "accredit connects to the host in `jwks.uri` itself, and not through a cluster of Envoy; if its certificate is not \
             signed by an authority of the system, set `jwks.ca_file`",
        );
        return keys.or_else(|| no_keys(&at, report));
    }
    let local = members.mapping("local_jwks")?;
    local.ignore(&["watched_directory"]);
    let bytes = |text: String| {
        let bytes = STANDARD.decode(text).ok()?;
        String::from_utf8(bytes).ok()
    };
    let keys = (local.text("filename").map(ProviderKeys::File))
        .or_else(|| local.text("inline_string").map(ProviderKeys::Inline))
        .or_else(|| {
            local
                .text("inline_bytes")
                .and_then(bytes)
                .map(ProviderKeys::Inline)
        })
        .or_else(|| {
            local
                .text("environment_variable")
                .map(ProviderKeys::Variable)
        });
    let at = local.place().to_owned();
    local.report_unread();
    keys.or_else(|| no_keys(&at, report))
}

fn no_keys<T>(at: &str, report: &ImportReport) -> Option<T> {
    report.left_out(
        at,
        "this is not a source of keys that accredit can use, so it refuses the tokens of the issuer",
        "add the issuer by hand",
    );
    None
}

fn claim_headers(members: &Members<'_>) -> Vec<(String, Vec<String>)> {
    let mut headers = Vec::new();
    for mapping in members.mappings("claim_to_headers") {
        let names = mapping.text("header_name").zip(mapping.text("claim_name"));
        headers.extend(names.map(|(header, claim)| {
            let claim = claim.split('.').map(str::to_owned).collect();
            (header.to_ascii_lowercase(), claim)
        }));
        mapping.report_unread();
    }
    headers
}

fn places(members: &Members<'_>) -> Vec<ImportedTokenSource> {
    let mut places = Vec::new();
    let given = |kind| ImportedTokenSource {
        kind,
        is_default: false,
    };
    let has_given = ["from_headers", "from_params", "from_cookies"].map(|name| {
        members
            .value(name)
            .and_then(|value| value.as_array())
            .is_some_and(|list| !list.is_empty())
    });
    for header in members.mappings("from_headers") {
        let (at, report) = (header.place().to_owned(), header.report());
        let (name, prefix) = (header.text("name"), header.text("value_prefix"));
        header.report_unread();
        if let Some(name) = name {
            places.extend(header_place(&name, &prefix.unwrap_or_default(), &at, report).map(given));
        }
    }
    let queries = members.texts("from_params").unwrap_or_default();
    places.extend(queries.into_iter().map(TokenPlaceKind::Query).map(given));
    let cookies = members.texts("from_cookies").unwrap_or_default();
    places.extend(cookies.into_iter().map(TokenPlaceKind::Cookie).map(given));
    match has_given.contains(&true) {
        true => places,
        false => default_places(),
    }
}

/// The places where Envoy reads a token if the provider names none.
pub(crate) fn default_places() -> Vec<ImportedTokenSource> {
    let kinds = [
        TokenPlaceKind::Header {
            name: "authorization".to_owned(),
            scheme: Some("Bearer".to_owned()),
        },
        TokenPlaceKind::Query("access_token".to_owned()),
    ];
    kinds
        .map(|kind| ImportedTokenSource {
            kind,
            is_default: true,
        })
        .into()
}

/// A header, and the text before the token in it. accredit has schemes instead: a name and a space.
pub(crate) fn header_place(
    name: &str,
    prefix: &str,
    at: &str,
    report: &ImportReport,
) -> Option<TokenPlaceKind> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let scheme = prefix.trim();
    if !scheme.chars().all(is_token) || prefix.starts_with(' ') {
        report.left_out(
            at,
            format_args!("{prefix:?} before the token is not a scheme and a space, so accredit reads no token from this header"),
            "let clients send the token with a scheme such as Bearer",
        );
        return None;
    }
    Some(TokenPlaceKind::Header {
        name: name.to_ascii_lowercase(),
        scheme: (!scheme.is_empty()).then(|| scheme.to_owned()),
    })
}

impl JwtAuthnProvider {
    /// The test of the subject, if no key of the issuer entry can express it.
    pub(crate) fn subject_test(&self) -> Option<&TextTest> {
        let test = self.provider.as_ref()?.subjects.as_ref()?;
        test.as_exact().is_none().then_some(test)
    }
}
