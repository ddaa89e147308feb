"""Receivers no one here wrote: the npm packages standardwebhooks, svix and cloudevents take what we send.

The packages are installed once, into the build folder (MJWATCHD_NPM); afterwards no network is needed.
"""

import json
import re
import subprocess
from pathlib import Path

from rig import npm
from rig.case import Case, main
from rig.daemon import write_private
from rig.program import clean_environment, run, wait_until

SOURCE = Path(__file__).resolve().parent.parent / "webhooks" / "npm"
PACKAGES = npm.FOLDER


class NodeReceiver:
    def __init__(self, folder, secret_file, *more):
        self.log = folder / "node.log"
        with open(self.log, "wb") as out:
            command = ["setpriv", "--pdeathsig", "KILL", "--", "node", str(SOURCE / "receiver.js"), str(secret_file),
                       *more]
            self.process = subprocess.Popen(command, cwd=PACKAGES, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            env=clean_environment())
        self.url = wait_until(self.address, 20, "the Node receiver listens: " + self.log.read_text())

    def address(self):
        if self.process.poll() is not None:
            raise AssertionError("the Node receiver ended: " + self.log.read_text())
        found = re.search(r"listening on (\S+)", self.log.read_text())
        return found and found[1]

    def lines(self):
        text = self.log.read_text()
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines() if line.startswith("{")]

    def close(self):
        self.process.kill()
        self.process.wait()


class NpmTest(Case):
    def test_packages_of_other_people_verify_what_is_sent_and_refuse_it_when_spoilt(self):
        gateway = self.gateway("--picture", "png", "--picture-size", "20KB")
        daemon = self.daemon(gateway)
        secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
        daemon.add_endpoint("standard", "http://127.0.0.1:9/", secret)
        receiver = NodeReceiver(self.folder, self.folder / "standard.secret")
        self.addCleanup(receiver.close)
        daemon.config["webhooks"]["endpoints"]["standard"]["url"] = receiver.url + "/standard"
        daemon.add_endpoint("events", receiver.url + "/events", secret, format="cloudevents")
        self.start(daemon)
        for number, ending in enumerate(["SUCCESS", "FAILURE", "CANCEL"]):
            gateway.make(f"task-{number}", ending=ending, duration="300ms", prompt='a "fox" — naïve ☂, \\ and 你好')
            daemon.control.register(f"task-{number}", {"metadata": {"€": "ü", "n": 1.5e300}})
        wait_until(lambda: len(receiver.lines()) >= 6, 30, "six webhooks came")
        lines = receiver.lines()
        self.assertEqual(len(lines), 6)
        for line in lines:
            for package in ("standardwebhooks", "svix"):
                self.assertEqual(line["verdict"][package], {"good": True, "other_body": False, "other_id": False,
                                                            "other_time": False, "old": False}, line)
        events = {line["event"]["type"]: line for line in lines if line["path"] == "/events"}
        self.assertEqual(set(events), {"ai.mjwatchd.task." + end for end in ("succeeded", "failed", "cancelled")})
        for line in events.values():
            self.assertEqual(line["event"]["id"], line["id"])
            self.assertEqual(line["event"]["source"], "/mjwatchd/gw")
            self.assertRegex(line["event"]["subject"], r"^task-\d$")

    def test_two_kinds_of_signatures_side_by_side_are_each_verified_by_their_own(self):
        # The key pair and the secret of the Standard Webhooks specification's vectors.
        private = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
        public = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
        shared = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        daemon = self.daemon()
        daemon.add_endpoint("app", "http://127.0.0.1:9/", shared)
        write_private(self.folder / "app.key", private)
        self.secrets.update((private.removeprefix("whsk_"), shared))
        daemon.config["webhooks"]["endpoints"]["app"]["secret_file"] = ["app.key", "app.secret"]
        receiver = NodeReceiver(self.folder, self.folder / "app.secret", public)
        self.addCleanup(receiver.close)
        daemon.config["webhooks"]["endpoints"]["app"]["url"] = receiver.url
        self.start(daemon)
        self.assertEqual(run(["mjwatch", "--socket", daemon.socket, "endpoints", "test", "app"]).returncode, 0)
        [line] = wait_until(receiver.lines, 20, "the test webhook came")
        self.assertEqual((line["v1a"], line["v1a_spoilt"]), (True, False))
        for package in ("standardwebhooks", "svix"):
            self.assertTrue(line["verdict"][package]["good"], line)

    def test_a_webhook_of_another_secret_is_refused(self):
        daemon = self.daemon()
        daemon.add_endpoint("app", "http://127.0.0.1:9/", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", timeout="2s")
        other = self.folder / "other.secret"
        other.write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
        receiver = NodeReceiver(self.folder, other)
        self.addCleanup(receiver.close)
        daemon.config["webhooks"]["endpoints"]["app"]["url"] = receiver.url
        self.start(daemon)
        self.assertEqual(run(["mjwatch", "--socket", daemon.socket, "endpoints", "test", "app"]).returncode, 0)
        wait_until(receiver.lines, 20, "the test webhook came")
        for package in ("standardwebhooks", "svix"):
            self.assertFalse(receiver.lines()[0]["verdict"][package]["good"])


if __name__ == "__main__":
    npm.need(SOURCE, PACKAGES)
    main()
