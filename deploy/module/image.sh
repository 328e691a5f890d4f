#!/usr/bin/env bash
# Builds the image that carries the module without a Docker engine: builds the module, and the last stage of the Dockerfile
# with buildah. `make image FORM=module` calls it.
#
#   IMAGE=registry.example/accredit-module:0.1.0   the name of the image (default localhost/accredit-module:VERSION)
#   MODULE=FILE                                    a module that scripts/module.sh has built, instead of building it
#   SOURCE=URL, HOME_PAGE=URL                      the labels `source` and `url`
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
out="$root/target/image-module"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
image=${IMAGE:-localhost/accredit-module:$version}
revision=$(git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown)
# The time of the commit, so that a later build gives the same image.
epoch=$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 0)
created=$(date --utc --date="@$epoch" +%Y-%m-%dT%H:%M:%SZ)

say() { printf '%s\n' "$*" >&2; }
fail() { say "module image: $*"; exit 1; }

command -v buildah >/dev/null 2>&1 ||
    fail "buildah is needed to build the image without a Docker engine, and was not found; install it (Debian and Ubuntu: apt-get install buildah), or use Docker: docker build -f deploy/module/Dockerfile ."

mkdir -p "$out"
module=${MODULE:-}
if [[ -z $module ]]; then
    module=$(RUSTFLAGS="--remap-path-prefix=$root=accredit --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo" \
        ACCREDIT_COMMIT=$revision "$root/scripts/module.sh")
    module=$root/$module
fi
SOURCE_DATE_EPOCH=$epoch "$root/deploy/module/rootfs.sh" "$module" "$version" "$out/context/rootfs"

# Keeps the storage of images in target/, apart from other images of this machine.
buildah=(buildah --storage-driver vfs --root "$out/storage" --runroot "$out/run")
"${buildah[@]}" bud --quiet --isolation chroot --timestamp "$epoch" --build-context "builder=$out/context" \
    --build-arg "VERSION=$version" --build-arg "REVISION=$revision" --build-arg "CREATED=$created" \
    --build-arg "SOURCE=${SOURCE:-}" --build-arg "URL=${HOME_PAGE:-${SOURCE:-}}" \
    -f "$root/deploy/module/Dockerfile" -t "$image" "$root" >"$out/id"
rm -f "$out/accredit-module.tar"
"${buildah[@]}" push --quiet "$image" "oci-archive:$out/accredit-module.tar:$image"
size=$("${buildah[@]}" images --format '{{.Size}}' "$image")
say "$image: $size; id $(cat "$out/id")"
say "  target/image-module/accredit-module.tar    the image (OCI archive)"
