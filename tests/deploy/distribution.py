"""What installs accredit and what calls it elsewhere: the Debian package, the systemd unit, the GitHub Action, the hook."""

import contextlib
import gzip
import http.server
import json
import os
import pathlib
import re
import shlex
import stat
import subprocess
import tempfile
import threading
import time

import yaml

from client import new_key, public_jwk, signed
from configuration import ACCREDIT
from manifests import ROOT, Failure, run, same
from rootfs import check

UNIT = "usr/lib/systemd/system/accredit.service"
# What the package has beside its documents.
FILES = {
    "usr/bin/accredit", UNIT, "usr/share/man/man1/accredit.1.gz", "usr/share/man/man1/accredit-serve.1.gz",
    "usr/share/bash-completion/completions/accredit", "usr/share/zsh/vendor-completions/_accredit",
    "usr/share/fish/vendor_completions.d/accredit.fish", "usr/share/doc/accredit/copyright",
    "usr/share/doc/accredit/changelog.gz", "usr/share/doc/accredit/README.md", "usr/share/doc/accredit/examples/one-issuer.yaml",
}


def built(folder):
    """The Debian package of the program under test."""
    binary = pathlib.Path(folder, "accredit")
    run(["strip", "--strip-all", "-o", binary, ACCREDIT])
    environment = {**os.environ, "COMPRESSION": "none", "SOURCE_DATE_EPOCH": "1000000000"}
    return pathlib.Path(run([ROOT / "scripts/debian.sh", binary, pathlib.Path(folder, "out")], env=environment).strip())


def the_debian_package_has_the_program_its_unit_pages_and_completions():
    with tempfile.TemporaryDirectory() as folder:
        package = built(folder)
        version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
        architecture = run(["dpkg", "--print-architecture"]).strip()
        same("name", package.name, f"accredit_{version}_{architecture}.deb")
        fields = dict(line.split(": ", 1) for line in run(["dpkg-deb", "--field", package]).splitlines() if line[0] != " ")
        same("fields", (fields["Package"], fields["Version"], fields["Architecture"]), ("accredit", version, architecture))
        if not re.fullmatch(r"libc6 \(>= 2\.\d+\), libgcc-s1", fields["Depends"]):
            raise Failure(f"Depends: {fields['Depends']}")
        listed = [line.split(None, 5) for line in run(["dpkg-deb", "--contents", package]).splitlines()]
        same("owner", {entry[1] for entry in listed}, {"root/root"})
        found = {entry[5].removeprefix("./") for entry in listed if entry[0][0] == "-"}
        same("missing files", FILES - found, set())
        same("files outside /usr", {name for name in found if not name.startswith("usr/")}, set())
        same("programs", [entry[5] for entry in listed if entry[0].startswith("-rwx")], ["./usr/bin/accredit"])
        root = pathlib.Path(folder, "root")
        run(["dpkg-deb", "--extract", package, root])
        page = gzip.decompress((root / "usr/share/man/man1/accredit.1.gz").read_bytes()).decode()
        same("man page", ".SH SUBCOMMANDS" in page, True)
        same("version", f"accredit {version} " in run([root / "usr/bin/accredit", "--version"]), True)
        verified(root)


def verified(root):
    """Lets systemd read the unit of an unpacked package."""
    # Every Debian system has it; the unpacked package is not one.
    (root / "bin").mkdir()
    (root / "bin/kill").symlink_to("../usr/bin/accredit")
    command = ["systemd-analyze", "verify", f"--root={root}", "--man=no", "--recursive-errors=no", "accredit.service"]
    same("systemd-analyze verify", problems_of(command), (0, ""))
    unit = root / UNIT
    unit.write_text(unit.read_text().replace("DynamicUser=", "DynamicUsr="))
    same("an unknown setting is found", "DynamicUsr" in problems_of(command)[1], True)


