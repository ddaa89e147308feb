"""The state folder in every sorry condition: the daemon says what is wrong and where, and spoils nothing."""

import hashlib
import os
import sqlite3
import subprocess
import unittest

from rig.case import Case, main, of_sqlite
from rig.program import run, wait_until


def can_mount():
    """A mount namespace of its own, which only root gets."""
    words = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"]
    return subprocess.run(words, capture_output=True).returncode == 0


def on_tmpfs(folder, size, then="true"):
    """Words before a program that give it a small file system at `folder`, which nobody else sees."""
    script = 'mount -t tmpfs -o size="$1" none "$2" && cd / && eval "$3" && shift 3 && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, "sh", size, str(folder), then]


@of_sqlite("the folder that holds all")
class StateTest(Case):
    def setUp(self):
        super().setUp()
        self.state = self.folder / "state"
        self.database = self.state / "mjwatchd.db"

    def refuses(self, daemon, *pieces, words_before=()):
        """It ends by itself with 1, not a crash, and says all of this."""
        self.launch(daemon, words_before=words_before)
        self.assertEqual(daemon.program.wait(20), 1, daemon.tail())
        said = daemon.program.output()
        for piece in pieces:
            self.assertIn(str(piece), said)
        return said

    def used_folder(self, count=3):
        """A folder in which a daemon has worked and ended."""
        daemon = self.start(self.daemon())
        for number in range(count):
            self.assertEqual(daemon.control.register(f"t{number}").status, 201)
        self.assertEqual(daemon.stop()[0], 0)
        daemon.log.unlink()
        return daemon

    def digest(self):
        return hashlib.sha256(self.database.read_bytes()).hexdigest()

    def test_a_file_in_place_of_the_folder(self):
        self.state.write_text("mine")
        self.refuses(self.daemon(), self.state)
        self.assertEqual(self.state.read_text(), "mine")

    def test_a_folder_whose_parent_is_not_there(self):
        daemon = self.daemon()
        daemon.config["state_dir"] = str(self.folder / "no" / "such" / "folder")
        self.refuses(daemon, self.folder / "no" / "such" / "folder")

    @unittest.skipIf(os.geteuid() == 0, "SKIPPED: root may write into any folder; see the read-only mount")
    def test_a_folder_of_somebody_else(self):
        self.state.mkdir(mode=0o500)
        self.refuses(self.daemon(), self.state, "user")

    @unittest.skipUnless(can_mount(), "SKIPPED: mounting needs root")
    def test_a_folder_on_a_read_only_mount(self):
        self.used_folder()
        copy = f'cp -a "{self.folder}/kept/." "{self.state}" && mount -o remount,ro "{self.state}"'
        subprocess.run(["cp", "-a", str(self.state), str(self.folder / "kept")], check=True)
        daemon = self.daemon()
        self.refuses(daemon, self.state, "ead-only", words_before=on_tmpfs(self.state, "16m", copy))

    @unittest.skipUnless(can_mount(), "SKIPPED: mounting needs root")
    def test_a_folder_on_a_full_disk_at_the_start(self):
        self.state.mkdir()
        fill = f'head -c 4m /dev/zero > "{self.state}/filler" 2>/dev/null; true'
        self.refuses(self.daemon(), self.state, words_before=on_tmpfs(self.state, "64k", fill))

    @unittest.skipUnless(can_mount(), "SKIPPED: mounting needs root")
    def test_a_disk_that_fills_up_refuses_what_it_cannot_keep_and_goes_on_when_there_is_room(self):
        self.state.mkdir()
        daemon = self.start(self.daemon(), words_before=on_tmpfs(self.state, "6m"))
        inside = f"/proc/{daemon.program.pid}/root{self.state}"
        kept = [f"early{number}" for number in range(10)]
        for task in kept:
            self.assertEqual(daemon.control.register(task).status, 201)
        subprocess.run(["sh", "-c", f'head -c 16m /dev/zero > "{inside}/filler" 2>/dev/null'], check=False)
        refusal = None
        for number in range(200):
            answer = daemon.control.register(f"late{number}", {"metadata": "x" * 16000})
            if answer.status != 201:
                refusal = answer
                break
            kept.append(f"late{number}")
        self.assertIsNotNone(refusal, "a full disk kept everything")
        self.assertEqual(refusal.status, 507, refusal)
        self.assertEqual(refusal.headers["content-type"], "application/problem+json")
        self.assertRegex(refusal.json()["detail"].lower(), "disk|space|full")
        os.unlink(f"{inside}/filler")
        wait_until(lambda: daemon.control.register("after").status == 201, 10, "there is room again")
        self.assertEqual({task["id"] for task in daemon.control.tasks()}, {*kept, "after"})
        self.assertEqual(daemon.stop()[0], 0)

    def test_a_database_of_a_newer_version_is_left_alone(self):
        daemon = self.used_folder()
        with sqlite3.connect(self.database) as connection:
            connection.execute("PRAGMA user_version = 999")
        connection.close()
        before = self.digest()
        self.refuses(daemon, self.database, "newer")
        self.assertEqual(self.digest(), before)

    def test_a_database_that_is_none_is_left_alone(self):
        daemon = self.used_folder()
        for damage in (b"this is no database, but somebody's letter\n" * 400, os.urandom(40960)):
            self.database.write_bytes(damage)
            before = self.digest()
            self.refuses(daemon, self.database)
            self.assertEqual(self.digest(), before)

    def test_a_database_that_is_cut_short_or_scribbled_over_is_told(self):
        daemon = self.used_folder(300)
        whole = self.database.read_bytes()
        cut = whole[:len(whole) // 2 // 4096 * 4096]
        scribbled = whole[:4096] + b"\xa5" * (len(whole) - 4096)
        for damage in (cut, scribbled):
            self.database.write_bytes(damage)
            self.refuses(daemon, self.database)
        self.database.write_bytes(whole)  # a backup put back is taken up again
        self.start(daemon)
        self.assertEqual(len(daemon.control.tasks()), 300)
        self.assertEqual(daemon.stop()[0], 0)

    def test_a_second_daemon_on_the_same_folder_refuses_and_names_the_first(self):
        first = self.start(self.daemon())
        second = self.daemon(folder=self.folder / "second")
        second.config["state_dir"] = str(self.state)
        self.refuses(second, self.state, f"pid {first.program.pid}")
        self.assertEqual(first.control.register("t").status, 201)
        self.assertEqual(first.stop()[0], 0)
        self.start(second)
        self.assertEqual([task["id"] for task in second.control.tasks()], ["t"])

    def test_the_state_can_be_read_by_its_owner_alone(self):
        self.used_folder()
        for path in [self.state, *self.state.iterdir()]:
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)

    def test_check_touches_no_state(self):
        daemon = self.daemon()
        daemon.write_config()
        self.assertEqual(run(["mjwatchd", "--config", daemon.config_file, "--check"]).returncode, 0)
        self.assertFalse(self.state.exists())


if __name__ == "__main__":
    main()
