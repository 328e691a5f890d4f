#!/usr/bin/env bash
# What action.yml runs: `accredit check`, and `accredit test` if there are test cases, with the inputs of the action in the variables CONFIG,
# DENY_WARNINGS, ONLINE and TESTS.
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
# Spaces separate the files, and the shell expands `*`.
# shellcheck disable=SC2086
[[ -z ${TESTS:-} ]] || accredit test -- $TESTS
