"""npm packages, installed once into a folder of the build; afterwards no network is needed."""

import filecmp
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FILES = ["package.json", "package-lock.json", ".npmrc"]
SKIPPED = 77  # what ctest takes for "skipped"
# npm's words for a registry that can't be reached: only then the test can't be made.
OFFLINE = re.compile(r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|ENETUNREACH|ERR_SOCKET_TIMEOUT")
FOLDER = Path(os.environ.get("MJWATCHD_NPM", "build/release/npm")).resolve()


def need(source, folder):
    """The packages that `source` names are in `folder` afterwards, or the test ends as skipped."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        print("SKIPPED: node and npm are not installed (sh daemon/install-packages.sh tests)", file=sys.stderr)
        sys.exit(SKIPPED)
    if not installed(source, folder):
        install(source, folder)


def installed(source, folder):
    return (folder / "node_modules" / ".package-lock.json").exists() and all(
        (folder / name).exists() and filecmp.cmp(source / name, folder / name, shallow=False) for name in FILES)


def install(source, folder):
    """Into a folder of its own, then put in place: a second test run may be at it, too."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=folder.name + "-", dir=folder.parent))
    try:
        for name in FILES:
            shutil.copy(source / name, fresh / name)
        made = subprocess.run(["npm", "ci", "--prefer-offline", "--fetch-retries=1", "--fetch-timeout=20000"], cwd=fresh,
                              env=dict(os.environ), text=True, capture_output=True, timeout=240)
        if made.returncode != 0:
            if OFFLINE.search(made.stdout + made.stderr):
                print("SKIPPED: npm can't reach its registry, so the packages of other people are not here:\n"
                      + made.stderr, file=sys.stderr)
                sys.exit(SKIPPED)
            raise AssertionError("npm ci: " + made.stdout + made.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
