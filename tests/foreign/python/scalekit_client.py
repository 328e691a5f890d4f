"""A customer's application and an API that both use Scalekit's own SDK, against the issuer that is named.

Prints one line of JSON: the token that the SDK got, the claims that it read in it, and what became of
everything else that was tried.

usage: scalekit_client.py ISSUER CLIENT_ID CLIENT_SECRET AUDIENCE [TOKEN]...
"""

import json
import sys

from scalekit import ScalekitClient
from scalekit.common.scalekit import TokenValidationOptions


def outcome(do):
    """What came out, or the class of the exception: the SDK's own wording is none of our concern."""
    try:
        return {"done": do()}
    except Exception as problem:  # every way in which it may say no
        return {"refused": type(problem).__name__}


def main(issuer, client_id, client_secret, audience, others):
    client = ScalekitClient(env_url=issuer, client_id=client_id, client_secret=client_secret)
    token = client.generate_client_token(client_id, client_secret)

    def validate(token, **options):
        checks = TokenValidationOptions(**({"issuer": issuer, "audience": [audience]} | options))
        return outcome(lambda: client.validate_access_token_and_get_claims(token, options=checks))

    def generate(*arguments, **options):
        return outcome(lambda: client.generate_client_token(*arguments, **options))

    print(
        json.dumps(
            {
                "token": token,
                "validated": validate(token),
                "with_its_scope": validate(token, required_scopes=["read:deployments"]),
                "with_another_scope": validate(token, required_scopes=["admin"]),
                "for_another_issuer": validate(token, issuer="https://other.example"),
                "for_another_audience": validate(token, audience=["other.example"]),
                "others": [validate(other) for other in others],
                "one_scope": generate(client_id, client_secret, scopes=["read:deployments"]),
                "unknown_scope": generate(client_id, client_secret, scopes=["admin"]),
                "wrong_secret": generate(client_id, "wrong"),
                "unknown_client": generate("unknown", client_secret),
            }
        )
    )


main(*sys.argv[1:5], sys.argv[5:])
