#!/usr/bin/env bash
# Assembles the root file system of the image: accredit, its C library, root certificates, and two users.
# usage: rootfs.sh BINARY FOLDER [SBOM]
set -euo pipefail

fail() { printf 'image: %s\n' "$*" >&2; exit 1; }

[[ $# -ge 2 ]] || fail "usage: rootfs.sh BINARY FOLDER [SBOM]"
binary=$1 root=$2 sbom=${3:-}
user=65532
certificates=${CERTIFICATES:-/etc/ssl/certs/ca-certificates.crt}

[[ -x $binary ]] || fail "the binary $binary does not exist; build it: cargo build --release --locked"
[[ -s $certificates ]] ||
    fail "$certificates has no root certificates; install them (Debian and Ubuntu: apt-get install ca-certificates), or name a PEM file: CERTIFICATES=FILE."

rm -rf "$root"
mkdir -p "$root"/usr/bin "$root"/etc/ssl/certs "$root"/etc/accredit "$root"/usr/share/accredit \
    "$root"/run/accredit "$root"/var/lib/accredit
install -m 0755 "$binary" "$root/usr/bin/accredit"

# The loader, and each library at the path where the loader looks for it.
ldd "$binary" | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }' | sort -u |
    while IFS= read -r library; do
        mkdir -p "$root$(dirname "$library")"
        install -m 0755 "$(readlink -f "$library")" "$root$library"
    done

install -m 0644 "$certificates" "$root/etc/ssl/certs/ca-certificates.crt"
printf 'accredit:x:%s:%s:accredit:/:/usr/sbin/nologin\n' "$user" "$user" >"$root/etc/passwd"
printf 'accredit:x:%s:\n' "$user" >"$root/etc/group"
# Name resolution: without this file, glibc would use services that the image does not have.
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
[[ -z $sbom ]] || install -m 0644 "$sbom" "$root/usr/share/accredit/sbom.cdx.json"

# accredit owns only the two folders that it writes to. A builder that is not root cannot set owners; the layer of the image does.
if [[ $(id -u) == 0 ]]; then
    chown -R 0:0 "$root"
    chown "$user:$user" "$root/run/accredit" "$root/var/lib/accredit"
fi
chmod 0750 "$root/run/accredit" "$root/var/lib/accredit"

# Fixed times, so that the content is reproducible.
find "$root" -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH:-0}" {} +
