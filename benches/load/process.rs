//! Processes that answer checks: started on one core, and asked for their CPU time and memory.

use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;

/// The core of the processes under test. The load comes from the other cores.
pub(crate) const CORE: &str = "0";

pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
    _folder: TempDir,
}

/// Where a process answers checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    /// `socket` in the folder of the process.
    Unix,
}

/// How to start a process under test.
pub(crate) struct ProcessCommand {
    program: PathBuf,
    arguments: Vec<OsString>,
    address: SocketAddr,
    folder: TempDir,
    transport: Transport,
}

impl ProcessCommand {
    /// accredit with this configuration, without its listeners.
    pub(crate) fn accredit(configuration: &str, transport: Transport) -> ProcessCommand {
        let program = std::env::var_os("ACCREDIT_BENCH_PROGRAM");
        let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_accredit").into());
        let mut command = ProcessCommand::of(program.into(), transport);
        let file = command.folder.path().join("accredit.yaml");
        let listen = match transport {
            Transport::Tcp => command.address.to_string(),
            Transport::Unix => format!("unix:{}", command.socket().display()),
        };
        let admin = free_address();
        let text = format!("listen: {listen}\nadmin_listen: {admin}\n{configuration}");
        std::fs::write(&file, text).unwrap();
        command.arguments = vec!["serve".into(), "--config".into(), file.into()];
        command
    }

    /// The floor: this program in another role.
    pub(crate) fn floor(transport: Transport) -> ProcessCommand {
        let mut command = ProcessCommand::of(std::env::current_exe().unwrap(), transport);
        let address = match transport {
            Transport::Tcp => command.address.to_string().into(),
            Transport::Unix => command.socket().into(),
        };
        command.arguments = vec!["floor".into(), address];
        command
    }

    fn of(program: PathBuf, transport: Transport) -> ProcessCommand {
        ProcessCommand {
            program,
            arguments: Vec::new(),
            address: free_address(),
            folder: tempfile::tempdir().unwrap(),
            transport,
        }
    }

    /// The unix socket of the process.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn transport(&self) -> Transport {
        self.transport
    }

    pub(crate) fn start(self) -> Process {
        let mut command = Command::new("taskset");
        command.args(["-c", CORE]).arg(&self.program);
        self.spawn(command)
    }

    /// Under callgrind, which writes its counts to `profile` at the end.
    pub(crate) fn start_counted(self, profile: &Path) -> Process {
        let mut command = Command::new("valgrind");
        let mut out = OsString::from("--callgrind-out-file=");
        out.push(profile);
        command.args(["--quiet", "--tool=callgrind"]).arg(out);
        command.arg(&self.program);
        self.spawn(command)
    }

    fn spawn(self, mut command: Command) -> Process {
        let (address, socket) = (self.address, self.socket());
        command.args(&self.arguments).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let listens = || match self.transport {
            Transport::Tcp => TcpStream::connect(address).is_ok(),
            Transport::Unix => UnixStream::connect(&socket).is_ok(),
        };
        let started = Instant::now();
        while !listens() {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "does not listen"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Process {
            child,
            address,
            _folder: self.folder,
        }
    }
}

impl Process {
    /// accredit with this configuration on one core.
    pub(crate) fn accredit(configuration: &str) -> Process {
        ProcessCommand::accredit(configuration, Transport::Tcp).start()
    }

    /// Ends the process in an orderly way.
    pub(crate) fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap();
    }

    /// The CPU time of all threads, kernel included.
    pub(crate) fn cpu(&self) -> Duration {
        cpu_of_process(&self.child)
    }

    /// The resident memory in MiB.
    pub(crate) fn memory(&self) -> f64 {
        self.status("VmRSS:")
    }

    /// The most resident memory so far, in MiB.
    pub(crate) fn peak_memory(&self) -> f64 {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name));
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
        // It may have ended already.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

/// The CPU time of all threads of a process, kernel included. They are asleep when it is read, so that it is up to date.
pub(crate) fn cpu_of_process(child: &Child) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    tasks
        .map(|task| cpu_of(&task.unwrap().path().join("schedstat")))
        .sum()
}

/// The CPU time of the calling thread. Its `schedstat` would be older: the kernel brings it up to date when the thread stops, and else
/// only at each tick, every 4 ms on many machines.
pub(crate) fn own_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap()
}

fn cpu_of(schedstat: &Path) -> Duration {
    let text = std::fs::read_to_string(schedstat).unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}
