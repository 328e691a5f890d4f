//! Rules files that change while a service runs.

use super::{HEAD, RULE, SHOP, TWO, found, names, resolved, start, states, texts, unlisted};
use crate::config::rules_files::{FoundEntry, FoundFile, UnreadCause};

/// CONTRACT 3.13.4
#[test]
fn a_file_that_becomes_invalid_keeps_its_last_valid_rules_and_others_change() {
    let text = format!("{HEAD}{TWO}");
    let files = |shop: &str, pay: &str| {
        [
            found(&[("/t/shop/a.yaml", shop)]),
            found(&[("/t/pay.yaml", pay)]),
        ]
    };
    let first = start(&text, &files(RULE, RULE));
    let more = format!("{RULE}- {{ access: deny }}\n");
    let second = resolved(&text, &files("- [", &more), Some(&first.rules_in_force));
    let second = second.expect("is valid");
    assert_eq!(names(&second), ["a:read", "pay:read", "pay:rules[1]"]);
    assert_eq!(
        states(&second),
        ["/t/shop/a.yaml outdated 1", "/t/pay.yaml current 2"]
    );
    assert!(
        texts(second.rejected)
            .iter()
            .all(|problem| problem.starts_with("/t/shop/a.yaml: line "))
    );
    assert_ne!(second.settings.config, first.settings.config);
    // With another configuration, the bounds are those of the new one, and the rules are still those of the first version of the file.
    let narrower = text.replace("[/shop/**]", "[/shop/x/**]");
    let third = resolved(&narrower, &files("- [", RULE), Some(&second.rules_in_force));
    let third = third.expect("is valid");
    let bounds = third.settings.rules[0].bounds.as_ref().expect("has bounds");
    assert_eq!(
        bounds.paths.as_ref().expect("has paths")[0].to_string(),
        "/shop/x/**"
    );
    assert_eq!(states(&third)[0], "/t/shop/a.yaml outdated 1");
    let fourth =
        resolved(&text, &files(RULE, RULE), Some(&third.rules_in_force)).expect("is valid");
    assert_eq!(states(&fourth)[0], "/t/shop/a.yaml current 1");
    assert_eq!(fourth.settings.config, first.settings.config);
    // A file that is gone is gone.
    let last = resolved(
        &text,
        &[found(&[]), found(&[("/t/pay.yaml", RULE)])],
        Some(&fourth.rules_in_force),
    );
    assert_eq!(names(&last.expect("is valid")), ["pay:read"]);
}

#[test]
fn a_file_that_was_never_valid_is_an_error_of_a_new_configuration_and_else_only_reported() {
    let text = format!("{HEAD}{SHOP}");
    let good = ("/t/shop/a.yaml", RULE);
    let bad = ("/t/shop/b.yaml", "- [");
    let first = start(&text, &[found(&[good])]);
    let second =
        resolved(&text, &[found(&[good, bad])], Some(&first.rules_in_force)).expect("is valid");
    assert_eq!(
        states(&second),
        ["/t/shop/a.yaml current 1", "/t/shop/b.yaml unused 0"]
    );
    assert_eq!(second.rejected.len(), 1);
    // Rules that the configuration had itself may have moved into the file.
    let changed = format!("{text}realm: other\n");
    for in_force in [&first.rules_in_force, &second.rules_in_force] {
        let problems = resolved(&changed, &[found(&[good, bad])], Some(in_force));
        let problems = problems.expect_err("is invalid");
        assert!(
            problems
                .iter()
                .any(|problem| problem.starts_with("/t/shop/b.yaml: "))
        );
    }
    // An invalid successor does not let the rules of its predecessor go.
    let renamed =
        resolved(&text, &[found(&[bad])], Some(&second.rules_in_force)).expect("is valid");
    assert_eq!(
        states(&renamed),
        ["/t/shop/a.yaml outdated 1", "/t/shop/b.yaml unused 0"]
    );
    assert_eq!(names(&renamed), ["a:read"]);
    assert_eq!(renamed.rejected.len(), 2);
    let corrected = [found(&[("/t/shop/b.yaml", RULE)])];
    let corrected = resolved(&text, &corrected, Some(&renamed.rules_in_force)).expect("is valid");
    assert_eq!(names(&corrected), ["b:read"]);
}

#[test]
fn files_that_cannot_be_listed_or_read_keep_their_rules() {
    let text = format!("{HEAD}{SHOP}");
    let first = start(&text, &[found(&[("/t/shop/a.yaml", RULE)])]);
    let gone = resolved(&text, &[unlisted()], Some(&first.rules_in_force)).expect("is valid");
    assert_eq!(states(&gone), ["/t/shop/a.yaml outdated 1"]);
    assert_eq!(names(&gone), ["a:read"]);
    let unreadable = FoundEntry {
        files: Ok(vec![FoundFile {
            path: "/t/shop/a.yaml".into(),
            text: Err(UnreadCause::Unreadable("permission denied".to_owned())),
        }]),
    };
    let unreadable = resolved(&text, &[unreadable], Some(&gone.rules_in_force)).expect("is valid");
    assert_eq!(names(&unreadable), ["a:read"]);
    let problems = texts(unreadable.rejected).join("\n");
    assert!(
        problems.contains("the file cannot be read: permission denied"),
        "{problems}"
    );
}

