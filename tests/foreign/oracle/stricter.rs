//! Where accredit refuses what a library accepts, each with its reason.

use super::class::{Class, Refusal, Side};

pub(super) const CLASSES: &[Class] = &[
    class(
        "encoding of segments",
        "White space, padding and non-zero bits after the last byte are refused: otherwise one token has several texts, and logs, caches and deny lists could be evaded. jose decodes with `atob`, which ignores white space.",
    ),
    class(
        "line breaks in the header",
        "A header value with control characters is no credential (400). HTTP cannot carry it; the libraries see the token only.",
    ),
    class(
        "range of dates",
        "`exp`, `nbf` and `iat` must be from 0 to the end of the year 9999: a larger number, also one in milliseconds, is a mistake, and would be a token without end.",
    ),
    class(
        "booleans as dates",
        "A NumericDate is a number. For Python `true` is 1.",
    ),
    class(
        "`iat` in the future",
        "`iat` must not be ahead of the clock by more than the skew. jose checks `iat` only with `maxTokenAge`.",
    ),
    class(
        "the second of expiry",
        "A token is refused from `exp` plus the skew on (RFC 7519: `on or after`). joserfc accepts that second.",
    ),
    class(
        "extensions",
        "`crit` and `b64` are refused whenever they are present: accredit supports no extension.",
    ),
    class(
        "elements of `aud`",
        "An `aud` with an element that is no string is refused as a whole.",
    ),
    class(
        "duplicate members",
        "A member that occurs twice, at any depth, is refused: readers differ in which of them counts. The libraries take the last.",
    ),
    class(
        "bound tokens",
        "A token with `cnf` is refused unless its proof was checked, and a `cnf` that is no object is malformed. The libraries leave `cnf` to their callers.",
    ),
    class("depth", "At most 64 levels of JSON."),
    class("size", "At most `max_token_size` bytes, 16 KiB by default."),
    class(
        "empty `sub`",
        "A required claim that is `null` or empty counts as absent. jose asks only whether the member is there.",
    ),
    class(
        "strict JSON",
        "Lone surrogates, `NaN`, `Infinity`, UTF-16, UTF-32 and invalid UTF-8 are refused. Python's reader detects encodings and accepts them; jose accepts lone surrogates.",
    ),
    class(
        "byte-order marks",
        "Refused (RFC 8259 section 8.1). Both libraries ignore them.",
    ),
    class(
        "token types",
        "`token_types`. joserfc does not compare `typ`.",
    ),
    class(
        "keys that are set aside",
        "RSA keys under 2048 bits, Ed448 keys, and a `key_ops` that is no list.",
    ),
];

pub(super) const REFUSALS: &[Refusal] = &[
    of(
        "encoding of segments",
        "malformed_token",
        "is not base64url",
        &[],
    ),
    of("line breaks in the header", "invalid_request", "", &[]),
    of(
        "range of dates",
        "malformed_token",
        "is not from 0 to 253402300799",
        &[],
    ),
    of(
        "range of dates",
        "malformed_token",
        "is in milliseconds",
        &[],
    ),
    of(
        "booleans as dates",
        "malformed_token",
        "is not a number",
        &[],
    ),
    of(
        "`iat` in the future",
        "not_yet_valid",
        "`iat` is ahead",
        &[],
    ),
    of("the second of expiry", "expired", "", &["exp-edge-exact"]),
    of(
        "extensions",
        "malformed_token",
        "which asks for an extension",
        &[],
    ),
    of(
        "elements of `aud`",
        "malformed_token",
        "`aud` in the claims set is not",
        &[],
    ),
    of("duplicate members", "malformed_token", " twice", &[]),
    of("bound tokens", "unproven_binding", "", &[]),
    of(
        "bound tokens",
        "malformed_token",
        "`cnf` in the claims set is not an object",
        &[],
    ),
    of(
        "depth",
        "malformed_token",
        "nests deeper than 64 levels",
        &[],
    ),
    of("size", "malformed_token", "max_token_size is 16384", &[]),
    of(
        "empty `sub`",
        "missing_claim",
        "`required_claims`",
        &["sub-null", "sub-empty"],
    ),
    of(
        "strict JSON",
        "malformed_token",
        "cannot be read: it is not JSON",
        &[],
    ),
    of(
        "strict JSON",
        "malformed_token",
        "cannot be read: it is not UTF-8",
        &[],
    ),
    of(
        "byte-order marks",
        "malformed_token",
        "byte-order mark",
        &[],
    ),
    of("token types", "invalid_type", "", &[]),
    of(
        "keys that are set aside",
        "unsupported_algorithm",
        "",
        &["rsa-1024", "okp-ed448", "rsa-ops-text"],
    ),
];

const fn class(name: &'static str, why: &'static str) -> Class {
    let side = Side::Stricter;
    Class { name, side, why }
}

const fn of(
    class: &'static str,
    reason: &'static str,
    cause: &'static str,
    traits: &'static [&'static str],
) -> Refusal {
    Refusal {
        class,
        reason,
        cause,
        traits,
    }
}
