//! The house's own rules, which in one crate no compiler keeps: who imports whom, and where outside crates live.

use std::fs;
use std::path::Path;

/// Floors from the roof down: a room, and what it may import beside itself. Whoever stands below may not look up.
const ROOMS: [(&str, &[&str]); 16] = [
    (
        "cli",
        &[
            "app",
            "config",
            "admin",
            "dev_issuer",
            "server",
            "telemetry",
        ],
    ),
    (
        "app",
        &[
            "admin",
            "authn",
            "authz",
            "config",
            "envoy",
            "forward",
            "jose",
            "jwks",
            "request",
            "rules",
            "server",
            "telemetry",
            "token",
        ],
    ),
    (
        "envoy",
        &["authz", "authn", "rules", "token", "jose", "request"],
    ),
    ("admin", &["authz", "authn", "jwks", "jose", "request"]),
    (
        "config",
        &[
            "authn",
            "rules",
            "forward",
            "token",
            "jwks",
            "jose",
            "server",
            "telemetry",
        ],
    ),
    ("authz", &["authn", "rules", "forward", "token", "request"]),
    ("authn", &["forward", "token", "jwks", "jose", "request"]),
    ("rules", &["forward", "token", "jose", "request"]),
    ("forward", &["token", "jose"]),
    ("token", &["jose"]),
    ("jwks", &["jose"]),
    ("jose", &[]),
    ("request", &[]),
    ("server", &[]),
    ("telemetry", &[]),
    ("dev_issuer", &[]),
];

/// Outside crates, and the only places that name them.
const HOMES: [(&str, &[&str]); 16] = [
    ("aws_lc_rs", &["jose/", "token/bearer.rs", "dev_issuer/"]),
    ("arc_swap", &["jwks/", "app.rs"]),
    (
        "axum",
        &["server/", "dev_issuer/", "app.rs", "envoy/port.rs"],
    ),
    ("cel", &["rules/"]),
    ("clap", &["cli/"]),
    ("envoy_types", &["envoy/"]),
    ("jsonwebtoken", &[]),
    ("notify", &["config/", "jwks/", "server/"]),
    ("prost", &["envoy/", "admin/"]),
    ("quick_cache", &["authn/token_cache.rs"]),
    ("reqwest", &["jwks/"]),
    ("saphyr_parser", &["config/yaml/"]),
    ("schemars", &["config/"]),
    ("tonic", &["envoy/port.rs", "admin/", "app.rs"]),
    ("tonic_health", &["app.rs"]),
    ("tracing_subscriber", &["telemetry/"]),
];

/// What is said or done in one place alone.
const WORDS: [(&str, &[&str]); 9] = [
    ("CheckResponse", &["envoy/"]),
    ("tonic::include_proto!", &["admin/pb.rs"]),
    (
        "SystemTime::now",
        &["envoy/service.rs", "dev_issuer/mint.rs"],
    ),
    // A verified token is made where its signature is verified.
    ("VerifiedToken {", &["token/verified.rs"]),
    // A task has an owner.
    ("tokio::spawn", &[]),
    ("task::spawn(", &[]),
    ("process::exit", &[]),
    ("pub use ", &[]),
    ("super::", &[]),
];

/// What rooms that do no I/O and read no clock have no word for.
const IMPURE: [&str; 8] = [
    "tokio",
    "std::fs",
    "std::net::Tcp",
    "ToSocketAddrs",
    "std::env",
    "SystemTime",
    "Instant",
    "async ",
];
const PURE: [&str; 4] = ["jose/", "token/", "forward/", "rules/"];

/// One file under `src`, and its code without comments and without what is compiled for tests alone.
struct Source {
    path: String,
    text: String,
    code: String,
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    collect(&root, &root, &mut found);
    assert!(found.len() > 80, "only {} files", found.len());
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("is a folder") {
        let path = entry.expect("can be read").path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("is UTF-8");
            let path = path
                .strip_prefix(root)
                .expect("is below")
                .display()
                .to_string();
            let code = code(&path, &text);
            found.push(Source { path, text, code });
        }
    }
}

