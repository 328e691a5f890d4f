#!/usr/bin/env python3
"""Builds the documents as one website with search; `make docs` calls it.

    scripts/docs.py            builds target/book
    scripts/docs.py --stage    writes the sources of the book into target/docs only

docs/README.md gives the order of the pages. The book also has the files that a page links to, so every link works in it.
"""

import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
INDEX = pathlib.Path("docs/README.md")
STAGE = ROOT / "target/docs"
BOOK = ROOT / "target/book"
BLOCK = re.compile(r"^( *)(```+|~~~+).*?^\1\2 *$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^()\s]+)\)")
BOOK_TOML = """\
[book]
title = "accredit"
language = "en"
src = "src"

[build]
build-dir = "{build}"
create-missing = false
# A preprocessor would rename README.md to index.md, and links to it would break.
use-default-preprocessors = false

[output.html]
default-theme = "light"
preferred-dark-theme = "navy"
no-section-label = true
smart-punctuation = false
additional-css = ["website.css"]
"""
# The tables are wide, and their code is long.
CSS = """\
:root { --content-max-width: 1150px; }
table { width: 100%; }
table th, table td { text-align: left; vertical-align: top; }
table td code { white-space: normal; }
table td:last-child code { overflow-wrap: anywhere; }
"""


def links(text):
    """The targets of the links in a document, those in code left out."""
    return LINK.findall(CODE.sub("code", BLOCK.sub("", text)))


def target(page, link):
    """The file or folder of the repository that a link on a page leads to, and the anchor; no file for other addresses."""
    address, _, anchor = link.partition("#")
    if "://" in address or address.startswith("mailto:"):
        return None, anchor
    path = (ROOT / page).parent / address if address else ROOT / page
    path = pathlib.Path(path.resolve())
    if not path.is_relative_to(ROOT):
        raise ValueError(f"{page}: {link} leads out of the repository")
    path = path.relative_to(ROOT)
    if (ROOT / path / "README.md").is_file():
        path = path / "README.md"
    return path, anchor


def title(page):
    """The first heading of a page, without code marks and links."""
    for line in (ROOT / page).read_text().splitlines():
        if line.startswith("# "):
            return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", line[2:]).replace("`", "").strip()
    raise ValueError(f"{page} has no heading")


def pages():
    """The pages of the documentation: for each part of the index its pages with their depth, in the order of its tables.

    An index of a folder (README.md) is followed by the pages of that folder that it links to.
    """
    parts, seen = {}, {INDEX}
    for section in re.split(r"^## ", (ROOT / INDEX).read_text(), flags=re.MULTILINE)[1:]:
        name, _, text = section.partition("\n")
        rows = "\n".join(line for line in text.splitlines() if line.startswith("|"))
        listed = parts[name.strip()] = []
        for page in documents(INDEX, rows):
            if page in seen:
                continue
            seen.add(page)
            listed.append((page, 0))
            if page.name == "README.md":
                below = [p for p in documents(page, (ROOT / page).read_text()) if p.parent == page.parent and p not in seen]
                seen.update(below)
                listed += [(p, 1) for p in dict.fromkeys(below)]
    return parts


def documents(page, text):
    """The pages of the documentation that a text on a page links to."""
    linked = (target(page, link)[0] for link in links(text))
    return [path for path in linked if path and path.suffix == ".md" and path.is_relative_to("docs")]


def every_page():
    """The index and the pages that it lists, in order."""
    return [INDEX, *(page for listed in pages().values() for page, _ in listed)]


def closure(start):
    """The other files that these pages, and the pages that they link to, link to."""
    found, waiting = {}, list(start)
    while waiting:
        page = waiting.pop(0)
        for link in links((ROOT / page).read_text()):
            linked, _ = target(page, link)
            if linked and linked not in found and linked not in start:
                found[linked] = None
                if linked.suffix == ".md":
                    waiting.append(linked)
    return list(found)


def summary(others):
    """The table of contents of the book."""
    lines = ["# Summary", "", "[accredit](README.md)", f"[{title(INDEX)}]({INDEX})"]
    for part, listed in pages().items():
        lines += ["", f"# {part}", ""]
        lines += [f"{'  ' * depth}- [{title(page)}]({page})" for page, depth in listed]
    lines += ["", "# Project", ""]
    for path in others:
        if (ROOT / path).is_dir():
            lines.append(f"- [{path}]({path}/README.md)")
        elif path.suffix == ".md":
            lines.append(f"- [{title(path)}]({path})")
    return "\n".join(lines) + "\n"


def stage():
    """Writes the sources of the book: the documents, and the files and folders that they link to, in their places."""
    shutil.rmtree(STAGE, ignore_errors=True)
    start = [pathlib.Path("README.md"), *every_page()]
    others = closure(start)
    source = STAGE / "src"
    for path in [*start, *others]:
        copy = source / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / path).is_dir():
            copy.mkdir(exist_ok=True)
            names = sorted(p.name for p in (ROOT / path).iterdir() if p.is_file())
            (copy / "README.md").write_text(f"# {path}\n\n" + "".join(f"- `{name}`\n" for name in names))
        else:
            shutil.copyfile(ROOT / path, copy)
    (source / "SUMMARY.md").write_text(summary(others))
    for path in (p for p in source.rglob("*.md") if p.name != "SUMMARY.md"):
        path.write_text(folder_links(path.relative_to(source), path.read_text(), source))
    (STAGE / "website.css").write_text(CSS)
    (STAGE / "book.toml").write_text(BOOK_TOML.format(build=BOOK))


def folder_links(page, text, source):
    """A link to a folder becomes one to its README.md: a website has no listing of a folder."""

    def replaced(match):
        address, mark, anchor = match[1].partition("#")
        if "://" not in address and address and ((source / page).parent / address).is_dir():
            address = address.rstrip("/") + "/README.md"
        return match[0].replace(f"({match[1]})", f"({address}{mark}{anchor})")

    return LINK.sub(replaced, text)


def broken():
    """The links of the book that lead to no file of it."""
    for page in sorted(BOOK.rglob("*.html")):
        if page.name in ("404.html", "print.html", "toc.html"):
            continue
        for address in re.findall(r'<a [^>]*href="([^"#?]+)', page.read_text()):
            if "://" not in address and not address.startswith("mailto:") and not (page.parent / address).is_file():
                yield f"{page.relative_to(BOOK)}: {address}"


def main(arguments):
    if arguments not in ([], ["--stage"]):
        sys.exit("usage: scripts/docs.py [--stage]")
    stage()
    if arguments == []:
        mdbook = subprocess.run([ROOT / "scripts/mdbook.sh"], check=True, capture_output=True, text=True).stdout.strip()
        done = subprocess.run([mdbook, "build", STAGE], check=False, capture_output=True, text=True)
        sys.stderr.write(done.stderr)
        if done.returncode or "WARN" in done.stderr or "ERROR" in done.stderr:
            sys.exit("docs: mdbook reports problems")
        if faults := list(broken()):
            sys.exit("docs: links that lead nowhere:\n" + "\n".join(faults))
        print(f"target/book/index.html: {len(list(BOOK.rglob('*.html')))} pages")


if __name__ == "__main__":
    main(sys.argv[1:])
