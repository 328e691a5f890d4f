"""Mutations of the claims."""

import json

from drafts import quoted, variants
from policy import AUDIENCES, SKEW


def put(name, value):
    return lambda draft: draft.put("claims", name, value)


def drop(name):
    return lambda draft: draft.drop("claims", name)


def at(name, offset, form="{}"):
    """A time relative to the clock of the judges."""
    return lambda draft: draft.put("claims", name, form.format(draft.now + offset))


def twice(name, value=None):
    return lambda draft: draft.claims.append((quoted(name), value or draft.get("claims", name)))


# What is written instead of a number of seconds, wherever one belongs.
NO_DATES = {
    "null": "null",
    "true": "true",
    "false": "false",
    "empty": '""',
    "list": "[]",
    "object": "{}",
    "text": '"tomorrow"',
    "nan": "NaN",
    "infinity": "Infinity",
    "minus-infinity": "-Infinity",
    "1e400": "1e400",
    "minus-1e400": "-1e400",
    "huge": "9" * 40,
    "very-huge": "9" * 5000,
    "hex": "0x7fffffffff",
    "leading-zero": "09999999999",
    "plus": "+9999999999",
    "point": "9999999999.",
    "year-9999": "253402300799",
    "year-10000": "253402300800",
    "year-10000-fraction": "253402300799.5",
    "minus-1": "-1",
    "minus-zero": "-0",
    "minus-0.5": "-0.5",
    "1e10": "1e10",
    "1E+10": "1E+10",
    "1e9": "1e9",
    "0": "0",
}
FORMS = {
    "string": (3600, '"{}"'),
    "float": (3600, "{}.0"),
    "fraction": (3600, "{}.999999999"),
    "milliseconds": (3600, "{}000"),
    "microseconds": (3600, "{}000000"),
    "negative": (3600, "-{}"),
    "in-list": (3600, "[{}]"),
    "spaces": (3600, " \n\t{} "),
}
variants(
    "exp",
    {"exp-absent": drop("exp"), "exp-twice": twice("exp"), "exp-twice-later": twice("exp", "9999999999")}
    | {f"exp-{name}": put("exp", value) for name, value in NO_DATES.items()}
    | {f"exp-{name}": at("exp", *form) for name, form in FORMS.items()}
    | {"exp-past": at("exp", -3600), "exp-past-fraction": at("exp", -3600, "{}.5")},
)
variants(
    "nbf",
    {"nbf-past": at("nbf", -60), "nbf-future": at("nbf", 3600), "nbf-twice": put("nbf", '0,"nbf":0')}
    | {f"nbf-{name}": put("nbf", value) for name, value in NO_DATES.items()}
    | {f"nbf-{name}": at("nbf", offset - 7200, form) for name, (offset, form) in FORMS.items()},
)
variants(
    "iat",
    {"iat-absent": drop("iat"), "iat-future": at("iat", 3600), "iat-after-exp": at("iat", 20)}
    | {f"iat-{name}": put("iat", value) for name, value in NO_DATES.items()}
    | {f"iat-{name}": at("iat", offset - 7200, form) for name, (offset, form) in FORMS.items()},
)
EDGES = {
    "minus-1": (-1, "{}"),
    "minus-0.001": (-1, "{}.999"),
    "exact": (0, "{}"),
    "plus-0.001": (0, "{}.001"),
    "plus-0.999": (0, "{}.999"),
    "plus-1": (1, "{}"),
}
for claim, base in (("exp", -SKEW), ("nbf", SKEW), ("iat", SKEW)):
    variants(
        claim,
        {f"{claim}-edge-{name}": at(claim, base + offset, form) for name, (offset, form) in EDGES.items()},
        edge=True,
    )
OWN = AUDIENCES[0]
variants(
    "aud",
    {
        "aud-absent": drop("aud"),
        "aud-twice": twice("aud"),
        "aud-twice-other": twice("aud", '"other"'),
        **{
            f"aud-{name}": put("aud", json.dumps(value))
            for name, value in {
                "string": OWN,
                "second": AUDIENCES[1],
                "several": ["other", OWN],
                "many": [f"aud{number}" for number in range(200)] + [OWN],
                "repeated": [OWN, OWN],
                "wrong": "other.example",
                "wrong-list": ["other.example"],
                "upper": OWN.upper(),
                "prefix": OWN[:-1],
                "longer": OWN + ".attacker.example",
                "slash": OWN + "/",
                "space": OWN + " ",
                "joined": f"other {OWN}",
                "comma": f"{OWN},other",
                "nul": OWN + "\0",
                "null": None,
                "empty": "",
                "empty-list": [],
                "empty-and-own": ["", OWN],
                "list-of-empty": [""],
                "list-of-null": [None],
                "null-and-own": [None, OWN],
                "number-and-own": [7, OWN],
                "nested": [[OWN]],
                "nested-and-own": [[OWN], OWN],
                "object": {OWN: True},
                "object-in-list": [{"aud": OWN}],
                "number": 1,
                "true": True,
                "star": "*",
            }.items()
        },
        "aud-escaped": put("aud", '"\\u0061pi.example"'),
        "aud-name-escaped": lambda draft: rename(draft, "aud", '"\\u0061ud"'),
        "aud-name-upper": lambda draft: rename(draft, "aud", '"AUD"'),
    },
)


