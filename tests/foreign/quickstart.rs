//! Runs the commands of docs/quickstart.md from step 3 on, and compares their output with the page.

use std::path::Path;

use tokio::process::Command;

use super::support::accredit::Accredit;
use super::support::program::Program;
use super::support::scripts::serve;
use accredit_test_support::bootstrap::{AuthzTarget, Bootstrap};
use accredit_test_support::envoy::EnvoyProcess;

/// The sample API of the demo, on another port than the demo's.
const SAMPLE_API: &str = "\
from http.server import ThreadingHTTPServer
from sample_api import Echo
server = ThreadingHTTPServer(('127.0.0.1', 0), Echo)
print('http://127.0.0.1:%d' % server.server_port, flush=True)
server.serve_forever()
";

/// Ends the output of one block of commands.
const MARK: &str = "=== end of block ===";

/// A block of commands, and the lines that its output must contain.
struct Step {
    commands: String,
    answer: Vec<String>,
}

#[tokio::test]
async fn the_quickstart_shows_the_real_output() {
    let (api, upstream) = serve("the sample API", sample_api()).await;
    let (accredit, issuer) = Accredit::dev().await;
    let upstream = upstream.strip_prefix("http://").unwrap().parse().unwrap();
    let target = AuthzTarget::Tcp(accredit.checks());
    let envoy = EnvoyProcess::start(&Bootstrap::new(target, upstream)).await;

    let steps = steps();
    let mut script = String::new();
    for step in &steps {
        script += &format!("{}echo; echo '{MARK}'\n", step.commands);
    }
    let script = script
        .replace(
            "http://127.0.0.1:8080",
            &format!("http://{}", envoy.address()),
        )
        .replace("http://127.0.0.1:9193", &issuer);
    let outputs = run(script, steps.len()).await;

    for (step, output) in steps.iter().zip(&outputs) {
        for line in &step.answer {
            assert!(
                output.contains(line),
                "{}\ndoes not say {line:?} but\n{output}",
                step.commands
            );
        }
    }
    let answered = steps.iter().filter(|step| !step.answer.is_empty()).count();
    assert_eq!((steps.len(), answered), (7, 6));
    drop(api);
}

fn sample_api() -> Command {
    let mut command = Command::new("python3");
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo");
    command
        .args(["-B", "-c", SAMPLE_API])
        .env("PYTHONPATH", demo);
    command
}

/// Each block of commands with the block of text under it, if there is one.
fn steps() -> Vec<Step> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/quickstart.md");
    let text = std::fs::read_to_string(path).unwrap();
    let start = text.find("## 3.").unwrap();
    let end = text.find("## 7.").unwrap();
    let mut steps: Vec<Step> = Vec::new();
    // Every other part is a block.
    for block in text[start..end].split("```").skip(1).step_by(2) {
        if let Some(commands) = block.strip_prefix("sh\n") {
            let (commands, answer) = (commands.to_owned(), Vec::new());
            steps.push(Step { commands, answer });
        } else if let Some(answer) = block.strip_prefix("text\n") {
            let lines = answer.lines().map(str::to_owned);
            steps.last_mut().unwrap().answer.extend(lines);
        }
    }
    steps
}

/// The output of each block. All blocks run in one shell, as in the quickstart.
async fn run(script: String, blocks: usize) -> Vec<String> {
    let mut command = Command::new("bash");
    command.args(["-c", &script]);
    let program = Program::start("the quickstart's commands", command);
    let written = program
        .find_in_all(|lines| {
            let text = lines.join("\n");
            (text.matches(MARK).count() == blocks).then_some(text)
        })
        .await;
    written
        .split(MARK)
        .take(blocks)
        .map(str::to_owned)
        .collect()
}
