"""Key pairs made from a seed, so that every run makes the same keys and the same signatures.

The RSA operations are written out here: the libraries refuse to make the malformed signatures that the oracle needs, and
draw the salt of RSASSA-PSS from the system's random numbers.
"""

import base64
import hashlib
import math

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}
CLASSES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
DIGEST_INFO = {
    "256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
CURVES = {
    "P-256": (ec.SECP256R1(), 32),
    "P-384": (ec.SECP384R1(), 48),
    "P-521": (ec.SECP521R1(), 66),
    "secp256k1": (ec.SECP256K1(), 32),
}
SMALL_PRIMES = [n for n in range(3, 20_000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))]


def b64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def octets_of(number):
    return number.to_bytes((number.bit_length() + 7) // 8 or 1, "big")


def prime(rng, bits):
    """A probable prime with its two highest bits set. The error of 12 Miller-Rabin rounds does not matter here."""
    while True:
        n = rng.getrandbits(bits) | 3 << (bits - 2) | 1
        if all(n % p for p in SMALL_PRIMES) and n % 65537 != 1 and pow(2, n - 1, n) == 1:
            if all(passes_round(n, rng.randrange(2, n - 1)) for _ in range(12)):
                return n


def passes_round(n, base):
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    x = pow(base, odd, n)
    return x in (1, n - 1) or any(pow(x, 1 << i, n) == n - 1 for i in range(1, twos))


class Rsa:
    """A key of several primes (RFC 8017 section 3.2): the more they are, the faster Python signs. It is no safer key for
    that, and verifying is the same."""

    kty = "RSA"

    def __init__(self, rng, bits=2048, primes=4, e=65537):
        self.size, self.e = bits // 8, e
        self.primes, self.n = [], 0
        while self.n.bit_length() != bits:
            self.primes = [prime(rng, bits // primes) for _ in range(primes)]
            self.n = math.prod(self.primes)
        self.d = pow(e, -1, math.prod(p - 1 for p in self.primes))
        # The Chinese remainder theorem: a number for each prime that is 1 for it, and 0 for the others.
        self.parts = [(p, self.n // p * pow(self.n // p, -1, p)) for p in self.primes]

    def public(self):
        return {"kty": "RSA", "n": b64(octets_of(self.n)), "e": b64(octets_of(self.e))}

    def private(self):
        """Of a key of two primes."""
        p, q = self.primes
        numbers = {"d": self.d, "p": p, "q": q, "dp": self.d % (p - 1), "dq": self.d % (q - 1), "qi": pow(q, -1, p)}
        return self.public() | {name: b64(octets_of(number)) for name, number in numbers.items()}

    def raw(self, block):
        """The private operation on an encoded message."""
        m = int.from_bytes(block, "big")
        signature = sum(pow(m, self.d % (p - 1), p) * unit for p, unit in self.parts) % self.n
        return signature.to_bytes(self.size, "big")

    def sign(self, algorithm, message, rng):
        if algorithm.startswith("RS"):
            return self.raw(self.pkcs1(algorithm[2:], message))
        return self.raw(self.pss(algorithm[2:], message, rng))

    def pkcs1(self, bits, message, info=None, kind=1, filling=None):
        """EMSA-PKCS1-v1_5 (RFC 8017 section 9.2), with parts that can be replaced."""
        end = (DIGEST_INFO[bits] if info is None else info) + HASHES[bits](message).digest()
        filling = b"\xff" * (self.size - 3 - len(end)) if filling is None else filling
        return b"\x00" + bytes([kind]) + filling + b"\x00" + end

    def pss(self, bits, message, rng, salt=None, mask_hash=None, trailer=0xBC):
        """EMSA-PSS (RFC 8017 section 9.1), with parts that can be replaced."""
        hash_, mask_hash = HASHES[bits], mask_hash or HASHES[bits]
        size = hash_().digest_size
        salt = rng.randbytes(size if salt is None else salt)
        h = hash_(bytes(8) + hash_(message).digest() + salt).digest()
        block = bytes(self.size - len(salt) - size - 2) + b"\x01" + salt
        masked = bytearray(a ^ b for a, b in zip(block, mgf1(h, len(block), mask_hash), strict=True))
        masked[0] &= 0x7F
        return bytes(masked) + h + bytes([trailer])


def mgf1(seed, length, hash_):
    blocks = (hash_(seed + i.to_bytes(4, "big")).digest() for i in range(length // hash_().digest_size + 1))
    return b"".join(blocks)[:length]


class Ec:
    kty = "EC"

    def __init__(self, rng, curve, wanted=lambda x, y: True):
        self.crv = curve
        self.curve, self.size = CURVES[curve]
        self.order = self.curve.group_order
        while True:
            self.key = ec.derive_private_key(rng.randrange(1, self.order), self.curve)
            point = self.key.public_key().public_numbers()
            self.x, self.y = point.x.to_bytes(self.size, "big"), point.y.to_bytes(self.size, "big")
            if wanted(self.x, self.y):
                break

    def public(self):
        return {"kty": "EC", "crv": self.crv, "x": b64(self.x), "y": b64(self.y)}

    def private(self):
        d = self.key.private_numbers().private_value
        return self.public() | {"d": b64(d.to_bytes(self.size, "big"))}

    def sign(self, algorithm, message, rng):
        r, s = self.numbers(algorithm, message)
        return r.to_bytes(self.size, "big") + s.to_bytes(self.size, "big")

    def numbers(self, algorithm, message):
        """r and s by RFC 6979, which needs no random numbers."""
        hash_ = CLASSES[algorithm.strip("ESK")]
        return decode_dss_signature(self.key.sign(message, ec.ECDSA(hash_(), deterministic_signing=True)))


class Okp:
    kty = "OKP"
    ORDER = 2**252 + 27742317777372353535851937790883648493

    def __init__(self, rng, curve="Ed25519"):
        self.crv = curve
        kind, size = {
            "Ed25519": (ed25519.Ed25519PrivateKey, 32),
            "Ed448": (ed448.Ed448PrivateKey, 57),
        }[curve]
        self.seed = rng.randbytes(size)
        self.key = kind.from_private_bytes(self.seed)
        self.x = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def public(self):
        return {"kty": "OKP", "crv": self.crv, "x": b64(self.x)}

    def private(self):
        return self.public() | {"d": b64(self.seed)}

    def sign(self, algorithm, message, rng):
        return self.key.sign(message)
