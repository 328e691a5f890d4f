//! Rules and token sources as the file has them. The comments on the fields are the descriptions of the JSON Schema.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::claims_document::ClaimsDocument;
use crate::config::defaults;
use crate::config::one_or_many::OneOrMany;
use crate::config::ordered_map::OrderedMap;
use crate::config::words::{AccessWord, Word};

/// A rule: the requests to which it applies, and what it requires of them. The first rule that matches a request
/// decides. If no rule matches, a verified token is required.
#[derive(Clone, Debug, Default, PartialEq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Rule", extend("minProperties" = 1))]
pub struct RuleDocument {
    /// The unique name of the rule in metadata, metrics and logs. Default `rules[N]`, where N counts from 0.
    #[schemars(extend("examples" = ["deployments"]))]
    pub name: Option<String>,
    /// The requests to which the rule applies: every condition must hold. Default: every request.
    #[serde(rename = "match")]
    pub matches: Option<MatchDocument>,
    /// What the rule requires.
    #[schemars(extend("default" = "token"))]
    pub access: Option<Word<AccessWord>>,
    /// The token's issuer must be one of these. Default: any configured issuer.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["https://acme.scalekit.dev"]]))]
    pub issuers: Option<Vec<String>>,
    /// The token's audience must also contain one of these, whatever the issuer entry accepts. Default: no requirement.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["deploy.acme.example"]]))]
    pub audiences: Option<Vec<String>>,
    /// The token must have all of these scopes. Default: no requirement.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["deploy:applications"]]))]
    pub scopes: Option<Vec<String>>,
    /// The token must have at least one of these scopes. Default: no requirement.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["ops", "admin"]]))]
    pub any_scope: Option<Vec<String>>,
    /// Claims and the values of which each must have one, or contain one if it is an array. Strings are compared character by
    /// character, numbers by value. An absent claim has none. Default: no requirement.
    #[schemars(extend("examples" = [{"groups": ["admin", "ops"], "email_verified": true}]))]
    pub claims: Option<ClaimsDocument>,
    /// A CEL expression that must be true, or a mapping with the expression and a message. Default: no condition.
    #[schemars(extend("examples" = ["claims.custom_claims.environment == \"production_us\""]))]
    pub when: Option<WhenDocument>,
    /// Whether the token stays in the request to the upstream. Default: the top-level `forward_token`.
    pub forward_token: Option<bool>,
    /// Puts the rule on trial: until the end of a day it admits every request that it would deny, and accredit counts
    /// these requests. Default: none.
    #[schemars(extend("examples" = [{"until": "2027-01-31"}]))]
    pub shadow: Option<ShadowDocument>,
}

/// The trial of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Shadow")]
pub struct ShadowDocument {
    /// The last day of the trial, in UTC. Until this day ends, the rule admits every request that it would deny, also
    /// requests without a token or with a bad one. Required.
    #[schemars(extend("examples" = ["2027-01-31"]))]
    pub until: String,
}

/// Rules of other files, and the requests to which these rules can apply: `hosts`, `paths` or both. The rules come
/// after `rules`, in the order of the entries, and within an entry in the order of the file names.
#[derive(Clone, Debug, PartialEq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RulesFrom")]
pub struct RulesFromDocument {
    /// A rules file, or a pattern with `*` in the file name. Each file is a YAML list of rules. Required.
    #[schemars(extend("examples" = ["/etc/accredit/teams/shop/*.yaml"]))]
    pub files: String,
    /// The hosts to which the rules of these files can apply, as in `match`. Default: any, and then `paths` is required.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["shop.acme.example"]]))]
    pub hosts: Option<Vec<String>>,
    /// The paths to which the rules of these files can apply, as in `match`. Default: any, and then `hosts` is required.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["/shop/**"]]))]
    pub paths: Option<Vec<String>>,
}

/// Conditions on a request, which must all hold. A condition with a list holds if one element of the list matches.
#[derive(Clone, Debug, Default, PartialEq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Match", extend("minProperties" = 1))]
pub struct MatchDocument {
    /// Hosts, without port. `*.acme.example` matches one or more labels before `.acme.example`. Default: any.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["api.acme.example", "*.acme.example"]]))]
    pub hosts: Option<Vec<String>>,
    /// Methods in upper case. `GET` does not include `HEAD`. Default: any.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["GET"]]))]
    pub methods: Option<Vec<String>>,
    /// Path patterns of decoded text. `*` matches one segment or, inside a segment, any characters. `**` matches any
    /// number of segments, and can stand once. Default: any.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["/healthz", "/public/**"]]))]
    pub paths: Option<Vec<String>>,
    /// `true`: the request must be a CORS preflight, `OPTIONS` with `Origin` and `Access-Control-Request-Method`.
    #[schemars(extend("default" = defaults::PREFLIGHT))]
    pub preflight: Option<bool>,
    /// Entries of Envoy's per-route `context_extensions`, each with its value or a list of values. Default: any.
    #[schemars(extend("minProperties" = 1, "examples" = [{"tier": "internal"}]))]
    pub context: Option<OrderedMap<OneOrMany>>,
    /// Principals of the connection's peer, as its client certificate names it, or prefixes before a final `*`. A peer without
    /// a principal matches none. Default: any.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["spiffe://cluster.local/ns/jobs/*"]]))]
    pub principals: Option<Vec<String>>,
    /// CIDR ranges with the address of the connection's peer. IPv4-mapped IPv6 addresses count as IPv4. Default: any.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["10.0.0.0/8", "2001:db8::/32"]]))]
    pub addresses: Option<Vec<String>>,
}

/// The condition of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "When")]
pub enum WhenDocument {
    /// The CEL expression.
    Expression(String),
    /// The expression, and the message for a refused client.
    WithMessage(ConditionDocument),
}

/// A condition with a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ConditionWithMessage")]
pub struct ConditionDocument {
    /// The CEL expression. Required.
    pub expression: String,
    /// The `details` of the denial if the expression is not true. Default: no message.
    pub message: Option<String>,
}

/// Where a request can carry a token: exactly one of `header`, `cookie` and `query`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TokenSource", extend("minProperties" = 1))]
pub struct TokenSourceDocument {
    /// The name of a header. Default: none.
    #[schemars(extend("examples" = ["authorization"]))]
    pub header: Option<String>,
    /// The scheme before the token in the header. Default: none, the whole value is the token.
    #[schemars(extend("examples" = ["Bearer"]))]
    pub scheme: Option<String>,
    /// With `header: sec-websocket-protocol`: the protocol that announces the token. The token is the list element after
    /// it, or the rest of an element that begins with it and a dot. Default: none.
    #[schemars(extend("examples" = ["bearer"]))]
    pub protocol: Option<String>,
    /// The name of a cookie. Default: none.
    #[schemars(extend("examples" = ["session"]))]
    pub cookie: Option<String>,
    /// The name of a query parameter. Clients, proxies and servers log addresses, and the token with them. Default: none.
    #[schemars(extend("examples" = ["access_token"]))]
    pub query: Option<String>,
}
