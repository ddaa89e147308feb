"""healthz and readyz tell the truth: parts that really hang show within 30 s, and a dead gateway is not our fault."""

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

from rig import metrics
from rig.case import Case, main, of_sqlite
from rig.control import Control
from rig.program import run, wait_until
from service_test import Manager
from state_test import can_mount, on_tmpfs

SOURCE = Path(__file__).resolve().parent / "stalls" / "stall.c"
SHOWN_WITHIN = 45  # 30 s, and something for a machine that is busy with other things


class HealthTest(Case):
    def setUp(self):
        super().setUp()
        self.library = self.folder / "stall.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.library, SOURCE, "-ldl"], check=True)

    def stalled_daemon(self, name, gateway=None, **environment):
        """Its parts hang while a file of their name is in the folder `stalls`."""
        daemon = self.daemon(gateway, folder=self.folder / name)
        daemon.stalls = daemon.folder / "stalls"
        daemon.stalls.mkdir()
        daemon.environment = {"LD_PRELOAD": str(self.library), "STALL_FOLDER": str(daemon.stalls),
                              "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0", **environment}
        return daemon

    def shows(self, daemon, *parts):
        """Waits until healthz fails for all of these, and answers what it says."""
        def look():
            answer = daemon.control.get("/healthz")
            told = {trouble["part"] for trouble in answer.json().get("troubles", [])}
            return answer.status == 503 and told >= set(parts) and answer
        return wait_until(look, SHOWN_WITHIN, f"{parts} shows; {daemon.tail(5)}")

    def recovers(self, daemon):
        wait_until(lambda: daemon.control.get("/healthz").status == 200, 30, "it is well again")

    @of_sqlite("the disk that hangs")
    def test_each_part_that_hangs_shows_and_is_well_again_afterwards(self):
        gateway = self.gateway("--picture", "png", "--picture-size", "20KB")
        store, files, exchanges, one = (self.stalled_daemon(name, gateway) for name in ("store", "files", "exchanges", "one"))
        for daemon in (exchanges, one):
            daemon.add_endpoint("app", "http://127.0.0.1:9/", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", timeout="30s")
        # All of them show whatever their limits are, one when it outlives its own.
        exchanges.config["gateways"]["gw"]["timeout"] = "10m"
        one.config["gateways"]["gw"]["timeout"] = "2s"
        for daemon in (store, files, exchanges, one):
            self.start(daemon, environment=daemon.environment)
            self.assertEqual(daemon.control.get("/healthz").status, 200)
        # All at the same time, for each takes its while.
        (store.stalls / "store").touch()
        (files.stalls / "files").touch()
        (exchanges.stalls / "exchanges").touch()
        (one.stalls / "exchanges").touch()
        waiting = threading.Thread(target=lambda: store.control.register("t"), daemon=True)
        waiting.start()
        gateway.make("f", duration="1ms")
        files.control.register("f")
        exchanges.control.register("x")
        exchanges.control.need("POST", "/v1/endpoints/app/test", {})
        one.control.register("x")
        self.shows(one, "polling")
        self.shows(exchanges, "sender", "polling")
        self.shows(store, "store")
        checked = run(["mjwatch", "--socket", store.socket, "status", "--check"])
        self.assertEqual(checked.returncode, 1)
        self.assertRegex(checked.stderr, "^mjwatch: store: .*disk")
        seen = metrics.of(store)  # these tell of it, so they must not hang with it
        self.assertEqual(seen.sum("mjwatchd_healthy"), 0)
        self.assertGreater(seen.sum("mjwatchd_oldest_commit_age_seconds"), 10)
        self.shows(files, "files")
        (store.stalls / "store").unlink()
        (files.stalls / "files").unlink()
        self.recovers(store)
        self.recovers(files)
        waiting.join(30)
        self.assertEqual(store.control.get("/v1/tasks/t").status, 200, "and what waited was done")
        self.assertEqual(files.control.get("/v1/tasks/f?wait=30s").json()["ending"], "succeeded")

    def test_a_loop_that_hangs_answers_nobody_and_feeds_no_watchdog(self):
        manager = Manager(str(self.folder / "notify"))
        self.addCleanup(manager.socket.close)
        daemon = self.stalled_daemon("loop", NOTIFY_SOCKET=str(self.folder / "notify"), WATCHDOG_USEC="600000")
        self.start(daemon, environment=daemon.environment)
        manager.wait_for("WATCHDOG=1", 2)
        (daemon.stalls / "loop").touch()
        hasty = Control(daemon.socket, timeout=3)
        with self.assertRaises(OSError):
            hasty.get("/healthz")
        fed = manager.lines().count("WATCHDOG=1")
        time.sleep(2)
        self.assertEqual(manager.lines().count("WATCHDOG=1"), fed, "a stuck loop is not alive")
        (daemon.stalls / "loop").unlink()
        self.recovers(daemon)
        manager.wait_for("WATCHDOG=1", fed + 2)
        self.assertGreater(metrics.of(daemon).sum("mjwatchd_loop_lag_seconds_sum"), 2)

    def test_a_dead_gateway_and_a_receiver_that_hangs_are_not_our_fault(self):
        manager = Manager(str(self.folder / "notify"))
        self.addCleanup(manager.socket.close)
        let_go = threading.Event()
        self.addCleanup(let_go.set)
        receiver = self.receiver("/app", decide=lambda arrival: let_go.wait(60) and 204)
        gateway = self.gateway("--picture", "none")
        daemon = self.daemon(gateway)
        daemon.config["gateways"]["gw"]["timeout"] = "1s"
        daemon.add_endpoint("app", receiver.url + "/app", receiver.secrets["/app"][0], timeout="1s")
        self.start(daemon, environment={"NOTIFY_SOCKET": str(self.folder / "notify"), "WATCHDOG_USEC": "600000"})
        gateway.make("t", ending="NEVER")
        daemon.control.register("t")
        daemon.control.need("POST", "/v1/endpoints/app/test", {})
        gateway.program.signal(signal.SIGSTOP)
        self.addCleanup(gateway.program.signal, signal.SIGCONT)

        def not_ready():
            self.assertEqual(daemon.control.get("/healthz").status, 200)
            answer = daemon.control.get("/readyz")
            return answer.status == 503 and any(trouble["part"] == "gateway:gw" for trouble in answer.json()["troubles"])
        wait_until(not_ready, 60, "the gateway's death shows in readyz")
        fed = manager.lines().count("WATCHDOG=1")
        manager.wait_for("WATCHDOG=1", fed + 10)
        self.assertEqual(daemon.control.get("/healthz").status, 200)

    def test_too_little_room_shows_in_readyz_alone(self):
        daemon = self.daemon()
        daemon.config["images"]["keep_free"] = "1000TiB"
        self.start(daemon)
        answer = wait_until(lambda: (answer := daemon.control.get("/readyz")).status == 503 and answer, 30, "it shows")
        [trouble] = [one for one in answer.json()["troubles"] if one["part"] == "disk"]
        self.assertFalse(trouble["ours"])
        self.assertIn("images.keep_free", trouble["text"])
        self.assertEqual(daemon.control.get("/healthz").status, 200)
        ask = ["mjwatch", "--socket", daemon.socket, "status"]
        self.assertEqual((healthy := run([*ask, "--check"])).returncode, 0, healthy.stderr)
        self.assertEqual((ready := run([*ask, "--ready"])).returncode, 1)
        self.assertIn("keep_free", ready.stderr)
        self.assertEqual((ready := run([*ask, "--ready", "--json"])).returncode, 1)
        self.assertIn("disk", [one["part"] for one in json.loads(ready.stdout)["troubles"]])

    @unittest.skipUnless(can_mount(), "SKIPPED: mounting needs root")
    def test_too_little_room_for_pictures_shows_though_the_state_has_enough(self):
        daemon = self.daemon()
        daemon.config["images"]["keep_free"] = "32MiB"
        daemon.pictures.mkdir()
        self.start(daemon, words_before=on_tmpfs(daemon.pictures, "16m"))
        answer = wait_until(lambda: (answer := daemon.control.get("/readyz")).status == 503 and answer, 30, "it shows")
        self.assertEqual([(one["part"], "images.directory" in one["text"]) for one in answer.json()["troubles"]],
                         [("disk", True)])
        self.assertEqual(daemon.control.get("/healthz").status, 200)


if __name__ == "__main__":
    if shutil.which("cc") is None:
        print("SKIPPED: there is no C compiler", file=sys.stderr)
        sys.exit(77)
    main()
