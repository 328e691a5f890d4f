#!/usr/bin/env bash
# Installs what tests/foreign needs: the pinned Python packages into .venv/ beside Envoy, the pinned Node.js packages
# into tests/foreign/node/node_modules, and Chromium with the system's package manager if this runs as root. Does nothing
# if they are installed.
set -euo pipefail

name=foreign
source "$(dirname "${BASH_SOURCE[0]}")/install.sh"
venv="$root/.venv"
requirements="$root/scripts/requirements-tests.txt"
installed="$venv/installed-requirements-tests.txt"
node="$root/tests/foreign/node"
lock="$node/package-lock.json"
browsers=(chromium chromium-browser google-chrome)
installed_lock="$node/node_modules/installed-package-lock.json"

install_python_packages() {
    local log="$venv/install-tests.log"
    say "Fetching the Scalekit SDK, joserfc and jwcrypto into .venv (about 60 MB, once)."
    rm -f "$installed"
    : >"$log"
    pip_install "$venv" "$requirements" "$log" --only-binary :all: ||
        fail_to_install "the tests' Python packages" Python "$log"
    cp "$requirements" "$installed"
}

refuse_unusable_node() {
    command -v node >/dev/null 2>&1 ||
        fail "Node.js 20.19 or newer is needed by the tests, and 'node' was not found; install it (Debian and Ubuntu: apt-get install nodejs npm)."
    node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' ||
        fail "Node.js 20.19 or newer is needed by the tests, and 'node' is $(node --version); install a newer one and put it first in PATH."
    command -v npm >/dev/null 2>&1 ||
        fail "npm is needed to fetch the tests' Node.js packages, and was not found; install it (Debian and Ubuntu: apt-get install npm)."
}

install_node_packages() {
    local log="$node/install.log"
    say "Fetching oidc-provider, jose, express, jsonwebtoken, jwks-rsa, playwright-core and the MCP SDK into tests/foreign/node (about 50 MB, once)."
    npm_install "$node" "$log" ||
        fail_to_install "the tests' Node.js packages" npm "$log"
    cp "$lock" "$installed_lock"
}

# The tests of the console need a browser; playwright-core has none.
install_chromium() {
    local log="$venv/install-chromium.log"
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        fail "Chromium is needed by the tests of the console, and none of ${browsers[*]} was found; install it (Debian: apt-get install chromium)."
    fi
    say "Installing Chromium with apt-get (about 400 MB, once)."
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium; } >"$log" 2>&1 ||
        fail_to_install "Chromium" Debian "$log"
}

# envoy.sh creates the virtual environment, which Envoy shares.
"$root/scripts/envoy.sh" >/dev/null
cmp -s "$requirements" "$installed" || install_python_packages
refuse_unusable_node
cmp -s "$lock" "$installed_lock" || install_node_packages
command -v "${browsers[@]}" >/dev/null || install_chromium
