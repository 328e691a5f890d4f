"""The documents: their links lead somewhere, the index has every page, and each alert has a runbook."""

import pathlib
import re
import subprocess
import sys

import admin_api
from manifests import ROOT, Failure, same

sys.path.insert(0, str(ROOT / "scripts"))
sys.dont_write_bytecode = True
import docs  # pylint: disable=wrong-import-position

RULES = [ROOT / "deploy/prometheus/accredit.rules.yaml", ROOT / "deploy/module/accredit-module.rules.yaml"]
RUNBOOKS = ROOT / "docs/runbooks"
PARTS = ["**What it means.**", "## First look", "## Causes", "## What to do", "**When it is over.**"]
MIGRATIONS = ROOT / "docs/migration"


def documents():
    """Every document of the repository, as paths from its root."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
                            capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()
    return [pathlib.Path(name) for name in listed if (ROOT / name).is_file()]


def anchors(text):
    """The anchors of the headings of a document, as GitHub makes them."""
    found = {}
    for line in docs.BLOCK.sub("", text).splitlines():
        heading = re.match(r"#{1,6} +(.*?) *#* *$", line)
        if not heading:
            continue
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        count = found[slug] = found.get(slug, -1) + 1
        if count:
            found[f"{slug}-{count}"] = 0
    return set(found)


def broken(page, text):
    """The links of a document that lead nowhere."""
    for link in docs.links(text):
        path, anchor = docs.target(page, link)
        if path is None:
            continue
        if not (ROOT / path).exists():
            yield f"{page}: {link}: there is no {path}"
        elif anchor and path.suffix == ".md" and anchor not in anchors((ROOT / path).read_text()):
            yield f"{page}: {link}: {path} has no heading #{anchor}"


def every_link_of_the_documents_leads_somewhere():
    pages = documents()
    if len(pages) < 40:
        raise Failure(f"only {len(pages)} documents were found")
    faults = [fault for page in pages for fault in broken(page, (ROOT / page).read_text())]
    if faults:
        raise Failure("\n".join(faults))


def a_broken_link_is_found():
    text = "[a](gone.md) [b](README.md#no-such-heading) `[c](gone.md)`\n\n```\n[d](gone.md)\n```\n[e](README.md#learn) [f](https://a.example/)\n"
    same("faults", [fault.split(": ")[1] for fault in broken(pathlib.Path("docs/x.md"), text)],
         ["gone.md", "README.md#no-such-heading"])


def the_index_has_every_page_of_the_documentation():
    same("pages", sorted(map(str, docs.every_page())), sorted(str(p) for p in documents() if p.is_relative_to("docs")))


def every_page_has_a_title_of_its_own():
    titles = {}
    for page in docs.every_page():
        titles.setdefault(docs.title(page), []).append(str(page))
    same("titles of two pages", {t: p for t, p in titles.items() if len(p) > 1}, {})


def each_alert_has_a_runbook():
    found = [re.findall(r"^ *- alert: (\w+)$", file.read_text(), re.MULTILINE) for file in RULES]
    same("files without an alert", [file.name for file, names in zip(RULES, found) if not names], [])
    alerts = sum(found, [])
    index = (RUNBOOKS / "README.md").read_text()
    same("runbooks", sorted(p.stem for p in RUNBOOKS.glob("*.md") if p.stem != "README"), sorted(alerts))
    for alert in alerts:
        text = (RUNBOOKS / f"{alert}.md").read_text()
        same(f"{alert}: title", text.splitlines()[0], f"# {alert}")
        same(f"{alert}: parts", [part for part in PARTS if text.count(part) != 1], [])
        same(f"{alert}: in the index", index.count(f"| [{alert}]({alert}.md) |"), 1)


def each_migration_page_says_first_whether_one_can_move():
    pages = [p for p in MIGRATIONS.glob("*.md") if p.stem != "README"]
    if not pages:
        raise Failure("there is no page")
    for page in pages:
        lines = page.read_text().splitlines()
        if not re.match(r"\*\*You can(not)? move", lines[2]):
            raise Failure(f"{page.name}: the first line is {lines[2]!r}")
        same(f"{page.name}: what changes", lines.count("## What changes silently"), 1)


def the_admin_api_page_is_made_from_the_proto_file():
    if admin_api.PAGE.read_text() != admin_api.expected():
        raise Failure("docs/admin-api.md differs: run tests/deploy/admin_api.py --write")


TESTS = [
    every_link_of_the_documents_leads_somewhere,
    a_broken_link_is_found,
    the_index_has_every_page_of_the_documentation,
    every_page_has_a_title_of_its_own,
    each_alert_has_a_runbook,
    each_migration_page_says_first_whether_one_can_move,
    the_admin_api_page_is_made_from_the_proto_file,
]
