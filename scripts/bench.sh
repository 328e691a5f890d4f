#!/usr/bin/env bash
# Measures the cost of a check and writes the result into docs/performance.md: ratios of CPU time within one run
# (benches/load, also through Envoy), and instructions (scripts/instructions.sh). Run it on a machine without other work, with two cores or more.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v taskset >/dev/null || { echo "This needs taskset (Debian and Ubuntu: apt-get install util-linux)." >&2; exit 1; }

table=$(mktemp)
trap 'rm -f "$table"' EXIT
ACCREDIT_BENCH_ENVOY=$(scripts/envoy.sh) ACCREDIT_BENCH_REPORT=$table cargo bench --locked --bench load
cat "$table"
# The table is written in any case; too many instructions fail the script at its end.
status=0
count=$(scripts/instructions.sh | tee /dev/stderr | sed -n 's/^a check.*  *\([0-9][0-9]*\) instructions.*/\1/p') || status=$?

locked() { awk -v name="$1" '$1 == "name" && $3 == "\"" name "\"" { getline; gsub("\"", "", $3); print $3; exit }' Cargo.lock; }
{
    cat "$table"
    printf '\nA check with a known token takes %s instructions from the bytes of the message to the bytes of the answer.\n\n' "$count"
    printf 'Measured on %s: %s, %s cores, Linux %s; %s; ' "$(date -u +%F)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)" "$(nproc)" "$(uname -r)" "$(rustc --version)"
    printf 'hyper %s, h2 %s, tonic %s, aws-lc-rs %s.\n' \
        "$(locked hyper)" "$(locked h2)" "$(locked tonic)" "$(locked aws-lc-rs)"
} > "$table.all"
awk -v file="$table.all" '
    /^<!-- measured: end -->$/ { while ((getline line < file) > 0) print line; inside = 0 }
    !inside { print }
    /^<!-- measured: begin/ { inside = 1 }
' docs/performance.md > "$table" && cat "$table" > docs/performance.md
rm -f "$table.all"
exit "$status"
