#!/usr/bin/env bash
# Builds the container image without a Docker engine: compiles accredit, writes the software bill of materials, and builds
# the last stage of the Dockerfile with buildah. `make image` calls it.
#
#   IMAGE=registry.example/accredit:0.1.0   the name of the image (default localhost/accredit:VERSION)
#   BINARY=FILE                             a compiled binary to use instead of compiling
#   SOURCE=URL, HOME_PAGE=URL               the labels `source` and `url` (default: the address that git fetches from, if it is https)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
out="$root/target/image"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
image=${IMAGE:-localhost/accredit:$version}
revision=$(git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown)
# The time of the commit, so that a later build gives the same image.
epoch=$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 0)
created=$(date --utc --date="@$epoch" +%Y-%m-%dT%H:%M:%SZ)
source=${SOURCE:-$(git -C "$root" remote get-url origin 2>/dev/null | sed -n "s,^https://\([^@/]*@\)\?,https://,p" || true)}

say() { printf '%s\n' "$*" >&2; }
fail() { say "image: $*"; exit 1; }

command -v buildah >/dev/null 2>&1 ||
    fail "buildah is needed to build the image without a Docker engine, and was not found; install it (Debian and Ubuntu: apt-get install buildah), or use Docker: docker build -f deploy/docker/Dockerfile ."

mkdir -p "$out"
binary=${BINARY:-$root/target/release/accredit}
if [[ -z ${BINARY:-} ]]; then
    (cd "$root" && RUSTFLAGS="--remap-path-prefix=$root=accredit --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo" \
        ACCREDIT_COMMIT=$revision cargo build --release --locked)
fi
SOURCE_DATE_EPOCH=$epoch "$root/scripts/sbom.sh" "$out/sbom.cdx.json"
SOURCE_DATE_EPOCH=$epoch "$root/deploy/docker/rootfs.sh" "$binary" "$out/context/rootfs" "$out/sbom.cdx.json"

# Keeps the storage of images in target/, apart from other images of this machine.
buildah=(buildah --storage-driver vfs --root "$out/storage" --runroot "$out/run")
"${buildah[@]}" bud --quiet --isolation chroot --timestamp "$epoch" --build-context "builder=$out/context" \
    --build-arg "VERSION=$version" --build-arg "REVISION=$revision" \
    --build-arg "CREATED=$created" --build-arg "SOURCE=$source" --build-arg "URL=${HOME_PAGE:-$source}" \
    -f "$root/deploy/docker/Dockerfile" -t "$image" "$root" >"$out/id"
rm -f "$out/accredit.tar"
"${buildah[@]}" push --quiet "$image" "oci-archive:$out/accredit.tar:$image"
size=$("${buildah[@]}" images --format '{{.Size}}' "$image")
packed=$(gzip -c "$out/accredit.tar" | wc -c)
say "$image: $size, $((packed / 1024 / 1024)) MB to pull; id $(cat "$out/id")"
say "  target/image/accredit.tar    the image (OCI archive)"
say "  target/image/sbom.cdx.json   the software bill of materials (CycloneDX), also in the image under /usr/share/accredit"
