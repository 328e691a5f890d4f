"""The image's root file system, started as a container runtime starts it, with nothing of this machine in it."""

import contextlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import threading
import time
import urllib.request

from client import addresses, check_request, public_jwk, signed
from configuration import ACCREDIT
from manifests import ROOT, Failure, run, same

# As in the Dockerfile and the manifests.
USER = "65532:65532"
# What must be there, and all that may be there.
FILES = {"usr/bin/accredit", "etc/passwd", "etc/group", "etc/nsswitch.conf", "etc/ssl/certs/ca-certificates.crt"}
LIBRARIES = ("lib/", "lib64/", "usr/lib/", "usr/lib64/")


def assembled(folder):
    """The root file system with the program under test."""
    root = pathlib.Path(folder, "rootfs")
    run([ROOT / "deploy/docker/rootfs.sh", ACCREDIT, root])
    return root


def nothing_but_the_program_is_in_it():
    with tempfile.TemporaryDirectory() as folder:
        root = assembled(folder)
        found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
        same("what is missing", FILES - found, set())
        same("what is too much", {f for f in found - FILES if not f.startswith(LIBRARIES)}, set())
        for path in root.rglob("*"):
            same(f"{path}: set-id bits", path.lstat().st_mode & 0o6000, 0)
        times = {path.lstat().st_mtime for path in [root, *root.rglob("*")]}
        same("times", times, {0.0})


def it_answers_probes_and_checks():
    with tempfile.TemporaryDirectory() as folder:
        answers(folder, assembled(folder))


def answers(folder, root):
    """Starts the root file system with a test key, and sends the requests of kubelet and Envoy."""
    key = pathlib.Path(folder, "key.pem")
    run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key])
    (root / "etc/accredit/accredit.yaml").write_text(json.dumps({
        "listen": "127.0.0.1:0", "admin_listen": "127.0.0.1:0", "probe_listen": "127.0.0.1:0",
        "issuers": [{"issuer": "https://issuer.test", "audiences": ["api"],
                     "jwks": {"inline": json.dumps({"keys": [public_jwk(key)]})}}],
    }))
    os.chmod(folder, 0o755)
    with started(root) as serving:
        claims = {"iss": "https://issuer.test", "aud": "api", "sub": "client-1", "exp": int(time.time()) + 300}
        admitted = check(folder, serving["listen"], {"authorization": f"Bearer {signed(key, claims)}"})
        same("admitted", b"x-jwt-sub" in admitted and b"client-1" in admitted, True)
        refused = check(folder, serving["listen"], {})
        same("refused", b"Missing authorization token" in refused, True)
        # Keys are there once a check was admitted, so it is ready by now.
        for path in ("livez", "readyz"):
            with urllib.request.urlopen(f"http://{serving['probe_listen']}/{path}", timeout=10) as answer:
                same(path, answer.status, 200)


@contextlib.contextmanager
def started(root):
    """Starts the program in there, as the image's user; gives the addresses that it names."""
    command = ["/usr/bin/accredit", "serve", "--config", "/etc/accredit/accredit.yaml"]
    if os.geteuid() == 0:
        prefix = ["chroot", f"--userspec={USER}", str(root)]
    else:
        prefix = ["unshare", "--map-root-user", f"--root={root}"]
        if subprocess.run([*prefix, "/usr/bin/accredit", "--version"], capture_output=True, check=False).returncode:
            raise Failure("starting a root file system needs root or a user namespace, and this machine permits neither: "
                          "run the tests as root, or allow user namespaces (sysctl user.max_user_namespaces)")
    # No variable of this machine's, as in a container.
    with subprocess.Popen([*prefix, *command], stderr=subprocess.PIPE, text=True,
                          env={"PATH": os.environ["PATH"]}) as process:
        watchdog = threading.Timer(30, process.kill)
        watchdog.start()
        try:
            yield addresses(process)
        finally:
            watchdog.cancel()
            process.terminate()
            process.stderr.read()
    same("exit code", process.returncode, 0)


def check(folder, address, headers):
    """A check over gRPC, as bytes; the answer's bytes. The address is HOST:PORT or unix:PATH."""
    if not shutil.which("curl"):
        raise Failure("curl is needed to ask a check over HTTP/2; install it (Debian and Ubuntu: apt-get install curl)")
    request = pathlib.Path(folder, "check.bin")
    message = check_request({":method": "GET", ":path": "/", ":authority": "api.test", **headers})
    request.write_bytes(struct.pack(">BI", 0, len(message)) + message)
    socket = ["--unix-socket", address.removeprefix("unix:")] if address.startswith("unix:") else []
    host = "localhost" if socket else address
    done = subprocess.run(
        ["curl", *socket, "--silent", "--show-error", "--max-time", "10", "--http2-prior-knowledge", "--data-binary", f"@{request}",
         "-H", "content-type: application/grpc", "-H", "te: trailers",
         f"http://{host}/envoy.service.auth.v3.Authorization/Check"],
        capture_output=True, check=False)
    same("curl", (done.returncode, done.stderr), (0, b""))
    return done.stdout


TESTS = [nothing_but_the_program_is_in_it, it_answers_probes_and_checks]
