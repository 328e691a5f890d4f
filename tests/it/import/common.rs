//! An original, the configuration that it becomes, and the service's decisions under it.

use accredit::admin::pb;

use crate::support::keys::{rsa, set};
use crate::support::process::{Ended, accredit, ended};
use crate::support::service::Service;
use crate::support::token::Token;

/// The issuer of the originals. In their texts, `KEYS` stands for its key set.
pub(super) const ISSUER: &str = "https://login.acme.example";

/// What `import` made of an original, which `check` accepts.
pub(super) struct Converted {
    pub(super) yaml: String,
    pub(super) stderr: String,
    pub(super) code: i32,
}

/// A service with the configuration.
pub(super) struct Deciding(Service);

/// Runs `import` with one file for each text.
pub(super) async fn import_files(texts: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = vec!["import".to_owned()];
    for (number, text) in texts.iter().enumerate() {
        let file = folder.path().join(format!("original-{number}"));
        std::fs::write(&file, text.replace("KEYS", &keys())).unwrap();
        arguments.push(file.display().to_string());
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    ended(&mut accredit(&arguments)).await
}

/// Converts an original, and has `check` accept the result.
pub(super) async fn import(text: &str) -> Converted {
    let imported = import_files(&[text]).await;
    let code = imported.code.unwrap();
    assert!([0, 3].contains(&code), "{}", imported.stderr);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    std::fs::write(&file, &imported.stdout).unwrap();
    let check = ended(&mut accredit(&[
        "check",
        "--config",
        file.to_str().unwrap(),
    ]))
    .await;
    assert_eq!(check.code, Some(0), "{}{}", imported.stdout, check.stderr);
    let has_left_out = imported.stderr.contains("accredit: left out: ");
    assert_eq!(code == 3, has_left_out, "{}", imported.stderr);
    Converted {
        yaml: imported.stdout,
        stderr: imported.stderr,
        code,
    }
}

/// The key set of the issuer, as it stands in a text in quotes.
pub(super) fn keys() -> String {
    set([rsa(0).jwk("k")])
}

/// A token of the issuer for the audience `api`.
pub(super) fn token() -> Token {
    Token::of(ISSUER).claim("aud", "api")
}

pub(super) fn get(path: &str) -> pb::ExplainRequest {
    pb::ExplainRequest {
        method: Some("GET".to_owned()),
        host: Some("api.acme.example".to_owned()),
        path: Some(path.to_owned()),
        ..pb::ExplainRequest::default()
    }
}

pub(super) fn with(request: pb::ExplainRequest, token: &Token) -> pb::ExplainRequest {
    pb::ExplainRequest {
        token: Some(token.signed(rsa(0))),
        ..request
    }
}

pub(super) fn with_header(
    request: pb::ExplainRequest,
    name: &str,
    value: &str,
) -> pb::ExplainRequest {
    let mut request = request;
    request.headers.push(pb::Header {
        name: name.to_owned(),
        value: value.to_owned(),
    });
    request
}

impl Converted {
    /// Starts a service with the configuration.
    pub(super) async fn deciding(&self) -> Deciding {
        Deciding(Service::ready(&self.yaml).await)
    }

    /// Asserts that standard error has a line with this beginning that has all these texts.
    pub(super) fn assert_reports(&self, beginning: &str, texts: &[&str]) {
        let is_reported = self.stderr.lines().any(|line| {
            line.starts_with(&format!("accredit: {beginning}"))
                && texts.iter().all(|text| line.contains(text))
        });
        assert!(
            is_reported,
            "{beginning} {texts:?} is not in\n{}",
            self.stderr
        );
    }
}

impl Deciding {
    /// The names that are removed from an admitted request.
    pub(super) async fn removed(&self, request: pb::ExplainRequest) -> Vec<String> {
        let answer = self.0.admin().await.explain(request).await;
        let explanation = answer.expect("is served").into_inner().explanation;
        match explanation.and_then(|explanation| explanation.answer) {
            Some(pb::explanation::Answer::Admitted(admission)) => admission.removed,
            other => panic!("{other:?}"),
        }
    }

    /// The reason of the decision about each request.
    pub(super) async fn assert_decides(&self, cases: Vec<(&str, pb::ExplainRequest, &str)>) {
        let mut admin = self.0.admin().await;
        for (name, request, reason) in cases {
            let answer = admin.explain(request).await.expect("is served");
            let explanation = answer
                .into_inner()
                .explanation
                .expect("explains the decision");
            assert_eq!(
                explanation.reason, reason,
                "{name} (rule {})",
                explanation.rule
            );
        }
    }
}
