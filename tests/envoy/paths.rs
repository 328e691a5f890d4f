//! Paths with more than one reading: what Envoy makes of each, with and without its normalisation, and that none opens
//! a door. `docs/paths.md` is the table of it; `ACCREDIT_REWRITE_EXPECTED=1` writes that anew.

use std::path::Path as FilePath;

use accredit_core::rules::path::Path;

use super::support::config::acme;
use accredit_test_support::bootstrap::Bootstrap;
use accredit_test_support::client::RawRequest;
use accredit_test_support::envoy::EnvoyProcess;
use accredit_test_support::service::Service;
use accredit_test_support::upstream::EchoUpstream;

const MARK: &str = "<!-- made by tests/envoy/paths.rs -->\n";

/// Each is sent as it stands, in the first line of an HTTP/1.1 request.
const TARGETS: &[&str] = &[
    "/public/x",
    "/public/x/",
    "/public",
    "/public/x?y=/../z",
    "/p%75blic/x",
    "/public/%41",
    "/public/a%20b",
    "/public/a+b",
    "/public/gr%C3%BC%C3%9Fe",
    "/public/.x",
    "/public/x.",
    "/public/...",
    "/public/%2e%2e%2e",
    "/PUBLIC/x",
    "/public/../admin",
    "/public/./x",
    "/public/..",
    "/public/.",
    "/public/%2e%2e/admin",
    "/public/%2E%2E/admin",
    "/public/.%2e/admin",
    "/public/%2e/x",
    "/./public/x",
    "/../public/x",
    "/public/..;/admin",
    "/public/..;x=1/admin",
    "/public/.;/x",
    "/public/%2e%2e;/admin",
    "/public/..%3b/admin",
    "/public;/x",
    "/public/x;v=1",
    "/public;v=1/../admin",
    "/public/;/x",
    "/public/..%2fadmin",
    "/public/..%2Fadmin",
    "/public%2f..%2fadmin",
    "/public/a%2Fb",
    "/public/a%2fb",
    "/public/..%5cadmin",
    "/public/..\\admin",
    "/public\\..\\admin",
    "/public/a\\b",
    "/public/a%5Cb",
    "//public/x",
    "/public//x",
    "/public//",
    "/public//../admin",
    "/public/x//../../admin",
    "/public/%252e%252e/admin",
    "/public/%252f",
    "/public/a%25",
    "/public/%c0%ae%c0%ae/admin",
    "/public/%c0%af",
    "/public/%ff",
    "/public/%ed%a0%80",
    "/public/%zz",
    "/public/%",
    "/public/%2",
    "/public/%00",
    "/public/%00/../admin",
    "/public/%0d%0aX:y",
    "/public/%09",
    "/public/%7f",
    "/public/%C2%85",
    "/public/a%3bb",
    "/public/a%3fb",
    "/public/a%23b",
    "/public/x#y",
    "/public/x#/../admin",
    "/public/\u{fc}",
    "/public/|x",
    "/public/\"x\"",
    "/public/<x>",
    "http://api.example/public/x",
    "*",
    "public/x",
];

struct Through {
    envoy: EnvoyProcess,
    upstream: EchoUpstream,
    _accredit: Service,
}

impl Through {
    async fn start(rules: &str, normalised: bool) -> Through {
        let upstream = EchoUpstream::start().await;
        let accredit = Service::ready(&format!("{}{rules}", acme(&[]))).await;
        let mut bootstrap = Bootstrap::new(accredit.target(), upstream.address());
        if !normalised {
            bootstrap = bootstrap
                .change("normalize_path: true", "normalize_path: false")
                .change("merge_slashes: true", "merge_slashes: false")
                .change(
                    "path_with_escaped_slashes_action: REJECT_REQUEST",
                    "path_with_escaped_slashes_action: KEEP_UNCHANGED",
                );
        }
        let envoy = EnvoyProcess::start(&bootstrap).await;
        Through {
            envoy,
            upstream,
            _accredit: accredit,
        }
    }

    /// What the upstream was asked for, or the status that it was not.
    async fn send(&self, target: &str) -> Result<String, u16> {
        let before = self.upstream.count();
        let method = if target == "*" { "OPTIONS" } else { "GET" };
        let answer = RawRequest::new(method, target)
            .send(self.envoy.address())
            .await;
        if self.upstream.count() > before {
            return Ok(self.upstream.last_request().unwrap().path);
        }
        Err(answer.status)
    }
}

/// The careful reading of a target, in words.
fn reading(target: &str) -> String {
    match Path::parse(target.as_bytes()) {
        Path::Plain(segments) => code(&format!("/{}", segments.join("/"))),
        Path::Ambiguous(kinds, _) => format!("{kinds:?}").replace(['[', ']', '"'], ""),
        Path::Unreadable => "never let through".to_owned(),
    }
}

fn code(text: &str) -> String {
    format!(
        "`{}`",
        text.escape_debug()
            .to_string()
            .replace("\\\\", "\\")
            .replace('|', "\\|")
            .replace("\\\"", "\"")
    )
}

fn routed(sent: &Result<String, u16>) -> String {
    match sent {
        Ok(path) => code(path),
        Err(0) => "connection closed".to_owned(),
        Err(status) => format!("{status}, not sent on"),
    }
}

/// Admitted without a token only where the upstream, too, is asked for something public.
fn assert_public(target: &str, sent: &Result<String, u16>) {
    if let Ok(path) = sent {
        let Path::Plain(segments) = Path::parse(path.as_bytes()) else {
            panic!("{target} reached the upstream as {path}")
        };
        assert_eq!(
            segments.first().map(|segment| &**segment),
            Some("public"),
            "{target} reached the upstream as {path}"
        );
    }
}

#[tokio::test]
async fn ambiguous_paths_are_refused_as_the_table_of_paths_documents() {
    let everything = "rules: [{ name: all, access: anonymous }]\n";
    let public = "rules: [{ name: public, match: { paths: [/public/**] }, access: anonymous }]\n";
    let shipped = Through::start(everything, true).await;
    let unnormalised = Through::start(everything, false).await;
    let judged = [
        Through::start(public, true).await,
        Through::start(public, false).await,
    ];
    let mut table = String::from(
        "\n| sent | careful reading | Envoy as shipped asks for | Envoy without normalisation |\n| --- | --- | --- | --- |\n",
    );
    assert!(TARGETS.len() >= 60);
    for target in TARGETS {
        for through in &judged {
            let sent = through.send(target).await;
            assert_public(target, &sent);
        }
        let (with, without) = (shipped.send(target).await, unnormalised.send(target).await);
        table.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            code(target),
            reading(target),
            routed(&with),
            routed(&without)
        ));
    }
    let file = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("docs/paths.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, after) = text.split_once(MARK).unwrap();
    if std::env::var_os("ACCREDIT_REWRITE_EXPECTED").is_some() {
        std::fs::write(&file, format!("{before}{MARK}{table}")).unwrap();
        return;
    }
    assert_eq!(
        after, table,
        "set ACCREDIT_REWRITE_EXPECTED=1 and run this test"
    );
}
