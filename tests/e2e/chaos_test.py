"""Everything goes wrong at once, again and again: and nothing is lost, doubled or half.

    chaos_test.py [--seed N] [--tasks N] [--troubles N]

The same tasks, receivers and checks as crash_test.py; the daemon runs with a preloaded library
(faults/faults.c) through which writes and syncs fail or take long, the clock is set, and the process is
killed at named points. Besides: kill -9 at random moments, SIGSTOP, a full table of descriptors, a limit of
memory, and a gateway and receivers that stop, are slow, cut and lie.
"""

import argparse
import collections
import signal
import sys
import time

import crash_test
from rig.faults import POINTS, Faults
from rig.program import wait_until

# What goes wrong, and how often out of a hundred.
TROUBLES = [
    (28, "kill"), (22, "kill at a point"), (6, "stop"), (6, "no space"), (5, "broken sync"), (5, "broken write"),
    (6, "slow disk"), (6, "clock"), (6, "gateway stops"), (5, "gateway lies"), (5, "receivers hang up"),
    (4, "few descriptors"), (2, "little memory"),
]
LIES = ["html:0.5", "502:0.6,hang:0.1", "429:0.5", "401", "absent:0.4", "cut:0.7", "nobatch", "slow:800ms", "403:0.5"]
USUAL = "slow:15ms,500:0.01,absent:0.02,cut:0.05,wrapped:0.2"
MOST_OFF_S = 200  # receivers take signatures for 300 s


class Clients(crash_test.Clients):
    """What a daemon without a disk cannot take, its apps ask for again."""

    def send(self, bundle):
        answer = super().send(bundle)
        if answer.status >= 500:
            raise ConnectionError(f"not now: {answer}")
        if len(bundle) > 1 and answer.status == 200 and answer.json()["rejected"]:
            raise ConnectionError(f"not all now: {answer}")
        return answer


