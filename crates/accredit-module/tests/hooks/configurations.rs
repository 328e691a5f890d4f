//! Configurations that begin and end.

use accredit_module::process::module_process::ModuleProcess;
use accredit_test_support::keys::{rsa, set};

use crate::fake_envoy::FakeEnvoy;
use crate::module_log::logged;

fn configuration(issuer: &str, lines: &str) -> String {
    let keys = set([rsa(0).jwk("k")]);
    format!(
        "{lines}issuers:\n  - issuer: {issuer}\n    audiences: [api.test]\n    jwks: {{ inline: '{keys}' }}\n"
    )
}

#[test]
fn a_wrong_configuration_is_refused_and_the_log_has_each_problem() {
    let good = configuration("https://a.test", "");
    assert!(FakeEnvoy::named("other", good.as_bytes()).is_none());
    assert!(logged("unknown filter_name") >= 1);
    assert!(FakeEnvoy::named("accredit", b"\xff").is_none());
    assert!(logged("the configuration of the filter is not UTF-8") >= 1);
    let wrong = configuration("https://a.test", "listen: 0.0.0.0:1\ndrain: 1s\n");
    assert!(FakeEnvoy::start(&wrong).is_none());
    assert_eq!(logged("listen (line 1): this key has no meaning"), 1);
    assert_eq!(logged("drain (line 2): this key has no meaning"), 1);
    let nested = configuration("https://a.test", "metadata_form: full\n");
    assert!(FakeEnvoy::start(&nested).is_none());
    assert_eq!(logged("metadata_form: full needs Envoy 1.40"), 1);
}

/// Envoy keeps a superseded configuration until its connections have ended.
#[test]
fn configurations_that_overlap_share_the_token_cache_and_the_key_stores() {
    let issuer = "https://shared.test";
    let first = FakeEnvoy::start(&configuration(issuer, "")).unwrap();
    let second = FakeEnvoy::start(&configuration(issuer, "token_cache: 1MiB\n")).unwrap();
    let process = ModuleProcess::get().unwrap();
    let policies: Vec<_> = process
        .policies()
        .iter()
        .map(|active| active.load())
        .filter(|policy| {
            let issuers = policy.authorizer.authenticator().issuers();
            issuers.find(issuer).is_some()
        })
        .collect();
    let [older, newer] = policies.as_slice() else {
        panic!("{} configurations", policies.len());
    };
    let caches = [older, newer].map(|policy| policy.authorizer.authenticator().token_cache());
    assert!(std::sync::Arc::ptr_eq(caches[0], caches[1]));
    let entry = |number: usize| {
        let issuers = policies[number].authorizer.authenticator().issuers();
        issuers.find(issuer).unwrap().1.keys.clone()
    };
    assert!(std::sync::Arc::ptr_eq(&entry(0), &entry(1)));
    drop((first, second));
}
