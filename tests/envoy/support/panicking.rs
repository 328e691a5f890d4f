//! The port for checks in front of a judge that panics.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use accredit::envoy::current::Current;
use accredit::envoy::fail_closed::FailClosed;
use accredit::envoy::in_flight::InFlight;
use accredit::envoy::judge::Judge;
use accredit::envoy::port::CheckPort;
use accredit::envoy::service::CheckService;
use accredit::server::accept::{PortSettings, serve};
use accredit::server::listener::Listener;
use accredit::server::shutdown::Drain;
use accredit::server::workers::Workers;
use accredit_core::authn::authenticator::ticket::KeyTicket;
use accredit_core::authn::moment::Moment;
use accredit_core::authz::answer::Judged;
use accredit_core::authz::authorizer::Judgement;
use accredit_core::authz::denial::Denial;
use accredit_core::authz::refusal_settings::RefusalSettings;
use accredit_core::config::listen_addr::ListenAddr;
use accredit_core::request::Request;
use tokio::task::JoinSet;
use tonic::service::Routes;

struct Panics;

impl Judge for Panics {
    fn judge(&self, _: &Request<'_>, _: Moment) -> Judgement {
        panic!("on purpose")
    }

    fn judge_after(&self, _: &Request<'_>, _: Moment, _: &KeyTicket) -> Judgement {
        panic!("on purpose: no judgement is needed here");
    }

    fn refuse(&self, denial: Denial) -> Judged {
        RefusalSettings::default().refuse_call(denial)
    }
}

/// A service that runs until it is dropped.
pub(crate) struct PanickingService {
    address: SocketAddr,
    _serving: JoinSet<()>,
}

impl PanickingService {
    /// Starts it on a free port.
    pub(crate) fn start() -> Self {
        let listen: ListenAddr = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::bind(&listen).unwrap();
        let ListenAddr::Tcp(address) = listener.local_addr() else {
            panic!("it listens on a port");
        };
        let service = CheckService::new(Arc::new(Panics), Duration::from_secs(1));
        let checks = FailClosed::new(Arc::new(Current::new(service)), InFlight::new(16));
        let port = CheckPort::new(checks, Routes::default());
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let workers = Workers::start("worker", NonZeroUsize::MIN).unwrap();
            let (_trigger, drain) = Drain::new();
            let settings = PortSettings::of_checks("listen");
            serve(listener, port, settings, workers.pool(), drain)
                .await
                .unwrap();
        });
        Self {
            address,
            _serving: serving,
        }
    }

    /// The address at which checks are answered.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}
