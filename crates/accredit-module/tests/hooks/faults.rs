//! Faults: each is a refusal with the status 500, and never an admission.

use std::ptr;

use accredit_module::host::hooks::filter::{
    envoy_dynamic_module_on_http_filter_destroy as destroy,
    envoy_dynamic_module_on_http_filter_new as new,
    envoy_dynamic_module_on_http_filter_request_body as request_body,
    envoy_dynamic_module_on_http_filter_request_headers as request_headers,
    envoy_dynamic_module_on_http_filter_request_trailers as request_trailers,
    envoy_dynamic_module_on_http_filter_scheduled as scheduled,
};
use accredit_module::host::hooks::filter_config::envoy_dynamic_module_on_http_filter_config_destroy as config_destroy;
use accredit_test_support::keys::{rsa, set};
use accredit_test_support::token::Token;

use crate::fake_envoy::{FakeEnvoy, Streaming};
use crate::fake_stream::{FakeStream, Reply, pointer};

const STOP: u32 = 1;

const ISSUER: &str = "https://one.test";

/// A configuration that admits the request of each test, so that only the fault refuses it.
fn envoy() -> FakeEnvoy {
    let keys = set([rsa(0).jwk("k")]);
    let config = format!(
        "issuers:\n  - issuer: {ISSUER}\n    audiences: [api.test]\n    jwks: {{ inline: '{keys}' }}\n"
    );
    FakeEnvoy::start(&config).unwrap()
}

fn good(envoy: &FakeEnvoy, change: impl FnOnce(&mut FakeStream)) -> Streaming {
    let token = Token::of(ISSUER).signed(rsa(0));
    envoy.stream_with(&[("authorization", &format!("Bearer {token}"))], change)
}

fn is_internal_error(reply: &Reply) {
    assert_eq!(reply.status, 500);
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert!(reply.headers.contains(&header("grpc-status", "13")));
    assert!(reply.headers.contains(&header("cache-control", "no-store")));
    assert_eq!(reply.details, "accredit_denied[internal_error]");
    assert_eq!(
        reply.body,
        r#"{"error":"Authorization temporarily unavailable"}"#
    );
}

#[test]
fn a_null_filter_is_refused_by_every_hook() {
    let envoy = envoy();
    let stream = good(&envoy, |_| ());
    let (null, own) = (ptr::null_mut(), pointer(&stream.stream));
    unsafe {
        assert_eq!(request_headers(own, null, false), STOP);
        assert_eq!(request_body(own, null, false), STOP);
        assert_eq!(request_body(own, null, true), STOP);
        assert_eq!(request_trailers(own, null), STOP);
    }
    is_internal_error(&stream.reply().unwrap());
    let ended = stream.end();
    assert_eq!(ended.continued, 0);
    let stream = good(&envoy, |_| ());
    unsafe { scheduled(pointer(&stream.stream), null, 1) };
    is_internal_error(&stream.reply().unwrap());
    assert_eq!(stream.end().continued, 0);
    // Nothing to destroy.
    unsafe {
        destroy(null);
        config_destroy(ptr::null());
    }
}

#[test]
fn a_null_stream_or_configuration_of_envoy_admits_nothing() {
    let envoy = envoy();
    let null = ptr::null_mut();
    unsafe {
        assert!(new(ptr::null(), null).is_null());
        assert_eq!(request_headers(null, null, true), STOP);
        scheduled(null, null, 1);
    }
    let stream = good(&envoy, |_| ());
    assert_eq!(stream.request_headers(), 0);
    stream.end();
}

#[test]
fn headers_that_envoy_does_not_give_or_change_are_a_refusal() {
    let envoy = envoy();
    let stream = good(&envoy, |stream| stream.hides_headers = true);
    assert_eq!(stream.request_headers(), STOP);
    assert_eq!(stream.reply().unwrap().status, 400);
    assert_eq!(stream.request_body(), STOP);
    stream.end();
    let stream = good(&envoy, |stream| stream.takes_no_changes = true);
    assert_eq!(stream.request_headers(), STOP);
    is_internal_error(&stream.reply().unwrap());
    assert_eq!(stream.request_body(), STOP);
    stream.end();
}

#[test]
fn headers_that_arrive_twice_are_a_fault() {
    let envoy = envoy();
    let stream = good(&envoy, |_| ());
    assert_eq!(stream.request_headers(), 0);
    assert_eq!(stream.request_headers(), STOP);
    is_internal_error(&stream.reply().unwrap());
    assert_eq!(stream.request_body(), STOP);
    stream.end();
}

#[test]
fn a_panic_is_a_refusal() {
    let envoy = envoy();
    let stream = good(&envoy, |stream| stream.counts_too_many = true);
    assert_eq!(stream.request_headers(), STOP);
    is_internal_error(&stream.reply().unwrap());
    let denied = ("accredit_denied", None);
    let reason = ("accredit_denials", Some("internal_error".to_owned()));
    let counted = [denied, reason, ("accredit_faults", None)];
    assert_eq!(stream.counted(), counted);
    // The stream stays refused.
    assert_eq!(stream.request_body(), STOP);
    stream.end();
    // The next request is checked as ever.
    let stream = good(&envoy, |_| ());
    assert_eq!(stream.request_headers(), 0);
    stream.end();
}

/// A name that is not UTF-8 makes the module refuse the request: it could not be removed by that name.
#[test]
fn a_header_name_that_is_no_text_is_refused() {
    let envoy = envoy();
    let stream = good(&envoy, |stream| {
        // Envoy's header names are tokens. This one stands for a fault of Envoy.
        let name = unsafe { String::from_utf8_unchecked(vec![b'x', 0xff]) };
        stream.headers.push((name, Vec::new()));
    });
    assert_eq!(stream.request_headers(), STOP);
    assert_eq!(stream.reply().unwrap().status, 400);
    stream.end();
}
