//! The rules, held against every file.

use super::sources::{at_home, code, names_crate, rooms_named, sources};
use super::tables::{HOMES, IMPURE, PURE, ROOMS, WORDS};

#[test]
fn rooms_import_only_rooms_below_them() {
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
fn main_imports_only_the_commands() {
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
fn crates_and_words_are_used_only_in_their_rooms() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (name, homes) in HOMES {
            if names_crate(&source.code, name) && !at_home(&source.path, homes) {
                wrong.push(format!("{} names the crate {name}", source.path));
            }
        }
        for (word, homes) in WORDS {
            if source.code.contains(word) && !at_home(&source.path, homes) {
                wrong.push(format!("{} contains {word}", source.path));
            }
        }
        for word in IMPURE {
            if source.code.contains(word) && at_home(&source.path, &PURE) {
                wrong.push(format!("{} must be pure, and contains {word}", source.path));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn source_files_begin_with_a_doc_comment_and_mod_files_only_list_modules() {
    for source in sources() {
        assert!(
            source.text.starts_with("//! "),
            "{} does not say what it is",
            source.path
        );
        if !source.path.ends_with("mod.rs") && source.path != "lib.rs" {
            continue;
        }
        // Attributes of the whole module, such as lint levels, are permitted.
        let attributes = source.text.find("#![").map(|start| {
            let end = source.text[start..].find("]\n").expect("has an end");
            &source.text[start..=start + end]
        });
        let text = source.text.replace(attributes.unwrap_or_default(), "");
        for line in text.lines() {
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
fn the_house_test_finds_each_kind_of_violation() {
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
