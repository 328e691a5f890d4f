"""The ports of the demo on this machine, and HTTP calls to them."""

import http.client
import socket

ENVOY, API, CHECK, ADMIN, ISSUER, ENVOY_ADMIN = 8080, 8081, 9191, 9192, 9193, 9901
OWNERS = {
    ENVOY: "Envoy",
    API: "the sample API",
    CHECK: "accredit's checks",
    ADMIN: "accredit's health and admin API",
    ISSUER: "the development issuer",
    ENVOY_ADMIN: "Envoy's admin",
}
# The ports that the other form of accredit needs.
UNUSED = {"service": (ENVOY_ADMIN,), "module": (CHECK, ADMIN)}


class Response:
    """An HTTP response."""

    def __init__(self, raw):
        self.status = raw.status
        self.status_line = "HTTP/1.1 {} {}".format(raw.status, raw.reason)
        self.headers = raw.getheaders()
        self.text = raw.read().decode("utf-8", "replace")


def call(port, method, path, headers=None, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        return Response(connection.getresponse())
    finally:
        connection.close()


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers_ok(port, path):
    try:
        return call(port, "GET", path).status == 200
    except (OSError, http.client.HTTPException):
        return False


def busy_ports(form):
    """The ports of this form of the demo that other programs use."""
    return [port for port in OWNERS if port not in UNUSED[form] and not can_bind(port)]


def can_bind(port):
    with socket.socket() as probe:
        # Closing connections of an earlier demo do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
