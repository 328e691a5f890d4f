//! Uses proofs up in a memory that replicas share.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use accredit_core::proof::redis_url::RedisUrl;
use accredit_core::proof::shared_proof::SharedProof;
use accredit_core::token::binding_error::{BindingError, StoreFault};
use redis::aio::MultiplexedConnection;
use redis::{RedisError, RedisResult, Value};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::replay::connection::{ConnectionState, SharedConnection, keep_connected};

/// How many checks can wait for the server at the same time. Each holds its request.
const MAX_WAITING: usize = 1024;

/// A server that refuses commands is logged once in this many of them.
const REFUSALS_PER_LINE: u64 = 1000;

/// The memory on one server. Dropping it ends its connection.
pub struct ReplayStore {
    url: RedisUrl,
    state: watch::Receiver<ConnectionState>,
    sender: watch::Sender<ConnectionState>,
    waiting: Semaphore,
    counts: [AtomicU64; TakeResult::ALL.len()],
    tasks: Mutex<JoinSet<()>>,
}

/// The result of an attempt to use a proof up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TakeResult {
    Taken,
    Replayed,
    /// There is no connection.
    Unreachable,
    /// The deadline of the check passed first.
    TimedOut,
    /// Too many checks waited.
    Busy,
    /// The server refused the command, or gave another answer than it may.
    Refused,
}

impl ReplayStore {
    /// A memory that is not connected before [`ReplayStore::start`].
    pub fn new(url: RedisUrl) -> ReplayStore {
        let (sender, state) = watch::channel(ConnectionState::Connecting);
        ReplayStore {
            url,
            state,
            sender,
            waiting: Semaphore::new(MAX_WAITING),
            counts: Default::default(),
            tasks: Mutex::default(),
        }
    }

    /// Connects, on the runtime of the caller. A second call does nothing.
    pub fn start(&self) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if tasks.is_empty() {
            let connection = SharedConnection {
                url: self.url.clone(),
                state: self.sender.clone(),
            };
            tasks.spawn(async move { match keep_connected(connection).await {} });
        }
    }

    /// Whether it is the memory of this URL.
    pub fn is_for(&self, url: &RedisUrl) -> bool {
        self.url == *url
    }

    /// Whether the server answers.
    pub(crate) fn is_connected(&self) -> bool {
        matches!(*self.state.borrow(), ConnectionState::Connected(_))
    }

    /// How many attempts had each result.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (TakeResult, u64)> {
        let counts = self.counts.iter();
        let counts = counts.map(|count| count.load(Ordering::Relaxed));
        TakeResult::ALL.into_iter().zip(counts)
    }

    /// Uses a proof up, until the deadline.
    ///
    /// # Errors
    /// [`BindingError::Replayed`] if any replica used it, and [`BindingError::Store`] if that cannot be found out.
    pub async fn take(&self, proof: &SharedProof, deadline: Instant) -> Result<(), BindingError> {
        let taken = self.take_until(proof, deadline).await;
        let result = match taken {
            Ok(()) => TakeResult::Taken,
            Err(BindingError::Store(StoreFault::Unreachable)) => TakeResult::Unreachable,
            Err(BindingError::Store(StoreFault::TimedOut)) => TakeResult::TimedOut,
            Err(BindingError::Store(StoreFault::Busy)) => TakeResult::Busy,
            Err(BindingError::Store(StoreFault::Refused)) => TakeResult::Refused,
            Err(_) => TakeResult::Replayed,
        };
        if let Some(count) = self.counts.get(result as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    async fn take_until(&self, proof: &SharedProof, deadline: Instant) -> Result<(), BindingError> {
        let Ok(_place) = self.waiting.try_acquire() else {
            return Err(StoreFault::Busy.into());
        };
        match timeout_at(deadline, self.set(proof)).await {
            Ok(taken) => taken,
            // The server may still record the proof. The client needs a new proof in any case.
            Err(_) => Err(StoreFault::TimedOut.into()),
        }
    }

    async fn set(&self, proof: &SharedProof) -> Result<(), BindingError> {
        let mut connection = self.connection().await?;
        let milliseconds = u64::try_from(proof.keep.as_millis()).unwrap_or(u64::MAX);
        let mut command = redis::cmd("SET");
        command
            .arg(&proof.key)
            .arg(1)
            .arg("NX")
            .arg("PX")
            .arg(milliseconds);
        let answer: RedisResult<Value> = command.query_async(&mut connection).await;
        match answer {
            Ok(Value::Okay) => Ok(()),
            // The key exists. The type of its value does not matter.
            Ok(Value::Nil) => Err(BindingError::Replayed),
            Ok(_) => Err(StoreFault::Refused.into()),
            Err(error) if error.is_io_error() || error.is_unrecoverable_error() => {
                Err(StoreFault::Unreachable.into())
            }
            Err(error) => {
                self.report(&error);
                Err(StoreFault::Refused.into())
            }
        }
    }

    /// The connection. Waits for an attempt that is under way.
    async fn connection(&self) -> Result<MultiplexedConnection, BindingError> {
        let mut state = self.state.clone();
        let settled = state
            .wait_for(|state| !matches!(state, ConnectionState::Connecting))
            .await;
        match settled.as_deref() {
            Ok(ConnectionState::Connected(connection)) => Ok(connection.clone()),
            _ => Err(StoreFault::Unreachable.into()),
        }
    }

    fn report(&self, error: &RedisError) {
        let refused = self.counts.get(TakeResult::Refused as usize);
        let refused = refused.map_or(0, |count| count.load(Ordering::Relaxed));
        if refused.is_multiple_of(REFUSALS_PER_LINE) {
            tracing::error!(
                server = %self.url,
                %error,
                refused,
                "the memory of used proofs refuses to record proofs; requests with DPoP proofs are denied"
            );
        }
    }
}

impl TakeResult {
    pub(crate) const ALL: [TakeResult; 6] = [
        TakeResult::Taken,
        TakeResult::Replayed,
        TakeResult::Unreachable,
        TakeResult::TimedOut,
        TakeResult::Busy,
        TakeResult::Refused,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            TakeResult::Taken => "taken",
            TakeResult::Replayed => "replayed",
            TakeResult::Unreachable => "unreachable",
            TakeResult::TimedOut => "timeout",
            TakeResult::Busy => "busy",
            TakeResult::Refused => "refused",
        }
    }
}

impl fmt::Debug for ReplayStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplayStore({})", self.url)
    }
}
