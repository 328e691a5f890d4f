#!/usr/bin/env bash
# Assembles the root file system of the module's image: the module in /modules, and a static program that copies it.
# usage: rootfs.sh MODULE VERSION FOLDER
set -euo pipefail

fail() { printf 'module image: %s\n' "$*" >&2; exit 1; }

[[ $# == 3 ]] || fail "usage: rootfs.sh MODULE VERSION FOLDER"
module=$1 version=$2 root=$3
[[ -f $module ]] || fail "the module $module does not exist; build it: scripts/module.sh"

rm -rf "$root"
mkdir -p "$root/modules"
# Envoy does not load a file again that was replaced under the same path, so the version is a part of the name.
install -m 0644 "$module" "$root/modules/libaccredit-$version.so"
# Static, because the image has no C library.
rustc --edition 2024 -C opt-level=s -C panic=abort -C strip=symbols -C target-feature=+crt-static \
    -o "$root/copy" "$(dirname "${BASH_SOURCE[0]}")/copy.rs" ||
    fail "the program that copies the module could not be compiled; a static C library is needed (Debian and Ubuntu: apt-get install libc6-dev)."
chmod 0755 "$root" "$root/modules" "$root/copy"
[[ $(id -u) != 0 ]] || chown -R 0:0 "$root"
# Fixed times, so that the content is reproducible.
find "$root" -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH:-0}" {} +
