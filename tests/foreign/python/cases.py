"""What the token makers of this folder have in common: which keys there are, and what a token says."""

import time

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


def descriptions(algorithm, kid, certificate):
    """The members by which a public key says much, little or nothing of itself, each set by its name."""
    alg, use, key_ops, kid = {"alg": algorithm}, {"use": "sig"}, {"key_ops": ["verify"]}, {"kid": kid}
    return {
        "bare": {},
        "alg": alg,
        "use": use,
        "key_ops": key_ops,
        "kid": kid,
        "x5c": certificate,
        "all": alg | use | key_ops | kid | certificate,
    }


def claims(issuer, audience):
    """The claims of an ordinary token."""
    now = int(time.time())
    return {
        "iss": issuer,
        "sub": "machine",
        "aud": [audience],
        "client_id": "machine",
        "iat": now,
        "exp": now + 600,
    }


def header(algorithm, key):
    """The header of a token, which names a key only where the published key has a name."""
    named = {"kid": key["kid"]} if "kid" in key else {}
    return {"alg": algorithm, "typ": "JWT"} | named


def case(library, algorithm, name, key, sign, audience):
    """One key, one token signed with it."""
    issuer = f"https://{library}.example/{algorithm}/{name}"
    token = sign(header(algorithm, key), claims(issuer, audience))
    return {
        "name": f"{library} {algorithm} {name}",
        "issuer": issuer,
        "algorithm": algorithm,
        "key": key,
        "token": token,
    }
