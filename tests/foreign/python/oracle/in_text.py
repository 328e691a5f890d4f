"""Mutations of the JSON texts, of their base64url encodings, and of the compact form."""

import json
import string

from drafts import variants
from keys import b64

ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


def on(part, change):
    return lambda draft: draft.then(part, change)


# The issuer itself signs these bytes, so that only the reading of them can refuse the token.
BYTES = {
    "bom": lambda octets: b"\xef\xbb\xbf" + octets,
    "utf-16": lambda octets: octets.decode().encode("utf-16"),
    "utf-16-le": lambda octets: octets.decode().encode("utf-16-le"),
    "utf-32": lambda octets: octets.decode().encode("utf-32-be"),
    "space-before": lambda octets: b" \t\r\n" + octets,
    "space-after": lambda octets: octets + b" \n",
    "space-inside": lambda octets: octets.replace(b",", b" ,\n ").replace(b":", b" : ", 1),
    "form-feed": lambda octets: b"\x0c" + octets,
    "vertical-tab": lambda octets: octets + b"\x0b",
    "no-break-space": lambda octets: octets + "\u00a0".encode(),
    "nul-after": lambda octets: octets + b"\x00",
    "brace-after": lambda octets: octets + b"}",
    "object-after": lambda octets: octets + b"{}",
    "newline-and-object": lambda octets: octets + b"\n{}",
    "comma-at-end": lambda octets: octets[:-1] + b",}",
    "comma-twice": lambda octets: octets.replace(b",", b",,", 1),
    "single-quotes": lambda octets: octets.replace(b'"', b"'"),
    "no-quotes": lambda octets: octets.replace(b'"alg"', b"alg").replace(b'"iss"', b"iss"),
    "comment": lambda octets: octets[:-1] + b"/* */}",
    "hash-comment": lambda octets: octets + b"#",
    "utf-8-bad": lambda octets: octets[:-1] + b',"x":"\xff"}',
    "utf-8-overlong": lambda octets: octets[:-1] + b',"x":"\xc0\xaf"}',
    "utf-8-surrogate": lambda octets: octets[:-1] + b',"x":"\xed\xa0\x80"}',
    "utf-8-cut": lambda octets: octets[:-1] + b',"x":"\xe4\xb8"}',
    "latin-1": lambda octets: octets[:-1] + b',"x":"\xe9"}',
    "list": lambda octets: b"[" + octets + b"]",
    "text": lambda octets: json.dumps(octets.decode()).encode(),
    "null": lambda octets: b"null",
    "number": lambda octets: b"1",
    "empty": lambda octets: b"",
    "empty-object": lambda octets: b"{}",
    "cut": lambda octets: octets[:-1],
    "cut-half": lambda octets: octets[: len(octets) // 2],
}
for part in ("header", "claims"):
    variants(f"text-{part}", {f"{part}-{name}": on(part, change) for name, change in BYTES.items()})


def trailing_bits(segment):
    """Another text of the same bytes, if the last character has unused bits."""
    if len(segment) % 4 in (0, 1):
        return segment
    return segment[:-1] + ALPHABET[ALPHABET.index(segment[-1]) | 1]


SEGMENT = {
    "padding": lambda segment: segment + "=" * (-len(segment) % 4 or 4),
    "padding-one": lambda segment: segment + "=",
    "plain-base64": lambda segment: segment.replace("-", "+").replace("_", "/"),
    "plus": lambda segment: segment[:4] + "+/" + segment[6:],
    "trailing-bits": trailing_bits,
    "space-before": lambda segment: " " + segment,
    "space-after": lambda segment: segment + " ",
    "space-inside": lambda segment: segment[:8] + " " + segment[8:],
    "newline": lambda segment: segment[:8] + "\n" + segment[8:],
    "return": lambda segment: segment + "\r\n",
    "tab": lambda segment: segment[:8] + "\t" + segment[8:],
    "form-feed": lambda segment: segment[:8] + "\x0c" + segment[8:],
    "nul": lambda segment: segment + "\0",
    "percent": lambda segment: segment[:4] + "%20" + segment[4:],
    "latin-1": lambda segment: segment[:4] + "\xe9" + segment[4:],
    "utf-8": lambda segment: segment[:4] + "\xc3\xa9" + segment[4:],
    "no-break-space": lambda segment: "\xa0" + segment,
    "one-more": lambda segment: segment + "A",
    "four-more": lambda segment: segment + "AAAA",
    "one-less": lambda segment: segment[:-1],
    "empty": lambda segment: "",
    "hex": lambda segment: segment.encode().hex(),
    "twice-encoded": lambda segment: b64(segment.encode()),
}


def change_segment(number, change, signed):
    """Changes one segment. `signed`: the issuer signs the changed text, so that the signature cannot refuse it."""

    def changed(draft, segments):
        segments[number] = change(segments[number])
        if signed and number != 2:
            try:
                segments[2] = draft.signature_of(segments)
            except UnicodeError:
                return segments
        return segments

    return lambda draft: draft.then("segments", lambda segments: changed(draft, segments))


for number, part in enumerate(("header", "claims", "signature")):
    variants(
        f"segment-{part}",
        {f"segment-{part}-{name}": change_segment(number, change, True) for name, change in SEGMENT.items()},
    )
# The same without a new signature: what an attacker can do to a token of another.
variants(
    "segment-claims",
    {
        f"unsigned-claims-{name}": change_segment(1, SEGMENT[name], False)
        for name in ("padding", "trailing-bits", "newline", "space-before", "four-more", "plain-base64")
    },
)
variants(
    "segment-header",
    {
        f"unsigned-header-{name}": change_segment(0, SEGMENT[name], False)
        for name in ("padding", "trailing-bits", "newline", "space-before", "four-more", "plain-base64")
    },
)


def as_json(general):
    def change(token):
        header, claims, signature = (token.split(".") + ["", ""])[:3]
        if general:
            return json.dumps({"payload": claims, "signatures": [{"protected": header, "signature": signature}]})
        return json.dumps({"payload": claims, "protected": header, "signature": signature})

    return change


variants(
    "token",
    {
        f"token-{name}": on("token", change)
        for name, change in {
            "dot-before": lambda token: "." + token,
            "dot-after": lambda token: token + ".",
            "dots-after": lambda token: token + "..",
            "dot-doubled": lambda token: token.replace(".", "..", 1),
            "five-parts": lambda token: token + ".AAAA.AAAA",
            "fourth-part": lambda token: token + ".AAAA",
            "two-parts": lambda token: token.rsplit(".", 1)[0],
            "no-signature": lambda token: token.rsplit(".", 1)[0] + ".",
            "one-part": lambda token: token.split(".")[0],
            "empty": lambda token: "",
            "only-dots": lambda token: "..",
            "flattened-json": as_json(False),
            "general-json": as_json(True),
            "quoted": lambda token: f'"{token}"',
            "scheme": lambda token: f"Bearer {token}",
            "space-before": lambda token: " " + token,
            "space-after": lambda token: token + " \t",
            "newline-after": lambda token: token + "\n",
            "return-newline": lambda token: token + "\r\nx-jwt-sub: admin",
            "nul-after": lambda token: token + "\0",
            "comma": lambda token: token + ",",
            "twice": lambda token: f"{token},{token}",
            "twice-with-scheme": lambda token: f"{token},Bearer {token}",
            "twice-by-space": lambda token: f"{token} {token}",
            "parameter": lambda token: token + ", a=b",
            "cut-one": lambda token: token[:-1],
            "cut-half": lambda token: token[: len(token) // 2],
            "upper": lambda token: token.upper(),
            "full-width-dot": lambda token: token.replace(".", "\xb7"),
            "percent-dots": lambda token: token.replace(".", "%2E"),
        }.items()
    },
)
