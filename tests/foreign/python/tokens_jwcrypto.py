"""Tokens and keys of PyPI jwcrypto: one line of JSON, a list of {name, issuer, algorithm, key, token}.

usage: tokens_jwcrypto.py AUDIENCE
"""

import json
import sys

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwcrypto.jwk import JWK
from jwcrypto.jwt import JWT

import cases
import certificates


def generate(algorithm, rsa):
    if algorithm == "ES256":
        return JWK.generate(kty="EC", crv="P-256")
    if algorithm == "ES384":
        return JWK.generate(kty="EC", crv="P-384")
    if algorithm == "ES512":
        return JWK.generate(kty="EC", crv="P-521")
    if algorithm == "EdDSA":
        return JWK.generate(kty="OKP", crv="Ed25519")
    return rsa


def cases_of(algorithm, signing_key, audience):
    def sign(header, claims):
        token = JWT(header=header, claims=claims, algs=[algorithm])
        token.make_signed_token(signing_key)
        return token.serialize()

    pem = signing_key.export_to_pem(private_key=True, password=None)
    certificate = certificates.members(load_pem_private_key(pem, password=None))
    bare = signing_key.export_public(as_dict=True)
    described = cases.descriptions(algorithm, f"jwcrypto-{algorithm}", certificate)
    for name, members in described.items():
        published = JWK(**bare, **members).export_public(as_dict=True)
        yield cases.case("jwcrypto", algorithm, name, published, sign, audience)
    # As a careless issuer publishes it.
    published = signing_key.export_private(as_dict=True) | {"kid": signing_key.thumbprint()}
    yield cases.case("jwcrypto", algorithm, "private", published, sign, audience)


def main(audience):
    rsa = JWK.generate(kty="RSA", size=2048)
    made = []
    for algorithm in cases.ALGORITHMS:
        made.extend(cases_of(algorithm, generate(algorithm, rsa), audience))
    print(json.dumps(made))


main(sys.argv[1])
