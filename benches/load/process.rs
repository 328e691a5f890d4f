//! Processes that answer checks: started on one core, and asked for their CPU time and memory.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The core of the processes under test. The load comes from the other cores.
const CORE: &str = "0";

pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
    _folder: Option<tempfile::TempDir>,
}

impl Process {
    /// accredit with this configuration, without its listeners.
    pub(crate) fn accredit(configuration: &str) -> Process {
        let (address, admin) = (free_address(), free_address());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("accredit.yaml");
        let text = format!("listen: {address}\nadmin_listen: {admin}\n{configuration}");
        std::fs::write(&file, text).unwrap();
        let program = env!("CARGO_BIN_EXE_accredit");
        let mut command = on_one_core(program);
        command.args(["serve", "--config"]).arg(&file);
        Process::start(command, address, Some(folder))
    }

    /// The floor: this program in another role.
    pub(crate) fn floor() -> Process {
        let address = free_address();
        let program = std::env::current_exe().unwrap();
        let mut command = on_one_core(program.to_str().unwrap());
        command.args(["floor", &address.to_string()]);
        Process::start(command, address, None)
    }

    fn start(
        mut command: Command,
        address: SocketAddr,
        folder: Option<tempfile::TempDir>,
    ) -> Process {
        let child = command.stderr(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "does not listen"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Process {
            child,
            address,
            _folder: folder,
        }
    }

    /// The CPU time of all threads, kernel included.
    pub(crate) fn cpu(&self) -> Duration {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        tasks
            .map(|task| cpu_of(&task.unwrap().path().join("schedstat")))
            .sum()
    }

    /// The resident memory in MiB.
    pub(crate) fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib: f64 = line
            .and_then(|line| line.split_whitespace().nth(1))
            .unwrap()
            .parse()
            .unwrap();
        kib / 1024.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The CPU time of the calling thread.
pub(crate) fn own_cpu() -> Duration {
    cpu_of("/proc/thread-self/schedstat".as_ref())
}

fn cpu_of(schedstat: &std::path::Path) -> Duration {
    let text = std::fs::read_to_string(schedstat).unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

fn on_one_core(program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", CORE, program]);
    command
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}
