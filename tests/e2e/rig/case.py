"""The base of every end-to-end test: a folder of its own, helpers that are ended, logs when it fails."""

import os
import random
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

from rig import postgres
from rig.daemon import Daemon
from rig.gateway import Gateway
from rig.receiver import Receiver, new_secret


ON_POSTGRESQL = os.environ.get("MJWATCHD_STORE") == "postgresql"


def of_sqlite(what):
    """Of tests and classes that are about SQLite's own file."""
    return unittest.skipIf(ON_POSTGRESQL, f"{what} is not PostgreSQL's")


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        # Short, for a socket's path has 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="mje2e-", dir="/tmp"))
        self.random = random.Random(20261123)
        self.started = []
        self.secrets = set()  # no log may ever show one of these
        self.addCleanup(self.clean_up)

    def clean_up(self):
        for program in self.started:
            if program.running():
                program.kill()
        logs = {log: log.read_text("utf-8", "replace") for log in self.folder.rglob("*.log")}
        self.show_logs_of_a_failure()
        shutil.rmtree(self.folder, ignore_errors=True)
        for log, text in logs.items():
            self.assert_no_secret(text, *self.secrets)
            self.assertNotIn("Sanitizer", text, log)

    def show_logs_of_a_failure(self):
        if self.failed():
            for log in sorted(self.folder.rglob("*.log")):
                tail = log.read_text("utf-8", "replace").splitlines()[-60:]
                print(f"---- the end of {log.name} ({self.id()})", *tail, sep="\n", file=sys.stderr)

    def failed(self):
        result = self._outcome.result
        return any(test is self for test, _ in [*result.failures, *result.errors]) or not self._outcome.success

    def gateway(self, *options, **more):
        gateway = Gateway(self.folder, *options, **more)
        self.started.append(gateway.program)
        return gateway

    def receiver(self, *paths, decide=None):
        """Each path gets a secret of its own."""
        receiver = Receiver({path: [new_secret(self.random)] for path in paths}, decide)
        self.addCleanup(receiver.close)
        self.secrets.update(secret for secrets in receiver.secrets.values() for secret in secrets)
        return receiver

    def daemon(self, gateway=None, folder=None, **parts):
        """Not started. Without a gateway it asks where nobody answers."""
        folder = Path(folder or self.folder)
        folder.mkdir(exist_ok=True)
        daemon = Daemon(folder, gateway.url if gateway else "http://127.0.0.1:9", **parts)
        self.secrets.add(daemon.token)
        if ON_POSTGRESQL:
            self.secrets.add(postgres.PASSWORD)
            daemon.share(postgres.shared().new_list()[0], postgres.PASSWORD)
        return daemon

    def start(self, daemon, **options):
        self.launch(daemon, **options)
        daemon.wait_ready()
        return daemon

    def launch(self, daemon, **options):
        daemon.launch(**options)
        self.started.append(daemon.program)
        return daemon

    def assert_no_secret(self, text, *secrets):
        for secret in secrets:
            self.assertNotIn(secret.removeprefix("whsec_"), text)


def main():
    unittest.main(verbosity=2)
