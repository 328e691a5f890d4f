"""Judges the tokens of a folder with PyPI joserfc, and writes joserfc.jsonl: one {"accepted", "error"} per token.

usage: judge.py FOLDER
"""

import json
import pathlib
import sys
import warnings

from joserfc import jws, jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import JWKRegistry, KeySet

warnings.simplefilter("ignore", SecurityWarning)


class Registry(jws.JWSRegistry):
    """accredit limits the whole token (`max_token_size`), not its parts."""

    max_header_length = max_payload_length = max_signature_length = 64 * 1024


class Issuer:
    def __init__(self, policy, issuer):
        # RFC 7515 section 4: a parameter that is not understood is ignored.
        self.registry = Registry(algorithms=issuer["algorithms"], strict_check_header=False)
        self.keys = [key for jwk in issuer["keys"] for key in imported(jwk)]
        self.claims = jwt.JWTClaimsRegistry(
            now=policy["now"],
            leeway=policy["skew"],
            iss={"essential": True, "value": issuer["issuer"]},
            aud={"essential": True, "values": policy["audiences"]},
            exp={"essential": True, "allow_blank": True},
            **{name: {"essential": True} for name in policy["required"]},
        )

    def judge(self, token):
        """A token without `kid` may be signed by any key, and joserfc tries one at most: each key is its own attempt."""
        attempts = [KeySet(list(self.keys))] if names_a_key(token) else self.keys
        problems = []
        for key in attempts:
            try:
                self.claims.validate(jwt.decode(token, key, registry=self.registry).claims)
                return None
            except Exception as error:  # each way in which the library refuses
                problems.append(f"{type(error).__name__}: {error}")
        # What the right key led to, if a key was the right one.
        of_other_keys = ("BadSignatureError", "InvalidKeyTypeError", "InvalidKeyCurveError")
        others = [problem for problem in problems if not problem.startswith(of_other_keys)]
        return (others + problems + ["no key"])[0]


def imported(jwk):
    """RFC 7517 section 5: a key that cannot be used is ignored."""
    try:
        return [JWKRegistry.import_key(jwk)]
    except Exception:  # each way in which the library refuses a key
        return []


def names_a_key(token):
    try:
        return jws.extract_compact(token, registry=Registry()).headers().get("kid") is not None
    except Exception:  # is refused for it afterwards
        return True


def issuer_of(token):
    """`iss` as the library reads it."""
    try:
        return json.loads(jws.extract_compact(token, registry=Registry()).payload)["iss"]
    except Exception:  # is refused for it afterwards
        return None


def main(folder):
    folder = pathlib.Path(folder)
    policy = json.loads((folder / "policy.json").read_text())
    issuers = {issuer["issuer"]: Issuer(policy, issuer) for issuer in policy["issuers"]}
    count = accepted = 0
    with (folder / "tokens.jsonl").open() as tokens, (folder / "joserfc.jsonl").open("w") as out:
        for line in tokens:
            case = json.loads(line)
            # White space around the value of a header belongs to HTTP, not to the token.
            token = case["token"].strip(" \t").encode("latin-1")
            named = issuer_of(token)
            issuer = issuers.get(named) if isinstance(named, str) else None
            error = (issuer or issuers[case["issuer"]]).judge(token)
            out.write(json.dumps({"accepted": error is None, "error": error}) + "\n")
            count, accepted = count + 1, accepted + (error is None)
    print(json.dumps({"tokens": count, "accepted": accepted}))


main(sys.argv[1])
