"""docs/admin-api.md, made from the proto file of the admin API; `--write` makes it anew."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto/accredit/admin/v1/admin.proto"
PAGE = ROOT / "docs/admin-api.md"
HEAD = """\
# Admin API

`admin_listen` (default `127.0.0.1:9192`) serves gRPC, described by [admin.proto](../proto/accredit/admin/v1/admin.proto), and HTTP. `accredit keys`,
`accredit tail`, `accredit explain --admin` and the console use it. A program that reaches this address sees decisions, refreshes keys and sets the log
level, but reads no tokens and changes no decisions: [security-model.md](security-model.md#who-is-trusted-with-what). Keep the address on loopback, or
require client certificates (`admin_tls`).

| address | answer |
| --- | --- |
| `GET /livez` | 200 while the process runs |
| `GET /readyz` | 200 or 503, and JSON: the issuers, their keys and the age of the keys |
| `GET /metrics` | [metrics](metrics.md) in the text format of Prometheus |
| `GET /` | [the console](observability.md#the-console) |
| gRPC `accredit.admin.v1.Admin` | the methods below |
| gRPC reflection | the description of the API |

`probe_listen` serves the first three and nothing else. `Host` must be loopback, the address itself, or in `admin_hosts`.

```sh
grpcurl -plaintext 127.0.0.1:9192 accredit.admin.v1.Admin/ListIssuers
grpcurl -plaintext -d '{"level": "debug"}' 127.0.0.1:9192 accredit.admin.v1.Admin/SetLogLevel
```

Every field can be left out. These gRPC statuses report a failure:

| status | cause |
| --- | --- |
| `INVALID_ARGUMENT` | the level or the filter is invalid, or `request_id` is empty |
| `NOT_FOUND` | `RefreshKeys` names an issuer that is not configured |
| `RESOURCE_EXHAUSTED` | 32 readers follow `Tail` already |
| `UNAVAILABLE` | the service stops |
| `FAILED_PRECONDITION` | this process does not control the level of its log |

`Explain` answers with the decision, also if it is a denial.

<!-- made from the proto file by tests/deploy/admin_api.py --write -->
"""
COMMENT = re.compile(r"^ *// ?(.*)$")
METHOD = re.compile(r"^ *rpc (\w+)\((\w+)\) returns \((stream )?(\w+)\);$")
FIELD = re.compile(r"^ *(repeated |optional )?(map<\w+, \w+>|\w+) (\w+) = \d+;$")
START = re.compile(r"^(service|message) (\w+) \{(\})?$")


def anchor(name):
    """A link to the section of a message; other types are words."""
    return f"[{name}](#{name.lower()})"


def expected():
    """The page as it has to be."""
    methods, messages, comment, alternative = [], [], [], ""
    for line in PROTO.read_text().splitlines():
        if found := COMMENT.match(line):
            comment.append(found[1])
            continue
        text, comment = " ".join(comment), []
        if found := METHOD.match(line):
            methods.append((found[1], found[2], (found[3] or ""), found[4], text))
        elif found := START.match(line):
            if found[1] == "message":
                messages.append((found[2], text, []))
        elif found := re.match(r"^ *oneof (\w+) \{$", line):
            alternative = found[1]
        elif line.strip() == "}":
            alternative = ""
        elif found := FIELD.match(line):
            if alternative:
                text = f"{text} One of the fields `{alternative}`.".strip()
            messages[-1][2].append(((found[1] or "").strip(), found[2], found[3], text))
        elif line.strip() and not line.startswith(("syntax", "package")):
            raise ValueError(f"the script does not read this line of the proto file: {line!r}")
    names = {name for name, _, _ in messages}
    page = [HEAD, "## Methods\n\n| method | request | answer | what it does |\n| --- | --- | --- | --- |\n"]
    page += [f"| `{name}` | {anchor(request)} | {stream}{anchor(answer)} | {text} |\n"
             for name, request, stream, answer, text in methods]
    page.append("\n## Messages\n")
    for name, text, fields in messages:
        page.append(f"\n### {name}\n\n" + (f"{text}\n\n" if text else ""))
        if not fields:
            page.append("It has no fields.\n")
            continue
        page.append("| field | type | meaning |\n| --- | --- | --- |\n")
        for label, kind, field, meaning in fields:
            shown = anchor(kind) if kind in names else f"`{kind}`"
            shown = f"list of {shown}" if label == "repeated" else shown
            page.append(f"| `{field}` | {shown} | {meaning} |\n")
    return "".join(page)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(expected())
    else:
        sys.exit("usage: admin_api.py --write")
