"""Three daemons over one watch list in PostgreSQL: each figure beside its aim, and what PostgreSQL does bare.

    shared.py [--tasks N] [--daemons N] [--only changes,delay,spread] [--fresh]

Who asked for what, and when, is the gateway's own record. PostgreSQL is as one that has run for a while: the files
for its WAL are there, and max_wal_size has room for a busy hour. With --fresh it is as made a moment ago, with all
that Debian's packages set: it fills each of those files with zeros first, while commits wait. Ends with 1 when an aim
is missed.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from rig.control import Control  # noqa: E402
from rig.daemon import Daemon  # noqa: E402
from rig.postgres import PASSWORD, Postgres  # noqa: E402
from rig.program import wait_until  # noqa: E402

PROGRAMS = Path(os.environ.get("MJWATCHD_PROGRAMS", "build/release")).resolve()
FIRST = 1712158000000000
PIECE = 10_000  # registrations in one call
TOGETHER = 1000  # rows of one transaction of the bare loop
LEASE = 15
WAL_FILES = 80  # of 16 MiB, more than any part writes
missed = []


def row(name, value, unit, aim="", met=True):
    print(f"{name:<60} {value:>12,.3f} {unit:<9} {aim:<14} {'' if met else 'MISSED'}", flush=True)
    if not met:
        missed.append(name)


class Place:
    """Daemons beside their world: a gateway that knows `count` tasks, and an empty watch list in PostgreSQL."""

    def __init__(self, server, count, size=1000, max_gap="10s", **gateway):
        self.count, self.server = count, server
        self.folder = Path(tempfile.mkdtemp(prefix="bench-", dir=PROGRAMS))
        self.short = Path(tempfile.mkdtemp(prefix="mj-", dir="/tmp"))
        self.world = subprocess.Popen([PROGRAMS / "bench_world", str(count), str(size), "0"], stdout=subprocess.PIPE,
                                      text=True)
        self.port = int(self.world.stdout.readline())
        self.url, self.schema = server.new_list()
        self.max_gap, self.gateway = max_gap, gateway
        self.daemons = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for daemon in self.daemons:
            daemon.kill()
        self.world.kill()
        self.world.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.short, ignore_errors=True)

    def one_more(self):
        number = len(self.daemons)
        folder = self.folder / str(number)
        folder.mkdir()
        socket = self.short / str(number)
        daemon = Daemon(folder, f"http://127.0.0.1:{self.port}", token=f"asker-{number}", log={"level": "warn"},
                        images={"save": "none"}, control={"socket": str(socket)},
                        watch={"max_gap": self.max_gap, "missing_grace": "24h", "store_max_size": "100GiB"})
        daemon.control = Control(socket)
        daemon.config["gateways"]["gw"].update({"max_in_flight": 4, "call_cost": "10ms", **self.gateway})
        daemon.share(self.url, PASSWORD, f"{LEASE}s")
        if self.daemons:
            daemon.take_key(self.daemons[0])
        self.daemons.append(daemon)
        return daemon.start()

    def bulk(self):
        """Registers all with the first daemon; answers seconds."""
        begin = time.monotonic()
        for start in range(0, self.count, PIECE):
            lines = "".join(f'{{"id":"{FIRST + number}","metadata":{{"order":{number}}}}}\n'
                            for number in range(start, min(self.count, start + PIECE)))
            while self.refused(lines):
                time.sleep(0.2)
        return time.monotonic() - begin

    def refused(self, lines):
        answer = self.daemons[0].control.call("POST", "/v1/tasks", lines, {"content-type": "application/x-ndjson"})
        if answer.status not in (200, 503):
            raise AssertionError(repr(answer))
        return answer.status == 503 or answer.json()["rejected"]

    def ask(self, path, method="GET"):
        words = ["curl", "-sS", "-X", method, f"http://127.0.0.1:{self.port}/_/{path}"]
        return [float(word) for word in subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.split()]

    def shares(self):
        """How many live tasks each daemon holds."""
        living = self.server.sql("SELECT no FROM daemons", self.schema).split()
        rows = self.server.sql("SELECT holder, count(*) FROM tasks WHERE phase <> 3 GROUP BY holder", self.schema)
        held = dict(line.split("|") for line in rows.splitlines())
        return [int(held.get(number, 0)) for number in living]

    def wait_even(self, daemons, seconds=240):
        """Answers what each holds, and how long it took."""
        begin = time.monotonic()

        def even():
            shares = self.shares()
            time.sleep(0.3)  # so that asking costs little
            return (len(shares) == daemons and sum(shares) == self.count and
                    max(shares) <= self.count / daemons * 1.1 + 2 and shares)
        return wait_until(even, seconds, f"{self.count} tasks are even among {daemons}"), time.monotonic() - begin

    def wait_asked(self, times):
        """Until the gateway was asked for that many ids from now on."""
        before = self.ask("stats")[1]
        wait_until(lambda: self.ask("stats")[1] - before >= times * self.count or time.sleep(0.3), 300, "all are asked for")

    def fill(self, daemons):
        self.one_more()
        row(f"registered as NDJSON, {self.count:,} tasks", self.count / self.bulk(), "a second")
        for _ in range(1, daemons):
            self.one_more()
        return self.wait_even(daemons)


class Session:
    """psql that stays, so that a look at the database costs little."""

    def __init__(self, server, schema):
        words = [*server.as_user, server.bin / "psql", "-X", "-q", "-A", "-t", "-h", server.folder, "-p",
                 str(server.port), "-U", "postgres", "postgres"]
        self.process = subprocess.Popen(words, cwd="/tmp", env={**os.environ, "PGPASSWORD": PASSWORD}, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.send(f"SET search_path = {schema}")

    def send(self, text):
        self.process.stdin.write(text + ";\n")
        self.process.stdin.flush()

    def number(self, text):
        self.send(text)
        return int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def run_in(server):
    """Makes the WAL's files, which a checkpoint then keeps for what is to come, as all later ones do."""
    server.sql("ALTER SYSTEM SET max_wal_size = '4GB'")
    server.sql("SELECT pg_reload_conf()")
    for _ in range(WAL_FILES):
        server.sql("SELECT pg_logical_emit_message(false, 'bench', 'a file with nothing in it is not left')")
        server.sql("SELECT pg_switch_wal()")
    server.sql("CHECKPOINT")


