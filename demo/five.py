"""The five requests: what is sent, the expected answer, and the comparison."""

import json

import local
import page
import tokens


class Request:
    """One of the five requests, its curl command, and the expected answer."""

    def __init__(
        self, title, expected, status, token=None, variable=None, setup=None, spoofed=None
    ):
        self.title = title
        self.expected = expected
        self.status = status
        self.token = token
        self.variable = variable
        self.setup = setup
        self.spoofed = spoofed

    def headers(self):
        headers = {}
        if self.token:
            headers["authorization"] = "Bearer " + self.token
        if self.spoofed:
            headers["x-jwt-sub"] = self.spoofed
        return headers

    def curl(self):
        line = "curl -i http://127.0.0.1:{}/api/data".format(local.ENVOY)
        if self.variable:
            line += ' -H "Authorization: Bearer ${}"'.format(self.variable)
        if self.spoofed:
            line += " -H 'x-jwt-sub: {}'".format(self.spoofed)
        return self.setup + "\n" + line if self.setup else line

    def complaint(self, response):
        """How the answer differs from the expected one, or None."""
        if response.status != self.status:
            return "status {}".format(response.status)
        if self.status != 200:
            return None
        try:
            seen = json.loads(response.text)["headers"]
        except (ValueError, KeyError, TypeError):
            return "the answer is not from the sample API"
        subjects = [value for name, value in seen.items() if name.lower() == "x-jwt-sub"]
        if subjects != [tokens.CLIENT["client_id"]]:
            return "the API received x-jwt-sub {}".format(subjects)
        return None


def five_requests():
    good = tokens.client_credentials()
    expired, forged = tokens.special("expired"), tokens.special("forged")
    subject = "x-jwt-sub is " + tokens.CLIENT["client_id"]
    return [
        Request("1. Without a token", "401", 401),
        Request(
            "2. With a valid token",
            "200, and the API receives the claims of the token as headers: " + subject,
            200,
            token=good,
            variable="TOKEN",
        ),
        Request(
            "3. With an expired token",
            "401",
            401,
            token=expired,
            variable="EXPIRED",
            setup=tokens.curl_for_special("EXPIRED", "expired"),
        ),
        Request(
            "4. With a token whose signature is forged",
            "401",
            401,
            token=forged,
            variable="FORGED",
            setup=tokens.curl_for_special("FORGED", "forged"),
        ),
        Request(
            "5. With a valid token, and a claim header that the client sets itself",
            "200, and the API receives the claim of the token, not the header of the client: " + subject,
            200,
            token=good,
            variable="TOKEN",
            spoofed="admin",
        ),
    ]


def show(requests):
    """Sends and prints each request. Returns the number of expected answers."""
    met = 0
    secrets = {request.token for request in requests if request.token}

    def shorten(text):
        for token in secrets:
            text = text.replace(token, token[:12] + "…" + token[-6:])
        return text

    for request in requests:
        page.heading(request.title)
        page.command(request.curl())
        response = local.call(local.ENVOY, "GET", "/api/data", request.headers())
        page.answer(response, shorten)
        complaint = request.complaint(response)
        page.verdict(request.expected, complaint)
        met += complaint is None
    return met
