"""Chromium, steered through playwright-core by tests/e2e/browser/driver.mjs."""

import json
import os
import selectors
import shutil
import subprocess
import sys
from pathlib import Path

from rig import npm
from rig.program import PATIENCE, clean_environment

SOURCE = Path(__file__).resolve().parents[1] / "browser"
PACKAGES = Path(os.environ.get("MJWATCHD_NPM", "build/release/npm") + "-page").resolve()


def need():
    """Everything is there afterwards, or the test ends as skipped."""
    if shutil.which("chromium") is None:
        print("SKIPPED: chromium is not installed (sh daemon/install-packages.sh tests)", file=sys.stderr)
        sys.exit(npm.SKIPPED)
    npm.need(SOURCE, PACKAGES)


class Browser:
    def __init__(self, folder):
        # Beside its node_modules.
        (PACKAGES / "driver.mjs").write_bytes((SOURCE / "driver.mjs").read_bytes())
        self.log = folder / "browser.log"
        environment = clean_environment({"CHROMIUM": shutil.which("chromium"), "HOME": str(folder),
                                         "PATIENCE": str(PATIENCE)})
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", "node", str(PACKAGES / "driver.mjs")], cwd=PACKAGES,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        self.open()

    def do(self, code, seconds=60):
        """Runs the body of an async function of (page, tools) and answers what it returned."""
        self.process.stdin.write(json.dumps({"code": code}) + "\n")
        self.process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(seconds * PATIENCE):
                raise AssertionError(f"the browser did not finish within {seconds * PATIENCE} s: {code}")
        answer = json.loads(self.process.stdout.readline() or '{"error": "the browser has ended"}')
        if "error" in answer:
            raise AssertionError(f"{answer['error']}\nin: {code}\n{self.log.read_text('utf-8', 'replace')[-2000:]}")
        return answer["value"]

    def open(self, **options):
        """A profile of its own: nobody is signed in."""
        self.do(f"await tools.open({json.dumps(options)})")

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
