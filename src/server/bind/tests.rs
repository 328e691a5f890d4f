//! Real sockets: modes, stale files and error texts.

use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A temporary directory.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("accredit-bind-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("a.sock")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_tcp_address_is_bound_once_and_free_again() {
    let listener = bind(&ListenAddr::Tcp("127.0.0.1:0".parse().unwrap())).unwrap();
    let addr = listener.local_addr();
    assert!(!addr.to_string().ends_with(":0"));

    let error = bind(&addr).unwrap_err();
    assert!(matches!(&error, ListenError::InUse(held) if *held == addr));
    assert_eq!(
        error.to_string(),
        format!(
            "{addr} is in use: stop the process that listens there, or listen on another address"
        )
    );

    drop(listener);
    bind(&addr).unwrap();
}

#[test]
fn an_address_of_another_machine_has_its_own_error() {
    let addr = ListenAddr::Tcp("192.0.2.1:9191".parse().unwrap());
    assert!(matches!(bind(&addr), Err(ListenError::NoSuchAddress(_))));
}

#[tokio::test]
async fn binding_works_inside_a_runtime() {
    let directory = Directory::new();
    drop(UnixListener::bind(directory.socket()).unwrap());
    bind(&ListenAddr::Unix(directory.socket())).unwrap();
    bind(&ListenAddr::Tcp("127.0.0.1:0".parse().unwrap())).unwrap();
}

#[test]
fn a_unix_socket_is_for_owner_and_group_and_goes_with_its_listener() {
    let directory = Directory::new();
    let listener = bind(&ListenAddr::Unix(directory.socket())).unwrap();
    assert_eq!(mode(&directory.socket()), UNIX_SOCKET_MODE);
    UnixStream::connect(directory.socket()).unwrap();
    drop(listener);
    assert!(!directory.socket().exists());
}

#[test]
fn a_unix_socket_is_never_open_to_others_not_even_between_bind_and_chmod() {
    let directory = Directory::new();
    let _socket = in_reactor(|| bound_unix_socket(&directory.socket())).unwrap();
    let mode = mode(&directory.socket());
    assert_eq!(mode & !UNIX_SOCKET_MODE, 0, "{mode:o}");
}

#[test]
fn a_stale_socket_file_is_replaced() {
    let directory = Directory::new();
    drop(UnixListener::bind(directory.socket()).unwrap());
    assert!(directory.socket().exists());
    let _listener = bind(&ListenAddr::Unix(directory.socket())).unwrap();
    UnixStream::connect(directory.socket()).unwrap();
}

#[test]
fn a_socket_with_a_listening_process_is_in_use() {
    let directory = Directory::new();
    let _other = UnixListener::bind(directory.socket()).unwrap();
    let error = bind(&ListenAddr::Unix(directory.socket())).unwrap_err();
    assert!(matches!(error, ListenError::InUse(_)));
    UnixStream::connect(directory.socket()).unwrap();
}

#[test]
fn a_socket_with_a_full_backlog_is_in_use() {
    let directory = Directory::new();
    let _full = in_reactor(|| {
        let socket = UnixSocket::new_stream()?;
        socket.bind(directory.socket())?;
        socket.listen(0)?.into_std()
    });
    let _waiting = UnixStream::connect(directory.socket()).unwrap();
    let error = bind(&ListenAddr::Unix(directory.socket())).unwrap_err();
    assert!(matches!(error, ListenError::InUse(_)));
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let directory = Directory::new();
    fs::write(directory.socket(), "kept").unwrap();
    let error = bind(&ListenAddr::Unix(directory.socket())).unwrap_err();
    assert!(matches!(error, ListenError::NotASocket(_)));
    assert_eq!(fs::read_to_string(directory.socket()).unwrap(), "kept");
}

#[test]
fn a_missing_directory_is_named() {
    let directory = Directory::new();
    let error = bind(&ListenAddr::Unix(directory.0.join("run/a.sock"))).unwrap_err();
    assert!(
        matches!(&error, ListenError::MissingDirectory(path) if *path == directory.0.join("run"))
    );
}

#[test]
fn the_socket_of_a_successor_is_not_removed() {
    let directory = Directory::new();
    let listener = bind(&ListenAddr::Unix(directory.socket())).unwrap();
    fs::remove_file(directory.socket()).unwrap();
    let _successor = UnixListener::bind(directory.socket()).unwrap();
    drop(listener);
    UnixStream::connect(directory.socket()).unwrap();
}
