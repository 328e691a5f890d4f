#!/usr/bin/env bash
# Builds the container image without a Docker engine: compiles accredit, writes the software bill of materials, and builds
# the last stage of the Dockerfile with buildah. `make image` calls it.
#
#   IMAGE=registry.example/accredit:0.1.0   the name of the image (default localhost/accredit:VERSION)
#   BINARY=FILE                             a compiled binary to use instead of compiling
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tools="$root/.tools"
out="$root/target/image"
cyclonedx=0.5.9
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
image=${IMAGE:-localhost/accredit:$version}
revision=$(git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown)
# The time of the commit, so that a later build gives the same image.
epoch=$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 0)

say() { printf '%s\n' "$*" >&2; }
fail() { say "image: $*"; exit 1; }

write_sbom() {
    if [[ $("$tools/bin/cargo-cyclonedx" cyclonedx --version 2>/dev/null || true) != *" $cyclonedx" ]]; then
        say "Installing cargo-cyclonedx $cyclonedx into .tools (once, about two minutes)."
        # A debug build takes a fraction of the time to build, and runs in a second.
        CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR="$tools/build" \
            cargo install --quiet --locked --debug --root "$tools" "cargo-cyclonedx@$cyclonedx" ||
            fail "cargo-cyclonedx $cyclonedx could not be installed; the errors of cargo are above."
        rm -rf "$tools/build"
    fi
    # It writes beside Cargo.toml. Without a serial number, and with the time of the commit, the output is reproducible.
    (cd "$root" && SOURCE_DATE_EPOCH=$epoch "$tools/bin/cargo-cyclonedx" cyclonedx --quiet --format json \
        --spec-version 1.5 --no-build-deps --override-filename accredit-sbom)
    # Removes the path of the build folder.
    sed "s#file://$root#file:///accredit#g" "$root/accredit-sbom.json" >"$out/sbom.cdx.json"
    rm "$root/accredit-sbom.json"
}

command -v buildah >/dev/null 2>&1 ||
    fail "buildah is needed to build the image without a Docker engine, and was not found; install it (Debian and Ubuntu: apt-get install buildah), or use Docker: docker build -f deploy/docker/Dockerfile ."

mkdir -p "$out"
binary=${BINARY:-$root/target/release/accredit}
if [[ -z ${BINARY:-} ]]; then
    (cd "$root" && RUSTFLAGS="--remap-path-prefix=$root=accredit --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo" \
        cargo build --release --locked)
fi
write_sbom
SOURCE_DATE_EPOCH=$epoch "$root/deploy/docker/rootfs.sh" "$binary" "$out/context/rootfs" "$out/sbom.cdx.json"

# Keeps the storage of images in target/, apart from other images of this machine.
buildah=(buildah --storage-driver vfs --root "$out/storage" --runroot "$out/run")
"${buildah[@]}" bud --quiet --isolation chroot --timestamp "$epoch" --build-context "builder=$out/context" \
    --build-arg "VERSION=$version" --build-arg "REVISION=$revision" \
    -f "$root/deploy/docker/Dockerfile" -t "$image" "$root" >"$out/id"
rm -f "$out/accredit.tar"
"${buildah[@]}" push --quiet "$image" "oci-archive:$out/accredit.tar:$image"
size=$("${buildah[@]}" images --format '{{.Size}}' "$image")
packed=$(gzip -c "$out/accredit.tar" | wc -c)
say "$image: $size, $((packed / 1024 / 1024)) MB to pull; id $(cat "$out/id")"
say "  target/image/accredit.tar    the image (OCI archive)"
say "  target/image/sbom.cdx.json   the software bill of materials (CycloneDX), also in the image under /usr/share/accredit"
