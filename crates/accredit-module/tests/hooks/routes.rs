//! Configurations of routes as Envoy makes and removes them.

use std::ptr;

use accredit_module::host::abi::AbiBuffer;
use accredit_module::host::hooks::filter_config::{
    envoy_dynamic_module_on_http_filter_per_route_config_destroy as destroy,
    envoy_dynamic_module_on_http_filter_per_route_config_new as new,
};
use accredit_test_support::keys::{rsa, set};

use crate::fake_envoy::FakeEnvoy;
use crate::module_log::logged;

const CONTINUE: u32 = 0;
const STOP: u32 = 1;

fn route(name: &str, config: &[u8]) -> usize {
    unsafe { new(AbiBuffer::of(name.as_bytes()), AbiBuffer::of(config)) }.addr()
}

#[test]
fn a_route_decides_until_envoy_removes_it() {
    let keys = set([rsa(0).jwk("k")]);
    let envoy = FakeEnvoy::start(&format!(
        "issuers: [{{ issuer: 'https://routes.test', audiences: [api.test], jwks: {{ inline: '{keys}' }} }}]\n"
    ))
    .unwrap();
    let status = |route: usize| {
        let stream = envoy.stream_with(&[], |stream| stream.route = Some(route));
        let status = stream.request_headers();
        let reply = stream.end().reply.map(|reply| reply.status);
        (status, reply)
    };
    let disabled = route("accredit", b"disabled: true");
    let checked = route("accredit", b"");
    assert_eq!(status(disabled), (CONTINUE, None));
    assert_eq!(status(checked), (STOP, Some(401)));
    for route in [disabled, checked] {
        unsafe { destroy(ptr::without_provenance(route)) }
        // It may be the address of anything now.
        assert_eq!(status(route), (STOP, Some(500)));
        unsafe { destroy(ptr::without_provenance(route)) }
    }
    unsafe { destroy(ptr::null()) }
}

#[test]
fn a_wrong_configuration_of_a_route_is_refused_and_the_log_says_why() {
    // The log belongs to a configuration.
    drop(FakeEnvoy::named("other", b""));
    assert_eq!(route("another", b""), 0);
    assert_eq!(route("accredit", b"\xff"), 0);
    assert_eq!(route("accredit", b"disabled: maybe"), 0);
    assert_eq!(logged("accredit: disabled"), 1);
}
