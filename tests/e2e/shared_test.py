"""Several daemons over one watch list in PostgreSQL: registered with any, shared out, taken over, never doubled."""

import collections
import json
import os
import re
import signal
import subprocess
import sys
import time

from rig import metrics, postgres
from rig.case import Case, main
from rig.program import run, wait_until

LEASE = 3


class Shared(Case):
    def setUp(self):
        super().setUp()
        self.server = postgres.shared()
        self.url, self.schema = self.server.new_list()
        self.secrets.add(postgres.PASSWORD)
        self.daemons = []

    def one_more(self, gateway, receiver=None, **parts):
        """Not started. Its state folder is its own."""
        folder = self.folder / f"d{len(self.daemons)}"
        daemon = self.daemon(gateway, folder, **parts)
        daemon.share(self.url, postgres.PASSWORD, f"{LEASE}s")
        daemon.config["images"]["save"] = "none"  # what is shared are tasks; making pictures takes long here
        if self.daemons:
            daemon.take_key(self.daemons[0])
        if receiver:
            daemon.add_endpoint("app", receiver.url + "/app", receiver.secrets["/app"][0], events=["task.succeeded"])
        self.daemons.append(daemon)
        return daemon

    def sql(self, text):
        return self.server.sql(text, self.schema)

    def shares(self):
        """How many live tasks each living daemon holds, by its number."""
        rows = self.sql("SELECT d.no, count(t.no) FROM daemons d LEFT JOIN tasks t ON t.holder = d.no AND t.phase <> 3 "
                        "GROUP BY d.no ORDER BY d.no")
        return {int(row.split("|")[0]): int(row.split("|")[1]) for row in rows.splitlines()}

    def wait_shares(self, daemons, total, seconds=40):
        def even():
            shares = self.shares()
            return (len(shares) == daemons and sum(shares.values()) == total and
                    max(shares.values()) <= (total // daemons + 1) * 1.1 + 1 and shares)
        return wait_until(even, seconds, f"{total} tasks are even among {daemons}: {self.shares()}")

    def all_know(self, daemons, total):
        """Whether each tells of all of them, and together they hold all that is live, but for what ends meanwhile."""
        held = 0
        for daemon in self.daemons:
            sharing = daemon.control.need("GET", "/v1/status")["sharing"]
            if len(sharing["daemons"]) != daemons or any(one["newcomer"] for one in sharing["daemons"]):
                return False
            self.assertEqual([1], [sum(one["self"] for one in sharing["daemons"])])
            self.assertTrue(sharing["lease"]["valid"])
            told = metrics.of(daemon)
            self.assertEqual(daemons, told.sum("mjwatchd_list_daemons"))
            self.assertGreater(told.sum("mjwatchd_list_lease_seconds"), 0)
            held += sharing["tasks"]
        return held == self.daemons[0].control.need("GET", "/v1/status")["tasks"]["watching"]

    def make(self, gateway, count, duration="60s", **wish):
        return [gateway.make(f"17121580114{number:05}", duration=duration, **wish) for number in range(count)]

    def assert_once(self, receiver, tasks, seconds=60):
        """Each task's end arrived, always under one id and with the same bytes."""
        def arrived():
            ends = collections.defaultdict(set)
            for arrival in receiver.taken("/app"):
                self.assertTrue(arrival.verified)
                body = json.loads(arrival.body)
                ends[body["data"]["id"]].add((arrival.webhook_id, arrival.body))
            return len(ends) == len(tasks) and ends
        for task, bodies in wait_until(arrived, seconds, "every end has arrived").items():
            self.assertEqual(1, len(bodies), f"{task} ended under {len(bodies)} ids")
        self.assertEqual("0", self.sql("SELECT count(*) FROM (SELECT task FROM events WHERE type IN (4,5,6,8,9) "
                                       "GROUP BY task HAVING count(*) > 1) AS doubled"))

    def test_registered_with_any_and_shared_out(self):
        gateway, receiver = self.gateway(), self.receiver("/app")
        first = self.start(self.one_more(gateway, receiver))
        tasks = self.make(gateway, 60, "12s")
        for task in tasks:
            first.control.register(task)
        second = self.start(self.one_more(gateway, receiver))
        third = self.start(self.one_more(gateway, receiver))
        self.assertEqual(200, second.control.register(tasks[0]).status)  # known to all of them
        more = gateway.make("1812158011400001", duration="12s")
        self.assertEqual(201, third.control.register(more).status)
        self.wait_shares(3, 61)
        for daemon in (first, second, third):
            self.assertEqual(61, len(list(daemon.control.tasks())))
        wait_until(lambda: self.all_know(3, 61), 20, "each tells of all, and of what it holds")
        seen = run(["mjwatch", "--socket", third.socket, "status"]).stdout
        self.assertIn("sharing.lease.valid  true", re.sub(" +", "  ", seen))
        self.assertEqual(3, len(re.findall(r"^[0-9]+ .* full +20", seen, re.MULTILINE)), seen)
        self.assertEqual(1, seen.count("(this one)"), seen)
        self.assertRegex(run(["mjwatch", "--socket", first.socket, "top", "--once"]).stdout,
                         r"shared by 3 daemons: [0-9]+ tasks are this one's\n")
        self.assert_once(receiver, [*tasks, more])
        for daemon in self.daemons:
            daemon.stop()
        # What each has learned is there: one of them alone saw a third of the ends. A count stands alone on its line.
        ends = sum(int(line) for line in self.sql("SELECT state FROM learned").splitlines() if line.isdigit())
        self.assertGreater(ends, 50)
        self.assertLessEqual(ends, 61)

    def test_a_single_machines_list_moves_over(self):
        gateway, receiver = self.gateway(), self.receiver("/app")
        tasks = self.make(gateway, 20, "1s") + [gateway.make(f"18121580114{i:05}", duration="12s") for i in range(20)]
        folder = self.folder / "single"
        single = self.daemon(gateway, folder)
        single.config["images"]["save"] = "none"
        single.add_endpoint("app", receiver.url + "/app", receiver.secrets["/app"][0], events=["task.succeeded"])
        self.start(single)
        for task in tasks:
            single.control.register(task)
        wait_until(lambda: len(receiver.taken("/app")) >= 20, 30, "the first ends have arrived")
        single.kill()
        single.share(self.url, postgres.PASSWORD, f"{LEASE}s")
        single.write_config()
        words = ["mjwatchd", "--config", single.config_file, "--import-from"]
        wrong = run([*words, folder])
        self.assertEqual((1, "mjwatchd: --import-from takes sqlite:PATH, where PATH is the state_dir of the list to be "
                          "moved\n"), (wrong.returncode, wrong.stderr))
        moved = run([*words, f"sqlite:{folder / 'state'}"])
        self.assertEqual(0, moved.returncode, moved.stderr)
        self.assertRegex(moved.stdout, "Moved 40 tasks, [0-9]+ events and [0-9]+ deliveries from ")
        self.assertIn("tasks: 40 of 40\n", moved.stderr)
        again = run([*words, f"sqlite:{folder / 'state'}"])
        self.assertEqual(1, again.returncode)
        self.assertIn("is not empty", again.stderr)

        self.daemons.append(single)
        self.start(single)
        other = self.start(self.one_more(gateway, receiver))
        self.assertEqual(40, len(list(other.control.tasks())))
        self.assert_once(receiver, tasks)
        for daemon in self.daemons:
            daemon.stop()
        single.config["store"] = "sqlite"
        single.launch()
        wait_until(lambda: not single.program.running(), 20, "the moved list is refused")
        self.assertIn("was moved to PostgreSQL by --import-from", single.log.read_text())

    def test_a_killed_one_is_followed_within_its_lease(self):
        gateway, receiver = self.gateway(), self.receiver("/app")
        first = self.start(self.one_more(gateway, receiver))
        tasks = self.make(gateway, 40, "20s")
        for task in tasks:
            first.control.register(task)
        second = self.start(self.one_more(gateway, receiver))
        self.wait_shares(2, 40)
        second.kill()
        began = time.monotonic()
        self.wait_shares(1, 40, LEASE + 5)
        print(f"taken over after {time.monotonic() - began:.1f} s with a lease of {LEASE} s", file=sys.stderr)
        self.assert_once(receiver, tasks)

    def test_one_that_stops_hands_over_at_once(self):
        gateway, receiver = self.gateway(), self.receiver("/app")
        first = self.one_more(gateway, receiver)
        first.config["lease"] = "10m"  # so that only a hand-over can be so quick
        self.start(first)
        tasks = self.make(gateway, 30, "15s")
        for task in tasks:
            first.control.register(task)
        self.start(self.one_more(gateway, receiver))
        self.wait_shares(2, 30)
        first.stop()
        self.wait_shares(1, 30)
        self.assert_once(receiver, tasks)

    def test_one_that_was_stopped_past_its_lease_writes_nothing(self):
        gateway, receiver = self.gateway(), self.receiver("/app")
        first = self.start(self.one_more(gateway, receiver))
        tasks = self.make(gateway, 40, "9s")
        for task in tasks:
            first.control.register(task)
        second = self.start(self.one_more(gateway, receiver))
        self.wait_shares(2, 40)
        first.program.signal(signal.SIGSTOP)
        self.addCleanup(first.program.signal, signal.SIGCONT)
        self.assert_once(receiver, tasks)
        events = self.sql("SELECT count(*), max(no) FROM events")
        first.program.signal(signal.SIGCONT)
        wait_until(lambda: len(self.shares()) == 2, 20, "it is back")
        time.sleep(2)
        self.assertEqual(events, self.sql("SELECT count(*), max(no) FROM events"))
        self.assert_once(receiver, tasks)

    def listen(self, daemon, name, *after):
        """A client of the event stream: itself, and the file of what it is told. `after`: the event it goes on from."""
        told = self.folder / name
        resume = ["-H", f"last-event-id: {after[0]}"] if after else []
        client = subprocess.Popen(["curl", "-sN", "--unix-socket", daemon.socket, "-H", "accept: text/event-stream", *resume,
                                   "-o", told, "http://localhost/v1/events"])
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)
        wait_until(lambda: told.exists() and ": from mjwatchd" in told.read_text("utf-8"), 20, "the stream has begun")
        return client, told

    @staticmethod
    def told(path):
        """The numbers of the events that were told in full."""
        events = [part for part in path.read_text("utf-8").split("\n\n")[:-1] if "\ndata: " in part]
        return [int(line[4:]) for event in events for line in event.splitlines() if line.startswith("id: ")]

    def test_the_database_goes_and_comes_back(self):
        gateway, receiver = self.gateway(), self.receiver("/app")
        daemons = [self.start(self.one_more(gateway, receiver)) for _ in range(2)]
        wait_until(lambda: self.all_know(2, 0), 20, "both take part")
        daemon = daemons[0]
        tasks = []

        def register(count, duration):
            for number in range(count):
                tasks.append(gateway.make(f"17121580114{len(tasks):05}", duration=duration))
                self.assertEqual(201, daemons[number % 2].control.register(tasks[-1]).status)
        staying = [self.listen(one, f"stays{number}")[1] for number, one in enumerate(daemons)]
        leaving, before = self.listen(daemons[1], "leaves")
        register(6, "1s")
        register(20, "8s")
        ends = "SELECT count(*) FROM events WHERE type = 4"
        wait_until(lambda: self.sql(ends) == "6", 20, "the first have ended")
        self.server.stop("immediate")
        try:
            def refused():
                answer = daemon.control.register("1712158011999999")
                return answer.status == 503 and answer
            answer = wait_until(refused, 20, "registrations are refused")
            self.assertTrue(int(answer.headers["retry-after"]) >= 1)
            self.assertIn("can't be reached", answer.json()["detail"])
            for path in ("/v1/tasks", f"/v1/tasks/{tasks[0]}", "/v1/deliveries", "/v1/events"):
                refused = daemon.control.call("GET", path)
                self.assertEqual((503, "1"), (refused.status, refused.headers["retry-after"]), path)
            self.assertEqual(200, daemon.control.call("GET", "/v1/status").status)
            leaving.kill()
            leaving.wait()
            time.sleep(LEASE + 1)  # what it held is let go
        finally:
            self.server.start()
        for one in daemons:
            wait_until(lambda: one.control.call("GET", "/v1/tasks").status == 200, 20, "it answers again")
        after = self.listen(daemons[1], "is back", self.told(before)[-1])[1]
        register(6, "1s")
        self.assert_once(receiver, tasks)
        self.assertEqual(201, daemon.control.register("1712158011999999").status)
        for one in daemons:
            self.assertTrue(one.program.running())
        written = [int(number) for number in self.sql("SELECT no FROM events ORDER BY no").splitlines()]
        self.assertGreater(len(written), 32)
        for parts in ([staying[0]], [staying[1]], [before, after]):
            wait_until(lambda: self.told(parts[-1])[-1:] == written[-1:], 20, "the last is told")
            self.assertEqual(written, [number for part in parts for number in self.told(part)])

    def test_events_of_all_are_seen_from_any(self):
        gateway, receiver = self.gateway(), self.receiver("/app")
        first = self.start(self.one_more(gateway, receiver))
        second = self.start(self.one_more(gateway, receiver))
        watching = subprocess.Popen(["curl", "-sN", "--unix-socket", second.socket, "-H", "accept: text/event-stream",
                                     "http://localhost/v1/events"], stdout=subprocess.PIPE)
        self.addCleanup(watching.stdout.close)
        self.addCleanup(watching.wait)
        self.addCleanup(watching.kill)
        os.set_blocking(watching.stdout.fileno(), False)
        heard = []

        def told(task):
            try:
                heard.append(os.read(watching.stdout.fileno(), 65536))
            except BlockingIOError:
                pass
            return task.encode() in b"".join(heard) and b"task.succeeded" in b"".join(heard)

        task = gateway.make("1712158011400077", duration="2s")
        first.control.register(task)
        wait_until(lambda: told(task), 30, "the other daemon's stream tells of it")
        delivery = next(iter(second.control.deliveries()))
        self.assertEqual("delivered", wait_until(
            lambda: (one := next(iter(second.control.deliveries())))["state"] == "delivered" and one["state"], 20,
            "it is delivered"))
        before = len(receiver.taken("/app"))
        second.control.need("POST", f"/v1/deliveries/{delivery['id']}/replay")
        wait_until(lambda: len(receiver.taken("/app")) > before, 20, "it is sent again")

    def test_a_task_that_is_deleted_elsewhere_is_let_go(self):
        gateway = self.gateway()
        first = self.start(self.one_more(gateway))
        second = self.start(self.one_more(gateway))
        task = gateway.make("1712158011400088", duration="60s")
        first.control.register(task)
        self.assertEqual(204, second.control.call("DELETE", f"/v1/tasks/{task}").status)
        wait_until(lambda: first.control.need("GET", "/v1/status")["tasks"]["watching"] == 0, 20, "nobody watches it")
        self.assertEqual(404, first.control.get(f"/v1/tasks/{task}").status)

    def test_a_task_is_refreshed_by_its_holder_through_any(self):
        gateway = self.gateway()
        for _ in range(2):
            daemon = self.one_more(gateway)
            daemon.config["gateways"]["gw"]["call_cost"] = "1h"  # by itself it asks long after this test
            daemon.config["watch"]["max_gap"] = "1h"
            self.start(daemon)
        first, second = self.daemons
        first.control.register(gateway.make("1712158011400099", duration="10s"))
        wait_until(lambda: second.control.need("GET", "/v1/tasks/1712158011400099")["status"] == "IN_PROGRESS", 20,
                   "it was asked for once, at its start")
        time.sleep(10)
        second.control.need("POST", "/v1/tasks/1712158011400099/refresh")
        wait_until(lambda: second.control.need("GET", "/v1/tasks/1712158011400099")["status"] == "SUCCESS", 20,
                   "its end is known")
        self.assertEqual("1", self.sql("SELECT count(*) FROM events WHERE type = 4"))

    def test_a_folder_is_restarted_at_once_after_a_kill(self):
        gateway, receiver = self.gateway(), self.receiver("/app")
        daemon = self.one_more(gateway, receiver)
        daemon.config["lease"] = "10m"
        self.start(daemon)
        tasks = self.make(gateway, 5, "3s")
        for task in tasks:
            daemon.control.register(task)
        daemon.kill()
        self.start(daemon)
        self.assert_once(receiver, tasks, 30)

    def test_what_cannot_work_is_refused_with_the_cure(self):
        gateway = self.gateway()
        first = self.start(self.one_more(gateway))
        second = self.one_more(gateway)
        (second.folder / "state" / "secrets.key").write_text("ab" * 32 + "\n", "utf-8")
        self.launch(second)
        self.assertEqual(1, second.program.wait(30))
        self.assertIn("secrets.key is not that of the other daemons", second.program.output())
        first.stop()
        third = self.one_more(gateway)
        (third.folder / "pg.password").write_text("wrong\n", "utf-8")
        self.launch(third)
        self.assertEqual(1, third.program.wait(30))
        self.assertIn("store_password_file", third.program.output())
        self.sql("UPDATE meta SET value = 99 WHERE name = 'format'")
        fourth = self.one_more(gateway)
        self.launch(fourth)
        self.assertEqual(1, fourth.program.wait(30))
        self.assertIn("newer mjwatchd", fourth.program.output())


if __name__ == "__main__":
    main()