fn code(path: &str, text: &str) -> String {
    let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
    let before_tests = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = before_tests
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.filter(|_| !is_test).collect::<Vec<_>>().join("\n")
}

/// The first segment after each `crate::`.
fn rooms_named(code: &str) -> Vec<&str> {
    let ends = |rest: &str| {
        rest.find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len())
    };
    code.match_indices("crate::")
        .map(|(at, found)| &code[at + found.len()..])
        .map(|rest| &rest[..ends(rest)])
        .collect()
}

/// Whether the code names the crate, in a path or an import.
fn names_crate(code: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + name.len()..];
        let starts = before.is_none_or(|c| !is_word(c) && c != ':' && c != '.' && c != '"');
        starts
            && (after.starts_with("::") || (code[..at].ends_with("use ") && after.starts_with(';')))
    })
}

fn at_home(path: &str, homes: &[&str]) -> bool {
    homes.iter().any(|home| path.starts_with(home))
}

#[test]
fn imports_only_fall() {
    for (room, below) in ROOMS {
        let floor = |name: &str| {
            ROOMS
                .iter()
                .position(|(own, _)| *own == name)
                .expect("is a room")
        };
        assert!(
            below.iter().all(|name| floor(name) > floor(room)),
            "{room} looks up"
        );
    }
    let mut wrong = Vec::new();
    for source in sources() {
        let room = source
            .path
            .split('/')
            .next()
            .unwrap()
            .trim_end_matches(".rs");
        if ["lib", "main"].contains(&room) {
            continue;
        }
        let (_, below) = ROOMS
            .iter()
            .find(|(own, _)| *own == room)
            .unwrap_or_else(|| panic!("{room} has no floor"));
        for named in rooms_named(&source.code) {
            if named != room && !below.contains(&named) {
                wrong.push(format!("{} imports {named}", source.path));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_roof_knows_the_commands_alone() {
    let main = sources()
        .into_iter()
        .find(|source| source.path == "main.rs")
        .expect("is there");
    let imports: Vec<_> = main
        .code
        .lines()
        .filter(|line| line.contains("accredit::"))
        .collect();
    assert_eq!(imports, ["use accredit::cli::command;"]);
}

#[test]
fn outside_crates_and_certain_words_stay_at_home() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (name, homes) in HOMES {
            if names_crate(&source.code, name) && !at_home(&source.path, homes) {
                wrong.push(format!("{} names the crate {name}", source.path));
            }
        }
        for (word, homes) in WORDS {
            if source.code.contains(word) && !at_home(&source.path, homes) {
                wrong.push(format!("{} says {word}", source.path));
            }
        }
        for word in IMPURE {
            if source.code.contains(word) && at_home(&source.path, &PURE) {
                wrong.push(format!("{} is to be pure, and says {word}", source.path));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn files_say_what_they_are_and_faces_hold_nothing() {
    for source in sources() {
        assert!(
            source.text.starts_with("//! "),
            "{} does not say what it is",
            source.path
        );
        if !source.path.ends_with("mod.rs") && source.path != "lib.rs" {
            continue;
        }
        for line in source.text.lines() {
            let is_module = line.starts_with("pub mod ") && line.ends_with(';');
            assert!(
                line.is_empty() || line.starts_with("//!") || is_module,
                "{}: {line}",
                source.path
            );
        }
    }
}

#[test]
fn what_is_looked_for_would_be_found() {
    assert_eq!(
        rooms_named("use crate::a::b; pub(in crate::c) fn f(x: crate::d_e::F)"),
        ["a", "c", "d_e"]
    );
    for code in [
        "use tonic::x;",
        "use tonic;",
        "    tonic::call()",
        "&tonic::X",
    ] {
        assert!(names_crate(code, "tonic"), "{code}");
    }
    for code in [
        "use tonic_health::x;",
        "my_tonic::x",
        "crate::tonic::x",
        "\"tonic::x\"",
    ] {
        assert!(!names_crate(code, "tonic"), "{code}");
    }
    assert_eq!(
        code("a.rs", "//! x\nuse a;\n// no\n#[cfg(test)]\nmod tests {}"),
        "use a;"
    );
    assert_eq!(code("a/tests.rs", "use a;"), "");
}
