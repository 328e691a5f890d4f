# Functions of the scripts that install what the demo, the tests and the documents need. Scripts read this file with `source`,
# after they have set `name`, with which their messages begin.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-python3}

say() { printf '%s\n' "$*" >&2; }
fail() { say "$name: $*"; exit 1; }

# fail_to_install WHAT REGISTRY LOG: says why a package manager failed, as far as its log shows.
fail_to_install() {
    local what=$1 registry=$2 log=$3
    if grep -qiE 'connection|resolution|resolve|timed out|timeout|unreachable|proxy|ssl|ENOTFOUND|EAI_AGAIN|ECONN' "$log"; then
        fail "the $registry package registry cannot be reached, and $what come from there; connect to the network (or set up a proxy or mirror) and try again. Details: $log"
    fi
    fail "$what could not be installed; see $log."
}

# refuse_unusable_python PURPOSE
refuse_unusable_python() {
    local purpose=$1
    command -v "$python" >/dev/null 2>&1 ||
        fail "Python 3.10 or newer is needed to $purpose, and '$python' was not found; install it (Debian and Ubuntu: apt-get install python3 python3-venv)."
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        fail "Python 3.10 or newer is needed to $purpose, and '$python' is $("$python" --version 2>&1); install a newer one, or name it: PYTHON=/path/to/python3."
    # Debian's Python has no ensurepip; `python3 -m venv` then creates an incomplete environment.
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        fail "the venv module of '$python' is missing; install it (Debian and Ubuntu: apt-get install python3-venv)."
}

# make_venv FOLDER LOG: creates an empty virtual environment. The log can be in it.
make_venv() {
    local folder=$1 log=$2
    rm -rf "$folder" && mkdir -p "$folder"
    "$python" -m venv "$folder" >"$log" 2>&1 || fail "the virtual environment ${folder#"$root/"} could not be made; see $log."
}

# pip_install VENV REQUIREMENTS LOG OPTION...: installs the pinned packages of a file. The log is continued.
pip_install() {
    local venv=$1 requirements=$2 log=$3
    PIP_USER=0 "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --quiet \
        --retries 2 --timeout 20 --require-hashes -r "$requirements" "${@:4}" >>"$log" 2>&1
}

# npm_install FOLDER LOG: installs the locked packages. None of those that are used needs an install script.
npm_install() {
    local folder=$1 log=$2
    (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >"$log" 2>&1
}
