"""Tokens of the development issuer, and the curl commands that get such tokens."""

import json

import local

CLIENT = {
    "grant_type": "client_credentials",
    "client_id": "m2morg_1001",
    "client_secret": "dev-secret-1001",
    "scope": "deploy:applications read:deployments",
}
PICK_TOKEN = """python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])'"""


class NoToken(Exception):
    """The issuer gave no token. The text is for the user."""


def access_token(path, content_type, body):
    response = local.call(local.ISSUER, "POST", path, {"content-type": content_type}, body)
    try:
        return json.loads(response.text)["access_token"]
    except (ValueError, KeyError, TypeError):
        raise NoToken(
            "The development issuer answered {} with {} and no token; see "
            "target/demo/accredit.log.".format(path, response.status_line)
        )


def client_credentials():
    form = "&".join(name + "=" + value.replace(" ", "+") for name, value in CLIENT.items())
    return access_token("/oauth/token", "application/x-www-form-urlencoded", form)


def special(switch):
    return access_token("/dev/token", "application/json", json.dumps({switch: True}))


def curl_for_client_credentials():
    lines = ["TOKEN=$(curl -s http://127.0.0.1:{}/oauth/token".format(local.ISSUER)]
    lines += ["    -d '{}={}'".format(name, value) for name, value in CLIENT.items()]
    return " \\\n".join(lines) + " \\\n    | " + PICK_TOKEN + ")"


def curl_for_special(name, switch):
    url = "http://127.0.0.1:{}/dev/token".format(local.ISSUER)
    lines = ["{}=$(curl -s {}".format(name, url)]
    lines += ["    -H 'content-type: application/json' -d '{\"" + switch + "\":true}'"]
    return " \\\n".join(lines) + " \\\n    | " + PICK_TOKEN + ")"
