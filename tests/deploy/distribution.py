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
    """The exit status of a command, and what it says."""
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
    """Starts what the unit of an unpacked package starts, without root's privileges, and waits until it is ready; gives its log."""
    unit = (root / UNIT).read_text()

    def setting(name):
        return re.search(rf"^{name}=(.*)$", unit, re.M).group(1)

    # systemd takes a free user of its own; every system has `nobody`.
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
            yield "".join(log)
        finally:
            watchdog.cancel()
            process.terminate()
            process.stderr.read()
    same("exit status after SIGTERM", process.returncode, 0)


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
        # The key server is gone: the keys are those that the state directory has.
        with run_by_the_unit(root) as log:
            same("saved keys", "saved keys restored" in log, True)
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


def the_hook_checks_each_file():
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    same("files", [bool(re.search(hook["files"], name)) for name in ("accredit.yaml", "a/accredit.yml", "b.yaml")], [True, True, False])
    with tempfile.TemporaryDirectory() as folder:
        good, bad = pathlib.Path(folder, "good.yaml"), pathlib.Path(folder, "bad.yaml")
        good.write_text("issuers:\n  - issuer: https://a.test\n    audiences: [a]\n")
        bad.write_text("issuers: []\n")
        environment = {**os.environ, "PATH": f"{ACCREDIT.parent}:{os.environ['PATH']}"}
        command = "set -- $FILES; " + hook["entry"].replace("bash -c", "exec bash -c") + ' "$@"'
        for files, expected in (([good], 0), ([bad, good], 1), ([good, bad], 1)):
            done = subprocess.run(["bash", "-c", command], env={**environment, "FILES": " ".join(map(str, files))},
                                  capture_output=True, text=True, check=False)
            same(f"status: {done.stderr}", done.returncode, expected)


TESTS = [
    the_debian_package_has_the_program_its_unit_pages_and_completions,
    the_packaged_program_runs_as_the_unit_runs_it,
    the_unit_gives_the_service_no_privilege,
    the_unit_starts_what_the_package_installs,
    the_action_shows_each_problem_at_its_line,
    the_hook_checks_each_file,
]
