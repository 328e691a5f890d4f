"""Mutations of the signature, and signatures by keys that the issuer did not publish."""

import hashlib

from drafts import quoted, variants
from keys import HASHES, b64
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature


def with_signer(make):
    """`make` gets the draft and the signed message, and returns the signature's bytes."""

    def change(draft):
        draft.signer = lambda message: make(draft, message)

    return change


def changed(change):
    return with_signer(lambda draft, message: change(draft.key.sign(draft.algorithm, message, draft.rng)))


def flip(octets, at):
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at:][1:]


variants(
    "signature",
    {
        "signature-none": changed(lambda octets: b""),
        "signature-zeros": changed(lambda octets: bytes(len(octets))),
        "signature-ones": changed(lambda octets: b"\xff" * len(octets)),
        "signature-one-byte": changed(lambda octets: b"\0"),
        "signature-short": changed(lambda octets: octets[:-1]),
        "signature-long": changed(lambda octets: octets + b"\0"),
        "signature-zero-before": changed(lambda octets: b"\0" + octets),
        "signature-twice": changed(lambda octets: octets + octets),
        "signature-reversed": changed(lambda octets: octets[::-1]),
        "signature-flip-first": changed(lambda octets: flip(octets, 0)),
        "signature-flip-last": changed(lambda octets: flip(octets, -1)),
        "signature-hex": changed(lambda octets: octets.hex().encode()),
        "signature-base64": changed(lambda octets: b64(octets).encode()),
        "signature-huge": changed(lambda octets: octets * 8),
        "signature-of-claims": with_signer(
            lambda draft, message: draft.key.sign(draft.algorithm, message.split(b".")[1], draft.rng)
        ),
        "signature-of-header": with_signer(
            lambda draft, message: draft.key.sign(draft.algorithm, message.split(b".")[0], draft.rng)
        ),
        "signature-of-digest": with_signer(
            lambda draft, message: draft.key.sign(draft.algorithm, hashlib.sha256(message).digest(), draft.rng)
        ),
    },
)


def stranger(draft):
    name = draft.key.crv if draft.key.kty == "EC" else draft.key.kty
    return draft.policy.strangers.get(name, draft.policy.strangers["P-256"])


def by_stranger(draft):
    draft.signer = lambda message: stranger(draft).sign(draft.algorithm, message, draft.rng)


def embedded(name, value):
    def change(draft):
        by_stranger(draft)
        draft.put("header", name, quoted(value(stranger(draft).public())))

    return change


def other_hash(draft, message):
    other = {"256": "512", "384": "256", "512": "384"}.get(draft.algorithm[2:], "256")
    return draft.key.sign(draft.algorithm[:2] + other, message, draft.rng)


variants(
    "key",
    {
        "stranger": by_stranger,
        "stranger-jwk": embedded("jwk", lambda jwk: jwk),
        "stranger-jwk-kid": embedded("jwk", lambda jwk: jwk | {"kid": "rsa"}),
        "stranger-jku": embedded("jku", lambda jwk: "https://attacker.example/keys"),
        "stranger-x5u": embedded("x5u", lambda jwk: "https://attacker.example/certificate"),
        "stranger-x5c": embedded("x5c", lambda jwk: ["MIIB"]),
        "stranger-kid-url": embedded("kid", lambda jwk: "https://attacker.example/keys#1"),
    },
)
RSA, PKCS1, PSS, EC, ED = ["RS", "PS"], ["RS"], ["PS"], ["ES"], ["EdDSA"]
variants("key", {"other-hash": with_signer(other_hash)}, algorithms=["RS", "PS", "ES"])


def rs256_key(draft, message):
    return draft.policy.rs256.sign(draft.algorithm, message, draft.rng)


variants("key", {"rs256-key": with_signer(rs256_key)}, algorithms=RSA)


def swap_padding(draft, message):
    swapped = {"RS": "PS", "PS": "RS"}[draft.algorithm[:2]] + draft.algorithm[2:]
    return draft.key.sign(swapped, message, draft.rng)


def plus_modulus(draft, message):
    number = int.from_bytes(draft.key.sign(draft.algorithm, message, draft.rng), "big") + draft.key.n
    return number.to_bytes(draft.key.size + 1, "big").lstrip(b"\0")


def modulus_minus(draft, message):
    number = draft.key.n - int.from_bytes(draft.key.sign(draft.algorithm, message, draft.rng), "big")
    return number.to_bytes(draft.key.size, "big")


variants(
    "signature",
    {
        "rsa-padding-swapped": with_signer(swap_padding),
        "rsa-plus-modulus": with_signer(plus_modulus),
        "rsa-modulus-minus": with_signer(modulus_minus),
        "rsa-one": with_signer(lambda draft, message: b"\1".rjust(draft.key.size, b"\0")),
        "rsa-unpadded": with_signer(
            lambda draft, message: draft.key.raw(hashlib.sha256(message).digest().rjust(draft.key.size, b"\0"))
        ),
    },
    algorithms=RSA,
)


def pkcs1(**parts):
    def make(draft, message):
        bits = draft.algorithm[2:]
        values = {name: value(draft, bits) for name, value in parts.items()}
        return draft.key.raw(draft.key.pkcs1(bits, message, **values))

    return with_signer(make)


