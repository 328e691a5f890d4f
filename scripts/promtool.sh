#!/usr/bin/env bash
# Prints the path of promtool, which the tests use to check metrics and alert rules: the installed one, or that of Debian's
# package `prometheus`, which this script unpacks into .tools/ (it needs no root).
set -euo pipefail

name=promtool
source "$(dirname "${BASH_SOURCE[0]}")/install.sh"
tools="$root/.tools/prometheus"
promtool="$tools/usr/bin/promtool"

if installed=$(command -v promtool); then
    printf '%s\n' "$installed"
    exit
fi
if ! "$promtool" --version >/dev/null 2>&1; then
    command -v apt-get >/dev/null 2>&1 && command -v dpkg-deb >/dev/null 2>&1 ||
        fail "promtool was not found, and without apt-get it cannot be fetched; install Prometheus so that 'promtool' is in PATH."
    say "Fetching Prometheus from Debian into .tools (about 40 MB, once)."
    rm -rf "$tools" && mkdir -p "$tools"
    (cd "$tools" && apt-get download prometheus) >"$tools/install.log" 2>&1 ||
        fail "the package 'prometheus' cannot be downloaded (run apt-get update, or connect to the network); see $tools/install.log."
    dpkg-deb -x "$tools"/prometheus_*.deb "$tools" >>"$tools/install.log" 2>&1 && "$promtool" --version >/dev/null 2>&1 ||
        fail "the package 'prometheus' was fetched but its promtool does not run here; see $tools/install.log."
    rm -f "$tools"/prometheus_*.deb
fi
printf '%s\n' "$promtool"
