#!/usr/bin/env bash
# Builds the Debian package of a binary.
# usage: debian.sh BINARY FOLDER [SBOM]
#
#   ARCH=aarch64   the architecture of the binary (default: that of this machine)
#
# The binary writes its own man pages and completions. The package goes into FOLDER, and its name is printed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
fail() { printf 'debian: %s\n' "$*" >&2; exit 1; }

[[ $# -ge 2 ]] || fail "usage: debian.sh BINARY FOLDER [SBOM]"
binary=$1 out=$2 sbom=${3:-}
command -v dpkg-deb >/dev/null || fail "dpkg-deb is needed, and was not found; build the package on Debian or Ubuntu."
[[ -x $binary ]] || fail "the binary $binary does not exist; build it: cargo build --release --locked"
source "$root/scripts/target.sh"
need_runner
program=("${runner[@]}" "$binary")
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
epoch=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 0)}
staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
package="$staging/package"

place() { install -D -m "$1" "$2" "$package/$3"; }

place 0755 "$binary" usr/bin/accredit
place 0644 "$root/deploy/systemd/accredit.service" usr/lib/systemd/system/accredit.service
"${program[@]}" man "$staging/man"
for page in "$staging"/man/*.1; do
    gzip -9 --no-name "$page"
    place 0644 "$page.gz" "usr/share/man/man1/$(basename "$page").gz"
done
"${program[@]}" completions bash >"$staging/bash" && place 0644 "$staging/bash" usr/share/bash-completion/completions/accredit
"${program[@]}" completions zsh >"$staging/zsh" && place 0644 "$staging/zsh" usr/share/zsh/vendor-completions/_accredit
"${program[@]}" completions fish >"$staging/fish" && place 0644 "$staging/fish" usr/share/fish/vendor_completions.d/accredit.fish
documents=usr/share/doc/accredit
# The names that the links of the documents have.
for file in README.md CHANGELOG.md SECURITY.md; do place 0644 "$root/$file" "$documents/$file"; done
{
    printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: accredit\n\n'
    printf 'Files: *\nCopyright: %s the authors of accredit\nLicense: Apache-2.0\n See /usr/share/common-licenses/Apache-2.0.\n' "$(date --utc --date="@$epoch" +%Y)"
} >"$staging/copyright"
place 0644 "$staging/copyright" "$documents/copyright"
# dpkg's tools expect their own form at this place; the changes themselves are in CHANGELOG.md.
{
    printf 'accredit (%s) unstable; urgency=medium\n\n  * CHANGELOG.md has the changes of this version.\n\n' "$version"
    printf ' -- the authors of accredit <accredit@localhost>  %s\n' "$(date --utc --rfc-email --date="@$epoch")"
} | gzip -9 --no-name >"$staging/changelog.gz"
place 0644 "$staging/changelog.gz" "$documents/changelog.gz"
(cd "$root" && find docs deploy examples -type f) | while IFS= read -r file; do
    place 0644 "$root/$file" "$documents/$file"
done
[[ -z $sbom ]] || place 0644 "$sbom" usr/share/accredit/sbom.cdx.json

# The newest version of the C library that the binary asks for.
libc=$(readelf --version-info --wide "$binary" | grep -o 'GLIBC_2[0-9.]*' | sort -V | tail -n 1)
mkdir -p "$package/DEBIAN"
cat >"$package/DEBIAN/control" <<END
Package: accredit
Version: $version
Architecture: $debian_arch
Maintainer: the authors of accredit <accredit@localhost>
Installed-Size: $(du -sk --apparent-size "$package/usr" | cut -f 1)
Depends: libc6 (>= ${libc#GLIBC_}), libgcc-s1
Recommends: ca-certificates
Section: net
Priority: optional
Description: external authorization service for Envoy
 accredit verifies the bearer tokens of requests (JWT) against the key sets of
 their issuers, which it keeps in memory. Envoy asks it about each request by
 its external authorization API (ext_authz).
END
for script in postinst prerm postrm; do
    install -m 0755 "$root/deploy/debian/$script" "$package/DEBIAN/$script"
done
(cd "$package" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
find "$package" -exec touch --no-dereference --date="@$epoch" {} +
mkdir -p "$out"
file="$out/accredit_${version}_$debian_arch.deb"
SOURCE_DATE_EPOCH=$epoch dpkg-deb --root-owner-group -Z"${COMPRESSION:-xz}" --build "$package" "$file" >/dev/null
printf '%s\n' "$file"
