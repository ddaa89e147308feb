"""The Debian package: what is in it, and what Debian's own checker says of it."""

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from rig.case import Case, main
from rig.package import build_package
from rig.program import PROGRAMS, run

ROOT = Path(__file__).resolve().parents[2]


def output(*words):
    return subprocess.run([str(word) for word in words], text=True, check=True, capture_output=True, timeout=120).stdout


class PackageTest(Case):
    @classmethod
    def setUpClass(cls):
        cls.packed = Path(tempfile.mkdtemp(prefix="mje2e-", dir="/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.packed)
        cls.package = build_package(cls.packed)

    def test_a_package_is_whole_and_the_checker_has_nothing_to_say(self):
        files = {}
        for line in output("dpkg-deb", "-c", self.package).splitlines():
            mode, owner, *_, name = line.split()
            self.assertEqual(owner, "root/root", line)
            files[name.removeprefix(".")] = mode
        for program in ("mjwatchd", "mjwatch", "mjwatch-gateway"):
            self.assertEqual(files[f"/usr/bin/{program}"], "-rwxr-xr-x")
        for name in ("/etc/mjwatchd/mjwatchd.yaml", "/usr/lib/systemd/system/mjwatchd.service",
                     "/usr/lib/systemd/system/mjwatchd.socket", "/usr/lib/sysusers.d/mjwatchd.conf",
                     "/usr/lib/tmpfiles.d/mjwatchd.conf", "/usr/share/man/man8/mjwatchd.8.gz",
                     "/usr/share/man/man1/mjwatch.1.gz", "/usr/share/man/man1/mjwatch-gateway.1.gz",
                     "/usr/share/man/man5/mjwatchd.yaml.5.gz", "/usr/share/doc/mjwatchd/copyright",
                     "/usr/share/doc/mjwatchd/changelog.gz", "/usr/share/doc/mjwatchd/examples/mjwatchd.yaml",
                     "/usr/share/bash-completion/completions/mjwatch",
                     "/usr/share/bash-completion/completions/mjwatchd"):
            self.assertEqual(files.get(name), "-rw-r--r--", name)
        self.assertEqual([name for name in files if name.startswith("/etc/") and not name.endswith("/")],
                         output("dpkg-deb", "-I", self.package, "conffiles").split())
        depends = output("dpkg-deb", "-f", self.package, "Depends")
        for needed in ("libcurl4", "libsqlite3-0", "procps", "init-system-helpers", "systemd-standalone-sysusers"):
            self.assertIn(needed, depends)
        cache = (PROGRAMS / "CMakeCache.txt").read_text("utf-8")
        named = re.search(r"^MJWATCHD_MAINTAINER:STRING=(.+)$", cache, re.MULTILINE)[1]
        self.assertEqual(output("dpkg-deb", "-f", self.package, "Maintainer").strip(), named)
        version = output("dpkg-deb", "-f", self.package, "Version").strip()
        self.assertEqual(run(["mjwatchd", "--version"]).stdout, f"mjwatchd {version}\n")
        self.assertTrue((ROOT / "config/debian/changelog").read_text("utf-8").startswith(f"mjwatchd ({version})"))
        if shutil.which("lintian"):
            words = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", str(self.package)],
                                   text=True, capture_output=True, timeout=240)
            self.assertEqual((words.returncode, words.stdout), (0, ""), words.stderr)
        else:
            print("SKIPPED: lintian is not installed")

    @unittest.skipUnless(shutil.which("readelf"), "SKIPPED: readelf is not installed")
    def test_the_programs_are_hardened(self):
        output("dpkg-deb", "-x", self.package, self.folder / "tree")
        for program in ("mjwatchd", "mjwatch", "mjwatch-gateway"):
            file = self.folder / "tree/usr/bin" / program
            self.assertRegex(output("readelf", "-hW", file), r"Type: +DYN", "it can lie anywhere in memory")
            parts = output("readelf", "-lW", file)
            self.assertIn("GNU_RELRO", parts)
            self.assertRegex(parts, r"GNU_STACK .* RW +0x", "its stack is not run")
            self.assertNotRegex(parts, r"LOAD .* (RWE|WE) ", "what can be written is not run")
            self.assertRegex(output("readelf", "-dW", file), r"FLAGS_1.*NOW.*PIE", "all is bound before it begins")
            wanted = output("readelf", "--dyn-syms", "-W", file)
            self.assertIn("__stack_chk_fail", wanted, "overrun stacks are noticed")
            self.assertRegex(wanted, r"__(mem|str|v?s?n?printf|read|recv|fd)\w*_chk", "sizes are checked")

    def test_the_same_build_packs_to_the_same_bytes(self):
        self.assertEqual(build_package(self.folder).read_bytes(), self.package.read_bytes())

    def test_an_installation_by_hand_leaves_the_configuration_alone(self):
        output("cmake", "--install", PROGRAMS, "--prefix", self.folder / "usr")
        self.assertTrue((self.folder / "usr/lib/systemd/system/mjwatchd.service").exists())
        self.assertEqual(list(self.folder.rglob("etc")), [])


@unittest.skipUnless(shutil.which("systemd-analyze"), "SKIPPED: systemd-analyze is not installed")
class UnitTest(Case):
    """What systemd says of the units without running them."""

    def stage(self):
        root = self.folder / "root"
        units = root / "usr/lib/systemd/system"
        units.mkdir(parents=True)
        for unit in ("mjwatchd.service", "mjwatchd.socket"):
            shutil.copy(ROOT / "systemd" / unit, units)
        for program in ("usr/bin/mjwatchd", "bin/kill"):
            (root / program).parent.mkdir(parents=True, exist_ok=True)
            (root / program).write_text("#!/bin/sh\n")
            (root / program).chmod(0o755)
        for unit in ("sockets.target", "sysinit.target", "basic.target", "shutdown.target", "network-online.target",
                     "multi-user.target", "network.target"):
            (units / unit).write_text(f"[Unit]\nDescription={unit}\n")
        return root

    def test_the_units_hold_no_mistake(self):
        done = subprocess.run(["systemd-analyze", "verify", f"--root={self.stage()}", "--man=no",
                               "--recursive-errors=yes", "mjwatchd.service", "mjwatchd.socket"], text=True,
                              capture_output=True, timeout=60)
        lines = [line for line in (done.stdout + done.stderr).splitlines() if "mjwatchd" in line]
        self.assertEqual(lines, [], done.stderr)

    def test_almost_everything_is_forbidden_to_the_service(self):
        done = subprocess.run(["systemd-analyze", "security", "--offline=true",
                               str(ROOT / "systemd/mjwatchd.service")], text=True, capture_output=True, timeout=60)
        found = re.search(r"Overall exposure level for mjwatchd\.service: ([0-9.]+)", done.stdout)
        self.assertTrue(found, done.stdout + done.stderr)
        print(found[0])
        self.assertLessEqual(float(found[1]), 1.2)


if __name__ == "__main__":
    main()
