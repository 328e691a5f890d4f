"""Tests the manifests, the documents, the Dockerfile and the image's root file system; `make test` calls it.

One line for each test, then `N passed, N failed`.
"""

import os
import pathlib
import sys
import time
import traceback

import chart
import configuration
import distribution
import documents
import envoy_patches
import inside_envoy
import policy
import rootfs
import schemas
import trial
from manifests import Failure

TESTS = [*schemas.TESTS, *envoy_patches.TESTS, *inside_envoy.TESTS, *policy.TESTS, *configuration.TESTS, *documents.TESTS, *chart.TESTS,
         *distribution.TESTS, *trial.TESTS, *rootfs.TESTS]


def main(tests):
    """Runs those whose name has one of the words given, or all."""
    os.chdir(pathlib.Path(__file__).resolve().parents[2])
    wanted = sys.argv[1:]
    passed = failed = 0
    for test in tests:
        name = test.__name__.replace("_", " ")
        if wanted and not any(word in name for word in wanted):
            continue
        started = time.monotonic()
        try:
            test()
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            said = str(error) if isinstance(error, Failure) else traceback.format_exc()
            print(f"FAILED {name}\n{said}", flush=True)
        else:
            passed += 1
            print(f"ok     {name} ({time.monotonic() - started:.1f} s)", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(TESTS))
