#!/usr/bin/env bash
# Runs cargo-deny on the dependencies. Installs the pinned version into .tools/ once.
set -euo pipefail

version=0.20.2
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools="$root/.tools"
deny="$tools/bin/cargo-deny"

say() { printf '%s\n' "$*"; }

if [[ $("$deny" --version 2>/dev/null || true) != "cargo-deny $version" ]]; then
    say "Installing cargo-deny $version into .tools (once, about two minutes)."
    # A debug build takes a fraction of the time to build, and runs in three seconds.
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR="$tools/build" \
        cargo install --quiet --locked --debug --root "$tools" "cargo-deny@$version" || {
        say "check: cargo-deny $version could not be installed; the errors of cargo are above." >&2
        exit 1
    }
    rm -rf "$tools/build"
fi

cd "$root"
"$deny" --log-level warn check --hide-inclusion-graph bans licenses sources

# Only the advisories come from another host than the crate registry.
if fetched=$("$deny" fetch db 2>&1); then
    "$deny" --log-level warn check --disable-fetch advisories
else
    say "advisories SKIPPED: cannot fetch the advisory database ($(grep -m 1 -i -E 'fatal|could not|cannot' <<<"$fetched" || say "no reason given"))."
fi
