#!/usr/bin/env bash
# Measures the cost of a check and writes the result into docs/performance.md: ratios of CPU time within one run
# (benches/load, also through Envoy), instructions (scripts/instructions.sh), and what each way to check a request adds to
# Envoy's own work (benches/load/forms.rs). At the end, criterion prints the times of the parts of a check (benches/rooms.rs), which
# are not written into the page. Run it on a machine without other work, with two cores or more.
#
#   ACCREDIT_BENCH_ONLY=forms          only what each way to check a request adds to Envoy's own work (about two minutes)
#   ACCREDIT_BENCH_PROGRAM=PATH        measures this build of accredit in place of the one of this folder
#   ACCREDIT_BENCH_REQUESTS=200        that many requests of each form and round: a trial, which is not written into the page
set -euo pipefail
cd "$(dirname "$0")/.."
page=docs/performance.md
command -v taskset >/dev/null || { echo "This needs taskset (Debian and Ubuntu: apt-get install util-linux)." >&2; exit 1; }

table=$(mktemp)
trap 'rm -f "$table" "$table.all" "$table.page"' EXIT

locked() { awk -v name="$1" '$1 == "name" && $3 == "\"" name "\"" { getline; gsub("\"", "", $3); print $3; exit }' Cargo.lock; }

# When and where this was measured.
circumstances() {
    printf 'Measured on %s: %s, %s cores, Linux %s, TCP congestion control %s; %s; ' "$(date -u +%F)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)" "$(nproc)" "$(uname -r)" \
        "$(cat /proc/sys/net/ipv4/tcp_congestion_control)" "$(rustc --version)"
}

# Replaces the lines between `<!-- NAME: begin` and `<!-- NAME: end -->` of the page by a file.
write_block() {
    awk -v file="$2" -v begin="<!-- $1: begin" -v end="<!-- $1: end -->" '
        $0 == end { while ((getline line < file) > 0) print line; inside = 0 }
        !inside { print }
        index($0, begin) == 1 { inside = 1 }
    ' "$page" > "$table.page"
    cat "$table.page" > "$page"
}

measure_forms() {
    local envoy module
    envoy=$(scripts/envoy.sh)
    module=$(scripts/module.sh)
    ACCREDIT_BENCH_ENVOY=$envoy ACCREDIT_BENCH_MODULE=$module ACCREDIT_BENCH_REPORT=$table \
        cargo bench --locked --bench load -- forms
    if [[ -n ${ACCREDIT_BENCH_REQUESTS:-} ]]; then
        echo "This was a trial with $ACCREDIT_BENCH_REQUESTS requests of each form and round: $page is as before." >&2
        return
    fi
    {
        cat "$table"
        printf '\n'
        circumstances
        printf '%s; aws-lc-rs %s.\n' "$("$envoy" --version | sed -n 's/.*version: [0-9a-f]*\/\([0-9.]*\)\/.*/Envoy \1/p')" "$(locked aws-lc-rs)"
    } > "$table.all"
    write_block forms "$table.all"
}

if [[ ${ACCREDIT_BENCH_ONLY:-} == forms || -n ${ACCREDIT_BENCH_REQUESTS:-} ]]; then
    measure_forms
    exit
fi

ACCREDIT_BENCH_ENVOY=$(scripts/envoy.sh) ACCREDIT_BENCH_REPORT=$table cargo bench --locked --bench load
cat "$table"
# The table is written in any case; too many instructions fail the script at its end.
status=0
count=$(scripts/instructions.sh | tee >(cat >&2) | sed -n 's/^a check.*  *\([0-9][0-9]*\) instructions.*/\1/p') || status=$?
{
    cat "$table"
    printf '\nA check with a known token takes %s instructions from the bytes of the message to the bytes of the answer.\n\n' "$count"
    circumstances
    printf 'hyper %s, h2 %s, tonic %s, aws-lc-rs %s.\n' \
        "$(locked hyper)" "$(locked h2)" "$(locked tonic)" "$(locked aws-lc-rs)"
} > "$table.all"
write_block measured "$table.all"
measure_forms
cargo bench --locked --bench rooms
exit "$status"
