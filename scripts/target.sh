# The architecture that a script builds for. Scripts read this file with `source`, after they have defined `fail`.
#
#   ARCH=aarch64   x86_64 or aarch64 (default: that of this machine)
#
# It sets `arch`, `triple` (Rust's name), `debian_arch`, `cargo_options` and `built` (where cargo puts a file, without the profile), `binutils`
# (a prefix of strip, objcopy and objdump), and `runner` (what runs a program of the architecture here; empty if this machine runs it itself).

machine=$(uname -m)
arch=${ARCH:-$machine}
triple=$arch-unknown-linux-gnu
built=${CARGO_TARGET_DIR:-target}
cargo_options=() binutils="" runner=()
case $arch in
    x86_64) debian_arch=amd64 compiler_package=gcc-x86-64-linux-gnu libc_package=libc6-dev-amd64-cross ;;
    aarch64) debian_arch=arm64 compiler_package=gcc-aarch64-linux-gnu libc_package=libc6-dev-arm64-cross ;;
    *) fail "accredit is built for x86_64 and aarch64, and not for '$arch'." ;;
esac

if [[ $arch != "$machine" ]]; then
    binutils=$arch-linux-gnu-
    built=$built/$triple
    cargo_options=(--target "$triple")
    linker=CARGO_TARGET_${arch^^}_UNKNOWN_LINUX_GNU_LINKER
    export "$linker=${!linker:-${binutils}gcc}"
    command -v "${!linker}" >/dev/null ||
        fail "a C compiler for $arch is needed to build for it on $machine, and '${!linker}' was not found; install it (Debian and Ubuntu: apt-get install $compiler_package $libc_package)."
    [[ -d $(rustc --print sysroot)/lib/rustlib/$triple ]] ||
        fail "the Rust toolchain has no standard library for $triple; install it: rustup target add $triple"
    # Debian's cross compilers have the C library of the architecture there.
    for emulator in "qemu-$arch-static" "qemu-$arch"; do
        command -v "$emulator" >/dev/null && runner=("$emulator" -L "/usr/$arch-linux-gnu") && break
    done
fi

# Fails if no program of the architecture can be run here.
need_runner() {
    [[ $arch == "$machine" || ${#runner[@]} -gt 0 ]] ||
        fail "an emulator is needed, because accredit writes its own man pages and completions, and qemu-$arch was not found; install it (Debian and Ubuntu: apt-get install qemu-user-static)."
}
