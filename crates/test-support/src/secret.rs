//! Certificates in a folder that is laid out like a mounted Secret of Kubernetes.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::bootstrap::shipped;
use crate::certificates::Certified;

/// The name of accredit's certificate in the shipped configuration.
pub const ACCREDIT: &str = "spiffe://cluster.local/ns/accredit/sa/accredit";

/// The name of Envoy's certificate.
pub const GATEWAY: &str = "spiffe://cluster.local/ns/gateways/sa/envoy";

/// A folder with `tls.crt`, `tls.key` and `ca.crt`. One swap of a link replaces them together.
pub struct Secret {
    folder: TempDir,
    version: usize,
}

impl Secret {
    /// Creates the folder.
    pub fn new(certified: &Certified, authority: &str) -> Self {
        let mut secret = Self {
            folder: tempfile::tempdir().unwrap(),
            version: 0,
        };
        secret.replace(certified, authority);
        for name in ["tls.crt", "tls.key", "ca.crt"] {
            symlink(Path::new("..data").join(name), secret.path(name)).unwrap();
        }
        secret
    }

    /// The path of a file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces the three files at once.
    pub fn replace(&mut self, certified: &Certified, authority: &str) {
        self.version += 1;
        let version = format!("..version-{}", self.version);
        std::fs::create_dir(self.path(&version)).unwrap();
        for (name, text) in [
            ("tls.crt", certified.certificate.as_str()),
            ("tls.key", certified.private_key.as_str()),
            ("ca.crt", authority),
        ] {
            std::fs::write(self.path(&version).join(name), text).unwrap();
        }
        symlink(&version, self.path("..data-new")).unwrap();
        std::fs::rename(self.path("..data-new"), self.path("..data")).unwrap();
    }

    /// The lines of a configuration that use these files for `tls` or `admin_tls`.
    pub fn tls(&self, key: &str, client_names: &[&str]) -> String {
        let path = |name| self.path(name).display().to_string();
        let names = match client_names {
            [] => String::new(),
            names => format!("  client_names: {names:?}\n"),
        };
        format!(
            "{key}:\n  certificate: {}\n  private_key: {}\n  client_ca: {}\n{names}",
            path("tls.crt"),
            path("tls.key"),
            path("ca.crt"),
        )
    }

    /// A folder that replaces `/etc/envoy` of the shipped configuration; its `tls` is this folder.
    pub fn as_envoys(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        symlink(self.folder.path(), folder.path().join("tls")).unwrap();
        std::fs::create_dir(folder.path().join("sds")).unwrap();
        for name in ["client-certificate.yaml", "accredit-ca.yaml"] {
            let text = shipped(&format!("sds/{name}"));
            let text = text.replace("/etc/envoy/", &format!("{}/", folder.path().display()));
            std::fs::write(folder.path().join("sds").join(name), text).unwrap();
        }
        folder
    }
}
