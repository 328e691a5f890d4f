#!/usr/bin/env bash
# Builds the module for Envoy into target/module/libaccredit-VERSION.so, checks what it needs and exports, and prints its path.
#
#   ARCH=aarch64   the architecture (default: that of this machine); another one goes into target/module-ARCH
#   PROFILE=dist   the profile of cargo (default: release); `dist` keeps the symbols
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

say() { printf '%s\n' "$*" >&2; }
fail() { say "module: $*"; exit 1; }

source scripts/target.sh
profile=${PROFILE:-release}
version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"$/\1/p' Cargo.toml)
[[ -n $version ]] || fail "Cargo.toml has no version."
# The library alone as a `cdylib`: beside an `rlib`, there would be no link-time optimisation.
cargo rustc --profile "$profile" --locked --quiet -p accredit-module --lib --crate-type cdylib "${cargo_options[@]}"
folder=target/module
[[ $arch == "$machine" ]] || folder=target/module-$arch
file=$folder/libaccredit-$version.so
mkdir -p "$folder"
cp "$built/$profile/libaccredit_module.so" "$file.new"
mv "$file.new" "$file"

command -v readelf >/dev/null || fail "readelf is needed to check the file (Debian and Ubuntu: apt-get install binutils)."
needed=$(readelf --dynamic --wide "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -v -e '^libc\.so\.6$' -e '^libm\.so\.6$' -e '^ld-linux' || true)
# Envoy itself needs these libraries of glibc. Of libm it is `pow`, in the part of tokio's scheduler that the service uses and the module does not:
# it cannot go without another build of tokio. The static libm is not position-independent, so that no
# shared library can contain it.
[[ -z $needed ]] || fail "the file needs more than libc, libm and the loader: $needed"
newest=$(readelf --version-info --wide "$file" | grep -o 'GLIBC_2\.[0-9]*' | sort -uV | tail -n 1)
[[ $(printf '%s\n' GLIBC_2.34 "$newest" | sort -V | tail -n 1) == GLIBC_2.34 ]] || fail "the file needs $newest; 2.34 is the limit."
exported=$("${binutils}nm" --dynamic --defined-only "$file" | awk '{ print $NF }' | grep -v '^envoy_dynamic_module_on_' || true)
[[ -z $exported ]] || fail "the file exports more than Envoy's hooks: $exported"
printf '%s\n' "$file"
