//! The parts of the configuration that say which requests need what: rules, token sources, ambiguous paths.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::document::OneOrMany;
use crate::config::ordered_map::OrderedMap;

/// What requests of some kind need. The first rule that matches decides; where none does, a verified token is required.
#[derive(Clone, Debug, Default, PartialEq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name in metadata, metrics and logs; unique. Default `rules[N]`.
    #[schemars(extend("examples" = ["deployments"]))]
    pub name: Option<String>,
    /// Which requests it is for: every condition must hold. Default: all.
    #[serde(rename = "match")]
    pub matches: Option<Match>,
    /// What it asks for. Default `token`.
    #[schemars(extend("default" = "token"))]
    pub access: Option<Access>,
    /// The token's issuer must be one of these. Default: any that is configured.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["https://acme.scalekit.dev"]]))]
    pub issuers: Option<Vec<String>>,
    /// `aud` must hold one of these, beside what the issuer asks for. Default: nothing more.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["deploy.acme.example"]]))]
    pub audiences: Option<Vec<String>>,
    /// Scopes that the token must have, all of them. Default: none.
    #[schemars(extend("default" = [], "examples" = [["deploy:applications"]]))]
    pub scopes: Option<Vec<String>>,
    /// Scopes of which the token must have at least one. Default: none.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["ops", "admin"]]))]
    pub any_scope: Option<Vec<String>>,
    /// A CEL expression that must be true, alone or with a message for who fails it. Default: none.
    #[schemars(extend("examples" = ["claims.custom_claims.environment == \"production_us\""]))]
    pub when: Option<When>,
    /// Whether the token stays in the request to the upstream. Default: what the general `forward_token` says.
    pub forward_token: Option<bool>,
}

/// Conditions that must all hold; a list holds when one of its members does.
#[derive(Clone, Debug, Default, PartialEq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// Hosts without port, or `*.` and a name for any one label or more before it. Default: any.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["api.acme.example", "*.acme.example"]]))]
    pub hosts: Option<Vec<String>>,
    /// Methods, compared as they stand; `GET` does not include `HEAD`. Default: any.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["GET"]]))]
    pub methods: Option<Vec<String>>,
    /// Path patterns of decoded text. `*` matches one segment or, inside a segment, any characters; one `**` matches any number of segments.
    /// Default: any.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["/healthz", "/public/**"]]))]
    pub paths: Option<Vec<String>>,
    /// Whether the request must be a CORS preflight: `OPTIONS` with `Origin` and `Access-Control-Request-Method`.
    /// Default `false`: whatever it is.
    #[schemars(extend("default" = false))]
    pub preflight: Option<bool>,
    /// Entries of the route's `context_extensions`, each with its value or several. Default: none.
    #[schemars(extend("examples" = [{"tier": "internal"}]))]
    pub context: Option<OrderedMap<OneOrMany>>,
}

/// What a rule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Nothing: no token is looked at.
    Anonymous,
    /// A good token, or none.
    Optional,
    /// A good token.
    Token,
    /// Nobody is admitted.
    Deny,
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum When {
    /// The CEL expression.
    Expression(String),
    /// The expression, and what is said to who fails it.
    WithMessage(ConditionWithMessage),
}

/// A condition with a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConditionWithMessage {
    /// The CEL expression. Required.
    pub expression: String,
    /// What the caller is told, in `details`. Default: nothing.
    pub message: Option<String>,
}

/// A place in a request that may carry a token: one of `header`, `cookie` and `query`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenSource {
    /// A header. Default: none; one of header, cookie and query must be there.
    #[schemars(extend("examples" = ["authorization"]))]
    pub header: Option<String>,
    /// What stands before the token in the header, such as `Bearer`. Default: nothing, the whole value is the token.
    #[schemars(extend("examples" = ["Bearer"]))]
    pub scheme: Option<String>,
    /// A cookie. Default: none; one of header, cookie and query must be there.
    #[schemars(extend("examples" = ["session"]))]
    pub cookie: Option<String>,
    /// A query parameter. Default: none; one of header, cookie and query must be there. Addresses are logged in many places,
    /// and the token with them.
    #[schemars(extend("examples" = ["access_token"]))]
    pub query: Option<String>,
}

/// A way in which two careful servers could read one path differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AmbiguousPath {
    /// `.` or `..` as a segment, plain or encoded.
    DotSegments,
    /// `//`
    EmptySegments,
    /// `%2F`
    EncodedSlash,
    /// `\`, plain or encoded.
    Backslash,
    /// An encoded `%`.
    DoubleEncoding,
    /// An encoded `;`, `?` or `#`, or a plain `#`.
    EncodedDelimiter,
    /// A bad escape, a plain space, bytes outside printable ASCII, or no UTF-8 once decoded.
    BadEncoding,
    /// `;`
    Parameters,
}
