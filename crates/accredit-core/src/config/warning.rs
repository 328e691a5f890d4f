//! The codes of warnings (CONTRACT 2.4.5). Operators write them into `accept_warnings`, so a code never changes.

use std::fmt;

use crate::config::words::Vocabulary;

/// The subject of a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WarningCode {
    AdminOpen,
    AmbiguousPaths,
    AnonymousTokenForwarded,
    AudiencesAny,
    BindingIgnored,
    ClockSkewLarge,
    DeferWithoutKeys,
    HttpKeys,
    InlineKeysEmpty,
    InlineKeySetAside,
    InlinePrivateKey,
    KeysExpireEarly,
    MethodUnregistered,
    PathLooksLikeRegex,
    RedisPasswordExposed,
    RevokedIssuerUnknown,
    RuleEvadable,
    RuleOpen,
    RuleOutOfBounds,
    RuleShadow,
    RuleUnreachable,
    RulesCostly,
    RulesFromEmpty,
    TokenInQuery,
}

impl WarningCode {
    pub fn as_str(self) -> &'static str {
        WarningCode::WORDS
            .iter()
            .find(|(_, code, _)| *code == self)
            .map_or("unknown", |(word, _, _)| word)
    }
}

impl fmt::Display for WarningCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Vocabulary for WarningCode {
    const NAME: &'static str = "Warning";
    const ABOUT: &'static str = "The code of a warning of `accredit check` and of the log.";
    const WORDS: &'static [(&'static str, Self, &'static str)] = &[
        (
            "admin_open",
            WarningCode::AdminOpen,
            "`admin_listen` is not on loopback and requires no client certificate.",
        ),
        (
            "ambiguous_paths",
            WarningCode::AmbiguousPaths,
            "`ambiguous_paths` names a kind of path that the upstream can read differently.",
        ),
        (
            "anonymous_token_forwarded",
            WarningCode::AnonymousTokenForwarded,
            "An `anonymous` rule forwards unverified tokens although `forward_token` is false.",
        ),
        (
            "audiences_any",
            WarningCode::AudiencesAny,
            "`audiences: any` admits tokens that the issuer made for other APIs.",
        ),
        (
            "binding_ignored",
            WarningCode::BindingIgnored,
            "`binding: ignore` admits a bound token without its proof.",
        ),
        (
            "clock_skew_large",
            WarningCode::ClockSkewLarge,
            "`clock_skew` is over 5 minutes.",
        ),
        (
            "defer_without_keys",
            WarningCode::DeferWithoutKeys,
            "`unavailable: defer` can let Envoy admit unchecked requests.",
        ),
        (
            "http_keys",
            WarningCode::HttpKeys,
            "`allow_http` permits keys or the deny list over plain http.",
        ),
        (
            "inline_keys_empty",
            WarningCode::InlineKeysEmpty,
            "`jwks.inline` has no key.",
        ),
        (
            "inline_key_set_aside",
            WarningCode::InlineKeySetAside,
            "`jwks.inline` has a key that accredit does not use.",
        ),
        (
            "inline_private_key",
            WarningCode::InlinePrivateKey,
            "`jwks.inline` contains a private key.",
        ),
        (
            "keys_expire_early",
            WarningCode::KeysExpireEarly,
            "`jwks.max_stale` is shorter than `jwks.refresh`.",
        ),
        (
            "method_unregistered",
            WarningCode::MethodUnregistered,
            "A method of `match.methods` is not in IANA's registry.",
        ),
        (
            "path_looks_like_regex",
            WarningCode::PathLooksLikeRegex,
            "A path pattern contains `.*` or `.+`, which is literal text with a wildcard and not a regular expression.",
        ),
        (
            "redis_password_exposed",
            WarningCode::RedisPasswordExposed,
            "`replay.redis` has a password, and neither TLS nor a loopback address.",
        ),
        (
            "revoked_issuer_unknown",
            WarningCode::RevokedIssuerUnknown,
            "The deny list names an issuer that is not configured.",
        ),
        (
            "rule_evadable",
            WarningCode::RuleEvadable,
            "A rule is stricter than the default rule, and no last rule is as strict for every request.",
        ),
        (
            "rule_open",
            WarningCode::RuleOpen,
            "A rule admits every request without a token.",
        ),
        (
            "rule_out_of_bounds",
            WarningCode::RuleOutOfBounds,
            "A host or path of a rule in a rules file is outside the hosts and paths of its `rules_from` entry.",
        ),
        (
            "rule_shadow",
            WarningCode::RuleShadow,
            "A rule with `shadow` admits requests that it would deny.",
        ),
        (
            "rule_unreachable",
            WarningCode::RuleUnreachable,
            "An earlier rule matches every request that this rule matches.",
        ),
        (
            "rules_costly",
            WarningCode::RulesCostly,
            "The comparison of one request with the rules can take more steps than a check can make, so that accredit denies such requests.",
        ),
        (
            "rules_from_empty",
            WarningCode::RulesFromEmpty,
            "An entry of `rules_from` has no files.",
        ),
        (
            "token_in_query",
            WarningCode::TokenInQuery,
            "A token source is a query parameter.",
        ),
    ];
}

#[cfg(test)]
mod tests {
    use super::WarningCode;
    use crate::config::words::Vocabulary as _;

    #[test]
    fn warning_codes_are_distinct_sorted_and_in_snake_case() {
        let words: Vec<&str> = WarningCode::WORDS
            .iter()
            .map(|(word, _, _)| *word)
            .collect();
        for (word, code, _) in WarningCode::WORDS {
            assert_eq!(code.as_str(), *word);
            assert!(word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        }
        let mut distinct = words.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), words.len());
    }
}
