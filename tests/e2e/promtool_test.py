"""Prometheus' own tool judges what /metrics says, the alert rules, and when they fire.

Of the Debian package prometheus only the program promtool is taken, into the build folder (MJWATCHD_TOOLS):
installing the package would start a server.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rig.case import Case, main

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(os.environ.get("MJWATCHD_TOOLS", ROOT / "build" / "tools")).resolve()
SKIPPED = 77


def find_promtool():
    found = shutil.which("promtool")
    if found:
        return found
    if not (TOOLS / "promtool").exists():
        fetch()
    return str(TOOLS / "promtool")


def fetch():
    """Into a folder of its own, then put in place: a second test run may be at it, too."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOOLS) as fresh:
        got = subprocess.run(["apt-get", "download", "-q", "prometheus"], cwd=fresh, text=True, capture_output=True,
                             timeout=300)
        packages = list(Path(fresh).glob("*.deb"))
        if got.returncode != 0 or not packages:
            print("SKIPPED: there is no promtool, and apt-get can't download the package prometheus:\n" + got.stderr,
                  file=sys.stderr)
            sys.exit(SKIPPED)
        archive = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", packages[0]], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", fresh, "./usr/bin/promtool"], stdin=archive.stdout, check=True, timeout=300)
        if archive.wait(60) != 0:
            raise AssertionError("dpkg-deb could not read the package")
        (Path(fresh) / "usr" / "bin" / "promtool").rename(TOOLS / "promtool")


class PromtoolTest(Case):
    def check(self, *words, given=None):
        made = subprocess.run([PROMTOOL, *map(str, words)], input=given, capture_output=True, timeout=120)
        self.assertEqual(made.returncode, 0, (made.stdout + made.stderr).decode())
        self.assertEqual(made.stderr.decode(), "", "it has nothing to remark on")

    def test_the_metrics_are_well_formed_and_well_named(self):
        gateway = self.gateway("--picture", "png", "--picture-size", "20KB")
        receiver = self.receiver("/app")
        daemon = self.daemon(gateway)
        daemon.add_endpoint("app", receiver.url + "/app", receiver.secrets["/app"][0])
        self.start(daemon)
        gateway.make("t", duration="1ms")
        daemon.control.register("t")
        daemon.control.get("/v1/tasks/t?wait=30s")
        self.check("check", "metrics", given=daemon.control.get("/metrics").body)

    def test_the_rules_are_valid(self):
        self.check("check", "rules", ROOT / "config" / "alerts.yaml")

    def test_the_rules_fire_when_they_should_and_only_then(self):
        self.check("test", "rules", ROOT / "tests" / "metrics" / "alerts_test.yaml")


if __name__ == "__main__":
    PROMTOOL = find_promtool()
    main()
