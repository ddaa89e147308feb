"""The store from outside: looked over while the daemon runs, backed up while it runs, and brought back."""

import shutil
import sqlite3

from rig.case import Case, main, of_sqlite
from rig.program import run, wait_until


@of_sqlite("the folder that holds all")
class StoreTest(Case):
    def setUp(self):
        super().setUp()
        self.gateway_ = self.gateway("--picture-size", "20KB")
        self.receiver_ = self.receiver("/app")
        self.daemon_ = self.daemon(self.gateway_)
        self.daemon_.add_endpoint("app", self.receiver_.url + "/app", self.receiver_.secrets["/app"][0])
        self.start(self.daemon_)
        self.database = self.folder / "state" / "mjwatchd.db"

    def add(self, count):
        for number in range(count):
            self.gateway_.make(f"t{number}", duration="50ms")
            self.assertEqual(self.daemon_.control.register(f"t{number}").status, 201)

    def all_told(self, count):
        return len({arrival.webhook_id for arrival in self.receiver_.taken()}) >= count

    def check(self):
        return run(["mjwatchd", "--config", self.daemon_.config_file, "--check-store"])

    def test_a_running_daemons_store_is_looked_over(self):
        self.add(20)
        wait_until(lambda: self.all_told(20), 60, "all are told")
        looked = self.check()
        self.assertEqual((looked.returncode, looked.stderr), (0, ""))
        self.assertRegex(looked.stdout, r"mjwatchd\.db is sound: 20 tasks, \d+ events, \d+ deliveries\.")
        self.assertEqual(self.daemon_.control.register("more").status, 201)

    def test_what_is_wrong_is_said_with_what_to_do(self):
        self.add(5)
        wait_until(lambda: self.all_told(5), 60, "all are told")
        self.daemon_.stop()
        with sqlite3.connect(self.database) as db:
            db.execute("UPDATE events SET webhook_id = 'evt_same'")
        looked = self.check()
        self.assertEqual((looked.returncode, looked.stdout), (1, ""))
        self.assertIn("events under one webhook-id: evt_same", looked.stderr)
        self.assertIn("restore a backup", looked.stderr)

    def test_without_a_store_it_says_so(self):
        self.daemon_.stop()
        shutil.rmtree(self.folder / "state")
        looked = self.check()
        self.assertEqual(looked.returncode, 1)
        self.assertIn("is not there", looked.stderr)

    def test_a_backup_made_while_it_runs_is_whole_and_goes_on(self):
        """As the README says: VACUUM INTO or .backup, and the key beside it."""
        self.add(30)
        copies = {"vacuum": self.folder / "vacuum.db", "backup": self.folder / "backup.db"}
        with sqlite3.connect(self.database) as db:
            db.execute("VACUUM INTO ?", (str(copies["vacuum"]),))
            db.backup(sqlite3.connect(copies["backup"]))
        there = {task["id"] for task in self.daemon_.control.tasks()}
        wait_until(lambda: self.all_told(30), 60, "all are told")
        self.daemon_.kill()
        for name, copy in copies.items():
            with self.subTest(name):
                for old in self.database.parent.glob("mjwatchd.db*"):
                    old.unlink()
                shutil.copy(copy, self.database)
                self.start(self.daemon_)
                self.assertEqual({task["id"] for task in self.daemon_.control.tasks()}, there)
                wait_until(lambda: all(task["phase"] == "done" for task in self.daemon_.control.tasks()), 60, "all end")
                self.assertEqual(self.check().returncode, 0)
                self.daemon_.kill()


if __name__ == "__main__":
    main()
