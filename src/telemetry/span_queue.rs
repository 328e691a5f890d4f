//! Spans on their way out: a bounded queue, and a thread that sends them. Whoever makes a span never waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc as done};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use opentelemetry::Context;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// How spans are gathered (`OTEL_BSP_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gathering {
    /// Spans that may wait.
    pub queue: usize,
    /// Spans in one message.
    pub batch: usize,
    /// How long a batch may be waited for.
    pub delay: Duration,
    /// How long a batch may take to be sent.
    pub timeout: Duration,
}

/// What came of spans.
#[derive(Debug, Default)]
pub struct Counts {
    /// Taken by the receiver.
    pub exported: AtomicU64,
    /// Lost: the queue was full, or the receiver did not take them.
    pub dropped: AtomicU64,
}

/// The queue's end that spans go into.
#[derive(Debug)]
pub struct SpanQueue {
    spans: ArcSwapOption<mpsc::Sender<SpanData>>,
    ended: Mutex<done::Receiver<()>>,
    counts: Arc<Counts>,
}

impl SpanQueue {
    /// Starts the thread that sends; it ends with [`SpanProcessor::shutdown`].
    ///
    /// # Errors
    /// Those of starting a thread.
    pub fn start<E: SpanExporter + 'static>(
        runtime: Runtime,
        exporter: E,
        gathering: Gathering,
        counts: Arc<Counts>,
    ) -> std::io::Result<SpanQueue> {
        let (sender, receiver) = mpsc::channel(gathering.queue);
        let (end, ended) = done::channel();
        let sending = Sending {
            exporter,
            gathering,
            counts: counts.clone(),
        };
        std::thread::Builder::new()
            .name("spans".to_owned())
            .spawn(move || {
                runtime.block_on(sending.run(receiver));
                // A connection that hangs must not hold up the end.
                runtime.shutdown_background();
                let _ = end.send(());
            })?;
        Ok(SpanQueue {
            spans: ArcSwapOption::from_pointee(sender),
            ended: Mutex::new(ended),
            counts,
        })
    }
}

impl SpanProcessor for SpanQueue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        let spans = self.spans.load();
        let taken = spans
            .as_ref()
            .is_some_and(|spans| spans.try_send(span).is_ok());
        if !taken {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.spans.store(None);
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        match ended.recv_timeout(timeout) {
            Err(done::RecvTimeoutError::Timeout) => Err(OTelSdkError::Timeout(timeout)),
            Ok(()) | Err(done::RecvTimeoutError::Disconnected) => Ok(()),
        }
    }
}

struct Sending<E> {
    exporter: E,
    gathering: Gathering,
    counts: Arc<Counts>,
}

impl<E: SpanExporter> Sending<E> {
    async fn run(self, mut spans: mpsc::Receiver<SpanData>) {
        let mut failing = false;
        loop {
            let mut batch = Vec::new();
            if spans.recv_many(&mut batch, self.gathering.batch).await == 0 {
                return;
            }
            let filled = async {
                while batch.len() < self.gathering.batch {
                    let room = self.gathering.batch - batch.len();
                    if spans.recv_many(&mut batch, room).await == 0 {
                        return;
                    }
                }
            };
            let _ = tokio::time::timeout(self.gathering.delay, filled).await;
            self.send(batch, &mut failing).await;
        }
    }

    async fn send(&self, batch: Vec<SpanData>, failing: &mut bool) {
        let count = batch.len() as u64;
        let sent = tokio::time::timeout(self.gathering.timeout, self.exporter.export(batch)).await;
        if matches!(sent, Ok(Ok(()))) {
            self.counts.exported.fetch_add(count, Ordering::Relaxed);
            if std::mem::take(failing) {
                tracing::info!("spans are taken again");
            }
            return;
        }
        self.counts.dropped.fetch_add(count, Ordering::Relaxed);
        if !std::mem::replace(failing, true) {
            // The library's own error may quote addresses and headers, which can be secret.
            tracing::warn!(
                "spans are not taken by the receiver that OTEL_EXPORTER_OTLP_ENDPOINT names, and are lost"
            );
        }
    }
}
