#!/usr/bin/env bash
# What action.yml runs: `accredit check` with the inputs of the action, in the variables CONFIG, DENY_WARNINGS and ONLINE.
set -euo pipefail

command -v accredit >/dev/null || {
    echo "::error::accredit was not found: install a release archive or the Debian package in a step before"
    exit 1
}
options=()
[[ ${DENY_WARNINGS:-} != true ]] || options+=(--deny-warnings)
[[ ${ONLINE:-} != true ]] || options+=(--online)
echo "::add-matcher::$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/problem-matcher.json"
accredit check "${options[@]}" -- "$CONFIG"
