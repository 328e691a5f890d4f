#!/usr/bin/env bash
# Copies the documents of a release into a folder, with everything that they link to.
# usage: documents.sh FOLDER
set -euo pipefail

[[ $# -eq 1 ]] || { printf 'documents: usage: documents.sh FOLDER\n' >&2; exit 1; }
folder=$(realpath -- "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cp -r --parents -- *.md LICENSE docs examples deploy proto action.yml .pre-commit-hooks.yaml deny.toml tests/fixtures/mesh/README.md "$folder/"
