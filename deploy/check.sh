#!/usr/bin/env bash
# Shows whether a gateway asks accredit: sends three requests that accredit must refuse, and says what each answer means.
#
#   deploy/check.sh URL [CURL_OPTION...]
#
# URL is an address of your API for which accredit's rules require a token. Options go to curl, for example
# `--resolve api.acme.example:443:127.0.0.1 --insecure`. Exit status: 0 each answer is as expected, 1 one is not, 2 bad usage.
set -uo pipefail

if [ $# -lt 1 ] || [[ $1 == -* ]]; then
    echo "usage: deploy/check.sh URL [CURL_OPTION...]" >&2
    exit 2
fi
command -v curl >/dev/null || { echo "curl is needed, and was not found" >&2; exit 2; }
url=$1
shift
options=("$@")
wrong=0

# Prints what an answer that was not expected means.
meaning() {
    local status=$1 body=$2
    case "$status:$body" in
        ???:'{"error":"Authorization service unreachable"'*) echo "Envoy got no answer from accredit: see docs/troubleshooting-envoy.md" ;;
        000:*) echo "there is no answer: check the address, DNS, TLS and the listener" ;;
        401:'{"error"'*) echo "accredit denied the request for another reason than expected: \`accredit tail --denied\` shows it" ;;
        401:*) echo "another filter denied the request: look for jwt or RequestAuthentication beside accredit" ;;
        403:'RBAC: access denied'*) echo "Istio does not know the provider or its service: compare extensionProviders of the mesh configuration with \`provider.name\` of the policy, and its \`service\` with the Service of accredit" ;;
        403:'{"error"'*) echo "a rule of accredit denies this address, with or without a token: use an address that only requires a token" ;;
        403:) echo "Envoy got no answer from accredit, and status_on_error is not set: set it to 503, then see docs/troubleshooting-envoy.md" ;;
        400:'{"error"'*) echo "accredit refused the path or the host as ambiguous: use a plain address" ;;
        404:*) echo "the gateway has no route for this address, so it asked nothing: use an address of your API" ;;
        500:) echo "Envoy Gateway has no valid policy: its status names a missing ReferenceGrant, a missing Service, or that no pod of accredit is ready" ;;
        503:'{"error"'*) echo "accredit cannot decide: \`/readyz\` on its probe port says why" ;;
        503:*) echo "Envoy got no answer from accredit: check that its pods are ready, the NetworkPolicy, TLS, and in Istio whether a Sidecar resource hides the namespace; see docs/troubleshooting-envoy.md" ;;
        2??:* | 3??:*) echo "THE REQUEST REACHED THE API UNCHECKED: the policy selects nothing (another namespace, label or name), a policy of this route replaces it, it fails open, or a rule of accredit needs no token here" ;;
        *) echo "this answer is not from accredit" ;;
    esac
}

# Sends a request, and compares the status and the beginning of the body.
expect() {
    local what=$1 status=$2 start=$3
    shift 3
    local answer got body
    answer=$(curl --silent --max-time 15 --write-out '\n%{http_code}' "${options[@]}" "$@" "$url")
    got=${answer##*$'\n'}
    body=${answer%$'\n'*}
    if [ "$got" = "$status" ] && [[ $body == "$start"* ]]; then
        printf 'ok      %s: %s\n' "$what" "$got"
    else
        wrong=1
        printf 'WRONG   %s: %s instead of %s: %s\n' "$what" "$got" "$status" "$(meaning "$got" "$body")"
    fi
}

expect "no token" 401 '{"error":"Missing authorization token"'
expect "a token that is none" 401 '{"error":"Invalid token"' --header 'authorization: Bearer none'
expect "a claim header without a token" 401 '{"error":"Missing authorization token"' \
    --header 'x-jwt-sub: admin' --header 'x-envoy-auth-failure-mode-allowed: true'
exit "$wrong"
