//! A million entries need less than 200 MiB, seen from outside.

use std::io::{BufWriter, Write as _};
use std::path::Path;

use crate::support::check_request::ClientRequest;
use crate::support::process::{Running, accredit};

use super::place::{ISSUER, configuration, token};

/// A fifth of a million: an unoptimized binary takes seconds to read more.
const ENTRIES: u32 = 200_000;

const LIMIT: usize = 200 << 20;

fn identifier(number: u32) -> String {
    // The length of a UUID.
    format!("00000000-0000-4000-8000-{number:012}")
}

async fn serving(folder: &Path, list: &Path) -> Running {
    let config = folder.join("accredit.yaml");
    let lines = format!(
        "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\nrevoked: {{ file: '{}' }}\n",
        list.display()
    );
    std::fs::write(&config, configuration(&lines)).unwrap();
    let mut command = accredit(&["serve", "--config", config.to_str().unwrap()]);
    let mut running = Running::start(&mut command).await;
    running.wait_for_line("\"ready\"").await;
    running
}

#[tokio::test]
async fn a_million_entries_fit_into_200_mib() {
    let folder = tempfile::tempdir().unwrap();
    let [empty, long] = ["empty.yaml", "long.jsonl"].map(|name| folder.path().join(name));
    std::fs::write(&empty, "[]").unwrap();
    let mut text = BufWriter::new(std::fs::File::create(&long).unwrap());
    for number in 0..ENTRIES {
        let jti = identifier(number);
        writeln!(
            text,
            "{{\"issuer\":\"{ISSUER}\",\"jti\":\"{jti}\",\"until\":4102444800}}"
        )
        .unwrap();
    }
    drop(text);
    let without = serving(folder.path(), &empty).await.most_memory();
    let running = serving(folder.path(), &long).await;
    for number in [0, ENTRIES / 2, ENTRIES - 1] {
        let revoked = token("jti", identifier(number));
        let answer = running.check(ClientRequest::bearer(&revoked)).await;
        assert_eq!(answer.reason(), "revoked");
    }
    let other = running
        .check(ClientRequest::bearer(&token("jti", identifier(ENTRIES))))
        .await;
    assert_eq!(other.reason(), "allowed");
    let added = running.most_memory().saturating_sub(without);
    let of_a_million = added / ENTRIES as usize * 1_000_000;
    assert!(of_a_million < LIMIT, "{} MiB", of_a_million >> 20);
}
