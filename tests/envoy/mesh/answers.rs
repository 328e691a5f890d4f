//! What was observed through a generated bootstrap, and a comparison with what comes back now.

use std::collections::BTreeMap;

use serde_json::Value;

use accredit_test_support::client::{Answer, RawRequest};

use super::generated::{Mesh, text};

/// What has to become of one request.
#[derive(Debug, PartialEq)]
pub(super) struct Observed {
    status: u16,
    /// `error` of a refusal of accredit.
    error: Option<String>,
    /// The path that reached the API, and the claim headers and the header `x-route` with it.
    upstream: Option<(String, BTreeMap<String, String>)>,
}

/// The recorded answers of that file, by the name of the request. Lines of other forms are left to the caller.
pub(super) fn recorded(folder: &str, file: &str) -> BTreeMap<String, Observed> {
    let text = text(folder, file);
    text.lines().filter_map(line).collect()
}

/// Sends the request, and tells what became of it in the terms of the record.
pub(super) async fn observe(mesh: &Mesh, request: RawRequest) -> Observed {
    let before = mesh.upstream.count();
    let answer = request.send(mesh.envoy.address()).await;
    observed(mesh, before, &answer)
}

/// What became of the one request since the API's count was `before`.
pub(super) fn observed(mesh: &Mesh, before: usize, answer: &Answer) -> Observed {
    let upstream = (mesh.upstream.count() > before).then(|| {
        let seen = mesh.upstream.last_request().unwrap();
        let shown = |name: &str| name.starts_with("x-jwt-") || name == "x-route";
        let headers = seen.headers.iter().filter(|(name, _)| shown(name));
        let headers = headers
            .map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into_owned()));
        (seen.path.clone(), headers.collect())
    });
    Observed {
        status: answer.status,
        error: upstream.is_none().then(|| error(&answer.text())).flatten(),
        upstream,
    }
}

/// `error` of a body of accredit's.
fn error(body: &str) -> Option<String> {
    let value: Value = serde_json::from_str(body).ok()?;
    Some(value["error"].as_str()?.to_owned())
}

/// A line has the name, two or more spaces, the status, and then `UP`, the path and the headers, or the body.
fn line(line: &str) -> Option<(String, Observed)> {
    let (name, rest) = line.split_once("  ")?;
    let (status, rest) = rest.trim_start().split_once(' ')?;
    let status = status.parse().ok()?;
    let headers = |text: &str| -> BTreeMap<String, String> {
        // What follows the headers of the request are headers of the answer.
        let mut values = serde_json::Deserializer::from_str(text).into_iter();
        let all: BTreeMap<String, String> = values.next().unwrap().unwrap();
        let claims = all.into_iter();
        claims
            .filter(|(name, _)| name.starts_with("x-jwt-") || name == "x-route")
            .collect()
    };
    let upstream = rest.split_once("UP ").map(|(_, seen)| {
        let (path, seen) = seen.split_once(' ').unwrap();
        // Envoy Gateway's record has the method before the path.
        match path.starts_with('/') {
            true => (path.to_owned(), headers(seen)),
            false => {
                let (path, seen) = seen.split_once(' ').unwrap();
                (path.to_owned(), headers(seen))
            }
        }
    });
    let refused = rest.find("{\"error\"").map(|start| &rest[start..]);
    let body = refused.map(|body| &body[..=body.find('}').unwrap()]);
    let observed = Observed {
        status,
        error: body.and_then(error).filter(|_| upstream.is_none()),
        upstream,
    };
    Some((name.to_owned(), observed))
}
