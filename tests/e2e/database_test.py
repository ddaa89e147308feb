"""PostgreSQL in trouble: locks, deadlocks, lost answers to COMMIT, cancelled statements, and targets that can't be used."""

import collections
import json
import subprocess
import threading
import time

from rig import commit_cutter, postgres
from rig.case import Case, main
from rig.program import run, wait_until

LEASE = 6  # a third of it is how long a transaction waits for a lock


class DatabaseTest(Case):
    def setUp(self):
        super().setUp()
        self.server = postgres.shared()
        self.url, self.schema = self.server.new_list()
        self.secrets.add(postgres.PASSWORD)

    def shared(self, gateway, receiver=None, url=None, password=postgres.PASSWORD, folder="d"):
        daemon = self.daemon(gateway, self.folder / folder)
        daemon.share(url or self.url, password, f"{LEASE}s")
        daemon.config["images"]["save"] = "none"
        if receiver:
            daemon.add_endpoint("app", receiver.url + "/app", receiver.secrets["/app"][0], events=["task.succeeded"])
        return daemon

    def sql(self, text):
        return self.server.sql(text, self.schema)

    def meanwhile(self, *texts):
        """Statements of another session, in one transaction; in the background."""
        def act():
            try:
                self.sql("; ".join(["BEGIN", *texts, "COMMIT"]))
            except AssertionError as error:
                self.trouble.append(str(error))
        self.trouble = []
        other = threading.Thread(target=act)
        other.start()
        return other

    def assert_once(self, receiver, tasks, seconds=60):
        def arrived():
            ends = collections.defaultdict(set)
            for arrival in receiver.taken("/app"):
                ends[json.loads(arrival.body)["data"]["id"]].add(arrival.webhook_id)
            return len(ends) == len(tasks) and ends
        for task, ids in wait_until(arrived, seconds, "every end has arrived").items():
            self.assertEqual(1, len(ids), f"{task} ended under {len(ids)} ids")
        self.assertEqual(str(len(tasks)), self.sql("SELECT count(*) FROM events WHERE type IN (4,5,6,8,9)"))

    def test_a_lost_answer_to_commit_is_looked_up(self):
        gateway, receiver = self.gateway(), self.receiver("/app")
        cutter = commit_cutter.CommitCutter(self.server.address, self.server.port)
        self.addCleanup(cutter.close)
        url = self.url.replace(f":{self.server.port}/", f":{cutter.port}/") + "&sslmode=disable"
        daemon = self.start(self.shared(gateway, receiver, url))
        told = subprocess.Popen(["curl", "-sN", "--unix-socket", daemon.socket, "-H", "accept: text/event-stream", "-o",
                                 self.folder / "told", "http://localhost/v1/events"])
        self.addCleanup(told.wait)
        self.addCleanup(told.kill)
        tasks = [gateway.make(f"17121580114{number:05}", duration="3s") for number in range(12)]
        for number, task in enumerate(tasks):
            cutter.cut((commit_cutter.AFTER, commit_cutter.BEFORE)[number % 2])
            answer = daemon.control.register(task)
            self.assertIn(answer.status, (201, 503), answer)
            if answer.status == 503:  # the cut met what else was written
                wait_until(lambda: daemon.control.register(task).status in (200, 201), 20, "it is registered")
        end = time.monotonic() + 6
        while time.monotonic() < end:
            cutter.cut(commit_cutter.AFTER, commit_cutter.BEFORE)
            time.sleep(0.4)
        cutter.planned.clear()
        self.assert_once(receiver, tasks)
        self.assertGreater(cutter.done, 12)
        # What was told is numbered as what was written.
        written = {row.split("|")[1]: row.split("|")[0] for row in self.sql("SELECT no, webhook_id FROM events").splitlines()}

        def stream():
            parts = [part.splitlines() for part in (self.folder / "told").read_text("utf-8").split("\n\n")]
            fields = [dict(line.split(": ", 1) for line in lines if ": " in line) for lines in parts]
            ids = [one["id"] for one in fields if "succeeded" in one.get("event", "")]
            return len(ids) >= len(tasks) and ids
        ids = wait_until(stream, 20, "all are told")
        self.assertLessEqual(set(ids), set(written.values()))
        self.assertEqual(len(tasks), len(set(ids)))

    def test_locks_and_deadlocks_are_waited_out(self):
        gateway, receiver = self.gateway(), self.receiver("/app")
        daemon = self.start(self.shared(gateway, receiver))
        tasks = [gateway.make(f"17121580114{number:05}", duration="2s") for number in range(20)]
        for task in tasks:
            self.assertEqual(201, daemon.control.register(task).status)
        # Held for longer than a transaction waits for a lock.
        other = self.meanwhile("SELECT count(*) FROM (SELECT no FROM tasks FOR UPDATE) AS locked",
                               f"SELECT pg_sleep({LEASE / 3 + 3})")
        other.join()
        self.assert_once(receiver, tasks)
        # The daemon has a task's row and waits for the events' number, the other has that and waits for the row.
        more = [gateway.make(f"17121580115{number:05}", duration="1s") for number in range(10)]
        for task in more:
            self.assertEqual(201, daemon.control.register(task).status)
        before = self.server.log.read_text("utf-8", "replace").count("deadlock detected")
        end = time.monotonic() + 30

        def met():
            return self.server.log.read_text("utf-8", "replace").count("deadlock detected") > before
        while not met() and time.monotonic() < end:
            self.meanwhile("UPDATE meta SET value = value WHERE name = 'events'", "SELECT pg_sleep(1.5)",
                           "UPDATE tasks SET listed = listed").join()
            late = gateway.make(f"1712158012{time.monotonic_ns() % 1000000:06}", duration="1s")
            self.assertEqual(201, daemon.control.register(late).status)
            more.append(late)
        self.assertTrue(met(), "a deadlock was met")
        self.assert_once(receiver, tasks + more)

    def test_statements_that_are_cancelled_are_made_again(self):
        gateway, receiver = self.gateway(), self.receiver("/app")
        daemon = self.start(self.shared(gateway, receiver))
        tasks = [gateway.make(f"17121580114{number:05}", duration="2s") for number in range(20)]
        for task in tasks:
            self.assertEqual(201, daemon.control.register(task).status)
        other = self.meanwhile("SELECT count(*) FROM (SELECT no FROM tasks FOR UPDATE) AS locked", "SELECT pg_sleep(4)")
        end = time.monotonic() + 4
        cancelled = 0
        while time.monotonic() < end:  # as an administrator may, and statement_timeout does
            cancelled += int(self.sql("SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE "
                                      "application_name = 'mjwatchd' AND wait_event_type = 'Lock'"))
            time.sleep(0.3)
        other.join()
        self.assertGreater(cancelled, 0)
        self.assert_once(receiver, tasks)

    def test_a_limit_of_the_role_does_not_end_what_takes_longer(self):
        self.sql("CREATE ROLE hasty LOGIN SUPERUSER PASSWORD '" + postgres.PASSWORD + "'; "
                 "ALTER ROLE hasty SET statement_timeout = '500ms'")
        self.addCleanup(self.sql, "DROP OWNED BY hasty; DROP ROLE hasty")
        gateway, receiver = self.gateway(), self.receiver("/app")
        daemon = self.start(self.shared(gateway, receiver, self.url.replace("postgres@", "hasty@")))
        self.addCleanup(daemon.kill)
        tasks = [gateway.make(f"17121580114{number:05}", duration="1s") for number in range(5)]
        held = self.meanwhile("LOCK TABLE tasks", "SELECT pg_sleep(1.5)")
        time.sleep(0.2)
        for task in tasks:
            self.assertEqual(201, daemon.control.register(task).status)
        held.join()
        self.assert_once(receiver, tasks)
        self.assertNotIn("statement timeout", daemon.program.output())

    def test_targets_that_cannot_be_used_are_refused_with_the_cure(self):
        self.sql("CREATE ROLE one_at_most LOGIN CONNECTION LIMIT 0 PASSWORD '" + postgres.PASSWORD + "'")
        self.addCleanup(self.sql, "DROP ROLE one_at_most")
        user = "//postgres@"
        cases = [
            ("missing", self.url.replace("/postgres?", "/nowhere?"), 'database "nowhere" does not exist'),
            ("nobody", self.url.replace(user, "//nobody@"), "store_password_file"),
            ("limit", self.url.replace(user, "//one_at_most@"), "too many connections"),
            ("read", self.url + "%20-cdefault_transaction_read_only%3Don", "read-only"),
            ("closed", self.url.replace(f":{self.server.port}/", ":9/"), "Connection refused"),
        ]
        for name, url, words in cases:
            with self.subTest(name):
                daemon = self.launch(self.shared(None, url=url, folder=name))
                self.assertEqual(1, daemon.program.wait(30))
                self.assertIn("store: PostgreSQL can't be used: ", daemon.program.output())
                self.assertIn(words, daemon.program.output())
                self.assertNotIn("terminate called", daemon.program.output())

    def openssl(self, *words):
        done = subprocess.run(["openssl", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.assertEqual(0, done.returncode, done.stdout)

    def authority(self, name):
        """A certificate authority of our own: its key and its certificate."""
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.crt"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                     "-out", certificate, "-days", "2", "-subj", f"/CN={name}")
        return key, certificate

    def test_tls_is_verified_in_full(self):
        key, certificate = self.authority("ours")
        _, foreign = self.authority("foreign")
        request, own, own_key, names = (self.folder / f"server.{end}" for end in ("csr", "crt", "key", "ext"))
        names.write_text(f"subjectAltName=IP:{self.server.address}\n", "utf-8")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", own_key, "-out",
                     request, "-subj", "/CN=server")
        self.openssl("x509", "-req", "-in", request, "-CA", certificate, "-CAkey", key, "-CAcreateserial", "-days", "2",
                     "-extfile", names, "-out", own)
        self.server.use_tls(own_key, own)
        self.addCleanup(self.server.set_tls, "off")

        good = self.url + f"&sslmode=verify-full&sslrootcert={certificate}"
        daemon = self.shared(self.gateway(), url=good)
        credentials = self.folder / "credentials"
        credentials.mkdir(mode=0o700)
        (daemon.folder / "pg.password").rename(credentials / "pg.password")
        self.start(daemon, environment={"CREDENTIALS_DIRECTORY": str(credentials)})
        self.assertEqual(201, daemon.control.register("1712158011400001").status)
        ours = "pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'mjwatchd'"
        self.assertEqual("t", self.sql(f"SELECT bool_and(ssl) AND count(*) >= 2 FROM {ours}"))
        for name, url, words in (("host", good.replace(f"@{self.server.address}:", "@localhost:"), 'does not match host name "localhost"'),
                                 ("authority", good.replace(str(certificate), str(foreign)), "certificate verify failed")):
            with self.subTest(name):
                refused = self.launch(self.shared(None, url=url, folder=name))
                self.assertEqual(1, refused.program.wait(30))
                self.assertIn("store: PostgreSQL can't be used: ", refused.program.output())
                self.assertIn(words, refused.program.output())

    def test_the_tables_are_checked(self):
        gateway = self.gateway()
        daemon = self.start(self.shared(gateway))
        self.assertEqual(201, daemon.control.register(gateway.make("1712158011400001", duration="60s")).status)

        def checked():
            return run(["mjwatchd", "--config", daemon.config_file, "--check-store"])
        self.assertEqual((0, ""), (checked().returncode, checked().stderr))
        daemon.stop()
        self.sql("INSERT INTO counters VALUES (0, 5)")
        damaged = checked()
        self.assertEqual(1, damaged.returncode)
        self.assertIn("counters differ from what is there", damaged.stderr)
        self.assertIn("What to do: stop every mjwatchd that shares it", damaged.stderr)
        self.sql("UPDATE meta SET value = 99 WHERE name = 'format'")
        newer = checked()
        self.assertEqual(1, newer.returncode)
        self.assertIn("was written by a newer mjwatchd (its format is 99", newer.stderr)
        for url, words in ((self.server.new_list()[0], "is empty or of an earlier version: start mjwatchd once, then check"),
                           (self.url.replace(f":{self.server.port}/", ":9/"), "Connection refused")):
            daemon.config["store"] = url
            daemon.write_config()
            refused = checked()
            self.assertEqual(1, refused.returncode)
            self.assertIn(words, refused.stderr)

    def test_a_hot_standby_is_refused(self):
        standby = self.server.standby()
        self.addCleanup(standby.close)
        daemon = self.launch(self.shared(None, url=self.url.replace(f":{self.server.port}/", f":{standby.port}/")))
        self.assertEqual(1, daemon.program.wait(30))
        self.assertIn("read-only", daemon.program.output())
        # Of two addresses it takes the one that can be written.
        both = self.url.replace(f"{self.server.address}:{self.server.port}/",
                                f"{standby.address}:{standby.port},{self.server.address}:{self.server.port}/")
        self.start(self.shared(None, url=both, folder="both"))


if __name__ == "__main__":
    main()