def problems_of(command):
    """The exit status of a command, and its output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@contextlib.contextmanager
def key_server(key_set):
    """A server of a key set on loopback; gives its address."""
    class Answer(http.server.BaseHTTPRequestHandler):
        """Answers every GET with the key set."""

        def do_GET(self):  # pylint: disable=invalid-name
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(key_set).encode())

        def log_message(self, *_):  # pylint: disable=arguments-differ
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/keys"
        finally:
            server.shutdown()


@contextlib.contextmanager
def run_by_the_unit(root):
    """Starts what the unit of an unpacked package starts, without root's privileges, and waits until it is ready."""
    unit = (root / UNIT).read_text()

    def setting(name):
        return re.search(rf"^{name}=(.*)$", unit, re.M).group(1)

    # systemd creates a user for the service. This test runs it as the user 65534, which exists on every system.
    user = 65534 if os.geteuid() == 0 else None
    for parent, name in (("var/lib", "StateDirectory"), ("run", "RuntimeDirectory")):
        own = root / parent / setting(name)
        own.mkdir(parents=True, exist_ok=True)
        own.chmod(int(setting(f"{name}Mode"), 8))
        if user:
            os.chown(own, user, user)
    command = [f"{root}{word}" if word.startswith("/") else word for word in shlex.split(setting("ExecStart"))]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"]},
                          umask=int(setting("UMask"), 8), user=user, group=user,
                          extra_groups=[] if user else None) as process:
        watchdog = threading.Timer(30, process.kill)
        watchdog.start()
        try:
            log = []
            while not (log and '"ready"' in log[-1]):
                log.append(process.stderr.readline())
                if not log[-1]:
                    raise Failure(f"the program of the package has ended: {log}")
            yield
        finally:
            watchdog.cancel()
            process.terminate()
            process.stderr.read()
    same("exit status after SIGTERM", process.returncode, 0)


def await_file(folder, pattern):
    """Waits until the folder has such a file: the service saves keys in the background."""
    end = time.monotonic() + 30
    while not any(folder.glob(pattern)):
        if time.monotonic() > end:
            raise Failure(f"{folder} has no {pattern}")
        time.sleep(0.05)


def the_packaged_program_runs_as_the_unit_runs_it():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        root = pathlib.Path(folder, "root")
        run(["dpkg-deb", "--extract", built(folder), root])
        key = pathlib.Path(folder, "key.pem")
        new_key(key)
        socket = root / "run/accredit/accredit.sock"
        claims = {"iss": "https://issuer.test", "aud": "api", "sub": "client-1", "exp": int(time.time()) + 300}
        token = {"authorization": f"Bearer {signed(key, claims)}"}

        def decides():
            same("mode of the socket", stat.S_IMODE(socket.stat().st_mode), 0o660)
            same("admitted", b"client-1" in check(folder, f"unix:{socket}", token), True)
            same("refused", b"Missing authorization token" in check(folder, f"unix:{socket}", {}), True)

        with key_server({"keys": [public_jwk(key)]}) as address:
            (root / "etc/accredit").mkdir(parents=True)
            (root / "etc/accredit/accredit.yaml").write_text(json.dumps({
                "listen": f"unix:{socket}", "admin_listen": "127.0.0.1:0", "state_dir": str(root / "var/lib/accredit"),
                "issuers": [{"issuer": "https://issuer.test", "audiences": ["api"], "jwks": {"uri": address}}],
            }))
            with run_by_the_unit(root):
                decides()
                await_file(root / "var/lib/accredit", "*.jwks")
        # Without the key server, only the keys of the state directory can make the service ready.
        with run_by_the_unit(root):
            decides()


def the_unit_gives_the_service_no_privilege():
    said = run(["systemd-analyze", "security", "--offline=yes", "--json=short", "--threshold=15",
                ROOT / "deploy/systemd/accredit.service"])
    exposed = {check["name"] for check in json.loads(said) if float(check.get("exposure") or 0) > 0.1}
    # The network, and the priority of threads.
    permitted = {"PrivateNetwork=", "IPAddressDeny=", "RestrictAddressFamilies=~AF_(INET|INET6)", "SystemCallFilter=~@resources"}
    same("what the unit permits", exposed - permitted, set())


def the_unit_starts_what_the_package_installs():
    unit = (ROOT / "deploy/systemd/accredit.service").read_text()
    same("command", re.findall(r"^ExecStart=(.*)$", unit, re.M), ["/usr/bin/accredit serve --config /etc/accredit/accredit.yaml"])
    stop = int(re.search(r"^TimeoutStopSec=(\d+)s$", unit, re.M).group(1))
    base = yaml.safe_load((ROOT / "deploy/kubernetes/base/accredit.yaml").read_text())
    same("the drain fits", int(base["drain"].rstrip("s")) + 5 <= stop, True)


def action(text, **inputs):
    """Runs what the action runs, on a configuration."""
    steps = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]
    same("steps", [step["run"] for step in steps], ['"$GITHUB_ACTION_PATH/deploy/github/check.sh"'])
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "accredit.yaml")
        file.write_text(text)
        environment = {**os.environ, "PATH": f"{ACCREDIT.parent}:{os.environ['PATH']}", "CONFIG": str(file), **inputs}
        done = subprocess.run([ROOT / "deploy/github/check.sh"], env=environment, capture_output=True, text=True, check=False)
        return done.returncode, str(file), done.stdout + done.stderr


