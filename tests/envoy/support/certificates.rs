//! Certificates made for a test, in folders laid out as Kubernetes lays out a Secret.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType,
};
use tempfile::TempDir;

/// The name that the shipped configuration wants accredit to bear.
pub(crate) const ACCREDIT: &str = "spiffe://cluster.local/ns/accredit/sa/accredit";

/// The name under which Envoy calls.
pub(crate) const GATEWAY: &str = "spiffe://cluster.local/ns/gateways/sa/envoy";

/// An authority that certifies whomever a test likes.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate with its key, both PEM.
#[derive(Clone)]
pub(crate) struct Certified {
    pub(crate) certificate: String,
    pub(crate) private_key: String,
}

/// A folder with `tls.crt`, `tls.key` and `ca.crt`, which are replaced together, by the swap of one link.
pub(crate) struct Secret {
    folder: TempDir,
    version: usize,
}

// === impl Authority ===

impl Authority {
    /// One with a key of its own.
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        // Of its own name: a client would take another of the same name for this one with a bad signature.
        let id = key
            .public_key_raw()
            .iter()
            .map(|byte| format!("{byte:02x}"));
        let name: String = id.take(16).collect();
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Its own certificate.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for a URI or DNS name.
    pub(crate) fn certify(&self, name: &str) -> Certified {
        self.certify_with(name, |_| {})
    }

    /// The same, changed.
    pub(crate) fn certify_with(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Certified {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // Not its authority's name, which would make it one that signed itself.
        params
            .distinguished_name
            .push(DnType::CommonName, "for a test");
        let text = name.try_into().unwrap();
        params.subject_alt_names = vec![match name.contains("://") {
            true => SanType::URI(text),
            false => SanType::DnsName(text),
        }];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Certified {
            certificate: params.signed_by(&key, &self.issuer).unwrap().pem(),
            private_key: key.serialize_pem(),
        }
    }
}

// === impl Secret ===

impl Secret {
    /// A folder with these.
    pub(crate) fn new(certified: &Certified, authority: &str) -> Self {
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

    /// Where a file of that name is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts others in their place, all at once.
    pub(crate) fn replace(&mut self, certified: &Certified, authority: &str) {
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

    /// The lines of a configuration that make accredit serve with it, to these clients.
    pub(crate) fn tls(&self, key: &str, client_names: &[&str]) -> String {
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

    /// A folder for Envoy's configuration to name instead of `/etc/envoy`, which holds this as `tls`.
    pub(crate) fn as_envoys(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        symlink(self.folder.path(), folder.path().join("tls")).unwrap();
        std::fs::create_dir(folder.path().join("sds")).unwrap();
        for name in ["client-certificate.yaml", "accredit-ca.yaml"] {
            let text = super::bootstrap::shipped(&format!("sds/{name}"));
            let text = text.replace("/etc/envoy/", &format!("{}/", folder.path().display()));
            std::fs::write(folder.path().join("sds").join(name), text).unwrap();
        }
        folder
    }
}
