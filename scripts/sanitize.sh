#!/usr/bin/env bash
# Runs the tests of the module's hooks under AddressSanitizer and LeakSanitizer, which find reads and writes of memory that is not the
# module's, and memory that is never freed. Needs a nightly toolchain. Builds into target/sanitize, which is removed afterwards unless
# KEEP=1. Arguments are those of the tests. The C code of aws-lc is built without the sanitizer: of it, leaks are found only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() { printf 'sanitize: %s\n' "$*" >&2; exit 1; }

host=$(rustc +nightly --version --verbose 2>/dev/null | sed -n 's/^host: //p') || true
[[ -n $host ]] || fail "this needs a nightly compiler; install it: rustup toolchain install nightly --profile minimal."
export CARGO_TARGET_DIR=target/sanitize
[[ ${KEEP:-} == 1 ]] || trap 'rm -rf target/sanitize' EXIT
# With --target, programs that run while the build does are built without the sanitizer.
RUSTFLAGS="-Zsanitizer=address" ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=1:${ASAN_OPTIONS:-}" \
    cargo +nightly test --locked --target "$host" -p accredit-module --test hooks -- "$@"