/// A team must not be able to take the names of another team's rules, or to make its files invalid.
#[test]
fn names_of_rules_stay_with_the_file_that_had_them() {
    let text = format!("{HEAD}{TWO}");
    let pay = found(&[("/t/pay.yaml", RULE)]);
    let first = start(&text, &[found(&[]), pay.clone()]);
    // The new file comes first in the order.
    let intruder = [found(&[("/t/shop/pay.yaml", RULE)]), pay.clone()];
    let second = resolved(&text, &intruder, Some(&first.rules_in_force)).expect("is valid");
    assert_eq!(
        states(&second),
        ["/t/shop/pay.yaml unused 0", "/t/pay.yaml current 1"]
    );
    assert!(texts(second.rejected)[0].contains("/t/pay.yaml has the same file name"));
    assert!(resolved(&text, &intruder, None).is_err());
    // The same with the names of the configuration's own rules.
    let own = "rules:\n  - { name: 'pay:x', match: { paths: [/x] } }\n  - { name: 'shop:x', match: { paths: [/y] } }\n";
    let problems = resolved(
        &format!("{text}{own}"),
        &[found(&[]), pay.clone()],
        Some(&first.rules_in_force),
    );
    let problems = problems.expect_err("has a taken name").join("\n");
    assert!(
        problems.contains(
            "rules[0].name (line 7): the part of this name before the `:` is the name of the file /t/pay.yaml"
        ),
        "{problems}"
    );
    assert!(!problems.contains("rules[1]"), "{problems}");
    let own = "rules:\n  - { name: 'shop:x', match: { paths: [/y] } }\n";
    let text = format!("{text}{own}");
    let first = start(&text, &[found(&[]), pay.clone()]);
    let later = [found(&[("/t/shop/shop.yaml", RULE)]), pay];
    let later = resolved(&text, &later, Some(&first.rules_in_force)).expect("is valid");
    assert_eq!(states(&later)[0], "/t/shop/shop.yaml unused 0");
    let odd = resolved(
        &format!("{HEAD}{SHOP}"),
        &[found(&[("/t/shop/a:b.yaml", RULE)])],
        None,
    );
    assert!(odd.expect_err("has a bad name")[0].contains("and it has a `:`"));
}

/// Its rules would have the bounds of both.
#[test]
fn one_file_cannot_be_in_two_entries() {
    let twice = format!(
        "{HEAD}rules_from:\n  - {{ files: /t/*.yaml, paths: [/a] }}\n  - {{ files: /t/a.yaml, paths: [/b] }}\n"
    );
    let file = found(&[("/t/a.yaml", RULE)]);
    let problems = resolved(&twice, &[file.clone(), file.clone()], None);
    let problems = problems.expect_err("is listed twice").join("\n");
    assert!(
        problems.contains("an earlier entry of rules_from names this file too"),
        "{problems}"
    );
    // A reload that adds an earlier entry for a file in force.
    let one = format!("{HEAD}rules_from:\n  - {{ files: /t/a.yaml, paths: [/b] }}\n");
    let first = start(&one, std::slice::from_ref(&file));
    let problems = resolved(
        &twice,
        &[file.clone(), file.clone()],
        Some(&first.rules_in_force),
    );
    let problems = problems.expect_err("is listed twice").join("\n");
    assert!(
        problems.contains("/t/a.yaml: line 1: an earlier entry of rules_from names this file too"),
        "{problems}"
    );
    // The earlier entry did not find the file when the configuration came.
    let first = start(&twice, &[found(&[]), file.clone()]);
    assert_eq!(states(&first), ["/t/a.yaml current 1"]);
    let second = resolved(&twice, &[file.clone(), file], Some(&first.rules_in_force));
    let second = second.expect("is valid");
    assert_eq!(
        states(&second),
        ["/t/a.yaml current 1", "/t/a.yaml unused 0"]
    );
    assert_eq!(names(&second), ["a:read"]);
}

