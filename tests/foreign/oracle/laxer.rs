//! Where accredit admits what a library refuses, each with its reason.

use super::class::{Class, Objection, Side};
use super::judges::Library::{self, Jose, Joserfc};

pub(super) const CLASSES: &[Class] = &[
    class(
        "absent members",
        "`null` counts as absent for every member: serializers write unset members so. The libraries refuse `null` where they expect a string or a number. A `null` never satisfies a requirement.",
    ),
    class(
        "empty `kid`",
        "An empty `kid` counts as absent: all keys of the issuer that fit are tried.",
    ),
    class(
        "published keys without `kid`",
        "A key without `kid` may verify a token that names one: some issuers name keys in tokens only. The libraries look for the name.",
    ),
    class(
        "several keys with one `kid`",
        "accredit tries each key with the token's `kid` that suits its `alg`. joserfc tries the first.",
    ),
    class(
        "names of EdDSA",
        "`EdDSA` and `Ed25519` (RFC 9864) name one algorithm, in the token and in the key. The libraries compare the names.",
    ),
    class(
        "notation of published keys",
        "Numbers of a published key may have padding, line breaks, `+` and `/`: real issuers publish such keys. The key comes from the issuer over https, and another notation is no other key.",
    ),
    class(
        "unset members of published keys",
        "`null`, an empty string and an empty list count as absent in a published key.",
    ),
    class(
        "uses of published keys",
        "SPIFFE's `use: jwt-svid` is a use for signatures; `key_ops` needs `verify`, and further or repeated operations do not matter.",
    ),
    class(
        "published private keys",
        "accredit reports a published private key and uses its public part: refusing it would be an outage, and would not make the key secret again.",
    ),
    class(
        "header parameters that are not read",
        "accredit does not read `jku`, `jwk`, `x5u`, `x5c`, `x5t` and `cty`, so it does not check their types.",
    ),
    class(
        "`sub` that is no string",
        "Some issuers write numbers. A claim is forwarded by its type, and a value that no header can express is left out.",
    ),
    class(
        "`jti` that is no string",
        "accredit reads the `jti` of a token only for the deny list and for rules.",
    ),
    class(
        "long numbers in other claims",
        "accredit keeps a number's own digits and does not convert it. Python refuses to convert over 4,300 digits.",
    ),
];

pub(super) const OBJECTIONS: &[Objection] = &[
    of(
        "absent members",
        Jose,
        "ERR_JWKS_NO_MATCHING_KEY",
        &["kid-null"],
    ),
    of(
        "absent members",
        Jose,
        "unexpected \"typ\" JWT header value",
        &["typ-null"],
    ),
    of(
        "absent members",
        Jose,
        "\"iat\" claim must be a number",
        &["iat-null"],
    ),
    of(
        "absent members",
        Jose,
        "\"nbf\" claim must be a number",
        &["nbf-null"],
    ),
    of(
        "absent members",
        Joserfc,
        "'kid' in header must be a str",
        &["kid-null"],
    ),
    of(
        "absent members",
        Joserfc,
        "'typ' in header must be a str",
        &["typ-null"],
    ),
    of(
        "absent members",
        Joserfc,
        "'iat' must be a NumericDate",
        &["iat-null"],
    ),
    of(
        "absent members",
        Joserfc,
        "'nbf' must be a NumericDate",
        &["nbf-null"],
    ),
    of(
        "absent members",
        Joserfc,
        "'jti' must be a string",
        &["jti-null"],
    ),
    of(
        "empty `kid`",
        Jose,
        "ERR_JWKS_NO_MATCHING_KEY",
        &["kid-empty"],
    ),
    of("empty `kid`", Joserfc, "No key for kid", &["kid-empty"]),
    of(
        "published keys without `kid`",
        Jose,
        "ERR_JWKS_NO_MATCHING_KEY",
        &["bare.example", "rsa-kid-empty", "rsa-kid-null"],
    ),
    of(
        "published keys without `kid`",
        Joserfc,
        "No key for kid",
        &["bare.example", "rsa-kid-empty", "rsa-kid-null"],
    ),
    of(
        "several keys with one `kid`",
        Joserfc,
        "InvalidKeyTypeError",
        &["same-kid.example"],
    ),
    of(
        "several keys with one `kid`",
        Joserfc,
        "BadSignatureError",
        &["same-kid.example"],
    ),
    of(
        "names of EdDSA",
        Jose,
        "ERR_JWKS_NO_MATCHING_KEY",
        &["alg-ed25519", "okp-alg-ed25519"],
    ),
    of(
        "names of EdDSA",
        Joserfc,
        "No key for kid",
        &["alg-ed25519", "okp-alg-ed25519"],
    ),
    of(
        "notation of published keys",
        Joserfc,
        "No key for kid",
        &[
            "rsa-plain-base64",
            "rsa-line-breaks",
            "ec-plain-base64",
            "okp-padded",
        ],
    ),
    of(
        "unset members of published keys",
        Jose,
        "ERR_JWKS_NO_MATCHING_KEY",
        &["rsa-alg-null", "rsa-alg-empty", "rsa-ops-empty"],
    ),
    of(
        "unset members of published keys",
        Joserfc,
        "No key for kid",
        &["rsa-alg-null", "rsa-alg-empty"],
    ),
    of(
        "unset members of published keys",
        Joserfc,
        "UnsupportedKeyOperationError",
        &["rsa-ops-empty"],
    ),
    of(
        "uses of published keys",
        Jose,
        "ERR_JWKS_NO_MATCHING_KEY",
        &["rsa-use-svid", "rsa-ops-twice"],
    ),
    of(
        "uses of published keys",
        Jose,
        "Unsupported key usage",
        &["rsa-ops-both"],
    ),
    of(
        "uses of published keys",
        Joserfc,
        "No key for kid",
        &["rsa-use-svid"],
    ),
    of(
        "published private keys",
        Jose,
        "members must be public keys",
        &["rsa-private", "ec-private"],
    ),
    of(
        "header parameters that are not read",
        Joserfc,
        "'jku' in header",
        &["jku-null", "jku-number", "jku-no-url"],
    ),
    of(
        "header parameters that are not read",
        Joserfc,
        "'jwk' in header",
        &["jwk-text"],
    ),
    of(
        "header parameters that are not read",
        Joserfc,
        "'x5u' in header",
        &["x5u-no-url"],
    ),
    of(
        "header parameters that are not read",
        Joserfc,
        "'x5c' in header",
        &["x5c-text"],
    ),
    of(
        "header parameters that are not read",
        Joserfc,
        "'x5t' in header",
        &["x5t-number"],
    ),
    of(
        "header parameters that are not read",
        Joserfc,
        "'cty' in header",
        &["cty-number"],
    ),
    of(
        "`sub` that is no string",
        Joserfc,
        "'sub' must be a StringOrURI",
        &[
            "sub-number",
            "sub-true",
            "sub-list",
            "sub-empty-list",
            "sub-object",
            "sub-empty-object",
        ],
    ),
    of(
        "`jti` that is no string",
        Joserfc,
        "'jti' must be a string",
        &["jti-number", "jti-list"],
    ),
    of(
        "long numbers in other claims",
        Joserfc,
        "InvalidPayloadError",
        &["claim-long-number"],
    ),
];

const fn class(name: &'static str, why: &'static str) -> Class {
    let side = Side::Laxer;
    Class { name, side, why }
}

const fn of(
    class: &'static str,
    library: Library,
    error: &'static str,
    traits: &'static [&'static str],
) -> Objection {
    Objection {
        class,
        library,
        error,
        traits,
    }
}
