//! One running program, from its start until it is dropped, and the lines it wrote.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Far beyond what any of them needs: only a program that hangs reaches it.
const LIMIT: Duration = Duration::from_secs(60);

/// A program that is killed when dropped, and shows what it wrote when the test fails.
pub(crate) struct Program {
    name: String,
    lines: watch::Receiver<Vec<String>>,
    _child: Child,
    _reading: JoinSet<()>,
}

impl Program {
    /// Starts it. Nothing of this machine's proxies reaches it: every server is on loopback.
    pub(crate) fn start(name: &str, mut command: Command) -> Self {
        let mut child = command
            .env("NO_PROXY", "*")
            .env("no_proxy", "*")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        let (sender, lines) = watch::channel(Vec::new());
        let mut reading = JoinSet::new();
        reading.spawn(read(child.stdout.take().unwrap(), sender.clone()));
        reading.spawn(read(child.stderr.take().unwrap(), sender));
        Self {
            name: name.to_owned(),
            lines,
            _child: child,
            _reading: reading,
        }
    }

    /// What `look` finds in the first line in which it finds something, once such a line was written.
    pub(crate) async fn find<T>(&self, look: impl Fn(&str) -> Option<T>) -> T {
        self.find_in_all(|lines| lines.iter().find_map(|line| look(line)))
            .await
    }

    /// What `look` finds in all that was written, once it finds something.
    pub(crate) async fn find_in_all<T>(&self, look: impl Fn(&[String]) -> Option<T>) -> T {
        let mut lines = self.lines.clone();
        let found = lines.wait_for(|lines| look(lines).is_some());
        match tokio::time::timeout(LIMIT, found).await {
            Ok(Ok(lines)) => look(&lines).unwrap(),
            Ok(Err(_)) => panic!("{} ended too early", self.name),
            Err(_) => panic!("{} hangs", self.name),
        }
    }
}

async fn read(stream: impl AsyncRead + Unpin, lines: watch::Sender<Vec<String>>) {
    let mut written = BufReader::new(stream).lines();
    while let Ok(Some(line)) = written.next_line().await {
        lines.send_modify(|lines| lines.push(line));
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("=== {} ===\n{}", self.name, self.lines.borrow().join("\n"));
        }
    }
}