/// The label of a file that is in force belongs to it, also while its folder cannot be listed.
#[test]
fn a_file_cannot_take_the_name_of_one_whose_folder_cannot_be_listed() {
    let text = format!("{HEAD}{TWO}");
    let first = start(&text, &[found(&[("/t/shop/pay.yaml", RULE)]), found(&[])]);
    let new = || found(&[("/t/pay.yaml", RULE)]);
    let second = resolved(&text, &[unlisted(), new()], Some(&first.rules_in_force));
    let second = second.expect("is valid");
    assert_eq!(
        states(&second),
        ["/t/shop/pay.yaml outdated 1", "/t/pay.yaml unused 0"]
    );
    // Once it is gone, its name is free.
    let third = resolved(&text, &[found(&[]), new()], Some(&second.rules_in_force));
    assert_eq!(states(&third.expect("is valid")), ["/t/pay.yaml current 1"]);
}

/// A removed file stays in force if another file of its entry is invalid: a new file with its label would give names that exist twice.
#[test]
fn a_file_cannot_take_the_name_of_a_removed_one_that_stays_in_force() {
    let [shop, pay] = [
        "  - { files: /t/shop/*.yaml, paths: [/shop/**] }\n",
        "  - { files: /t/pay.*, hosts: [pay.example] }\n",
    ];
    let old = || found(&[("/t/shop/pay.yaml", RULE)]);
    let new = || found(&[("/t/pay.yaml", RULE)]);
    let renamed = |text: &str| found(&[("/t/shop/renamed.yaml", text)]);
    for is_first in [true, false] {
        let entries = match is_first {
            true => [shop, pay],
            false => [pay, shop],
        };
        let text = format!("{HEAD}rules_from:\n{}", entries.concat());
        let ordered = |shop: FoundEntry, pay: FoundEntry| match is_first {
            true => [shop, pay],
            false => [pay, shop],
        };
        let first = start(&text, &ordered(old(), found(&[])));
        assert_eq!(names(&first), ["pay:read"]);
        let second = resolved(
            &text,
            &ordered(renamed("- ["), new()),
            Some(&first.rules_in_force),
        );
        let second = second.expect("is valid");
        let mut expected = vec![
            "/t/shop/pay.yaml outdated 1",
            "/t/shop/renamed.yaml unused 0",
            "/t/pay.yaml unused 0",
        ];
        if !is_first {
            expected.rotate_right(1);
        }
        assert_eq!(states(&second), expected);
        assert_eq!(names(&second), ["pay:read"]);
        let rejected = texts(second.rejected).join("\n");
        let problem = "/t/pay.yaml: line 1: /t/shop/pay.yaml has the same file name";
        assert!(rejected.contains(problem), "{rejected}");
        // The new file takes effect with the correction of the other one, in one reload.
        let in_force = [&first.rules_in_force, &second.rules_in_force];
        for in_force in in_force {
            let third = resolved(&text, &ordered(renamed(RULE), new()), Some(in_force));
            let mut names = names(&third.expect("is valid"));
            names.sort();
            assert_eq!(names, ["pay:read", "renamed:read"]);
        }
    }
}

/// The two files can have the same label in one entry, too.
#[test]
fn the_new_ending_of_a_file_waits_for_the_correction_of_another_file() {
    let text = format!("{HEAD}rules_from:\n  - {{ files: /t/shop/*, paths: [/shop/**] }}\n");
    let first = start(&text, &[found(&[("/t/shop/a.yaml", RULE)])]);
    let files = |other: &str| [found(&[("/t/shop/a.yml", RULE), ("/t/shop/b.yml", other)])];
    let second = resolved(&text, &files("- ["), Some(&first.rules_in_force)).expect("is valid");
    assert_eq!(
        states(&second),
        [
            "/t/shop/a.yaml outdated 1",
            "/t/shop/a.yml unused 0",
            "/t/shop/b.yml unused 0"
        ]
    );
    assert_eq!(names(&second), ["a:read"]);
    let third = resolved(&text, &files(RULE), Some(&second.rules_in_force)).expect("is valid");
    assert_eq!(names(&third), ["a:read", "b:read"]);
}

/// A reload accepted what a start refuses, and the copies of the rules multiplied with each change of a file.
#[test]
fn two_entries_with_the_same_files_are_an_error_at_the_start_and_in_a_reload() {
    let twice = format!("{HEAD}{SHOP}  - {{ files: /t/shop/*.yaml, hosts: [shop.example] }}\n");
    let good = found(&[("/t/shop/a.yaml", RULE)]);
    let first = start(&format!("{HEAD}{SHOP}"), std::slice::from_ref(&good));
    let invalid = found(&[("/t/shop/a.yaml", "- [")]);
    for found in [good, invalid, found(&[]), unlisted()] {
        for in_force in [None, Some(&first.rules_in_force)] {
            let problems = resolved(&twice, &[found.clone(), found.clone()], in_force);
            let problems = problems.expect_err("has the same files twice").join("\n");
            assert!(
                problems.contains("rules_from[1].files (line 5): rules_from[0] has the same files"),
                "{problems}"
            );
        }
    }
}
