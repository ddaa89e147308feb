"""A hundred times a normal day's rate for a while, with faults on: nothing may grow, and nothing may be lost.

    soak.py [--minutes N] [--rate TASKS_PER_SECOND]

Prints, every half minute, what the daemon uses and how late its webhooks are, and fails when the last third
uses more than the first third did. A normal day is 5,000 tasks; a hundred times that are 5.8 a second.
"""

import argparse
import collections
import os
import random
import sys
import time
from pathlib import Path

from rig.case import Case
from rig.program import wait_until

FAULTS = "slow:20ms,500:0.02,502:0.02,absent:0.02,cut:0.03,429:0.01,wrapped:0.2"


class SoakTest(Case):
    options = argparse.Namespace(minutes=20.0, rate=5.8)

    def setUp(self):
        super().setUp()
        self.gateway_ = self.gateway("--picture", "mix", "--picture-size", "40KB", "--speed", "1x")
        self.gateway_.misbehave(FAULTS)
        self.receiver_ = self.receiver("/app", decide=self.decide)
        self.daemon_ = self.daemon(self.gateway_)
        self.daemon_.add_endpoint("app", self.receiver_.url + "/app", self.receiver_.secrets["/app"][0])
        # Ended tasks go after a while, so that what is kept is as much at the end as in the middle.
        self.daemon_.config["watch"]["retain"] = "2m"
        self.daemon_.config["images"]["prune"] = True
        self.daemon_.config["webhooks"]["retry"] = ["500ms", "1s", "2s", "5s"] + ["5s"] * 20
        self.ends = {}
        self.told = {}
        self.rows = []

    def decide(self, arrival):
        if not arrival.verified:
            return 401
        time.sleep(random.uniform(0, 0.02))
        if random.random() < 0.03:
            return random.choice([500, None])
        self.told.setdefault(arrival.json()["data"]["id"], time.time())
        return 204

    def register(self, number):
        task = f"soak-{number}"
        seconds = random.uniform(2, 25)
        self.gateway_.make(task, duration=f"{int(seconds * 1000)}ms", ending=random.choice(["SUCCESS"] * 9 + ["FAILURE"]))
        self.ends[task] = time.time() + seconds
        answer = self.daemon_.control.register(task)
        self.assertEqual(answer.status, 201, answer)

    def measure(self):
        process = Path("/proc") / str(self.pid())
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line)
        wal = self.folder / "state" / "mjwatchd.db-wal"
        since = time.time() - 30
        late = sorted(at - self.ends[task] for task, at in list(self.told.items()) if at > since)
        return {
            "rss_mb": int(status["VmRSS"].split()[0]) / 1024,
            "descriptors": len(os.listdir(process / "fd")),
            "threads": int(status["Threads"]),
            "wal_mb": wal.stat().st_size / (1 << 20) if wal.exists() else 0.0,
            "db_mb": (self.folder / "state" / "mjwatchd.db").stat().st_size / (1 << 20),
            "late_p50_s": late[len(late) // 2] if late else 0.0,
            "late_p95_s": late[len(late) * 95 // 100] if late else 0.0,
        }

    def pid(self):
        """setpriv became the daemon."""
        return self.daemon_.program.pid

    def print_row(self, seconds, count):
        row = self.measure()
        if not self.rows:
            print("   s    tasks  " + "  ".join(f"{name:>11}" for name in row))
        self.rows.append(row)
        print(f"{seconds:5.0f} {count:7d}  " + "  ".join(f"{value:11.2f}" for value in row.values()), flush=True)

    def test_nothing_grows_and_nothing_is_lost(self):
        self.start(self.daemon_)
        begin = time.monotonic()
        count, next_row = 0, 30.0
        while (passed := time.monotonic() - begin) < self.options.minutes * 60:
            while count < passed * self.options.rate:
                self.register(count)
                count += 1
            if passed >= next_row:
                self.print_row(passed, count)
                next_row += 30
            time.sleep(0.02)
        wait_until(lambda: len(self.told) >= count, 180, "every task is told of")
        self.assertEqual(set(self.told), set(self.ends))
        ids = collections.defaultdict(set)
        arrivals = self.receiver_.taken()
        for arrival in arrivals:
            data = arrival.json()["data"]
            ids[data["id"], data["sequence"]].add(arrival.webhook_id)
        self.assertEqual([event for event, some in ids.items() if len(some) != 1], [], "told under one id each")
        print(f"soak: {count} tasks in {self.options.minutes:g} min, all told; {len(arrivals) - len(ids)} sent again")
        self.check_flat()

    def check_flat(self):
        """The middle third against the last: what grows without end shows; what fills a cache at first does not."""
        third = len(self.rows) // 3
        if third < 2:
            print("too short to say whether anything grows: 4 minutes at least")
            return
        for name, slack in (("rss_mb", 16), ("descriptors", 40), ("threads", 0), ("wal_mb", 32), ("late_p95_s", 5)):
            middle = max(row[name] for row in self.rows[third:2 * third])
            last = max(row[name] for row in self.rows[2 * third:])
            self.assertLessEqual(last, middle * 1.25 + slack, f"{name} grows: {middle:.2f}, then {last:.2f}")


def main():
    import unittest

    words = argparse.ArgumentParser()
    words.add_argument("--minutes", type=float, default=20)
    words.add_argument("--rate", type=float, default=5.8)
    SoakTest.options = words.parse_args()
    unittest.main(argv=sys.argv[:1], verbosity=2)


if __name__ == "__main__":
    main()
