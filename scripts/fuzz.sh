#!/usr/bin/env bash
# Fuzzes the targets in fuzz/fuzz_targets, one after the other, and prints how many inputs each one ran.
#
#   scripts/fuzz.sh [TARGET...]            each target for FUZZ_SECONDS (60 by default)
#   scripts/fuzz.sh --input TARGET FILE    one input, for example a file in fuzz/artifacts
#
# Needs a nightly toolchain. Installs the pinned cargo-fuzz into .tools/ once.
set -euo pipefail

version=0.13.2
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools="$root/.tools"
seconds=${FUZZ_SECONDS:-60}

say() { printf '%s\n' "$*"; }
fail() { say "fuzz: $*" >&2; exit 1; }

[[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "FUZZ_SECONDS is '$seconds'; set it to a whole number of seconds."
host=$(rustc +nightly --version --verbose 2>/dev/null | sed -n 's/^host: //p') ||
    fail "fuzzing needs a nightly compiler; install it: rustup toolchain install nightly --profile minimal."

if [[ $("$tools/bin/cargo-fuzz" --version 2>/dev/null || true) != "cargo-fuzz $version" ]]; then
    say "Installing cargo-fuzz $version into .tools (once, about a minute)."
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR="$tools/build-fuzz" \
        cargo install --quiet --locked --debug --root "$tools" "cargo-fuzz@$version" ||
        fail "cargo-fuzz $version could not be installed; the errors of cargo are above."
    rm -rf "$tools/build-fuzz"
fi

cd "$root"
input=
if [[ ${1:-} == --input ]]; then
    [[ $# == 3 && -f $3 ]] || fail "write --input, a target and a file."
    input=$3
    targets=("$2")
elif [[ $# -gt 0 ]]; then
    targets=("$@")
else
    mapfile -t targets < <(cd fuzz/fuzz_targets && printf '%s\n' *.rs | sed 's/\.rs$//')
fi
for target in "${targets[@]}"; do
    [[ -f fuzz/fuzz_targets/$target.rs ]] || fail "there is no target '$target' in fuzz/fuzz_targets."
done

# No sanitizer: accredit has no unsafe code that AddressSanitizer could judge, and runs several times as many inputs without it.
# The profile in fuzz/Cargo.toml has overflow checks and debug assertions.
say "Building the targets (about ten minutes the first time)."
if [[ ${#targets[@]} == 1 ]]; then
    RUSTUP_TOOLCHAIN=nightly PATH="$tools/bin:$PATH" cargo fuzz build --sanitizer none "${targets[0]}"
else
    RUSTUP_TOOLCHAIN=nightly PATH="$tools/bin:$PATH" cargo fuzz build --sanitizer none
fi
binaries="$root/fuzz/target/$host/release"
if [[ -n $input ]]; then
    exec "$binaries/${targets[0]}" -timeout=10 "$input"
fi

sum=0
failed=()
for target in "${targets[@]}"; do
    corpus="fuzz/corpus/$target"
    artifacts="fuzz/artifacts/$target"
    mkdir -p "$corpus" "$artifacts"
    log="$artifacts/log"
    ACCREDIT_FUZZ_SEEDS="$corpus" "$binaries/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$artifacts/" "$corpus" >"$log" 2>&1 || failed+=("$target")
    runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$log")
    printf '%-14s %12d executions\n' "$target" "${runs:-0}"
    sum=$((sum + ${runs:-0}))
done
printf '%-14s %12d executions\n' sum "$sum"
for target in "${failed[@]}"; do
    say "$target FAILED: the end of fuzz/artifacts/$target/log says why, and names the input."
    say "    scripts/fuzz.sh --input $target fuzz/artifacts/$target/FILE"
done
[[ ${#failed[@]} == 0 ]]
