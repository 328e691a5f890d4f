#!/usr/bin/env bash
# Assembles the image's root file system: accredit, the C library it was linked with, root certificates, and two users.
# usage: rootfs.sh BINARY FOLDER [SBOM]
set -euo pipefail

fail() { printf 'image: %s\n' "$*" >&2; exit 1; }

[[ $# -ge 2 ]] || fail "usage: rootfs.sh BINARY FOLDER [SBOM]"
binary=$1 root=$2 sbom=${3:-}
user=65532
certificates=${CERTIFICATES:-/etc/ssl/certs/ca-certificates.crt}

[[ -x $binary ]] || fail "there is no program $binary; build it first: cargo build --release --locked"
[[ -s $certificates ]] ||
    fail "there are no root certificates in $certificates; install them (Debian and Ubuntu: apt-get install ca-certificates), or name a PEM file: CERTIFICATES=FILE."

rm -rf "$root"
mkdir -p "$root"/usr/bin "$root"/etc/ssl/certs "$root"/etc/accredit "$root"/usr/share/accredit \
    "$root"/run/accredit "$root"/var/lib/accredit
install -m 0755 "$binary" "$root/usr/bin/accredit"

# Each library at the path where the loader looks for it, and the loader itself, as a static linker would have it.
ldd "$binary" | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }' | sort -u |
    while IFS= read -r library; do
        mkdir -p "$root$(dirname "$library")"
        install -m 0755 "$(readlink -f "$library")" "$root$library"
    done

install -m 0644 "$certificates" "$root/etc/ssl/certs/ca-certificates.crt"
printf 'accredit:x:%s:%s:accredit:/:/usr/sbin/nologin\n' "$user" "$user" >"$root/etc/passwd"
printf 'accredit:x:%s:\n' "$user" >"$root/etc/group"
# Where names are looked up; glibc would otherwise ask services that are not there.
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
[[ -z $sbom ]] || install -m 0644 "$sbom" "$root/usr/share/accredit/sbom.cdx.json"

# Only the two folders that it writes to are its own; a builder that is not root leaves that to the image's layer.
if [[ $(id -u) == 0 ]]; then
    chown -R 0:0 "$root"
    chown "$user:$user" "$root/run/accredit" "$root/var/lib/accredit"
fi
chmod 0750 "$root/run/accredit" "$root/var/lib/accredit"

# The same content at the same time whenever it is built.
find "$root" -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH:-0}" {} +
