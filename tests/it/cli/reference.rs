//! `docs/cli.md` shows the output of `--help` of each command.
//!
//! `ACCREDIT_REWRITE_EXPECTED=1` rewrites the blocks.

use std::fmt::Write as _;
use std::path::Path;

use super::common::run;

const OPENING: &str = "```console\n$ accredit ";
const CLOSING: &str = "```\n";

#[tokio::test]
async fn the_cli_reference_contains_the_help_of_every_command() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut blocks = text.split(OPENING);
    let mut expected = blocks.next().unwrap().to_owned();
    let mut documented = Vec::new();
    for block in blocks {
        let (command, rest) = block.split_once('\n').unwrap();
        let (_, after) = rest.split_once(CLOSING).unwrap();
        let arguments: Vec<_> = command.split(' ').collect();
        let output = match arguments.last() {
            Some(&"--help") => {
                documented.extend(arguments.first().filter(|name| **name != "--help").copied());
                run(&arguments).await.stdout
            }
            // The output of other commands depends on a running service.
            _ => rest.split_once(CLOSING).unwrap().0.to_owned(),
        };
        write!(expected, "{OPENING}{command}\n{output}{CLOSING}{after}").unwrap();
    }
    if std::env::var_os("ACCREDIT_REWRITE_EXPECTED").is_some() {
        std::fs::write(&file, expected).unwrap();
        return;
    }
    assert_eq!(
        text, expected,
        "set ACCREDIT_REWRITE_EXPECTED=1 and run this test"
    );
    let help = run(&["--help"]).await.stdout;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let (commands, _) = commands.split_once("\n\n").unwrap();
    let commands: Vec<_> = commands
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        // It prints what `--help` prints.
        .filter(|command| *command != "help")
        .collect();
    assert_eq!(documented, commands);
}
