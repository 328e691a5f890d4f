//! The file descriptors of the process, and how many of them each port can use (CONTRACT 7.3.4).

use std::num::NonZeroUsize;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::server::limits::ConnectionLimits;

/// Descriptors of a thread with a runtime of its own: its epoll instance, its wake-up, and a second handle of a socket.
const PER_THREAD: usize = 8;

/// Descriptors of files that are being read, and of connections to issuers and to Redis.
const OF_FILES: usize = 64;

/// Raises the process' limit of open descriptors as far as it may, and returns the limit that is in force. A service manager often
/// sets a low limit that programs are expected to raise, because `select` cannot use more. accredit does not use `select`.
pub(crate) fn raise_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // It fails if the system's own limit is lower. The present one then stays.
    let _ = setrlimit(Resource::Nofile, raised);
    let current = getrlimit(Resource::Nofile).current;
    current.map_or(usize::MAX, |current| {
        usize::try_from(current).unwrap_or(usize::MAX)
    })
}

/// How many descriptors each port can use. Without shares, the connections of one port could keep the others from accepting any:
/// a service whose probes are not answered is restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DescriptorShares {
    pub(crate) checks: usize,
    /// Of `admin_listen`, and of `probe_listen`.
    pub(crate) few: usize,
}

impl DescriptorShares {
    /// Divides the descriptors of a process with that many processors.
    pub(crate) fn of(limit: usize, processors: NonZeroUsize) -> DescriptorShares {
        let needed = OF_FILES.saturating_add(processors.get().saturating_mul(PER_THREAD));
        let reserved = needed.min(limit / 4);
        let few = (limit / 8).min(needed_for(&ConnectionLimits::of_few()));
        DescriptorShares {
            checks: limit - reserved - 2 * few,
            few,
        }
    }
}

/// The descriptors that a port with these limits can use: a quarter more than its connections, for those that are being closed.
fn needed_for(limits: &ConnectionLimits) -> usize {
    (limits.max_connections + limits.max_opening).div_ceil(3) * 4
}

impl ConnectionLimits {
    /// Reduces the number of connections to what this many descriptors permit.
    pub(crate) fn within(self, descriptors: usize) -> ConnectionLimits {
        if needed_for(&self) <= descriptors {
            return self;
        }
        let total = descriptors / 4 * 3;
        let max_opening = (total / 5).clamp(1, self.max_opening);
        ConnectionLimits {
            max_opening,
            max_connections: (total - max_opening.min(total)).clamp(1, self.max_connections),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

    #[test]
    fn a_high_limit_leaves_the_connections_as_they_are() {
        let shares = DescriptorShares::of(1 << 20, TWO);
        for (limits, share) in [
            (ConnectionLimits::default(), shares.checks),
            (ConnectionLimits::of_few(), shares.few),
        ] {
            assert_eq!(limits.within(share), limits);
        }
    }

    #[test]
    fn the_connections_of_all_ports_fit_into_a_low_limit() {
        for limit in [16, 64, 256, 1024, 4096] {
            let shares = DescriptorShares::of(limit, TWO);
            let connections = |limits: ConnectionLimits, share| {
                let limits = limits.within(share);
                assert!(limits.max_opening > 0 && limits.max_connections > 0);
                limits.max_opening + limits.max_connections
            };
            let checks = connections(ConnectionLimits::default(), shares.checks);
            let few = connections(ConnectionLimits::of_few(), shares.few);
            assert!(
                checks + 2 * few <= limit * 3 / 4 + 1,
                "{limit}: {checks} and {few}"
            );
            assert!(checks >= limit / 4, "{limit}: {checks}");
        }
    }
}
