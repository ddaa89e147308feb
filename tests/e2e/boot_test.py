"""The package on a Debian of its own, with the real systemd: from installation to purge."""

import json
import re
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from rig.box import Box, root_for
from rig.case import main
from rig.package import build_package
from rig.program import wait_until

README = Path(__file__).resolve().parents[2] / "README.md"
TOKEN = "tok-boot-51f0a7"
SECRET = "whsec_Ym9vdC10ZXN0LWJvb3QtdGVzdC1ib290LXRlc3QtMTI="
CONFIGURATION = """
state_dir: /var/lib/mjwatchd
gateways:
  standin: {url: "http://127.0.0.1:9000", token_file: octopusx.token, call_cost: 100ms, max_calls_per_minute: 6000}
watch: {max_gap: 1s}
images: {keep_free: 1MiB}
webhooks:
  default: [app]
  retry: [500ms, 1s, 2s, 2s, 2s, 2s, 2s, 2s, 2s, 2s]
  endpoints:
    app: {url: "http://127.0.0.1:8000/hook", secret_file: app.secret}
"""


class BootTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="mje2e-", dir="/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        packed = cls.folder / "packed"
        packed.mkdir()
        package = build_package(packed)
        root = root_for(package)
        cls.shared = cls.folder / "shared"
        cls.shared.mkdir()
        shutil.copy(package, cls.shared / "mjwatchd.deb")
        cls.make_successor(package)
        cls.box = Box(root, cls.folder, cls.shared)
        cls.addClassCleanup(cls.box.close)

    @classmethod
    def make_successor(cls, package):
        """The same package with a higher version, for an upgrade."""
        tree = cls.folder / "tree"
        subprocess.run(["dpkg-deb", "-R", str(package), str(tree)], check=True)
        control = tree / "DEBIAN/control"
        control.write_text(control.read_text("utf-8").replace("\nVersion: ", "\nVersion: 9."), "utf-8")
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "-b", str(tree),
                        str(cls.shared / "successor.deb")], check=True, stdout=subprocess.DEVNULL)

    def test_from_installation_to_purge(self):
        for step in (self.installation_tells_what_is_missing, self.who_follows_the_readme_has_it_running,
                     self.a_member_of_the_group_gets_picture_and_webhook, self.others_get_nothing,
                     self.the_journal_knows_what_a_line_is_about, self.a_good_reload_is_in_force,
                     self.a_bad_reload_is_refused_and_told, self.a_killed_daemon_comes_back_while_callers_wait,
                     self.a_daemon_that_stands_still_is_replaced, self.a_stop_is_orderly_and_a_caller_starts_it_again,
                     self.an_upgrade_loses_nothing, self.removal_keeps_what_is_the_users, self.purge_keeps_nothing):
            begin = time.monotonic()
            try:
                step()
            except Exception:
                self.show()
                raise
            print(f"{step.__name__.replace('_', ' ')}: {time.monotonic() - begin:.1f} s", flush=True)

    def show(self):
        print(self.box.try_run("journalctl", "--no-hostname", "-n", "80").stdout, flush=True)
        print(self.box.try_run("systemctl", "status", "--no-pager", "mjwatchd.service", "mjwatchd.socket").stdout)

    # What is asked often.

    def property(self, name, unit="mjwatchd.service"):
        return self.box.run("systemctl", "show", "-P", name, unit).strip()

    def client(self, *words, user="app", **more):
        return self.box.try_run("runuser", "-u", user, "--", "mjwatch", *words, **more)

    def ask(self, *words):
        done = self.client(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def status(self):
        return json.loads(self.ask("--json", "status"))

    def journal(self, *words):
        self.box.run("journalctl", "--sync")
        lines = self.box.run("journalctl", "-o", "json", "-q", "-u", "mjwatchd.service", *words).splitlines()
        return [json.loads(line) for line in lines]

    def tasks(self):
        return sorted(json.loads(line)["id"] for line in self.ask("--json", "list").splitlines())

    # The steps, each on what the one before left.

    def installation_tells_what_is_missing(self):
        done = self.box.try_run("dpkg", "-i", "/mnt/mjwatchd.deb", seconds=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("not started", done.stdout)
        self.assertIn("octopusx.token", done.stdout)
        self.assertEqual(self.property("ActiveState"), "inactive")
        for unit in ("mjwatchd.service", "mjwatchd.socket"):
            self.assertEqual(self.property("UnitFileState", unit), "enabled")
        self.assertEqual(self.box.run("stat", "-c", "%a %U", "/etc/mjwatchd/credentials").split(), ["700", "root"])

    def who_follows_the_readme_has_it_running(self):
        """Its own lines, from the installed package on; what people do in them by hand is done by an `editor`."""
        self.box.write("/run/receiver.secret", SECRET + "\n", "644")
        self.box.write("/run/gateway.token", TOKEN + "\n", "644")
        self.box.run("systemd-run", "--unit=standin", "--uid=nobody", "mjwatch-gateway", "--port", "9000", "--token-file",
                     "/run/gateway.token", "--make-up-unknown", "--speed", "20x", "--picture", "png",
                     "--picture-size", "100kB")
        self.box.run("systemd-run", "--unit=receiver", "--uid=nobody", "mjwatch", "listen", "8000", "--secret-file",
                     "/run/receiver.secret")
        self.box.run("useradd", "-m", "app")
        self.box.run("mkdir", "-p", "/run/here")
        self.box.write("/run/here/my.token", TOKEN + "\n", "644")
        self.box.write("/run/here/configuration", CONFIGURATION)
        self.box.write("/run/here/app.secret", SECRET + "\n", "600")
        self.box.write("/usr/local/bin/editor", "#!/bin/sh\ncp /run/here/configuration \"$1\"\n"
                       "install -m 600 /run/here/app.secret /etc/mjwatchd/credentials\n", "755")
        service = README.read_text("utf-8").split("### As a service")[1]
        lines = re.search(r"```sh\n(.*?)```", service, re.DOTALL)[1].splitlines()
        after = next(number for number, line in enumerate(lines) if line.startswith("apt install ")) + 1
        words = "\n".join(lines[after:]).replace("YOUR_APPLICATIONS_USER", "app")
        self.assertIn("systemctl restart mjwatchd", words)
        self.box.run("sh", "-ec", "export PATH=/usr/local/bin:$PATH; cd /run/here\n" + words)
        self.assertEqual(self.property("ActiveState"), "active")
        self.assertEqual(self.property("User"), "mjwatchd")
        self.assertEqual(self.property("LimitCORE"), "0")
        self.assertEqual(self.property("ActiveState", "mjwatchd.socket"), "active")
        exposure = self.box.try_run("systemd-analyze", "security", "--no-pager", "mjwatchd.service").stdout
        print(exposure.strip().splitlines()[-1])

    def a_member_of_the_group_gets_picture_and_webhook(self):
        self.ask("add", "task-1", "--meta", "order=7")
        self.ask("wait", "task-1", "--timeout", "60s", "--save", "/tmp/pictures")
        first = self.box.run("sh", "-c", "head -c 8 /tmp/pictures/*task-1* | od -An -tx1").split()
        self.assertEqual(first[:4], ["89", "50", "4e", "47"])
        wait_until(lambda: "verified" in self.box.run("journalctl", "-q", "-u", "receiver", "-g", "task-1", "--no-pager")
                   if self.box.try_run("journalctl", "-q", "-u", "receiver", "-g", "task-1").returncode == 0 else False,
                   30, "the receiver verified a webhook")

    def others_get_nothing(self):
        denied = self.client("status", user="nobody")
        self.assertEqual(denied.returncode, 5)
        self.assertRegex(denied.stderr, "(?i)permission|mjwatchd-client")
        for user in ("app", "nobody"):
            self.assertNotEqual(self.box.try_run("runuser", "-u", user, "--", "ls", "/var/lib/mjwatchd").returncode, 0)
            self.assertNotEqual(self.box.try_run("runuser", "-u", user, "--", "ls", "/etc/mjwatchd/credentials").returncode,
                                0)

    def the_journal_knows_what_a_line_is_about(self):
        lines = self.journal("TASK_ID=task-1")
        ended = [line for line in lines if "task.succeeded" in line["MESSAGE"]]
        self.assertEqual(len(ended), 1, lines)
        self.assertEqual((ended[0]["GATEWAY"], ended[0]["PRIORITY"]), ("standin", "6"))
        everything = json.dumps(self.journal())
        for secret in (TOKEN, SECRET.removeprefix("whsec_")):
            self.assertNotIn(secret, everything)
        self.assertLess(len(lines), 12, "polls are not logged at info")

    def a_good_reload_is_in_force(self):
        before = self.property("MainPID")
        self.box.write("/etc/mjwatchd/mjwatchd.yaml", CONFIGURATION + "log: {level: debug}\n")
        self.box.run("systemctl", "reload", "mjwatchd.service")
        self.ask("add", "task-2")
        self.ask("wait", "task-2", "--timeout", "60s")
        wait_until(lambda: any(line["PRIORITY"] == "7" for line in self.journal()), 20, "debug lines are logged")
        self.assertEqual(self.property("MainPID"), before)

    def a_bad_reload_is_refused_and_told(self):
        self.box.write("/etc/mjwatchd/mjwatchd.yaml", CONFIGURATION + "lug: {level: info}\n")
        self.box.run("systemctl", "reload", "mjwatchd.service")
        refused = wait_until(lambda: self.status()["configuration"]["refused"], 20, "status tells of the refusal")
        self.assertIn("lug", json.dumps(refused))
        self.assertIn("lug", self.ask("status"))
        wait_until(lambda: any("lug" in line["MESSAGE"] and line["PRIORITY"] == "3" for line in self.journal()), 20,
                   "the journal tells it too")
        self.assertEqual(self.property("ActiveState"), "active")
        self.box.write("/etc/mjwatchd/mjwatchd.yaml", CONFIGURATION)
        self.box.run("systemctl", "reload", "mjwatchd.service")
        wait_until(lambda: self.status()["configuration"]["refused"] is None, 20, "a good reload clears it")

    def a_killed_daemon_comes_back_while_callers_wait(self):
        before = self.property("MainPID")
        self.box.run("systemctl", "kill", "-s", "KILL", "mjwatchd.service")
        self.assertEqual(self.tasks(), ["task-1", "task-2"])  # the call waits in the socket
        self.assertNotEqual(self.property("MainPID"), before)
        self.assertEqual(self.property("NRestarts"), "1")

    def a_daemon_that_stands_still_is_replaced(self):
        self.box.run("mkdir", "-p", "/run/systemd/system/mjwatchd.service.d")
        # As in the unit, only sooner.
        self.box.write("/run/systemd/system/mjwatchd.service.d/sooner.conf",
                       "[Service]\nWatchdogSec=3s\nTimeoutStopSec=5s\nTimeoutAbortSec=3s\n")
        self.box.run("systemctl", "daemon-reload")
        self.box.run("systemctl", "restart", "mjwatchd.service")
        before = self.property("MainPID")
        time.sleep(4)  # longer than the watchdog waits: a daemon that moves is left alone
        self.assertEqual(self.property("MainPID"), before)
        self.box.run("kill", "-STOP", before)
        wait_until(lambda: self.property("MainPID") not in (before, "0") and self.property("ActiveState") == "active", 60,
                   "the watchdog replaces it")
        found = self.box.run("journalctl", "-q", "-u", "mjwatchd.service", "-g", "(?i)watchdog timeout")
        self.assertIn("mjwatchd.service", found)
        self.assertEqual(self.tasks(), ["task-1", "task-2"])

    def a_stop_is_orderly_and_a_caller_starts_it_again(self):
        self.box.run("systemctl", "stop", "mjwatchd.service")
        self.assertEqual(self.property("ActiveState"), "inactive")
        self.assertEqual((self.property("ExecMainStatus"), self.property("Result")), ("0", "success"))
        self.ask("status")
        self.assertEqual(self.property("ActiveState"), "active")

    def an_upgrade_loses_nothing(self):
        before = self.property("MainPID")
        self.ask("add", "task-3")
        done = self.box.try_run("dpkg", "-i", "/mnt/successor.deb", seconds=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.tasks(), ["task-1", "task-2", "task-3"])
        self.assertNotEqual(self.property("MainPID"), before)
        self.assertIn("standin", self.box.run("cat", "/etc/mjwatchd/mjwatchd.yaml"))
        self.ask("wait", "task-3", "--timeout", "60s")

    def removal_keeps_what_is_the_users(self):
        self.box.run("dpkg", "-r", "mjwatchd", seconds=120)
        self.assertEqual(self.box.try_run("systemctl", "is-active", "mjwatchd.service", "mjwatchd.socket").stdout.split(),
                         ["inactive", "inactive"])
        self.assertEqual(self.box.try_run("test", "-e", "/run/mjwatchd/mjwatchd.sock").returncode, 1)
        for kept in ("/etc/mjwatchd/mjwatchd.yaml", "/etc/mjwatchd/credentials/octopusx.token", "/var/lib/mjwatchd/images"):
            self.box.run("test", "-e", kept)

    def purge_keeps_nothing(self):
        self.box.run("dpkg", "-P", "mjwatchd", seconds=120)
        for gone in ("/etc/mjwatchd", "/var/lib/mjwatchd", "/run/mjwatchd", "/usr/bin/mjwatchd",
                     "/etc/systemd/system/multi-user.target.wants/mjwatchd.service"):
            self.assertEqual(self.box.try_run("test", "-e", gone).returncode, 1, gone)
        left = self.box.run("sh", "-c", "ls /var/lib/systemd/deb-systemd-helper-enabled /var/lib/systemd/*/ 2>/dev/null")
        self.assertNotIn("mjwatchd", left)


if __name__ == "__main__":
    main()
