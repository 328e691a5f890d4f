"""Tokens and keys of PyPI joserfc: one line of JSON, a list of {name, issuer, algorithm, key, token}.

usage: tokens_joserfc.py AUDIENCE
"""

import json
import sys

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

import cases
import certificates


def generate(algorithm, rsa):
    if algorithm == "ES256":
        return ECKey.generate_key("P-256", auto_kid=False)
    if algorithm == "ES384":
        return ECKey.generate_key("P-384", auto_kid=False)
    if algorithm == "ES512":
        return ECKey.generate_key("P-521", auto_kid=False)
    if algorithm == "EdDSA":
        return OKPKey.generate_key("Ed25519", auto_kid=False)
    return rsa


def cases_of(algorithm, signing_key, audience):
    def sign(header, claims):
        return jwt.encode(header, claims, signing_key, algorithms=[algorithm])

    certificate = certificates.members(signing_key.private_key)
    bare = signing_key.as_dict(private=False)
    described = cases.descriptions(algorithm, f"joserfc-{algorithm}", certificate)
    for name, members in described.items():
        published = type(signing_key).import_key(bare, members).as_dict(private=False)
        yield cases.case("joserfc", algorithm, name, published, sign, audience)
    # As a careless issuer publishes it, named by the key's own thumbprint (RFC 7638).
    careless = type(signing_key).import_key(signing_key.as_dict(private=True))
    careless.ensure_kid()
    published = careless.as_dict(private=True)
    yield cases.case("joserfc", algorithm, "private", published, sign, audience)


def main(audience):
    rsa = RSAKey.generate_key(2048, auto_kid=False)
    made = []
    for algorithm in cases.ALGORITHMS:
        made.extend(cases_of(algorithm, generate(algorithm, rsa), audience))
    print(json.dumps(made))


main(sys.argv[1])
