"""A certificate of a key by itself, as the `x5c` and `x5t#S256` of a JWK carry one."""

import base64
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID


def members(private_key):
    """The members of a JWK that tell of a certificate of this key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an issuer")])
    now = datetime.datetime.now(datetime.timezone.utc)
    signing_hash = None if isinstance(private_key, Ed25519PrivateKey) else hashes.SHA256()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(private_key, signing_hash)
    )
    thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256()))
    # RFC 7517 section 4.7: plain base64 here, and base64url beside it.
    return {
        "x5c": [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()],
        "x5t#S256": thumbprint.rstrip(b"=").decode(),
    }
