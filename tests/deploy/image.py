"""The image that `make image` has built: unpacked, looked at, and started; `make image-test` calls it."""

import hashlib
import json
import os
import pathlib
import shutil
import sys
import tarfile
import tempfile

import run as runner
from manifests import ROOT, Failure, run, same
from rootfs import USER, answers

ARCHIVE = ROOT / "target/image/accredit.tar"


def blob(archive, descriptor):
    """A part of the image, by its digest, which is checked."""
    algorithm, digest = descriptor["digest"].split(":")
    content = archive.extractfile(f"blobs/{algorithm}/{digest}").read()
    same("digest", hashlib.new(algorithm, content).hexdigest(), digest)
    return content


def opened():
    """The archive, the image's manifest, and its configuration."""
    if not ARCHIVE.is_file():
        raise Failure(f"there is no {ARCHIVE.relative_to(ROOT)}: run `make image` first")
    archive = tarfile.open(ARCHIVE)  # pylint: disable=consider-using-with
    index = json.load(archive.extractfile("index.json"))
    manifest = json.loads(blob(archive, index["manifests"][0]))
    return archive, manifest, json.loads(blob(archive, manifest["config"]))


def it_describes_itself_and_runs_without_privileges():
    _, _, config = opened()
    same("user", config["config"]["User"], USER)
    same("entry point", config["config"]["Entrypoint"], ["/usr/bin/accredit"])
    same("command", config["config"]["Cmd"], ["serve", "--config", "/etc/accredit/accredit.yaml"])
    same("ports", set(config["config"]["ExposedPorts"]), {"9191/tcp", "9194/tcp"})
    labels = config["config"]["Labels"]
    for name in ("title", "description", "licenses", "version", "revision", "created"):
        same(f"label {name}", bool(labels[f"org.opencontainers.image.{name}"]), True)
    # Empty where the repository has no public address.
    same("addresses", {"org.opencontainers.image.source", "org.opencontainers.image.url"} - set(labels), set())


def unpacked(folder):
    """The root file system that a runtime would make of it, with its owners where we may set them."""
    archive, manifest, _ = opened()
    root = pathlib.Path(folder, "root")
    root.mkdir()
    for layer in manifest["layers"]:
        content = pathlib.Path(folder, "layer.tar")
        content.write_bytes(blob(archive, layer))
        # tar keeps owners and modes; Python's filters do not.
        run(["tar", "--extract", "--numeric-owner", "--file", content, "--directory", root])
    return root


def it_has_no_shell_and_a_list_of_what_is_in_it():
    with tempfile.TemporaryDirectory() as folder:
        root = unpacked(folder)
        programs = [p.name for p in root.rglob("*") if p.is_file() and p.stat().st_mode & 0o111]
        others = [p for p in programs if ".so" not in p]
        same("programs", others, ["accredit"])
        names = {c["name"] for c in json.loads((root / "usr/share/accredit/sbom.cdx.json").read_text())["components"]}
        same("what it is made of", {"tonic", "aws-lc-rs", "reqwest"} - names, set())


def it_answers_probes_and_checks():
    with tempfile.TemporaryDirectory() as folder:
        answers(folder, unpacked(folder))


def it_is_the_same_when_built_again():
    before = (ROOT / "target/image/id").read_text()
    with tempfile.TemporaryDirectory() as folder:
        # A copy, because the context is assembled anew.
        program = shutil.copy2(ROOT / "target/image/context/rootfs/usr/bin/accredit", folder)
        run([ROOT / "deploy/docker/image.sh"], env={**os.environ, "BINARY": str(program)})
    same("id", (ROOT / "target/image/id").read_text(), before)


if __name__ == "__main__":
    sys.exit(runner.main([
        it_describes_itself_and_runs_without_privileges,
        it_has_no_shell_and_a_list_of_what_is_in_it,
        it_answers_probes_and_checks,
        it_is_the_same_when_built_again,
    ]))