class ChaosTest(crash_test.CrashTest):
    options = argparse.Namespace(seed=None, tasks=110, troubles=26, kills=26)
    test_nothing_is_lost_doubled_or_half_when_the_daemon_is_killed = None  # crash_test.py's own

    def setUp(self):
        super().setUp()
        self.faults = Faults(self.folder)
        self.addCleanup(self.faults.close)
        self.counts = collections.Counter()
        self.kills = 0
        self.hanging_up = False
        self.off_ms = 0

    def make_daemon(self):
        daemon = super().make_daemon()
        daemon.config["images"]["give_up"] = "2h"  # with a clock that jumps, too
        daemon.config["webhooks"]["retry"] = ["200ms", "500ms", "1s"] + ["2s"] * 40
        return daemon

    def decide(self, arrival):
        return None if self.hanging_up else super().decide(arrival)

    # ---- lives

    def begin(self, *words_before):
        self.start(self.daemon_, environment=self.faults.environment(), words_before=words_before)

    def running(self):
        return self.daemon_.program.running()

    def end_life(self):
        if self.running():
            self.daemon_.kill()
        self.kills += 1

    def revive(self, *words_before):
        """After whatever it died of. What was acknowledged must be there."""
        self.faults.mend()
        acknowledged = set(self.clients.acknowledged)
        self.begin(*words_before)
        there = {task["id"] for task in self.daemon_.control.tasks()}
        self.assertEqual(acknowledged - there, set(), "registered, answered, and gone")
        self.assertEqual(self.clients.troubles, [])

    # ---- troubles

    def kill(self):
        self.kill_in(self.rng.choice(crash_test.PHASES))
        self.kills += 1
        self.revive()

    def kill_at_a_point(self):
        before = self.faults.killed()
        self.faults.die_at(self.rng.choice(POINTS[1:]), self.rng.randint(1, 40))
        end = time.monotonic() + 2
        while self.running() and time.monotonic() < end:
            time.sleep(0.002)
        self.counts["killed at a point"] += self.faults.killed() - before
        self.end_life()
        self.revive()

    def stop(self):
        self.daemon_.program.signal(signal.SIGSTOP)
        time.sleep(60 if self.options.troubles > 100 and self.rng.random() < 0.1 else self.rng.uniform(0.3, 1.5))
        self.daemon_.program.signal(signal.SIGCONT)

    def no_space(self):
        self.faults.writes("ENOSPC")
        time.sleep(self.rng.uniform(0.3, 1.2))
        self.faults.mend()

    def broken_sync(self):
        """After it nothing on that disk is known: the daemon must not go on, and says so."""
        self.faults.syncs("EIO")
        self.broken_disk()

    def broken_write(self):
        self.faults.writes("EIO")
        self.broken_disk()

    def broken_disk(self):
        time.sleep(self.rng.uniform(0.3, 0.8))
        self.faults.mend()
        time.sleep(0.1)
        self.end_life()
        self.revive()

    def slow_disk(self):
        self.faults.syncs(delay_ms=self.rng.randint(20, 300))
        time.sleep(self.rng.uniform(0.5, 1.5))
        self.faults.mend()

    def clock(self):
        self.off_ms = self.rng.randint(-MOST_OFF_S, MOST_OFF_S) * 1000
        self.faults.clock(self.off_ms)

    def gateway_stops(self):
        self.gateway_.program.signal(signal.SIGSTOP)
        time.sleep(self.rng.uniform(0.3, 2))
        self.gateway_.program.signal(signal.SIGCONT)

    def gateway_lies(self):
        self.gateway_.misbehave(self.rng.choice(LIES))
        time.sleep(self.rng.uniform(0.5, 1.5))
        self.gateway_.misbehave(USUAL)

    def receivers_hang_up(self):
        self.hanging_up = True
        time.sleep(self.rng.uniform(0.3, 1.5))
        self.hanging_up = False

    def few_descriptors(self):
        self.end_life()
        self.revive("prlimit", "--nofile=48:48", "--")
        time.sleep(self.rng.uniform(1, 2))
        self.end_life()
        self.revive()

    def little_memory(self):
        self.end_life()
        self.revive("prlimit", f"--as={400 << 20}", "--")
        time.sleep(self.rng.uniform(1, 2))
        self.end_life()
        self.revive()

    # ---- the test

    def draw(self):
        names = [name for share, name in TROUBLES for _ in range(share)]
        drawn = [name for _, name in TROUBLES] + [self.rng.choice(names) for _ in range(self.options.troubles)]
        drawn = drawn[:max(self.options.troubles, len(TROUBLES))]
        self.rng.shuffle(drawn)
        return drawn

    def make_trouble(self, name):
        self.counts[name] += 1
        getattr(self, name.replace(" ", "_"))()
        if not self.running():
            raise AssertionError(f"it ended by itself after: {name}\n{self.daemon_.tail()}")
        time.sleep(self.rng.uniform(0.05, 0.5))

    def test_nothing_is_lost_doubled_or_half_whatever_goes_wrong(self):
        begin = time.monotonic()
        self.begin()
        self.clients = Clients(self, self.plans, seconds=1.2 * self.options.troubles)
        for name in self.draw():
            self.make_trouble(name)
        self.calm_down()
        wait_until(self.clients.done, 120, "all registrations are answered")
        self.assertEqual(self.clients.troubles, [])
        wait_until(self.all_ended, 120, "all tasks have ended")
        wait_until(self.all_delivered, 120, "all webhooks are delivered")
        self.check_endings()
        self.check_files()
        self.check_events()
        self.print_figures(time.monotonic() - begin)
        self.check_end()

    def calm_down(self):
        """A whole system, a right clock, and a daemon that never knew another."""
        self.faults.mend()
        self.faults.clock(0)
        self.gateway_.misbehave(USUAL)
        self.end_life()
        self.revive()

    def print_figures(self, seconds):
        arrivals = self.receiver_.taken()
        events = {(arrival.path, arrival.webhook_id) for arrival in arrivals}
        print(f"troubles: {dict(self.counts)}")
        print(f"chaos: {self.kills} kills ({self.counts['killed at a point']} at named points), {len(self.plans)} tasks, "
              f"{len(events)} events at their receivers, 0 lost, {len(arrivals) - len(events)} sent more than once "
              f"(each under its one id), in {seconds:.0f} s", flush=True)


def main():
    import unittest

    words = argparse.ArgumentParser()
    words.add_argument("--seed", type=int)
    words.add_argument("--tasks", type=int, default=110)
    words.add_argument("--troubles", type=int, default=26)
    ChaosTest.options = words.parse_args()
    ChaosTest.options.kills = ChaosTest.options.troubles
    del crash_test.CrashTest.test_nothing_is_lost_doubled_or_half_when_the_daemon_is_killed
    unittest.main(argv=sys.argv[:1], verbosity=2)


if __name__ == "__main__":
    main()
