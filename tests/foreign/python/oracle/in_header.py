"""Mutations of the JOSE header."""

import hashlib
import hmac

from drafts import quoted, variants
from keys import b64, octets_of
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def put(name, value):
    return lambda draft: draft.put("header", name, value)


def drop(name):
    return lambda draft: draft.drop("header", name)


variants(
    "typ",
    {
        "typ-absent": drop("typ"),
        "typ-null": put("typ", "null"),
        "typ-empty": put("typ", '""'),
        "typ-lower": put("typ", '"jwt"'),
        "typ-application": put("typ", '"application/at+jwt"'),
        "typ-application-case": put("typ", '"Application/JWT"'),
        "typ-dpop": put("typ", '"dpop+jwt"'),
        "typ-id-token": put("typ", '"id_token+jwt"'),
        "typ-logout": put("typ", '"logout+jwt"'),
        "typ-introspection": put("typ", '"token-introspection+jwt"'),
        "typ-space": put("typ", '"JWT "'),
        "typ-escaped": put("typ", '"\\u004a\\u0057\\u0054"'),
        "typ-number": put("typ", "1"),
        "typ-list": put("typ", '["JWT"]'),
        "typ-twice": lambda draft: draft.header.append(('"typ"', '"JWT"')),
        "typ-twice-escaped": lambda draft: draft.header.append(('"ty\\u0070"', '"JWT"')),
    },
)
variants(
    "kid",
    {
        "kid-absent": drop("kid"),
        "kid-null": put("kid", "null"),
        "kid-empty": put("kid", '""'),
        "kid-number": put("kid", "1"),
        "kid-list": put("kid", '["rsa"]'),
        "kid-object": put("kid", "{}"),
        "kid-unknown": put("kid", '"no such key"'),
        "kid-path": put("kid", '"../../../../dev/null"'),
        "kid-sql": put("kid", "\"x' UNION SELECT 'key\""),
        "kid-of-another": lambda draft: draft.put(
            "header", "kid", quoted("es256" if draft.key.kty != "EC" else "rsa")
        ),
        "kid-of-rs256": put("kid", '"rs256"'),
        "kid-upper": lambda draft: draft.put("header", "kid", (draft.get("header", "kid") or '"RSA"').upper()),
        "kid-space": lambda draft: draft.put("header", "kid", (draft.get("header", "kid") or '"rsa"')[:-1] + ' "'),
        "kid-nul": lambda draft: draft.put("header", "kid", (draft.get("header", "kid") or '"rsa"')[:-1] + '\\u0000"'),
        "kid-twice": lambda draft: draft.header.append(('"kid"', draft.get("header", "kid") or '"rsa"')),
        "kid-proto": put("kid", '"__proto__"'),
    },
)
JUNK = "https://attacker.example/keys"
variants(
    "header",
    {
        "crit-empty": put("crit", "[]"),
        "crit-null": put("crit", "null"),
        "crit-text": put("crit", '"exp"'),
        "crit-unknown": lambda draft: draft.header.extend(
            [('"crit"', '["http://example/ext"]'), ('"http://example/ext"', "1")]
        ),
        "crit-missing": put("crit", '["http://example/ext"]'),
        "crit-alg": put("crit", '["alg"]'),
        "crit-b64": lambda draft: draft.header.extend([('"crit"', '["b64"]'), ('"b64"', "true")]),
        "b64-true": put("b64", "true"),
        "b64-false": put("b64", "false"),
        "b64-null": put("b64", "null"),
        "b64-text": put("b64", '"false"'),
        "jku": put("jku", quoted(JUNK)),
        "jku-no-url": put("jku", '"keys"'),
        "jku-null": put("jku", "null"),
        "jku-number": put("jku", "1"),
        "x5u": put("x5u", quoted(JUNK)),
        "x5u-no-url": put("x5u", '"file:/etc/passwd"'),
        "x5c-junk": put("x5c", '["AAAA"]'),
        "x5c-text": put("x5c", '"AAAA"'),
        "x5t-number": put("x5t", "1"),
        "x5t-s256": put("x5t#S256", '"AAAA"'),
        "jwk-own": lambda draft: draft.put("header", "jwk", quoted(draft.key.public())),
        "jwk-text": put("jwk", '"key"'),
        "jwk-empty": put("jwk", "{}"),
        "cty-jwt": put("cty", '"JWT"'),
        "cty-number": put("cty", "1"),
        "zip-def": put("zip", '"DEF"'),
        "enc": put("enc", '"A128GCM"'),
        "parameter-unknown": put("http://example/unknown", '{"a":[1,null]}'),
        "parameter-long": put("long", quoted("x" * 700)),
        "parameter-null": put("nonce", "null"),
        "parameter-proto": put("__proto__", '{"alg":"none"}'),
        "parameter-twice": lambda draft: draft.header.extend([('"x"', "1"), ('"x"', "1")]),
        "parameter-twice-deep": put("x", '{"a":1,"a":1}'),
        "ppt-shaken": put("ppt", '"shaken"'),
    },
)
variants(
    "alg",
    {
        "alg-absent": drop("alg"),
        "alg-null": put("alg", "null"),
        "alg-number": put("alg", "256"),
        "alg-list": lambda draft: draft.put("header", "alg", f"[{quoted(draft.algorithm)}]"),
        "alg-lower": lambda draft: draft.put("header", "alg", quoted(draft.algorithm.lower())),
        "alg-space": lambda draft: draft.put("header", "alg", quoted(draft.algorithm + " ")),
        "alg-nul": lambda draft: draft.put("header", "alg", quoted(draft.algorithm + "\0")),
        "alg-case-of-name": lambda draft: draft.header.append(('"ALG"', '"none"')),
        "alg-twice": lambda draft: draft.header.append(('"alg"', quoted(draft.algorithm))),
        "alg-twice-none": lambda draft: draft.header.insert(0, ('"alg"', '"none"')),
        "alg-escaped": lambda draft: draft.put("header", "alg", '"' + escaped(draft.algorithm) + '"'),
        "alg-name-escaped": lambda draft: rename(draft, '"alg"', '"\\u0061lg"'),
        **{
            f"alg-{name.lower() or 'empty'}": put("alg", quoted(name))
            for name in ["", "ES256K", "Ed448", "ESP256", "ML-DSA-44", "RSA-OAEP", "dir", "HS256x"]
        },
    },
)
variants("alg", {"alg-ed25519": put("alg", '"Ed25519"')}, algorithms=["EdDSA"])


