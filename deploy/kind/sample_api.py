"""A sample API for the demo: it answers every request with the headers that it received.

It trusts its headers, as a service behind Envoy and accredit can.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESS = ("127.0.0.1", 8081)


class Echo(BaseHTTPRequestHandler):
    """Answers any method and path with the request as JSON."""

    protocol_version = "HTTP/1.1"
    server_version = "sample-api"
    sys_version = ""

    def answer(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {}
        for name, value in self.headers.items():
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        echo = {"method": self.command, "path": self.path, "headers": headers}
        body = (json.dumps(echo, indent=2, ensure_ascii=False) + "\n").encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer


if __name__ == "__main__":
    try:
        ThreadingHTTPServer(ADDRESS, Echo).serve_forever()
    except OSError as error:
        sys.exit(f"sample api: cannot listen on {ADDRESS[0]}:{ADDRESS[1]}: {error.strerror}")
    except KeyboardInterrupt:
        pass
