//! What is told of a set, how long the pauses are, and whole lives of a store under a clock that tests turn.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{refresh_delay, retry_delay, tell_of};
use crate::jwks::key_set::KeySet;
use crate::jwks::source::KeySource;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("is whole").write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn told_of(text: &str) -> String {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let set = KeySet::parse(text.as_bytes()).expect("is a set");
    let source = KeySource::File("keys.json".into());
    tracing::subscriber::with_default(subscriber, || tell_of(&set, &source));
    let lines = lines.0.lock().expect("is whole");
    String::from_utf8_lossy(&lines).into_owned()
}

const KEY: &str =
    r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;

#[test]
fn a_set_of_very_many_bad_keys_fills_no_log() {
    let told = told_of(&format!("{{\"keys\":[{{{KEY}}}{}]}}", ",0".repeat(100_000)));
    assert_eq!(told.lines().count(), 9, "{told}");
    assert!(told.contains("keys=99992"), "{told}");
}

#[test]
fn a_published_private_key_is_told_of_and_not_shown() {
    let told = told_of(&format!(
        r#"{{"keys":[{{{KEY},"d":"c2VjcmV0"}},{{{KEY}}}]}}"#
    ));
    assert!(
        told.contains("ERROR") && told.contains("private keys"),
        "{told}"
    );
    assert!(
        told.contains("keys=1") && !told.contains("c2VjcmV0"),
        "{told}"
    );
    assert_eq!(told_of(&format!(r#"{{"keys":[{{{KEY}}}]}}"#)), "");
}

fn seconds(delay: Duration) -> f64 {
    (delay.as_secs_f64() * 1000.0).round() / 1000.0
}

#[test]
fn a_refresh_comes_ahead_of_the_age() {
    let five_minutes = Duration::from_secs(300);
    let delay = |max_age: Option<u64>, fraction| {
        seconds(refresh_delay(
            five_minutes,
            max_age.map(Duration::from_secs),
            fraction,
        ))
    };
    assert_eq!(delay(None, 0.0), 240.0);
    assert_eq!(delay(None, 1.0), 285.0);
    assert_eq!(delay(Some(100), 0.0), 80.0);
    assert_eq!(delay(Some(0), 1.0), 28.5, "never under 30 s of age");
    assert_eq!(delay(Some(86_400), 0.0), 240.0, "the shorter one wins");
    assert_eq!(
        seconds(refresh_delay(
            Duration::from_secs(10),
            Some(Duration::ZERO),
            0.0
        )),
        8.0
    );
}

#[test]
fn retries_back_off_up_to_a_bound() {
    let five_minutes = Duration::from_secs(300);
    let delays: Vec<f64> = [1, 2, 3, 7, 8, 1000]
        .map(|failures| seconds(retry_delay(failures, five_minutes, 0.5)))
        .to_vec();
    assert_eq!(delays, [1.0, 2.0, 4.0, 60.0, 60.0, 60.0]);
    assert_eq!(seconds(retry_delay(1, five_minutes, 0.0)), 0.75);
    assert_eq!(seconds(retry_delay(9, Duration::from_secs(10), 0.5)), 10.0);
}

mod life;
mod many;
mod scripted;
mod sequences;
