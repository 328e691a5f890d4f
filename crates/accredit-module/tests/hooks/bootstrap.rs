//! The bootstrap extension: Envoy's readiness, statistics, pages of its admin, and its end.

use std::ptr;

use accredit_module::host::hooks::bootstrap::{
    envoy_dynamic_module_on_bootstrap_extension_config_destroy as config_destroy,
    envoy_dynamic_module_on_bootstrap_extension_config_scheduled as config_scheduled,
    envoy_dynamic_module_on_bootstrap_extension_new as new,
    envoy_dynamic_module_on_bootstrap_extension_server_initialized as server_initialized,
    envoy_dynamic_module_on_bootstrap_extension_shutdown as shutdown,
};
use accredit_test_support::keys::{rsa, set};

use crate::fake_bootstrap::FakeBootstrap;
use crate::module_log::logged;

const WAIT_ENDED: u64 = 1;
const METRICS_DUE: u64 = 2;

const ISSUER: &str = "https://bootstrap.test";

fn configuration() -> String {
    let keys = set([rsa(0).jwk("k")]);
    format!(
        "issuers: [{{ issuer: '{ISSUER}', audiences: [api.test], jwks: {{ inline: '{keys}' }} }}]\n"
    )
}

#[test]
fn the_extension_publishes_statistics_and_pages_and_says_that_envoy_may_listen() {
    let extension = FakeBootstrap::start("accredit", configuration().as_bytes()).unwrap();
    assert_eq!(extension.main().pages, ["/accredit", "/accredit/metrics"]);
    extension.initialize();
    let keys = ("accredit_jwks_keys".to_owned(), vec![ISSUER.to_owned()]);
    assert_eq!(extension.main().values.remove(&keys), Some(1));
    assert_eq!(extension.main().ready, 0);
    extension.run_event(METRICS_DUE);
    // It has not changed.
    assert_eq!(extension.main().values.get(&keys), None);
    extension.run_event(WAIT_ENDED);
    assert_eq!(extension.main().ready, 1);
    let (status, body) = extension.page("/accredit?any");
    assert!(status == 200 && body.contains(ISSUER), "{status} {body}");
    let (status, body) = extension.page("/accredit/metrics");
    assert!(
        status == 200 && body.contains("accredit_jwks_keys{"),
        "{status} {body}"
    );
    assert_eq!(extension.page("/accredit/other").0, 404);
    assert!(extension.shut_down());
}

#[test]
fn an_extension_without_a_configuration_of_its_own_is_permitted() {
    for empty in ["", "{}", " "] {
        let extension = FakeBootstrap::start("accredit", empty.as_bytes()).unwrap();
        extension.initialize();
        assert!(extension.shut_down());
    }
    assert!(FakeBootstrap::start("another", b"").is_none());
    let wrong = configuration() + "admin_listen: 0.0.0.0:1\n";
    assert!(FakeBootstrap::start("accredit", wrong.as_bytes()).is_none());
    assert_eq!(logged("admin_listen (line 2): this key has no meaning"), 1);
    assert!(FakeBootstrap::start("accredit", b"\xff").is_none());
}

#[test]
fn a_null_extension_or_configuration_changes_nothing() {
    let extension = FakeBootstrap::start("accredit", b"").unwrap();
    let null = ptr::null_mut();
    unsafe {
        assert!(new(ptr::null(), null).is_null());
        server_initialized(null, ptr::null());
        config_scheduled(null, ptr::null(), METRICS_DUE);
        shutdown(null, ptr::null(), None, null);
        config_destroy(ptr::null());
    }
    assert_eq!(extension.main().ready, 0);
}
