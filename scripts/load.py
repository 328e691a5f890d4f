#!/usr/bin/env python3
"""Measures the CPU time of `accredit serve` per check with h2load; docs/scaling.md has the results.

usage: scripts/load.py [BINARY] [CHECKS]      needs h2load (Debian and Ubuntu: nghttp2-client) and openssl

It measures CPU time and not checks per second, because CPU time depends little on other load of the machine.
"""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/deploy"))

from client import ALGORITHMS, addresses, check_request, new_key, public_jwk, signed  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
BROWSER = {
    ":method": "GET", ":path": "/deployments/42?limit=20", ":authority": "api.acme.example", ":scheme": "https",
    "accept": "application/json", "accept-encoding": "gzip, deflate, br", "user-agent": "acme-sdk/3.1 (linux; x86_64)",
    "x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https", "x-request-id": "6b2f9d0c-3c5e-4b39-9a0f-0d2f6c1c7a11",
}


def claims(number=0, **more):
    now = int(time.time())
    return {"iss": "https://issuer0.test", "aud": "api", "sub": f"m2morg_{number}", "client_id": f"m2morg_{number}",
            "oid": "org_2001", "iat": now, "exp": now + 86400, "scopes": ["deploy:applications", "read:deployments"], **more}


def configuration(keys, issuers=1, rules=0, alg="RS256", when=None, **more):
    """A configuration: issuers with the same keys, and rules of which only the last matches, or one rule with a condition."""
    document = {"listen": "127.0.0.1:0", "admin_listen": "127.0.0.1:0", "probe_listen": "127.0.0.1:0", **more}
    document["issuers"] = [{"issuer": f"https://issuer{number}.test", "audiences": ["api"],
                            "algorithms": [alg], "jwks": {"inline": json.dumps({"keys": keys})}} for number in range(issuers)]
    if rules:
        document["rules"] = [{"match": {"paths": [f"/other-{n}/**"]}, "access": "deny"} for n in range(rules - 1)]
        document["rules"].append({"match": {"paths": ["/deployments/*"]}, "scopes": ["read:deployments"]})
    if when:
        document["rules"] = [{"match": {"paths": ["/deployments/*"]}, "when": when}]
    return document


class Served:
    """A running service, and the CPU time and memory that it has used."""

    def __init__(self, binary, folder, document):
        file = pathlib.Path(folder, "accredit.yaml")
        file.write_text(json.dumps(document))
        self.process = subprocess.Popen([binary, "serve", "--config", file], stderr=subprocess.PIPE, text=True)
        self.address = addresses(self.process)["listen"]
        # Reads the rest of the log, so that the service does not block on it.
        self.drained = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.drained.wait()

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def workers(self):
        """The CPU time of each worker thread, in seconds."""
        used = []
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            name, fields = (task / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
            if name.startswith("worker-"):
                used.append((int(fields.split()[11]) + int(fields.split()[12])) / TICKS)
        return sorted(used)

    def memory(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def load(folder, served, headers, checks, connections=1):
    """Sends checks, 16 at a time per connection, as an Envoy worker does. Returns the CPU time per check in microseconds."""
    request = pathlib.Path(folder, "check.bin")
    message = check_request({**BROWSER, **headers})
    request.write_bytes(struct.pack(">BI", 0, len(message)) + message)
    command = ["h2load", f"-c{connections}", "-m16", f"-n{checks}", "-d", request, "-H", "content-type: application/grpc",
               "-H", "te: trailers", f"http://{served.address}/envoy.service.auth.v3.Authorization/Check"]
    before = served.cpu()
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if f"{checks} succeeded, 0 failed" not in said:
        raise RuntimeError(said)
    return (served.cpu() - before) / checks * 1e6


def bearer(key, alg, **more):
    return {"authorization": f"Bearer {signed(key, claims(**more), alg)}"}


def main():
    binary = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "target/release/accredit")
    checks = int(sys.argv[2]) if len(sys.argv) > 2 else 200_000
    if not shutil.which("h2load"):
        sys.exit("load: h2load was not found; install it (Debian and Ubuntu: apt-get install nghttp2-client)")
    with tempfile.TemporaryDirectory() as folder:
        keys = {alg: pathlib.Path(folder, f"{alg}.pem") for alg in ALGORITHMS}
        for alg, key in keys.items():
            new_key(key, alg)
        report(binary, folder, keys, checks)
        spread(binary, folder, keys["RS256"], checks)


def report(binary, folder, keys, checks):
    jwk = public_jwk(keys["RS256"])
    others = [{**jwk, "kid": f"other{n}"} for n in range(99)]
    condition = 'request.method == "GET" && "read:deployments" in scopes && claims.oid.startsWith("org_")'
    cases = [
        ("cached token", {}, {}, {}),
        ("token not cached (no cache)", {"token_cache": "0"}, {}, {}),
        ("not cached, PS256", {"token_cache": "0", "alg": "PS256"}, {}, {}),
        ("not cached, ES256", {"token_cache": "0", "alg": "ES256"}, {}, {}),
        ("not cached, EdDSA", {"token_cache": "0", "alg": "EdDSA"}, {}, {}),
        ("cached token, a condition", {"when": condition}, {}, {}),
        ("denied: no token", {}, {}, None),
        ("cached token, 100 issuers", {"issuers": 100}, {}, {}),
        ("no cache, 100 keys", {"token_cache": "0", "keys": [*others, jwk]}, {}, {}),
        ("cached token, 10 rules", {"rules": 10}, {}, {}),
        ("cached token, 100 rules", {"rules": 100}, {}, {}),
        ("cached token, 1000 rules", {"rules": 1000}, {}, {}),
        ("cached token of 4 KiB", {}, {"pad": "x" * 2600}, {}),
        ("cached token of 12 KiB", {}, {"pad": "x" * 8600}, {}),
        ("no cache, token of 12 KiB", {"token_cache": "0"}, {"pad": "x" * 8600}, {}),
    ]
    for name, settings, more, headers in cases:
        settings = dict(settings)
        alg = settings.get("alg", "RS256")
        held = settings.pop("keys", [public_jwk(keys[alg], alg)])
        with Served(binary, folder, configuration(held, **settings)) as served:
            sent = {} if headers is None else bearer(keys[alg], alg, **more)
            load(folder, served, sent, 2_000)
            idle = served.memory()
            costs = sorted(load(folder, served, sent, checks) for _ in range(5))
            print(f"{name:36} {costs[0]:7.1f} us, {1e6 / costs[0]:9.0f} per second and core   "
                  f"({costs[1]:.1f}, {costs[2]:.1f}; {idle:.0f} MB)", flush=True)


def spread(binary, folder, key, checks):
    """How evenly the workers share the checks of 16 connections."""
    with Served(binary, folder, configuration([public_jwk(key)])) as served:
        sent = bearer(key, "RS256")
        cost = load(folder, served, sent, checks, connections=16)
        used = served.workers()
        print(f"{'cached token, 16 connections':36} {cost:7.1f} us; the {len(used)} workers used "
              f"{', '.join(f'{seconds / sum(used):.0%}' for seconds in used)} of the CPU time", flush=True)


if __name__ == "__main__":
    main()
