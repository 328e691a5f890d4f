"""What a client of accredit needs to make tokens and checks, with Python and openssl alone."""

import base64
import json
import subprocess
import tempfile


def addresses(process):
    """The address at which a started service reports that it listens."""
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


# How openssl makes a key and a signature for each `alg`, and the JWK's members that it is known by.
ALGORITHMS = {
    "RS256": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "PS256": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ES256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "EdDSA": ["ED25519"],
}


def new_key(file, alg="RS256"):
    command = ["openssl", "genpkey", "-algorithm", *ALGORITHMS[alg], "-out", file]
    subprocess.run(command, capture_output=True, check=True)


def public_jwk(key, alg="RS256"):
    if ALGORITHMS[alg][0] == "RSA":
        said = subprocess.run(["openssl", "rsa", "-in", key, "-noout", "-modulus"], capture_output=True, text=True, check=True)
        modulus = said.stdout.strip().removeprefix("Modulus=")
        return {"kty": "RSA", "kid": "k1", "n": base64url(bytes.fromhex(modulus)), "e": "AQAB"}
    der = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], capture_output=True, check=True).stdout
    if alg == "EdDSA":
        # RFC 8410: the 32 bytes of the key come last.
        return {"kty": "OKP", "kid": "k1", "crv": "Ed25519", "x": base64url(der[-32:])}
    # RFC 5480: so does the point, uncompressed.
    return {"kty": "EC", "kid": "k1", "crv": "P-256", "x": base64url(der[-64:-32]), "y": base64url(der[-32:])}


def signature(key, alg, text):
    """As a JWS carries it."""
    if alg == "EdDSA":
        with tempfile.NamedTemporaryFile() as file:
            file.write(text)
            file.flush()
            command = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", file.name]
            return subprocess.run(command, capture_output=True, check=True).stdout
    options = {"PS256": ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]}.get(alg, [])
    command = ["openssl", "dgst", "-sha256", *options, "-sign", key]
    signed_by = subprocess.run(command, input=text, capture_output=True, check=True).stdout
    return of_fixed_length(signed_by) if alg == "ES256" else signed_by


def of_fixed_length(der):
    """RFC 7518, section 3.4: both numbers of a short ECDSA signature, 32 bytes each."""
    first = der[4:4 + der[3]]
    second = der[6 + der[3]:]
    return b"".join(number[-32:].rjust(32, b"\0") for number in (first, second))


def signed(key, claims, alg="RS256"):
    parts = ".".join(base64url(json.dumps(part).encode()) for part in ({"alg": alg, "kid": "k1"}, claims))
    return f"{parts}.{base64url(signature(key, alg, parts.encode()))}"