def info(bits, null=True, oid_bits=None):
    """A DigestInfo with parts that differ from those of RFC 8017 section 9.2."""
    size = int(bits) // 8
    arc = {"256": 1, "384": 2, "512": 3}[oid_bits or bits]
    algorithm = bytes.fromhex("0609608648016503040200")[:-1] + bytes([arc]) + (b"\5\0" if null else b"")
    body = b"\x30" + bytes([len(algorithm)]) + algorithm + b"\x04" + bytes([size])
    return b"\x30" + bytes([len(body) + size]) + body


def garbage(draft, message):
    """Padding of 8 bytes, and bytes after the digest: the forgery of Bleichenbacher, where they are not checked."""
    bits = draft.algorithm[2:]
    block = draft.key.pkcs1(bits, message, filling=b"\xff" * 8)
    return draft.key.raw(block.ljust(draft.key.size, b"\0"))


variants(
    "signature",
    {
        "pkcs1-without-null": pkcs1(info=lambda draft, bits: info(bits, null=False)),
        "pkcs1-other-oid": pkcs1(info=lambda draft, bits: info(bits, oid_bits="512" if bits != "512" else "256")),
        "pkcs1-no-info": pkcs1(info=lambda draft, bits: b""),
        "pkcs1-type-2": pkcs1(kind=lambda draft, bits: 2),
        "pkcs1-type-0": pkcs1(kind=lambda draft, bits: 0),
        "pkcs1-padding-zero": pkcs1(
            filling=lambda draft, bits: b"\xfe" + b"\xff" * (draft.key.size - 23 - int(bits) // 8)
        ),
        "pkcs1-garbage": with_signer(garbage),
    },
    algorithms=PKCS1,
)


def pss(**parts):
    def make(draft, message):
        values = {name: value(draft.algorithm[2:]) for name, value in parts.items()}
        return draft.key.raw(draft.key.pss(draft.algorithm[2:], message, draft.rng, **values))

    return with_signer(make)


variants(
    "signature",
    {
        "pss-salt-0": pss(salt=lambda bits: 0),
        "pss-salt-20": pss(salt=lambda bits: 20),
        "pss-salt-less": pss(salt=lambda bits: int(bits) // 8 - 1),
        "pss-salt-more": pss(salt=lambda bits: int(bits) // 8 + 1),
        "pss-salt-maximum": pss(salt=lambda bits: 256 - int(bits) // 8 - 2),
        "pss-mgf-sha1": pss(mask_hash=lambda bits: hashlib.sha1),
        "pss-mgf-other": pss(mask_hash=lambda bits: HASHES["512" if bits == "256" else "256"]),
        "pss-trailer": pss(trailer=lambda bits: 0xCC),
    },
    algorithms=PSS,
)


def numbers(change):
    """`change` gets r, s and the order of the curve, and returns r and s."""

    def make(draft, message):
        r, s = change(*draft.key.numbers(draft.algorithm, message), draft.key.order)
        return r.to_bytes(draft.key.size, "big") + s.to_bytes(draft.key.size, "big")

    return with_signer(make)


def der(draft, message):
    return encode_dss_signature(*draft.key.numbers(draft.algorithm, message))


def wide(draft, message):
    """Each number with one more zero byte."""
    octets, size = draft.key.sign(draft.algorithm, message, draft.rng), draft.key.size
    return b"\0" + octets[:size] + b"\0" + octets[size:]


def size_of_another_curve(draft, message):
    size = 48 if draft.key.size != 48 else 66
    return b"".join(n.to_bytes(66, "big")[-size:] for n in draft.key.numbers(draft.algorithm, message))


variants(
    "signature",
    {
        "ec-der": with_signer(der),
        "ec-wide": with_signer(wide),
        "ec-size-of-another-curve": with_signer(size_of_another_curve),
        "ec-high-s": numbers(lambda r, s, n: (r, max(s, n - s))),
        "ec-low-s": numbers(lambda r, s, n: (r, min(s, n - s))),
        "ec-r-zero": numbers(lambda r, s, n: (0, s)),
        "ec-s-zero": numbers(lambda r, s, n: (r, 0)),
        "ec-both-zero": numbers(lambda r, s, n: (0, 0)),
        "ec-both-one": numbers(lambda r, s, n: (1, 1)),
        "ec-r-order": numbers(lambda r, s, n: (n, s)),
        "ec-s-order": numbers(lambda r, s, n: (r, n)),
        "ec-both-order": numbers(lambda r, s, n: (n, n)),
        "ec-order-minus-one": numbers(lambda r, s, n: (n - 1, n - 1)),
        "ec-swapped": numbers(lambda r, s, n: (s, r)),
        "ec-negated-r": numbers(lambda r, s, n: (n - r, s)),
    },
    algorithms=EC,
)


def malleable(draft, message):
    """S plus the order of the group: another encoding of the same number, which RFC 8032 section 5.1.7 refuses."""
    octets = draft.key.sign(draft.algorithm, message, draft.rng)
    if draft.key.crv != "Ed25519":
        return octets
    s = int.from_bytes(octets[32:], "little") + draft.key.ORDER
    return octets[:32] + s.to_bytes(32, "little")


variants(
    "signature",
    {
        "ed-malleable": with_signer(malleable),
        "ed-high-bit": changed(lambda octets: octets[:63] + bytes([octets[63] | 0x80])),
        "ed-r-identity": changed(lambda octets: b"\1" + bytes(31) + octets[32:]),
        "ed-s-zero": changed(lambda octets: octets[:32] + bytes(32)),
        "ed-identity": changed(lambda octets: b"\1" + bytes(63)),
        "ed-448": with_signer(lambda draft, message: draft.policy.ed448.sign("EdDSA", message, draft.rng)),
    },
    algorithms=ED,
)
