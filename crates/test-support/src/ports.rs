//! Free ports for Envoy's listeners: Envoy does not report a port that the system chose.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range that systems hand out by themselves, so that no client connection of a
/// test that runs at the same time takes the port between its choice and its use.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A free loopback address, given out once in this process.
pub fn free_address() -> SocketAddr {
    // Test processes that run side by side start at different places.
    let start = u16::try_from(std::process::id() % 1_200).unwrap() * 10;
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + (start + step) % COUNT;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}
