//! The examples and exit statuses at the end of each command's help.

pub(crate) const ALL: &str = "\
Start here:
  accredit dev                                   try accredit without other software
  accredit check accredit.yaml                   validate a configuration
  accredit serve --config accredit.yaml          run the service
  accredit explain -c accredit.yaml < token      why is a token accepted or denied?

Exit status:
  0  the command succeeded; explain: the decision is allow or shadow
  1  the command failed; test: a decision is not as expected
  2  bad usage or bad configuration
  3  explain: the decision is deny; import: something was left out";

pub(crate) const SERVE: &str = "\
Examples:
  accredit serve --config accredit.yaml
  accredit serve --issuer https://acme.scalekit.dev --audience api.acme.example

Exit status:
  0  stopped by SIGTERM or SIGINT, after the drain
  1  a socket cannot be bound, or a second signal ended the drain
  2  bad usage or bad configuration";

pub(crate) const CHECK: &str = "\
Examples:
  accredit check accredit.yaml
  accredit check --online --deny-warnings accredit.yaml
  kubectl get configmap accredit -o jsonpath='{.data.accredit\\.yaml}' | accredit check -

Exit status:
  0  the configuration is valid
  1  --online: a fetch failed, or a key set is empty
  2  the configuration has errors, or warnings with --deny-warnings";

pub(crate) const EXPLAIN: &str = "\
Examples:
  accredit explain -c accredit.yaml --method GET --path /deployments/7 < token
  accredit explain --admin 127.0.0.1:9192 --token-file token --json

Exit status:
  0  the decision is allow, or shadow: a rule on trial admits the request
  1  the command failed, for example because the service at --admin does not answer
  2  bad usage or bad configuration
  3  the decision is deny";

pub(crate) const TAIL: &str = "\
Examples:
  accredit tail --denied
  accredit tail --reason expired --rule deployments
  accredit tail --request 4b1f7c2e-1c0a-4d3e-9b51-0a6f2d8c7e90

Exit status:
  0  the request was found
  1  the service does not answer, or the request was not found
  2  bad usage";

pub(crate) const KEYS: &str = "\
Examples:
  accredit keys
  accredit keys --refresh --json

Exit status:
  0  the keys are shown
  1  the service does not answer, or a fetch of --refresh failed
  2  bad usage";

pub(crate) const TEST: &str = "\
Examples:
  accredit test accredit.test.yaml
  accredit test --junit report.xml tests/*.yaml
  accredit test --config accredit.yaml cases.yaml

Exit status:
  0  every decision is as expected
  1  a decision differs
  2  bad usage, bad test cases or bad configuration";

pub(crate) const COMPLETIONS: &str = "\
Examples:
  accredit completions bash > /etc/bash_completion.d/accredit
  source <(accredit completions zsh)
  accredit completions fish > ~/.config/fish/completions/accredit.fish";

pub(crate) const IMPORT: &str = "\
Examples:
  accredit import envoy.yaml > accredit.yaml
  kubectl get requestauthentications,authorizationpolicies -n shop -o yaml | accredit import -
  accredit import security-policies.yaml http-routes.yaml > accredit.yaml

Exit status:
  0  everything was carried over
  2  bad usage, or nothing could be read
  3  something was left out; standard error names it";
