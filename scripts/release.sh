#!/usr/bin/env bash
# Builds what a release consists of into target/release-VERSION: an archive of the binary with man pages, completions, unit and
# examples; the symbols; the Debian package; the Helm chart; the software bill of materials; the section of the changelog; and
# checksums of all. `make release` calls it.
#
#   BINARY=FILE    a binary to use instead of compiling, with its symbols
#
# A release is for the architecture of this machine: the program that was built writes its own man pages and completions. For aarch64, run it on
# an aarch64 machine with the same Debian release.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
target=$(uname -m)-unknown-linux-gnu
out=${OUT:-target/release-$version}
commit=$(git rev-parse HEAD 2>/dev/null || echo "${ACCREDIT_COMMIT:-unknown}")
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH=$epoch

say() { printf '%s\n' "$*" >&2; }
fail() { say "release: $*"; exit 1; }

for tool in objcopy strip sha256sum; do
    command -v "$tool" >/dev/null || fail "$tool is needed, and was not found; install it (Debian and Ubuntu: apt-get install binutils coreutils)."
done
[[ -z $(git status --porcelain 2>/dev/null) ]] || say "release: the work tree has changes, so the commit $commit does not describe this release"

# The section of the changelog of this version, or what is not released yet.
changes() {
    awk -v version="$version" '
        /^## / { inside = index($0, "## " version) == 1 || ($0 == "## Unreleased" && !found); if (inside) found = 1 }
        inside' CHANGELOG.md
}

# A tar archive that depends on its content only.
archive() {
    tar --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --format=gnu -C "$2" -cf - "$3" | gzip -9 --no-name >"$1"
}

if [[ -z ${BINARY:-} ]]; then
    RUSTFLAGS="--remap-path-prefix=$root=accredit --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo" \
        ACCREDIT_COMMIT=$commit cargo build --profile dist --locked
    BINARY=target/dist/accredit
    [[ $commit == unknown ]] || "$BINARY" --version | grep -qF "${commit:0:12}" ||
        fail "the binary does not know the commit $commit: $("$BINARY" --version)"
fi
rm -rf "$out" && mkdir -p "$out"
staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT

name=accredit-$version-$target
folder="$staging/$name"
mkdir -p "$folder/completions" "$folder/man"
# The binary without symbols, and the symbols in a file that debuggers find by the name and checksum in the binary.
objcopy --only-keep-debug --compress-debug-sections=zlib "$BINARY" "$staging/accredit.debug"
install -m 0755 "$BINARY" "$folder/accredit"
strip --strip-all "$folder/accredit"
(cd "$staging" && objcopy --add-gnu-debuglink=accredit.debug "$folder/accredit")
"$folder/accredit" --version | grep -qF "$version" || fail "the binary $BINARY is of another version: $("$folder/accredit" --version)"

scripts/sbom.sh "$staging/sbom.cdx.json"
for shell in bash zsh fish; do "$folder/accredit" completions "$shell" >"$folder/completions/accredit.$shell"; done
"$folder/accredit" man "$folder/man"
cp README.md LICENSE CHANGELOG.md deploy/systemd/accredit.service "$folder/"
cp -r examples "$folder/examples"
cp "$staging/sbom.cdx.json" "$folder/"
chmod -R u=rwX,go=rX "$folder"

archive "$out/$name.tar.gz" "$staging" "$name"
gzip -9 --no-name --stdout "$staging/accredit.debug" >"$out/$name.debug.gz"
scripts/debian.sh "$folder/accredit" "$out" "$staging/sbom.cdx.json" >/dev/null
# What `helm package` makes: the folder of the chart without what .helmignore names.
mkdir "$staging/chart" && cp -r deploy/helm/accredit "$staging/chart/accredit" && rm -r "$staging/chart/accredit/ci"
archive "$out/accredit-chart-$version.tgz" "$staging/chart" accredit
cp "$staging/sbom.cdx.json" "$out/accredit-$version.cdx.json"
changes >"$out/CHANGES.md"
[[ -s $out/CHANGES.md ]] || fail "CHANGELOG.md has neither a section for $version nor one for what is unreleased."
(cd "$out" && sha256sum -- * >SHA256SUMS)
say "$("$folder/accredit" --version), in $out:"
(cd "$out" && ls -l --human-readable | awk 'NR > 1 { printf "  %6s  %s\n", $5, $9 }') >&2
