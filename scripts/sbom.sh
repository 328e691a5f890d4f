#!/usr/bin/env bash
# Writes the software bill of materials (CycloneDX 1.5, JSON) of the binary, and that of the module for Envoy. Installs cargo-cyclonedx into
# .tools if it is missing.
# usage: sbom.sh FILE [MODULE_FILE]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools="$root/.tools"
cyclonedx=0.5.9
# The time of the commit, so that the output is reproducible.
epoch=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 0)}

say() { printf '%s\n' "$*" >&2; }
fail() { say "sbom: $*"; exit 1; }

[[ $# -ge 1 && $# -le 2 ]] || fail "usage: sbom.sh FILE [MODULE_FILE]"
if [[ $("$tools/bin/cargo-cyclonedx" cyclonedx --version 2>/dev/null || true) != *" $cyclonedx" ]]; then
    say "Installing cargo-cyclonedx $cyclonedx into .tools (once, about two minutes)."
    # A debug build takes a fraction of the time to build, and runs in a second.
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR="$tools/build" \
        cargo install --quiet --locked --debug --root "$tools" "cargo-cyclonedx@$cyclonedx" ||
        fail "cargo-cyclonedx $cyclonedx could not be installed; the errors of cargo are above."
    rm -rf "$tools/build"
fi
# It writes beside Cargo.toml of each member. Without a serial number, and with the time of the commit, the output is reproducible.
(cd "$root" && SOURCE_DATE_EPOCH=$epoch "$tools/bin/cargo-cyclonedx" cyclonedx --quiet --format json \
    --spec-version 1.5 --no-build-deps --override-filename accredit-sbom)
# Removes the path of the build folder.
without_paths() { sed "s#file://$root#file:///accredit#g" "$1"; }
without_paths "$root/accredit-sbom.json" >"$1"
[[ $# -eq 1 ]] || without_paths "$root/crates/accredit-module/accredit-sbom.json" >"$2"
rm -f "$root/accredit-sbom.json" "$root"/crates/*/accredit-sbom.json