def rename(draft, name, new):
    draft.claims = [(new if own == quoted(name) else own, value) for own, value in draft.claims]


def issuer(change):
    return lambda draft: draft.put("claims", "iss", quoted(change(draft.realm.issuer)))


variants(
    "iss",
    {
        "iss-absent": drop("iss"),
        "iss-twice": twice("iss"),
        "iss-twice-other": twice("iss", '"https://attacker.example"'),
        "iss-null": put("iss", "null"),
        "iss-empty": put("iss", '""'),
        "iss-number": put("iss", "1"),
        "iss-list": lambda draft: draft.put("claims", "iss", quoted([draft.realm.issuer])),
        "iss-object": put("iss", "{}"),
        "iss-slash": issuer(lambda own: own + "/"),
        "iss-upper": issuer(str.upper),
        "iss-http": issuer(lambda own: own.replace("https", "http")),
        "iss-port": issuer(lambda own: own.replace(".example", ".example:443")),
        "iss-dot": issuer(lambda own: own.replace(".example", ".example.")),
        "iss-user": issuer(lambda own: own.replace("https://", "https://a@")),
        "iss-longer": issuer(lambda own: own + ".attacker.example"),
        "iss-space": issuer(lambda own: own + " "),
        "iss-nul": issuer(lambda own: own + "\0"),
        "iss-other-realm": lambda draft: draft.put("claims", "iss", quoted(draft.policy.narrow.issuer)),
        "iss-unknown": put("iss", '"https://attacker.example"'),
        "iss-escaped": lambda draft: draft.put(
            "claims", "iss", '"' + "".join(f"\\u{ord(c):04X}" for c in draft.realm.issuer) + '"'
        ),
        "iss-slash-escaped": lambda draft: draft.put(
            "claims", "iss", quoted(draft.realm.issuer).replace("/", "\\/")
        ),
        "iss-homograph": issuer(lambda own: own.replace("e", "\u0435", 1)),
    },
)
variants(
    "sub",
    {"sub-absent": drop("sub"), "sub-twice": twice("sub"), "sub-twice-other": twice("sub", '"admin"')}
    | {
        f"sub-{name}": put("sub", value)
        for name, value in {
            "null": "null",
            "empty": '""',
            "space": '" "',
            "number": "7",
            "true": "true",
            "list": '["machine"]',
            "empty-list": "[]",
            "object": '{"id":1}',
            "empty-object": "{}",
            "control": '"a\\u0000b"',
            "long": quoted("s" * 9000),
            "unicode": '"\u00e9\u4e2d\U0001f600"',
        }.items()
    },
)
variants(
    "claims",
    {
        "cnf-jkt": put("cnf", '{"jkt":"AAAA"}'),
        "cnf-x5t": put("cnf", '{"x5t#S256":"AAAA"}'),
        "cnf-empty": put("cnf", "{}"),
        "cnf-null": put("cnf", "null"),
        "cnf-text": put("cnf", '"x"'),
        "jti-absent": drop("jti"),
        "jti-number": put("jti", "7"),
        "jti-null": put("jti", "null"),
        "jti-list": put("jti", '["a"]'),
        "claim-null": put("scope", "null"),
        "claim-proto": put("__proto__", '{"sub":"admin"}'),
        "claim-constructor": put("constructor", '{"prototype":{"sub":"admin"}}'),
        "claim-twice": lambda draft: draft.claims.extend([('"role"', '"a"'), ('"role"', '"b"')]),
        "claim-twice-deep": put("x", '{"y":[{"role":1,"role":2}]}'),
        "claim-twice-escaped": lambda draft: draft.claims.append(('"s\\u0075b"', '"admin"')),
        "claim-name-empty": put("", "1"),
        "claim-names-upper": lambda draft: draft.claims.extend([('"EXP"', "0"), ('"Aud"', '"x"'), ('"ISS"', "1")]),
        "claim-many": lambda draft: draft.claims.extend([(f'"c{i}"', str(i)) for i in range(300)]),
        "claim-long": put("x", quoted("x" * 9000)),
        "claim-too-long": put("x", quoted("x" * 13000)),
        "claim-big-number": put("x", "1e999"),
        "claim-nan": put("x", "NaN"),
        "claim-long-number": put("x", "9" * 5000),
        "depth-60": put("x", "[" * 60 + "]" * 60),
        "depth-62": put("x", '{"x":' * 62 + "1" + "}" * 62),
        "depth-63": put("x", "[" * 63 + "]" * 63),
        "depth-64": put("x", "[" * 64 + "]" * 64),
        "depth-2000": put("x", "[" * 2000 + "]" * 2000),
        "surrogate-pair": put("x", '"\\ud83d\\ude00"'),
        "surrogate-lone": put("x", '"\\ud83d"'),
        "surrogate-low": put("x", '"\\ude00a"'),
        "escape-unknown": put("x", '"\\x41"'),
        "escape-short": put("x", '"\\u00"'),
        "control-raw": put("x", '"a\x01b"'),
        "tab-raw": put("x", '"a\tb"'),
        "del-raw": put("x", '"a\x7fb"'),
        "noncharacter": put("x", '"\uffff\ufdd0"'),
        "bom-inside": put("x", '"\ufeff"'),
    },
)
