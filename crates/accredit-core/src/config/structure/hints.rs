//! Keys of other tools for which accredit has another name, and the advice for each.

use serde_json::{Map, Value};

/// A mapping of the configuration, identified by a key that no other mapping has.
struct ForeignWords {
    marker: &'static str,
    /// Keys without `_`, `-` and upper case, and the advice for them.
    words: &'static [(&'static [&'static str], &'static str)],
}

/// What to write instead of a key of another tool. `known` are the keys that are permitted in its place.
pub(crate) fn hint(name: &str, known: &Map<String, Value>) -> Option<&'static str> {
    let folded: String = name
        .chars()
        .filter(|c| !matches!(c, '_' | '-'))
        .collect::<String>()
        .to_ascii_lowercase();
    let place = PLACES
        .iter()
        .find(|place| known.contains_key(place.marker))?;
    place
        .words
        .iter()
        .find(|(words, _)| words.contains(&folded.as_str()))
        .map(|(_, advice)| *advice)
}

const PLACES: [ForeignWords; 6] = [
    ForeignWords {
        marker: "admin_listen",
        words: &[
            (
                &["providers", "jwtrules", "jwt", "authenticators"],
                "write `issuers`, a list with one entry per issuer",
            ),
            (
                &["jwksuri", "jwks", "remotejwks"],
                "it belongs to an entry of `issuers`: `jwks: { uri: ... }`",
            ),
            (
                &[
                    "audience",
                    "audiences",
                    "clockskew",
                    "algorithms",
                    "claimheaders",
                ],
                "it belongs to an entry of `issuers`",
            ),
            (
                &["fromheaders", "fromparams", "fromcookies"],
                "write `token_sources`, a list of `{ header: ... }`, `{ query: ... }` and `{ cookie: ... }`",
            ),
            (
                &["requirementmap", "filterstaterules", "authorization"],
                "write `rules`, a list of which the first rule that matches decides",
            ),
            (
                &["forwardoriginaltoken", "forward"],
                "write `forward_token`",
            ),
            (
                &["forwardpayloadheader", "outputpayloadtoheader"],
                "write `payload_header`",
            ),
            (
                &["bypasscorspreflight"],
                "write a rule with `match: { preflight: true }` and `access: anonymous`",
            ),
        ],
    },
    ForeignWords {
        marker: "claim_headers",
        words: &[
            (
                &["jwksuri", "jwksurl", "jwkuri", "remotejwks", "keysurl"],
                "write `jwks: { uri: ... }`",
            ),
            (
                &["localjwks", "jwksinline", "publickeys"],
                "write `jwks: { inline: ... }` or `jwks: { file: ... }`",
            ),
            (
                &["clockskewseconds", "leeway"],
                "write `clock_skew: 60s`, a duration with its unit",
            ),
            (
                &["claimtoheaders", "outputclaimtoheaders", "claimmappings"],
                "write `claim_headers`, a mapping from each header to its claim",
            ),
            (
                &[
                    "fromheaders",
                    "fromparams",
                    "fromcookies",
                    "valueprefix",
                    "tokensources",
                ],
                "write the top-level key `token_sources`, which holds for all issuers",
            ),
            (
                &["forward", "forwardtoken", "forwardoriginaltoken"],
                "write the top-level key `forward_token`, or that of a rule",
            ),
            (
                &[
                    "forwardpayloadheader",
                    "outputpayloadtoheader",
                    "payloadheader",
                ],
                "write the top-level key `payload_header`",
            ),
            (
                &["subjects", "claimvalidationrules"],
                "write `claims`, a mapping from each claim to its permitted values",
            ),
            (
                &["certificateauthority", "cafile"],
                "write `jwks: { ca_file: ... }`, the path of a PEM file",
            ),
            (
                &["requireexpiration"],
                "remove it: accredit always requires `exp`",
            ),
        ],
    },
    ForeignWords {
        marker: "max_stale",
        words: &[
            (
                &["cacheduration", "refreshinterval", "cachettl"],
                "write `refresh`, the interval at which the key set is fetched again",
            ),
            (
                &["remotejwks", "httpuri", "jwksuri"],
                "write `uri`, the address of the key set",
            ),
            (
                &["localjwks", "inlinestring", "keys"],
                "write `inline` with the JSON text of the key set, or `file`",
            ),
            (&["filename"], "write `file`"),
        ],
    },
    ForeignWords {
        marker: "any_scope",
        words: &[
            (
                &["requires", "requirement", "requirementname"],
                "write `access`, and `issuers`, `audiences`, `scopes` or `claims` of this rule",
            ),
            (
                &["allowmissing", "allowmissingorfailed"],
                "write `access: optional`",
            ),
            (
                &["action"],
                "write `access`: `deny`, `token`, `optional` or `anonymous`",
            ),
            (
                &["requestprincipals"],
                "write `issuers` and `claims: { sub: ... }`",
            ),
            (
                &["from", "to", "principal"],
                "write `match` for the request, and `claims` or `when` for the token",
            ),
        ],
    },
    ForeignWords {
        marker: "preflight",
        words: &[
            (
                &["prefix", "pathprefix", "pathseparatedprefix"],
                "write `paths: [/prefix/**]`",
            ),
            (
                &["saferegex", "regex"],
                "write `paths` with `*` and `**`, or `when` of the rule with `request.path.matches(...)`",
            ),
            (
                &["notpaths", "notmethods", "nothosts"],
                "match these in an earlier rule, since the first rule that matches decides",
            ),
            (
                &["ipblocks", "remoteipblocks"],
                "write `addresses`, the ranges of the connection's peer",
            ),
        ],
    },
    ForeignWords {
        marker: "cookie",
        words: &[
            (
                &["valueprefix", "prefix"],
                "write `scheme: Bearer`, without a space",
            ),
            (
                &["name", "param", "parameter"],
                "write the name as the value of `header`, `cookie` or `query`",
            ),
        ],
    },
];

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::{PLACES, hint};
    use crate::config::schema::schema;

    #[test]
    fn each_marker_is_a_key_of_one_mapping_of_the_schema() {
        let schema = schema();
        let definitions = schema["$defs"].as_object().expect("definitions");
        let mappings: Vec<&Map<_, _>> = definitions
            .values()
            .chain([schema])
            .filter_map(|part| part["properties"].as_object())
            .collect();
        for place in &PLACES {
            let marked = mappings
                .iter()
                .filter(|known| known.contains_key(place.marker));
            assert_eq!(marked.count(), 1, "{}", place.marker);
            for word in place.words.iter().flat_map(|(words, _)| *words) {
                let folded = word.to_ascii_lowercase();
                assert!(
                    folded == *word && !word.contains(['_', '-']),
                    "{word} is not folded"
                );
            }
        }
    }

    #[test]
    fn keys_of_other_tools_have_a_hint() {
        let schema = schema();
        let entry = schema.pointer("/$defs/Issuer/properties");
        let entry = entry.and_then(|part| part.as_object()).expect("an issuer");
        for name in [
            "jwks_uri",
            "jwksUri",
            "clock_skew_seconds",
            "clockSkewSeconds",
        ] {
            assert!(hint(name, entry).is_some(), "{name}");
        }
        assert_eq!(hint("colour", entry), None);
        let top = schema["properties"].as_object().expect("keys");
        for name in ["providers", "jwtRules", "jwt_rules"] {
            assert!(hint(name, top).is_some(), "{name}");
        }
    }
}
