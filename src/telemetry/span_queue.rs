//! A bounded queue of spans, and the thread that exports them. A check never waits for the receiver of spans.
//!
//! The SDK's `BatchSpanProcessor` is not used: it keeps its number of dropped spans to itself, has no limit on the time
//! of an export, and cannot drive an HTTP client of tokio.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc as done};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use opentelemetry::Context;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// How spans are batched (`OTEL_BSP_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanBatching {
    pub max_queue: usize,
    /// Spans in one export.
    pub max_batch: usize,
    /// How long a batch waits to be filled.
    pub delay: Duration,
    /// How long an export may take.
    pub timeout: Duration,
}

/// Spans that have left the queue, or found it full.
#[derive(Debug, Default)]
pub struct SpanCounts {
    /// The receiver took them.
    pub exported: AtomicU64,
    /// The queue was full, or the export failed.
    pub dropped: AtomicU64,
}

/// The sending end of the queue.
#[derive(Debug)]
pub struct SpanQueue {
    spans: ArcSwapOption<mpsc::Sender<SpanData>>,
    ended: Mutex<done::Receiver<()>>,
    counts: Arc<SpanCounts>,
}

impl SpanQueue {
    /// Starts the thread that exports; it ends with [`SpanProcessor::shutdown`].
    ///
    /// # Errors
    /// The system starts no thread.
    pub fn start<E: SpanExporter + 'static>(
        runtime: Runtime,
        exporter: E,
        batching: SpanBatching,
        counts: Arc<SpanCounts>,
    ) -> std::io::Result<SpanQueue> {
        let (sender, receiver) = mpsc::channel(batching.max_queue);
        let (end, ended) = done::channel();
        let thread = ExportThread {
            exporter,
            batching,
            counts: counts.clone(),
        };
        std::thread::Builder::new()
            .name("spans".to_owned())
            .spawn(move || {
                runtime.block_on(thread.run(receiver));
                // A connection that hangs must not delay the end of the process.
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

struct ExportThread<E> {
    exporter: E,
    batching: SpanBatching,
    counts: Arc<SpanCounts>,
}

impl<E: SpanExporter> ExportThread<E> {
    async fn run(self, mut spans: mpsc::Receiver<SpanData>) {
        let mut failing = false;
        loop {
            let mut batch = Vec::new();
            if spans.recv_many(&mut batch, self.batching.max_batch).await == 0 {
                return;
            }
            let filled = async {
                while batch.len() < self.batching.max_batch {
                    let room = self.batching.max_batch - batch.len();
                    if spans.recv_many(&mut batch, room).await == 0 {
                        return;
                    }
                }
            };
            let _ = tokio::time::timeout(self.batching.delay, filled).await;
            self.export(batch, &mut failing).await;
        }
    }

    async fn export(&self, batch: Vec<SpanData>, failing: &mut bool) {
        let count = batch.len() as u64;
        let sent = tokio::time::timeout(self.batching.timeout, self.exporter.export(batch)).await;
        if matches!(sent, Ok(Ok(()))) {
            self.counts.exported.fetch_add(count, Ordering::Relaxed);
            if std::mem::take(failing) {
                tracing::info!("span export works again");
            }
            return;
        }
        self.counts.dropped.fetch_add(count, Ordering::Relaxed);
        if !std::mem::replace(failing, true) {
            // Without the library's text, which can quote addresses and headers with secrets.
            tracing::warn!(
                "span export failed; dropping spans until the receiver takes them again"
            );
        }
    }
}
