#!/usr/bin/env bash
# Counts the instructions of a check with a cached token (benches/check.rs), and the share of reporting the decision (metrics,
# tail, log) without tracing. Unlike times, the counts are nearly the same on every run. Fails if a check takes more than 3 % more
# than benches/instructions.txt says; ACCREDIT_REWRITE_EXPECTED=1 writes the new count there. Needs valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "This needs valgrind (Debian and Ubuntu: apt-get install valgrind)." >&2; exit 1; }

committed=benches/instructions.txt
bench=$(cargo bench --locked --bench check --no-run --message-format=json-render-diagnostics |
    sed -n 's/.*"executable":"\([^"]*deps\/check-[^"]*\)".*/\1/p')
profile=$(mktemp)
trap 'rm -f "$profile"' EXIT
calls=1000
valgrind --quiet --tool=callgrind --callgrind-out-file="$profile" --collect-atstart=no \
    --toggle-collect='*counted_call*' "$bench" "$calls"

callgrind_annotate --inclusive=yes --threshold=100 "$profile" | awk -v calls="$calls" -v committed="$(cat "$committed")" \
    -v rewrite="${ACCREDIT_REWRITE_EXPECTED:-}" -v file="$committed" '
    { count = $1; gsub(",", "", count) }
    /PROGRAM TOTALS/ && !all { all = count }
    /Observer::report/ && !reported { reported = count }
    END {
        if (!all || !reported) { print "the profile does not show a check" > "/dev/stderr"; exit 1 }
        printf "a check, without HTTP/2 frames  %6d instructions (committed: %d)\n", all / calls, committed
        printf "of which reporting             %6d, %.1f %%\n", reported / calls, reported * 100 / all
        if (rewrite) { printf "%d\n", all / calls > file; exit 0 }
        if (all / calls > committed * 1.03) { print "a check takes over 3 % more instructions than " file " says" > "/dev/stderr"; exit 1 }
    }'
