"""What a client of accredit needs to make tokens and checks, with Python and openssl alone."""

import base64
import json
import subprocess


def addresses(process):
    """Where a service that has just been started says that it serves."""
    heard = []
    for line in process.stderr:
        heard.append(line)
        if '"listen"' in line:
            return json.loads(line)
    raise RuntimeError(f"it never said where it serves: {heard}")


def field(number, content):
    """A length-delimited field of a protocol buffer."""
    length, encoded = len(content), b""
    while length > 127:
        encoded, length = encoded + bytes([length & 127 | 128]), length >> 7
    return bytes([number << 3 | 2]) + encoded + bytes([length]) + content


def check_request(headers):
    """envoy.service.auth.v3.CheckRequest with these headers."""
    entries = (field(3, field(1, name.encode()) + field(2, value.encode())) for name, value in headers.items())
    http = field(2, headers[":method"].encode()) + b"".join(entries) + field(4, headers[":path"].encode())
    http += field(5, headers[":authority"].encode())
    return field(1, field(4, field(2, http)))


def base64url(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def public_jwk(key):
    said = subprocess.run(["openssl", "rsa", "-in", key, "-noout", "-modulus"], capture_output=True, text=True, check=True)
    modulus = said.stdout.strip().removeprefix("Modulus=")
    return {"kty": "RSA", "kid": "k1", "n": base64url(bytes.fromhex(modulus)), "e": "AQAB"}


def signed(key, claims):
    parts = ".".join(base64url(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "k1"}, claims))
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=parts.encode(), capture_output=True, check=True)
    return f"{parts}.{base64url(signature.stdout)}"
