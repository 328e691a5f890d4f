//! The files of a folder that are read, and those that are left out.

use std::collections::HashSet;
use std::path::Path;

use accredit_core::config::rules_files::{FoundFile, UnreadCause};

use super::{MAX_BYTES, MAX_ENTRY_BYTES, MAX_FILES, read_entry};

fn read(folder: &Path, in_force: &[String]) -> Vec<FoundFile> {
    let pattern = format!("{}/*.yaml", folder.display());
    let in_force: HashSet<&str> = in_force.iter().map(String::as_str).collect();
    read_entry(&pattern, &in_force).files.expect("are listed")
}

fn count_read(files: &[FoundFile]) -> usize {
    files.iter().filter(|file| file.text.is_ok()).count()
}

/// The name of each file that was not read, and the cause.
fn left_out(files: &[FoundFile]) -> Vec<(&str, &UnreadCause)> {
    let files = files.iter();
    let causes = files.filter_map(|file| Some((&*file.path, file.text.as_ref().err()?)));
    causes
        .map(|(path, cause)| (path.rsplit('/').next().unwrap_or_default(), cause))
        .collect()
}

#[test]
fn the_files_of_an_entry_are_bounded_together() {
    let folder = tempfile::tempdir().expect("is made");
    let count = MAX_ENTRY_BYTES >> 20;
    let add = |number: usize| {
        let path = folder.path().join(format!("{number:02}.yaml"));
        let file = std::fs::File::create(path).expect("is made");
        file.set_len(MAX_BYTES).expect("has that length");
    };
    (0..count).for_each(add);
    assert_eq!(count_read(&read(folder.path(), &[])), count);
    // Another author cannot keep a small file from being read, whatever the names are.
    for number in [count, count + 1, count + 2] {
        add(number);
    }
    for name in ["00-small.yaml", "99-small.yaml"] {
        std::fs::write(folder.path().join(name), "- { name: r }\n").expect("is written");
    }
    let files = read(folder.path(), &[]);
    assert_eq!(count_read(&files), count - 1 + 2);
    let small = files.iter().filter(|file| file.path.contains("small"));
    assert!(small.clone().all(|file| file.text.is_ok()));
    assert_eq!(small.count(), 2);
    for (name, cause) in left_out(&files) {
        assert!(cause.to_string().contains("over 16 MiB"), "{name}: {cause}");
    }
}

/// One author cannot keep the files of others from being read.
#[test]
fn of_too_many_files_those_in_force_are_read_and_then_the_first_by_name() {
    let folder = tempfile::tempdir().expect("is made");
    let path = |name: &str| folder.path().join(format!("{name}.yaml"));
    let add = |name: &str| std::fs::write(path(name), "[]\n").expect("is written");
    let name = |number: usize| format!("m{number:03}");
    (0..MAX_FILES).for_each(|number| add(&name(number)));
    let full = read(folder.path(), &[]);
    assert_eq!(count_read(&full), MAX_FILES);
    assert_eq!(left_out(&full), []);
    let in_force = full.iter().map(|file| file.path.to_string());
    let in_force: Vec<String> = in_force.collect();

    for flood in 0..10 {
        add(&format!("a{flood}"));
        add(&format!("z{flood}"));
    }
    let files = read(folder.path(), &in_force);
    let cause = "an entry can have 256 files, and there are more. It is the first by name of 20 that are left out";
    let cause = UnreadCause::OverLimit(cause.to_owned());
    assert_eq!(left_out(&files), [("a0.yaml", &cause)]);
    assert_eq!(count_read(&files), MAX_FILES);
    assert!(files.is_sorted_by(|one, other| one.path < other.path));

    // At the start, none is in force.
    let files = read(folder.path(), &[]);
    assert_eq!(left_out(&files)[0].0, "m246.yaml");
    assert!(left_out(&files)[0].1.to_string().contains("of 20 that"));

    // One that was removed, and stayed in force, comes back after another one took its place.
    std::fs::remove_file(path(&name(0))).expect("is removed");
    let files = read(folder.path(), &in_force);
    assert!(files[0].path.ends_with("a0.yaml") && files[0].text.is_ok());
    assert_eq!(left_out(&files)[0].0, "a1.yaml");
    let mut in_force = in_force;
    in_force.push(files[0].path.to_string());
    add(&name(0));
    let files = read(folder.path(), &in_force);
    let left_out = left_out(&files);
    assert_eq!(left_out.len(), 2);
    assert_eq!((left_out[0].0, left_out[1].0), ("a1.yaml", "m255.yaml"));
    assert!(
        left_out[1]
            .1
            .to_string()
            .contains("Its last valid rules stay in force")
    );
}