def bare(server, schema, count, clients):
    """The same rows, updated and inserted by SQL alone, from tables to tables, a thousand to a transaction."""
    server.sql("DROP SCHEMA IF EXISTS bare CASCADE; CREATE SCHEMA bare; CREATE SEQUENCE bare.block; " + "".join(
        f"CREATE TABLE bare.{table}(LIKE {schema}.{table} INCLUDING ALL); " for table in ("tasks", "task_texts", "events")))
    server.sql(f"INSERT INTO bare.tasks SELECT * FROM {schema}.tasks; "
               f"INSERT INTO bare.task_texts SELECT task, given, metadata, '', images FROM {schema}.task_texts; "
               "UPDATE bare.tasks SET phase = 0")
    for table in ("tasks", "task_texts"):
        server.sql(f"VACUUM ANALYZE bare.{table}")
    first, last = map(int, server.sql(f"SELECT min(no), max(no) FROM {schema}.tasks").split("|"))
    blocks = -(-(last - first + 1) // TOGETHER)
    columns = ("phase", "status", "previous", "ending", "action", "progress", "digest", "changed_at", "finished_at",
               "ended_at", "sequence")
    script = server.folder / "bare.sql"
    between = f"BETWEEN {first} + (:block - 1) * {TOGETHER} AND {first} + :block * {TOGETHER} - 1"
    script.write_text(
        "SELECT nextval('bare.block') AS block \\gset\nBEGIN;\n"
        f"INSERT INTO bare.tasks SELECT * FROM {schema}.tasks WHERE no {between} ON CONFLICT (no) DO UPDATE SET "
        + ", ".join(f"{column} = excluded.{column}" for column in columns) + ";\n"
        f"INSERT INTO bare.task_texts SELECT * FROM {schema}.task_texts WHERE task {between} ON CONFLICT (task) "
        "DO UPDATE SET object = excluded.object, images = excluded.images;\n"
        f"INSERT INTO bare.events SELECT * FROM {schema}.events WHERE no BETWEEN (:block - 1) * {TOGETHER} + 1 AND "
        f":block * {TOGETHER};\nCOMMIT;\n", "utf-8")
    script.chmod(0o644)
    turns = -(-blocks // clients)
    told = server.run("pgbench", "-h", server.folder, "-p", server.port, "-U", "postgres", "-n", "-c", clients, "-j", 1,
                      "-t", turns, "-f", script, "postgres")
    seconds = turns * clients / float(re.search(r"tps = ([\d.]+)", told)[1])
    return count / seconds


def changes(server, given):
    """All end at once; what is committed is counted in the store."""
    with Place(server, given.tasks, max_gap="2s", batch=1000, max_calls_per_minute=24000) as place:
        place.fill(given.daemons)
        place.wait_asked(2)
        session = Session(server, place.schema)
        told = "SELECT value FROM meta WHERE name = 'events'"
        first = session.number(told)
        place.ask("end/0", "POST")
        begin, done = time.monotonic(), 0
        while done < place.count * 0.95 and time.monotonic() < begin + 300:
            time.sleep(0.05)
            done = session.number(told) - first
        rate = done / (time.monotonic() - begin)
        session.close()
        wait_until(lambda: sum(place.shares()) == 0, 60, "all have ended")
        row(f"status changes to committed events, {given.daemons} daemons", rate, "a second", ">= 20,000", rate >= 20000)
        beside = bare(server, place.schema, place.count, given.daemons)
    row("  beside: the same rows by SQL alone, from tables to tables", beside, "a second")


def noticed(server, count, daemons):
    """Batches are full all the time, and the budget is the same however many share it."""
    ends = 20_000
    with Place(server, count, batch=500, max_calls_per_minute=1200, max_gap="10s") as place:
        place.fill(daemons)
        place.wait_asked(3)
        calls = place.ask("stats")[0]
        begin = time.monotonic()
        place.ask("end/1000", "POST")
        wait_until(lambda: place.ask(f"noticed/{ends}")[0] >= ends or time.sleep(0.5), 300, "all ends are noticed")
        rate = (place.ask("stats")[0] - calls) / (time.monotonic() - begin)
        _, mean, p95 = place.ask(f"noticed/{ends}")
    return mean, p95, rate


def delay(server, given):
    one = noticed(server, given.tasks, 1)
    more = noticed(server, given.tasks, given.daemons)
    for daemons, (mean, p95, rate) in ((1, one), (given.daemons, more)):
        row(f"an end until its reply, {daemons} daemons: mean", mean, "s")
        row(f"  p95 (calls a second in all: {rate:.1f})", p95, "s")
    row("  mean, as against one daemon", more[0] / one[0], "", "<= 1.1", more[0] <= one[0] * 1.1)


def spread(server, given):
    """Work is even; a killed one's tasks are asked for by the others."""
    with Place(server, given.tasks, batch=1000, max_calls_per_minute=6000, max_gap="5s") as place:
        shares, seconds = place.fill(given.daemons)
        row(f"even among {given.daemons}, after the last one's start", seconds, "s")
        row("  most that one holds, as against its share", max(shares) * given.daemons / place.count, "", "<= 1.1",
            max(shares) * given.daemons <= place.count * 1.1)
        before = place.ask("asked")[2:]
        place.wait_asked(6)
        asked = [now - then for now, then in zip(place.ask("asked")[2:], before)][:given.daemons]
        row("  most ids that one asked for, as against its share", max(asked) * given.daemons / sum(asked), "", "<= 1.1",
            max(asked) * given.daemons <= sum(asked) * 1.1)
        both = place.ask("asked")[1]
        row("asked for by two at once, while daemons came", both, "", "0", both == 0)
        gone = given.daemons - 1
        place.daemons[gone].kill()
        place.ask(f"gone/{gone}", "POST")
        wait_until(lambda: place.ask("followed")[0] == place.ask("followed")[1] or time.sleep(0.5), 120,
                   f"the killed one's tasks are asked for again: {place.ask('followed')}")
        tasks, _, p50, most = place.ask("followed")
        both = place.ask("asked")[1] - both
    row(f"killed -9, its {tasks:,.0f} tasks asked for again: half of them", p50, "s")
    row(f"  the last of them (lease {LEASE} s)", most, "s", "<= 20", most <= 20)
    row("  asked for by two at once meanwhile", both, "", "0", both == 0)


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--tasks", type=int, default=100_000)
    words.add_argument("--daemons", type=int, default=3)
    words.add_argument("--only", default="changes,delay,spread")
    words.add_argument("--fresh", action="store_true")
    given = words.parse_args()
    server = Postgres()
    if not given.fresh:
        run_in(server)
    parts = {"changes": changes, "delay": delay, "spread": spread}
    for part in given.only.split(","):
        parts[part](server, given)
    server.close()
    if missed:
        print("Missed: " + "; ".join(name.strip() for name in missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
