"""Three daemons, each in a network namespace of its own, cut off from PostgreSQL and from the gateway: nothing is lost,
nothing told twice, and nobody asks for a task once another has it.

Daemons know of each other by PostgreSQL alone; there is no link between them at all.
"""

import collections
import json
import re
import threading
import time

from rig import net, postgres
from rig.case import Case, main
from rig.forwarder import Forwarder
from rig.program import wait_until

LEASE = 3
AFTERWARDS = 3  # a cut goes on for so long when the others have been told that one is missing
TASKS = 60
FIRST = 1712158011400000
ON_ITS_WAY = 2.5  # on a machine that is busy, what was asked before may be read here later; who goes on, asks on


class NamespaceTest(Case):
    def setUp(self):
        super().setUp()
        self.server = postgres.Postgres("0.0.0.0")  # in this namespace, which nobody else is in
        self.addCleanup(self.server.close)
        self.secrets.add(postgres.PASSWORD)
        _, self.schema = self.server.new_list()
        self.gateway_, self.receiver_ = self.gateway("--picture", "none"), self.receiver("/app")
        self.daemons, self.asks, self.lock = [], [], threading.Lock()

    def one_more(self):
        number = len(self.daemons)
        folder = self.folder / f"d{number}"
        namespace = net.Namespace()
        self.addCleanup(namespace.close)
        database = net.Link(f"db{number}", 10 + number, namespace.pid)
        world = net.Link(f"wo{number}", 20 + number, namespace.pid)
        asked = self.relay(self.gateway_.url, world.here, lambda piece: self.note(number, piece))
        told = self.relay(self.receiver_.url, world.here)
        slow = Forwarder("127.0.0.1", self.server.port, database.here)
        self.addCleanup(slow.close)
        daemon = self.daemon(None, folder)
        daemon.database, daemon.world, daemon.slow, daemon.words = database, world, slow, namespace.words
        daemon.config["gateways"]["gw"].update(url=asked.url, allow_http=True, timeout="2s")
        daemon.config["images"]["save"] = "none"
        daemon.add_endpoint("app", told.url + "/app", self.receiver_.secrets["/app"][0], events=["task.succeeded"],
                            timeout="2s")
        port = slow.port if number == 2 else self.server.port  # the slow one's goes by a relay
        daemon.share(f"postgresql://postgres@{database.here}:{port}/postgres?options=-csearch_path%3D{self.schema}",
                     postgres.PASSWORD, f"{LEASE}s")
        if self.daemons:
            daemon.take_key(self.daemons[0])
        self.daemons.append(daemon)
        return self.start(daemon, words_before=daemon.words)

    def relay(self, url, at, heard=None):
        host, port = re.fullmatch(r"http://([\d.]+):(\d+)", url).groups()
        relay = Forwarder(host, int(port), at, heard)
        self.addCleanup(relay.close)
        return relay

    def note(self, number, piece):
        now = time.time()
        with self.lock:
            self.asks += [(now, number, int(task)) for task in re.findall(rb"17121580114\d{5}", piece)]

    def sql(self, text):
        return self.server.sql(text, self.schema)

    def watch_moves(self):
        """The database itself writes down who takes which task, and when."""
        self.sql("CREATE TABLE moves(at float8, task text, name text); "
                 "CREATE FUNCTION note_move() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                 "INSERT INTO moves SELECT extract(epoch FROM clock_timestamp()), NEW.id, name FROM daemons WHERE no = NEW.holder; "
                 "RETURN NEW; END $$; "
                 "CREATE TRIGGER moved AFTER INSERT OR UPDATE OF holder ON tasks FOR EACH ROW EXECUTE FUNCTION note_move()")

    def assert_asked_by_its_holder_alone(self):
        """Once another has taken a task, who had it before asks no more."""
        moves = collections.defaultdict(list)
        for row in self.sql("SELECT at, task, name FROM moves ORDER BY at").splitlines():
            at, task, name = row.split("|")
            moves[int(task)].append((float(at), self.names.index(name)))
        wrong = []
        with self.lock:
            asks = list(self.asks)
        for at, number, task in asks:
            if number == self.stale[0] and self.stale[1] <= at <= self.stale[2]:
                continue
            before = [move for move in moves[task] if move[0] < at - ON_ITS_WAY]
            around = [move for move in moves[task] if at - ON_ITS_WAY <= move[0] <= at + ON_ITS_WAY]
            if before and number not in (before[-1][1], *(holder for _, holder in around)):
                wrong.append((at, number, task, before[-1]))
        taken = sum(len({holder for _, holder in one}) > 1 for one in moves.values())
        print(f"{len(asks)} times asked; {taken} of {TASKS} tasks changed hands")
        self.assertGreater(taken, TASKS // 3)
        self.assertEqual([], wrong[:5])

    def told(self):
        """The webhook-ids of each end."""
        ends = collections.defaultdict(set)
        for arrival in self.receiver_.taken("/app"):
            self.assertTrue(arrival.verified)
            ends[json.loads(arrival.body)["data"]["id"]].add(arrival.webhook_id)
        return ends

    def members(self):
        return int(self.sql("SELECT count(*) FROM daemons WHERE beat + lease > clock_timestamp()"))

    def test_cut_off_in_every_way(self):
        first = self.one_more()
        self.watch_moves()
        for number in range(TASKS):
            task = self.gateway_.make(str(FIRST + number), duration=f"{8 + number % 40}s")
            self.assertEqual(201, first.control.register(task).status)
        second, third = self.one_more(), self.one_more()
        self.names = self.sql("SELECT name FROM daemons ORDER BY no").splitlines()
        self.assertEqual(3, len(set(self.names)))
        wait_until(lambda: self.sql("SELECT count(DISTINCT holder) FROM tasks WHERE phase <> 3") == "3", 30, "all have some")

        for daemon, cut in ((first, first.database.cut), (second, second.database.cut_to_there),
                            (third, third.database.cut_from_there)):
            cut()
            wait_until(lambda: self.members() == 2, 20, "the one that is cut off is left out")
            time.sleep(AFTERWARDS)
            daemon.database.mend()
            wait_until(lambda: self.members() == 3, 40, "it is back")
        third.slow.slow_down(0.15)
        second.world.cut()
        cut = time.time()
        time.sleep(AFTERWARDS)
        self.assertTrue(third.program.running())
        second.world.mend()
        third.slow.slow_down(0)
        # What it asked before the cut, or during it, the kernel brings when the link is there again.
        self.stale = (1, cut, time.time() + 5)

        wait_until(lambda: len(self.told()) == TASKS, 90, "every end has arrived")
        self.assertEqual({1}, {len(ids) for ids in self.told().values()})
        self.assertEqual(str(TASKS), self.sql("SELECT count(*) FROM events WHERE type IN (4,5,6,8,9)"))
        self.assert_asked_by_its_holder_alone()


if __name__ == "__main__":
    net.become_alone()
    main()
