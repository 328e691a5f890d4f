//! The URL of the shared memory of used proofs, which can contain a password.

use super::{issuer, problems, resolved};
use crate::config::load;

#[test]
fn a_redis_url_is_checked_and_no_problem_shows_it() {
    let replay = |url: &str| issuer(&format!("replay: {{ redis: \"{url}\" }}\n"));
    let settings = resolved(&replay("rediss://u:secret@redis.example/1"));
    let settings = settings.expect("is valid").settings.replay;
    assert_eq!(settings.size, 100_000);
    let redis = settings.redis.expect("is set");
    assert_eq!(redis.to_string(), "rediss://redis.example:6379");
    for (url, problem) in [
        (
            "http://:secret@redis.example",
            "the scheme is neither `redis` nor `rediss`",
        ),
        (
            "redis://:secret@redis.example/secret",
            "the path is not the number of a database",
        ),
        ("redis://:secret@", "this is not a URL"),
        (
            "redis://:secret@redis.example",
            "the password crosses the network in the clear",
        ),
    ] {
        let problems = problems(&replay(url));
        assert!(problems.contains("replay.redis"), "{problems}");
        assert!(problems.contains(problem), "{problems}");
        assert!(!problems.contains("secret"), "{problems}");
    }
    for url in [
        "redis://:secret@127.0.0.1",
        "redis://redis.example:7000",
        "rediss://:secret@[2001:db8::1]",
    ] {
        assert_eq!(problems(&replay(url)), "", "{url}");
    }
}

#[test]
fn no_debug_text_of_a_configuration_has_the_password_of_its_redis_url() {
    let text = issuer("replay: { redis: \"rediss://u:secret@redis.example\" }\n");
    let (document, _) = load::read(&text, &|_| None).expect("is valid");
    let settings = resolved(&text).expect("is valid").settings;
    let replay = format!("{:?}", document.replay);
    assert!(!format!("{document:?}").contains("secret"));
    for text in [replay, format!("{settings:?}")] {
        assert!(text.contains("edis"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