def escaped(value):
    return "".join(f"\\u{ord(character):04x}" for character in value)


def rename(draft, old, new):
    draft.header = [(new if name == old else name, value) for name, value in draft.header]


def other_algorithm(draft, names):
    """States another algorithm than the one that signs."""
    draft.put("header", "alg", quoted(draft.rng.choice([name for name in names if name != draft.algorithm])))


ALL = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
variants("alg", {"alg-of-another": lambda draft: other_algorithm(draft, ALL)})


def none_(draft, name, signature):
    draft.put("header", "alg", quoted(name))
    if signature == "absent":
        draft.signer = lambda message: b""


variants(
    "alg",
    {
        f"none-{name}-{signature}": lambda draft, name=name, signature=signature: none_(draft, name, signature)
        for name in ("none", "None", "NONE", "nOnE")
        for signature in ("absent", "kept")
    },
)


def secrets_of(key):
    """What an attacker knows of a public key, in the forms that a confused library takes as an HMAC secret."""
    yield b""
    yield quoted(key.public()).encode()
    if key.kty == "RSA":
        yield octets_of(key.n)
        yield b64(octets_of(key.n)).encode()
    elif key.kty == "EC":
        public = key.key.public_key()
        yield public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        yield public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        yield key.x
    else:
        yield key.x
        yield b64(key.x).encode()


def hmac_(draft, bits):
    secret = draft.rng.choice(list(secrets_of(draft.key)))
    draft.put("header", "alg", quoted(f"HS{bits}"))
    draft.signer = lambda message: hmac.new(secret, message, getattr(hashlib, f"sha{bits}")).digest()


variants("alg", {f"hs{bits}": lambda draft, bits=bits: hmac_(draft, bits) for bits in (256, 384, 512)})
