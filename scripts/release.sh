#!/usr/bin/env bash
# Builds what a release consists of into target/release-VERSION: for each architecture an archive of the program with man pages, completions,
# unit, documents and examples, an archive of the module for Envoy, the symbols of both, and the Debian package; the Helm chart; the software
# bills of materials; the section of the changelog; and checksums of all. `make release` calls it.
#
#   ARCH="x86_64 aarch64"      the architectures (default: that of this machine); docs/install.md says what another one needs
#   BINARY=FILE, MODULE=FILE   a program and a module to use instead of compiling, with their symbols, for one architecture
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
out=${OUT:-target/release-$version}
commit=$(git rev-parse HEAD 2>/dev/null || echo "${ACCREDIT_COMMIT:-unknown}")
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH=$epoch
# Removes the paths of this machine from what is compiled.
export RUSTFLAGS="--remap-path-prefix=$root=accredit --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"

say() { printf '%s\n' "$*" >&2; }
fail() { say "release: $*"; exit 1; }

read -ra architectures <<<"${ARCH:-$(uname -m)}"
[[ ${#architectures[@]} == 1 || -z ${BINARY:-}${MODULE:-} ]] || fail "BINARY and MODULE are of one architecture, and ARCH names ${#architectures[@]}."
for tool in objcopy strip readelf sha256sum; do
    command -v "$tool" >/dev/null || fail "$tool is needed, and was not found; install it (Debian and Ubuntu: apt-get install binutils coreutils)."
done
# What is missing for an architecture is better known before the first one is compiled.
for ARCH in "${architectures[@]}"; do
    source scripts/target.sh
    need_runner
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
    chmod -R u=rwX,go=rX "$2/$3"
    tar --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --format=gnu -C "$2" -cf - "$3" | gzip -9 --no-name >"$1"
}

# document FOLDER SBOM: adds what both archives have. With all these folders, the links of the documents lead somewhere.
document() {
    cp -r -- *.md LICENSE docs examples deploy proto "$1/"
    cp "$2" "$1/"
}

# split FILE STRIPPED SYMBOLS: writes a file without symbols, and its symbols, which debuggers find by the name and checksum in the first.
split() {
    "${binutils}objcopy" --only-keep-debug --compress-debug-sections=zlib "$1" "$3"
    "${binutils}strip" --strip-all -o "$2" "$1"
    (cd "$(dirname "$3")" && "${binutils}objcopy" --add-gnu-debuglink="$(basename "$3")" "$2")
}

build_program() {
    local binary=${BINARY:-$built/dist/accredit} name=accredit-$version-$triple folder
    if [[ -z ${BINARY:-} ]]; then
        ACCREDIT_COMMIT=$commit cargo build --profile dist --locked "${cargo_options[@]}"
        [[ $commit == unknown ]] || "${runner[@]}" "$binary" --version | grep -qF "${commit:0:12}" ||
            fail "the program does not know the commit $commit: $("${runner[@]}" "$binary" --version)"
    fi
    folder=$staging/$name
    mkdir -p "$folder/completions" "$folder/man"
    split "$binary" "$folder/accredit" "$staging/$name.debug"
    program=("${runner[@]}" "$folder/accredit")
    "${program[@]}" --version | grep -qF "accredit $version " || fail "the program $binary is of another version: $("${program[@]}" --version)"
    for shell in bash zsh fish; do "${program[@]}" completions "$shell" >"$folder/completions/accredit.$shell"; done
    "${program[@]}" man "$folder/man"
    document "$folder" "$staging/accredit.cdx.json"
    archive "$out/$name.tar.gz" "$staging" "$name"
    gzip -9 --no-name --stdout "$staging/$name.debug" >"$out/$name.debug.gz"
    ARCH=$arch scripts/debian.sh "$folder/accredit" "$out" "$staging/accredit.cdx.json" >/dev/null
}

build_module() {
    local module=${MODULE:-} name=accredit-module-$version-$triple folder
    if [[ -z $module ]]; then
        module=$(ACCREDIT_COMMIT=$commit ARCH=$arch PROFILE=dist scripts/module.sh)
    fi
    folder=$staging/$name
    mkdir -p "$folder"
    split "$module" "$folder/libaccredit-$version.so" "$staging/$name.debug"
    chmod 0644 "$folder/libaccredit-$version.so"
    document "$folder" "$staging/accredit-module.cdx.json"
    archive "$out/$name.tar.gz" "$staging" "$name"
    gzip -9 --no-name --stdout "$staging/$name.debug" >"$out/$name.debug.gz"
}

rm -rf "$out" && mkdir -p "$out"
staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
scripts/sbom.sh "$staging/accredit.cdx.json" "$staging/accredit-module.cdx.json"
for ARCH in "${architectures[@]}"; do
    source scripts/target.sh
    build_program
    build_module
done
cp "$staging/accredit.cdx.json" "$out/accredit-$version.cdx.json"
cp "$staging/accredit-module.cdx.json" "$out/accredit-module-$version.cdx.json"
# What `helm package` makes: the folder of the chart without what .helmignore names.
mkdir "$staging/chart" && cp -r deploy/helm/accredit "$staging/chart/accredit" && rm -r "$staging/chart/accredit/ci"
archive "$out/accredit-chart-$version.tgz" "$staging/chart" accredit
changes >"$out/CHANGES.md"
[[ -s $out/CHANGES.md ]] || fail "CHANGELOG.md has neither a section for $version nor one for what is unreleased."
(cd "$out" && sha256sum -- * >SHA256SUMS)
say "$("${program[@]}" --version), in $out:"
(cd "$out" && ls -l --human-readable | awk 'NR > 1 { printf "  %6s  %s\n", $5, $9 }') >&2
