#!/usr/bin/env bash
# Prints the path of redis-server, with which the tests share the memory of used proofs: the installed one, or that of Debian's
# packages, which this script unpacks into .tools/ (it needs no root).
set -euo pipefail

name=redis
source "$(dirname "${BASH_SOURCE[0]}")/install.sh"
tools="$root/.tools/redis"
server="$tools/redis-server"
# redis-server itself is a link to a program of redis-tools; the others are the libraries that few systems have.
packages=(redis-server redis-tools libatomic1 libjemalloc2 liblzf1)

if installed=$(command -v redis-server); then
    printf '%s\n' "$installed"
    exit
fi
if ! "$server" --version >/dev/null 2>&1; then
    command -v apt-get >/dev/null 2>&1 && command -v dpkg-deb >/dev/null 2>&1 ||
        fail "redis-server was not found, and without apt-get it cannot be fetched; install Redis so that 'redis-server' is in PATH."
    say "Fetching Redis from Debian into .tools (about 8 MB, once)."
    rm -rf "$tools" && mkdir -p "$tools"
    (cd "$tools" && apt-get download "${packages[@]}") >"$tools/install.log" 2>&1 ||
        fail "the packages of redis-server cannot be downloaded (run apt-get update, or connect to the network); see $tools/install.log."
    for package in "$tools"/*.deb; do
        dpkg-deb -x "$package" "$tools" >>"$tools/install.log" 2>&1 ||
            fail "a package of redis-server cannot be unpacked; see $tools/install.log."
    done
    cat >"$server" <<'SERVER'
#!/usr/bin/env bash
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
libraries=$(printf '%s:' "$tools"/usr/lib/*/ "$tools"/lib/*/)
LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:-}" exec "$tools/usr/bin/redis-server" "$@"
SERVER
    chmod +x "$server"
    "$server" --version >/dev/null 2>>"$tools/install.log" ||
        fail "the packages of redis-server were fetched, but it does not run here; see $tools/install.log."
    rm -f "$tools"/*.deb
fi
printf '%s\n' "$server"
