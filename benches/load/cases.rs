//! The services beside the floor: known tokens, no token, tokens at first sight, and memory.

use bytes::Bytes;
use serde_json::json;

use crate::checks::CheckConnection;
use crate::client::Client;
use crate::configuration::{configuration, without_token_cache};
use crate::core;
use crate::cost::{CHECKS, ROUNDS, cpu_paced, cpu_per_check};
use crate::figures::{TABLE_HEAD, median, row};
use crate::first_sight::FirstSight;
use crate::long_token;
use crate::messages::{Minter, check};
use crate::process::{Process, ProcessCommand, Transport};

/// The checks of one case, and the service that answers them.
struct Case<'a> {
    name: &'static str,
    goal: &'static str,
    process: &'a Process,
    messages: Vec<Bytes>,
    /// The gRPC status code of the answers.
    code: i32,
}

/// The rows of the report, and the CPU time of the floor per check in microseconds.
pub(crate) async fn measure() -> (String, f64) {
    let minter = Minter::new();
    let keys = minter.key_set();
    let floor = ProcessCommand::floor(Transport::Tcp).start();
    let usual = Process::accredit(&configuration(&keys, 2, 10));
    let idle = usual.memory();
    let forgetting = Process::accredit(&without_token_cache(&configuration(&keys, 2, 10)));
    let many_rules = Process::accredit(&configuration(&keys, 2, 1000));
    let many_issuers = Process::accredit(&configuration(&keys, 1000, 10));

    let tokens: Vec<String> = (0..8000)
        .map(|client| minter.token(client, json!({})))
        .collect();
    let checks = |count: usize, path: &str| -> Vec<Bytes> {
        let tokens = tokens.iter().take(count).enumerate();
        tokens
            .map(|(number, token)| check(Some(token), path, number))
            .collect()
    };
    let long = minter.token(1, json!({"padding": "x".repeat(long_token::PADDING)}));
    let case = |name, goal, process, messages, code| Case {
        name,
        goal,
        process,
        messages,
        code,
    };
    let cases = [
        case("known token", "0.65", &usual, checks(16, "/api/data"), 0),
        case(
            "known token, 8,000 in turn",
            "0.80",
            &usual,
            checks(8000, "/api/data"),
            0,
        ),
        case(
            "known token, a rule with `when`",
            "1.15 of without",
            &usual,
            checks(16, "/api/when"),
            0,
        ),
        case(
            "known token, 1,000 rules",
            "1.05 of 10",
            &many_rules,
            checks(16, "/api/data"),
            0,
        ),
        case(
            "known token, 1,000 issuers",
            "1.05 of 2",
            &many_issuers,
            checks(16, "/api/data"),
            0,
        ),
        case(
            "known token of 8 KiB",
            "",
            &usual,
            vec![check(Some(&long), "/api/data", 1)],
            0,
        ),
        case(
            "no token",
            "0.60",
            &usual,
            vec![check(None, "/api/data", 1)],
            16,
        ),
    ];
    for case in &cases {
        let client = Client::connect(case.process.address).await;
        assert_eq!(
            client.code(&case.messages[0]).await,
            case.code,
            "{}",
            case.name
        );
        // Warm: caches and buffers have their sizes, and every token is known.
        CheckConnection::connect(case.process.address).closed_loop(&case.messages, 10_000);
    }
    // The same long messages, answered by the floor, whose part of the cost is subtracted.
    let long_message = vec![check(Some(&long), "/api/data", 1)];
    let floor_messages = checks(16, "/api/data");

    let mut ratios = vec![Vec::new(); cases.len()];
    let (mut long_floor, mut floors, mut paced) = (Vec::new(), Vec::new(), Vec::new());
    let mut first_sight = FirstSight::new(&minter, &floor, &usual, &forgetting);
    for _ in 0..ROUNDS {
        let mut of_floor = 0.0;
        for (case, ratios) in cases.iter().zip(&mut ratios) {
            // Just before each case: the speed of the machine changes within seconds.
            of_floor = cpu_per_check(&floor, &floor_messages[0], &floor_messages, CHECKS);
            floors.push(of_floor);
            let own = cpu_per_check(case.process, &case.messages[0], &case.messages, CHECKS);
            ratios.push(own / of_floor);
        }
        long_floor.push(cpu_per_check(&floor, &long_message[0], &long_message, CHECKS) / of_floor);
        let own = cpu_paced(&usual, &floor_messages);
        paced.push(own / cpu_paced(&floor, &floor_messages));
        first_sight.round();
    }

    let known = median(&ratios[0]);
    let mut report = TABLE_HEAD.to_owned();
    let mut row = |name: &str, value: f64, goal: &str| row(&mut report, name, value, goal);
    for (case, ratios) in cases.iter().zip(&ratios) {
        row(&format!("{} ÷ floor", case.name), median(ratios), case.goal);
    }
    row(
        "the same at 2,000 checks a second, open loop ÷ floor",
        median(&paced),
        "0.85",
    );
    row("`when` ÷ without", median(&ratios[2]) / known, "1.15");
    row("1,000 rules ÷ 10", median(&ratios[3]) / known, "1.05");
    row("1,000 issuers ÷ 2", median(&ratios[4]) / known, "1.05");
    let beyond = long_token::beyond_bytes(median(&ratios[5]), median(&long_floor), known);
    row(long_token::NAME, beyond, "1.02");
    for (name, value, goal) in first_sight.figures() {
        row(name, value, goal);
    }
    row(core::NAME, core::judgement(&minter), "0.5");
    row("memory, idle, MiB", idle, "20");
    let memory = full_cache(&minter, &keys);
    row(
        "memory after 100,000 tokens, `token_cache: 64MiB`, MiB",
        memory,
        "100",
    );
    (report, median(&floors))
}

/// The memory of a service that has seen 100,000 tokens.
fn full_cache(minter: &Minter, keys: &str) -> f64 {
    let process = Process::accredit(&configuration(keys, 2, 10));
    let mut connection = CheckConnection::connect(process.address);
    for batch in 0..100 {
        let messages: Vec<Bytes> = (0..1000)
            .map(|number| {
                let token = minter.token(batch * 1000 + number, json!({}));
                check(Some(&token), "/api/data", number)
            })
            .collect();
        connection.closed_loop(&messages, messages.len());
    }
    process.memory()
}
