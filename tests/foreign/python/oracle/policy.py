"""What accredit and both libraries accept: issuers, each with its algorithms and its published keys."""

import dataclasses
import random

from keys import Ec, Okp, Rsa, b64, octets_of

AUDIENCES = ["api.example", "https://api.example/v2"]
SKEW = 30
REQUIRED = ["sub"]
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
# RFC 9864 names EdDSA on Ed25519 `Ed25519`; accredit takes both names where `EdDSA` is configured (CONTRACT 3.6.1).
ACCEPTED = [*ALGORITHMS, "Ed25519"]


@dataclasses.dataclass
class Realm:
    """One issuer, and the keys that it signs with: by algorithm, with the `kid` that its tokens name."""

    issuer: str
    published: list
    signers: dict
    algorithms: list = dataclasses.field(default_factory=lambda: ACCEPTED)


class Policy:
    def __init__(self, seed):
        rng = random.Random(f"keys {seed}")
        self.rsa, self.rs256 = Rsa(rng), Rsa(rng, primes=2)
        self.weak = Rsa(rng, bits=1024)
        self.ec = {curve: Ec(rng, curve) for curve in ("P-256", "P-384", "P-521", "secp256k1")}
        self.short = Ec(rng, "P-256", lambda x, y: x[0] == 0 and y[0] != 0)
        self.okp, self.ed448 = Okp(rng), Okp(rng, "Ed448")
        # Keys that no issuer publishes: an attacker's.
        self.strangers = {"RSA": Rsa(rng), "OKP": Okp(rng)} | {
            curve: Ec(rng, curve) for curve in ("P-256", "P-384", "P-521")
        }
        self.main = Realm("https://issuer.example", self.named_keys(), self.signers(str))
        self.without_kid = Realm("https://bare.example", self.bare_keys(), self.signers(lambda kid: None))
        self.same_kid = Realm(
            "https://same-kid.example",
            [key | {"kid": "same"} for key in self.bare_keys()],
            self.signers(lambda kid: "same"),
        )
        self.narrow = Realm("https://rs256.example", self.named_keys(), self.signers(str), ["RS256"])
        self.shapes = {name: self.shape(name, *parts) for name, parts in self.shaped_keys().items()}

    def realms(self):
        return [self.main, self.without_kid, self.same_kid, self.narrow, *self.shapes.values()]

    def key_of(self, algorithm):
        if algorithm[:2] in ("RS", "PS"):
            return self.rsa
        return self.okp if algorithm == "EdDSA" else self.ec[f"P-{algorithm[2:].replace('512', '521')}"]

    def signers(self, kid_of):
        kids = {"RSA": "rsa", "OKP": "ed25519"}
        return {
            name: (self.key_of(name), kid_of(kids.get(self.key_of(name).kty, name.lower())))
            for name in ALGORITHMS
        }

    def bare_keys(self):
        return [key.public() for key in (self.rsa, self.rs256, *list(self.ec.values())[:3], self.okp)]

    def named_keys(self):
        curves = [
            self.ec[curve].public() | {"kid": name.lower(), "alg": name, "use": "sig"}
            for name, curve in (("ES256", "P-256"), ("ES384", "P-384"), ("ES512", "P-521"))
        ]
        return [
            self.rsa.public() | {"kid": "rsa", "use": "sig"},
            self.rs256.public() | {"kid": "rs256", "alg": "RS256", "use": "sig"},
            *curves,
            self.okp.public() | {"kid": "ed25519", "alg": "EdDSA", "key_ops": ["verify"]},
        ]

    def shape(self, name, algorithm, key, jwk):
        # Each shape has an issuer of its own. The other key of its set verifies no token; with it the set is usable.
        filler = self.strangers["OKP"].public() | {"kid": "filler"}
        return Realm(f"https://shapes.example/{name}", [jwk, filler], {algorithm: (key, "key")})

    def shaped_keys(self):
        rsa, p256, p521, okp, short = self.rsa, self.ec["P-256"], self.ec["P-521"], self.okp, self.short
        n, e = octets_of(rsa.n), octets_of(rsa.e)

        def of_rsa(**members):
            return ("RS256", rsa, rsa.public() | {"kid": "key"} | members)

        def of_ec(key=p256, algorithm="ES256", **members):
            return (algorithm, key, key.public() | {"kid": "key"} | members)

        def of_okp(**members):
            return ("EdDSA", okp, okp.public() | {"kid": "key"} | members)

        def plain(text):
            return text.replace("-", "+").replace("_", "/")

        y_off = (int.from_bytes(p256.y, "big") ^ 1).to_bytes(32, "big")
        return {
            "rsa-leading-zero": of_rsa(n=b64(b"\0" + n), e=b64(b"\0" + e)),
            "rsa-plain-base64": of_rsa(n=plain(b64(n)) + "==", e=b64(e)),
            "rsa-line-breaks": of_rsa(n=b64(n)[:64] + "\r\n" + b64(n)[64:]),
            "rsa-exponent-1": of_rsa(e="AQ"),
            "rsa-exponent-2": of_rsa(e="Ag"),
            "rsa-exponent-other": of_rsa(e="Aw"),
            "rsa-modulus-even": of_rsa(n=b64(octets_of(rsa.n + 1))),
            "rsa-modulus-empty": of_rsa(n=""),
            "rsa-private": ("RS256", self.rs256, self.rs256.private() | {"kid": "key"}),
            "rsa-1024": ("RS256", self.weak, self.weak.public() | {"kid": "key"}),
            "rsa-alg-ps256": of_rsa(alg="PS256"),
            "rsa-alg-es256": of_rsa(alg="ES256"),
            "rsa-alg-unknown": of_rsa(alg="RSA-OAEP"),
            "rsa-alg-null": of_rsa(alg=None, use=None, key_ops=None),
            "rsa-alg-empty": of_rsa(alg="", use="", x5c=[]),
            "rsa-use-enc": of_rsa(use="enc"),
            "rsa-use-svid": of_rsa(use="jwt-svid"),
            "rsa-use-list": of_rsa(use=["sig"]),
            "rsa-ops-sign": of_rsa(key_ops=["sign"]),
            "rsa-ops-both": of_rsa(key_ops=["verify", "sign"]),
            "rsa-ops-twice": of_rsa(key_ops=["verify", "verify"]),
            "rsa-ops-text": of_rsa(key_ops="verify"),
            "rsa-ops-empty": of_rsa(key_ops=[]),
            "rsa-kid-number": of_rsa(kid=7),
            "rsa-kid-empty": of_rsa(kid=""),
            "rsa-kid-null": of_rsa(kid=None),
            "rsa-kty-case": of_rsa(kty="rsa"),
            "rsa-kty-ec": of_rsa(kty="EC", crv="P-256"),
            "rsa-x5c-junk": of_rsa(x5c=["AAAA"], x5t="AAAA", x5u="http://attacker.example/"),
            "ec-short-x": of_ec(short, x=b64(short.x.lstrip(b"\0"))),
            "ec-long-x": of_ec(x=b64(b"\0" + p256.x)),
            "ec-too-long": of_ec(x=b64(b"\1" + p256.x)),
            "ec-plain-base64": of_ec(x=plain(b64(p256.x)) + "=", y=plain(b64(p256.y)) + "="),
            "ec-off-curve": of_ec(y=b64(y_off)),
            "ec-infinity": of_ec(x=b64(bytes(32)), y=b64(bytes(32))),
            "ec-no-y": ("ES256", p256, {k: v for k, v in of_ec()[2].items() if k != "y"}),
            "ec-compressed": of_ec(x=b64(b"\2" + p256.x)),
            "ec-other-curve": of_ec(crv="P-384"),
            "ec-alg-es384": of_ec(alg="ES384"),
            "ec-521-short": of_ec(p521, "ES512", x=b64(p521.x.lstrip(b"\0")), y=b64(p521.y.lstrip(b"\0"))),
            "ec-private": ("ES256", p256, p256.private() | {"kid": "key"}),
            "ec-secp256k1": ("ES256K", self.ec["secp256k1"], self.ec["secp256k1"].public() | {"kid": "key"}),
            "okp-short": of_okp(x=b64(okp.x[:31])),
            "okp-long": of_okp(x=b64(okp.x + b"\0")),
            "okp-padded": of_okp(x=b64(okp.x) + "="),
            "okp-x25519": of_okp(crv="X25519"),
            "okp-alg-ed25519": of_okp(alg="Ed25519"),
            "okp-ed448": ("EdDSA", self.ed448, self.ed448.public() | {"kid": "key"}),
            "oct": ("RS256", rsa, {"kty": "oct", "k": b64(n), "kid": "key"}),
            "oct-with-modulus": of_rsa(kty="oct", k=b64(n)),
        }

    def as_json(self):
        return {
            "audiences": AUDIENCES,
            "skew": SKEW,
            "required": REQUIRED,
            "issuers": [
                {"issuer": realm.issuer, "algorithms": realm.algorithms, "keys": realm.published}
                for realm in self.realms()
            ],
        }
