//! The cost of a request through a real Envoy, to the service that Envoy asks: over TCP and over a unix socket.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use crate::client::Client;
use crate::configuration::configuration;
use crate::cost::{ROUNDS, micros};
use crate::envoy::{Envoy, EnvoyConfig};
use crate::figures::median;
use crate::messages::Minter;
use crate::process::{Process, ProcessCommand, Transport};

const REQUESTS: usize = 10_000;

/// A service and the Envoy before it.
struct Pair {
    service: Process,
    envoy: Envoy,
}

/// The rows of the report.
pub(crate) async fn measure(program: &Path) -> String {
    let minter = Minter::new();
    let configuration = configuration(&minter.key_set(), 2, 10);
    let tokens: Vec<String> = (0..16)
        .map(|client| minter.token(client, json!({})))
        .collect();
    let mut report = String::new();
    for (name, transport) in [("TCP", Transport::Tcp), ("a unix socket", Transport::Unix)] {
        let floor = Pair::start(program, ProcessCommand::floor(transport));
        let own = Pair::start(program, ProcessCommand::accredit(&configuration, transport));
        let mut ratios = Vec::new();
        for round in 0..=ROUNDS {
            let ratio = own.cost(&tokens).await / floor.cost(&tokens).await;
            // The first round warms.
            if round > 0 {
                ratios.push(ratio);
            }
        }
        // Writing to a String cannot fail.
        let _ = writeln!(
            report,
            "| known token through Envoy over {name}: the service ÷ floor | {:.2} | 0.75 |",
            median(&ratios)
        );
    }
    report
}

impl Pair {
    fn start(program: &Path, service: ProcessCommand) -> Pair {
        let config = EnvoyConfig::with_ext_authz(service.endpoint());
        let service = service.start();
        let envoy = Envoy::start(program, config);
        Pair { service, envoy }
    }

    /// The CPU time of the service per request, in microseconds.
    async fn cost(&self, tokens: &[String]) -> f64 {
        let client = Client::connect(self.envoy.address).await;
        let before = self.service.cpu();
        client.requests(tokens, REQUESTS).await;
        micros(self.service.cpu() - before) / REQUESTS as f64
    }
}