def the_action_shows_each_problem_at_its_line():
    matchers = json.loads((ROOT / "deploy/github/problem-matcher.json").read_text())["problemMatcher"]
    text = "issuers:\n  - issuer: https://a.test\n    audiences: any\nlisen: x\n"
    code, file, said = action(text, DENY_WARNINGS="true")
    same("status", code, 2)
    found = [re.fullmatch(matchers[0]["pattern"][0]["regexp"], line) for line in said.splitlines()]
    same("errors", [match.group(1, 2, 3) for match in found if match], [(file, "4", "8")])
    warned = "issuers:\n  - issuer: https://a.test\n    audiences: any\n"
    code, file, said = action(warned, DENY_WARNINGS="false")
    found = [re.fullmatch(matchers[1]["pattern"][0]["regexp"], line) for line in said.splitlines()]
    same("warnings", (code, [match.group(1, 2, 4) for match in found if match]), (0, [(file, "3", "audiences_any")]))
    same("denied warnings", action(warned, DENY_WARNINGS="true")[0], 2)


def hook(own):
    """A hook of pre-commit, and a function that runs it on files: the exit status."""
    (found,) = (one for one in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text()) if one["id"] == own)
    environment = {**os.environ, "PATH": f"{ACCREDIT.parent}:{os.environ['PATH']}"}

    def status(*files):
        # pre-commit splits the entry as a shell does, and appends the names of the files.
        command = [*shlex.split(found["entry"]), *map(str, files)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).returncode

    return found, status


def the_hook_for_checks_refuses_each_invalid_file():
    found, status = hook("accredit-check")
    same("files", [bool(re.search(found["files"], name)) for name in ("accredit.yaml", "a/accredit.yml", "b.yaml")], [True, True, False])
    with tempfile.TemporaryDirectory() as folder:
        good, bad = pathlib.Path(folder, "good.yaml"), pathlib.Path(folder, "bad.yaml")
        good.write_text("issuers:\n  - issuer: https://a.test\n    audiences: [a]\n")
        bad.write_text("issuers: []\n")
        same("status", (status(good), status(bad, good), status(good, bad)), (0, 1, 1))


# Test cases: one that the configuration fulfils, and one that it does not.
CASE = "config: accredit.yaml\ncases: [{ name: without a token, expect: { reason: %s } }]\n"
CONFIGURATION = "issuers:\n  - issuer: https://a.test\n    audiences: [a]\n"


def the_hook_for_tests_runs_the_cases_beside_a_changed_file():
    found, status = hook("accredit-test")
    names = ("accredit.yaml", "a/accredit.test.yml", "a.test.yaml", "accredit.rules.test.yaml")
    same("files", [bool(re.search(found["files"], name)) for name in names], [True, True, False, False])
    with tempfile.TemporaryDirectory() as folder:
        config, cases = pathlib.Path(folder, "accredit.yaml"), pathlib.Path(folder, "accredit.test.yaml")
        config.write_text(CONFIGURATION)
        same("no cases", status(config), 0)
        cases.write_text(CASE % "missing_token")
        same("fulfilled cases", (status(config), status(cases), status(config, cases)), (0, 0, 0))
        cases.write_text(CASE % "expired")
        same("a case that differs", (status(config), status(cases)), (1, 1))


def the_action_runs_test_cases_after_the_check():
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "accredit.yaml").write_text(CONFIGURATION)
        for name, reason in (("one", "missing_token"), ("two", "missing_token"), ("wrong", "expired")):
            pathlib.Path(folder, f"{name}.test.yaml").write_text(CASE % reason)
        same("two files", action(CONFIGURATION, TESTS=f"{folder}/one.test.yaml {folder}/t*.test.yaml")[0], 0)
        code, _, said = action(CONFIGURATION, TESTS=f"{folder}/*.test.yaml")
        same("a case that differs", (code, "1 failed" in said), (1, True))
        same("an invalid configuration", action("issuers: []\n", TESTS=f"{folder}/one.test.yaml")[0], 2)


TESTS = [
    the_debian_package_has_the_program_its_unit_pages_and_completions,
    the_packaged_program_runs_as_the_unit_runs_it,
    the_unit_gives_the_service_no_privilege,
    the_unit_starts_what_the_package_installs,
    the_action_shows_each_problem_at_its_line,
    the_hook_for_checks_refuses_each_invalid_file,
    the_hook_for_tests_runs_the_cases_beside_a_changed_file,
    the_action_runs_test_cases_after_the_check,
]
