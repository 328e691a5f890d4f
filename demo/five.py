"""The five requests: what is sent, what must come back, and whether it did."""

import json

import local
import page
import tokens


class Request:
    """One request of the five: what is sent, the curl lines for it, and what must come back."""

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
        """What is wrong with the answer, or None."""
        if response.status != self.status:
            return "it was {}".format(response.status)
        if self.status != 200:
            return None
        try:
            seen = json.loads(response.text)["headers"]
        except (ValueError, KeyError, TypeError):
            return "the answer is not the sample API's"
        subjects = [value for name, value in seen.items() if name.lower() == "x-jwt-sub"]
        if subjects != [tokens.CLIENT["client_id"]]:
            return "the API saw x-jwt-sub {}".format(subjects)
        return None


def five_requests():
    good = tokens.client_credentials()
    expired, forged = tokens.special("expired"), tokens.special("forged")
    subject = "x-jwt-sub is " + tokens.CLIENT["client_id"]
    return [
        Request("1. Without a token", "401", 401),
        Request(
            "2. With a valid token",
            "200, and the API sees the token's claims as headers: " + subject,
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
            "5. With a valid token, and a claim header of the client's own making",
            "200, and the API sees the token's claim, not the client's: " + subject,
            200,
            token=good,
            variable="TOKEN",
            spoofed="admin",
        ),
    ]


def show(requests):
    """Sends and prints each; returns how many were answered as expected."""
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
