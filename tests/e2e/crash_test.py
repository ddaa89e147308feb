"""The daemon is killed with -9 again and again while 500 tasks run, and nothing may be lost, doubled or half.

    crash_test.py [--seed N] [--tasks N] [--kills N]

Real programs, real sockets. Kills come while registrations, polls, pictures and webhooks are under way.
Afterwards: what was acknowledged is there; every task has ended as its gateway said, in one final event;
every file under a final name is whole; every event arrived, always under one id and with the same bytes,
in order, signed.
"""

import argparse
import collections
import hashlib
import json
import random
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from rig import pictures
from rig.case import Case
from rig.forwarder import Forwarder
from rig.program import wait_until

FINAL = {"task.succeeded", "task.failed", "task.cancelled", "task.expired", "task.lost"}
STANDARD_EVENTS = sorted(FINAL | {"task.started", "task.modal", "task.images", "task.progress"})
PHASES = ["registering", "polling", "saving", "delivering", "any"]

# What a task is, out of a hundred; what it ends in; and how many files are saved for it.
KINDS = [
    # share, name, gateway's wish, registration, final event, files
    (50, "picture", {"ending": "SUCCESS"}, {}, "task.succeeded", 1),
    (6, "grid", {"ending": "SUCCESS", "pictures": 4}, {"save": "all"}, "task.succeeded", 5),
    (4, "video", {"ending": "SUCCESS", "action": "VIDEO"}, {"save": "video"}, "task.succeeded", 1),
    (4, "unsaved", {"ending": "SUCCESS"}, {"save": "none"}, "task.succeeded", 0),
    (8, "wordy", {"ending": "SUCCESS", "action": "DESCRIBE"}, {"action": "DESCRIBE"}, "task.succeeded", 0),
    (12, "failing", {"ending": "FAILURE"}, {}, "task.failed", 0),
    (8, "cancelled", {"ending": "CANCEL"}, {}, "task.cancelled", 0),
    (3, "asking", {"ending": "MODAL"}, {"expire_after": "9s"}, "task.expired", 0),
    (2, "endless", {"ending": "NEVER"}, {"expire_after": "9s"}, "task.expired", 0),
    (3, "unknown", None, {}, "task.lost", 0),
]


class Plan:
    """One task, told in advance."""

    def __init__(self, number, kind, rng):
        _, self.kind, wish, registration, self.final, self.files = kind
        self.id = f"{1712158011460000 + number}" if number % 3 else f"job:{number}.{self.kind}-x_1"
        self.wish = None if wish is None else {"duration": f"{rng.randint(300, 8000)}ms", **wish}
        self.registration = {"metadata": {"order": number, "note": "naïve ☂ \u0000 \" \\", "big": 12345678901234567890},
                             **registration}
        self.paths = ["/app", "/ledger"]


def make_plans(count, rng):
    """The shares of KINDS, mixed."""
    plans, number = [], 0
    for kind in KINDS:
        for _ in range(max(1, count * kind[0] // 100)):
            plans.append(Plan(number, kind, rng))
            number += 1
    rng.shuffle(plans)
    return plans


class Clients:
    """Threads that register the plans, as apps would: they try again until they have an answer."""

    def __init__(self, test, plans, seconds):
        self.test = test
        self.pace = seconds / max(1, len(plans))
        self.calls = collections.deque(self.bundles(plans))
        self.acknowledged = {}
        self.in_flight = 0
        self.lock = threading.Lock()
        self.troubles = []
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(4)]
        for thread in self.threads:
            thread.start()

    def bundles(self, plans):
        """Most alone by PUT; some together, as JSON where all wishes are alike, or a line each."""
        plans = list(plans)
        while plans:
            size = self.test.rng.choice([1, 1, 1, 1, 1, 5, 20])
            yield plans[:size]
            del plans[:size]

    def work(self):
        while True:
            with self.lock:
                if not self.calls:
                    return
                bundle = self.calls.popleft()
                pause = self.test.rng.uniform(0, 2) * self.pace * len(bundle) * len(self.threads)
            time.sleep(pause)
            for plan in bundle:
                if plan.wish is not None:
                    self.test.gateway_.make(plan.id, **plan.wish)
            try:
                self.register(bundle)
            except Exception as trouble:  # told by the test's own thread
                self.troubles.append(repr(trouble))
                return

    def register(self, bundle):
        while True:
            with self.lock:
                self.in_flight += 1
            try:
                answer = self.send(bundle)
            except OSError:
                answer = None
            finally:
                with self.lock:
                    self.in_flight -= 1
            if answer is not None and answer.status != 503:
                break
            time.sleep(0.02)
        if len(bundle) == 1:
            if answer.status not in (200, 201):
                raise AssertionError(f"{bundle[0].id}: {answer}")
        elif answer.status != 200 or answer.json()["rejected"]:
            raise AssertionError(f"{[plan.id for plan in bundle]}: {answer}")
        elif answer.json()["accepted"] + answer.json()["existing"] != len(bundle):
            raise AssertionError(f"{len(bundle)} sent: {answer}")
        with self.lock:
            self.acknowledged.update({plan.id: time.time() for plan in bundle})

    def send(self, bundle):
        control = self.test.daemon_.control
        if len(bundle) == 1:
            return control.register(bundle[0].id, bundle[0].registration)
        lines = "".join(json.dumps({"id": plan.id, **plan.registration}) + "\n" for plan in bundle)
        return control.call("POST", "/v1/tasks", lines, {"content-type": "application/x-ndjson"})

    def done(self):
        return not any(thread.is_alive() for thread in self.threads)


class CrashTest(Case):
    options = argparse.Namespace(seed=None, tasks=500, kills=25)

    def setUp(self):
        super().setUp()
        seed = self.options.seed if self.options.seed is not None else random.SystemRandom().randrange(2**32)
        print(f"seed {seed}: to run it again, {Path(sys.argv[0]).name} --seed {seed}", flush=True)
        self.rng = random.Random(seed)
        self.random = random.Random(seed)
        self.plans = make_plans(self.options.tasks, self.rng)
        self.gateway_ = self.gateway("--picture", "mix", "--picture-size", "60KB", "--speed", "1x")
        # As gateways are: now and then one fails, forgets a task in a reply, or cuts a picture short.
        self.gateway_.misbehave("slow:15ms,500:0.01,absent:0.02,cut:0.05,wrapped:0.2")
        self.receiver_ = self.receiver("/app", "/ledger", *self.own_receivers(), decide=self.decide)
        self.daemon_ = self.make_daemon()
        self.give_own_receivers()
        self.hits = collections.Counter()

    def own_receivers(self):
        """Every twelfth task has a receiver of its own besides."""
        self.owners = {f"/own/{number}": plan for number, plan in enumerate(self.plans) if number % 12 == 0}
        return self.owners

    def give_own_receivers(self):
        for path, plan in self.owners.items():
            own = {"url": self.receiver_.url + path, "secret": self.receiver_.secrets[path][0]}
            plan.registration["webhooks"] = ["app", own]
            plan.paths = ["/app", path]

    def make_daemon(self):
        daemon = self.daemon(self.gateway_)
        secrets = self.receiver_.secrets
        daemon.add_endpoint("app", self.receiver_.url + "/app", secrets["/app"][0], events=STANDARD_EVENTS)
        daemon.add_endpoint("ledger", self.receiver_.url + "/ledger", secrets["/ledger"][0], format="cloudevents")
        daemon.config["webhooks"]["allow"] = ["127.0.0.0/8"]
        # Pictures lie on another host, as they do with real gateways: the token must not go there.
        gateway = urlsplit(self.gateway_.url)
        elsewhere = Forwarder(gateway.hostname, gateway.port)
        self.addCleanup(elsewhere.close)
        daemon.config["gateways"]["gw"]["rewrite_urls"] = {self.gateway_.url + "/mj/cdn": elsewhere.url + "/mj/cdn"}
        daemon.config["images"]["allow"] = ["127.0.0.0/8"]
        return daemon

    def decide(self, arrival):
        """A real receiver takes its time, sometimes much of it, and sometimes breaks."""
        # News that are held so long are overtaken by the task's end.
        slow = b'"task.progress"' in arrival.body[:40] and random.random() < 0.05
        time.sleep(random.uniform(1, 3) if slow else random.uniform(0, 0.02))
        if not arrival.verified:
            return 401
        luck = random.random()
        return 500 if luck < 0.02 else None if luck < 0.03 else 204

    # What is under way, for killing in the middle of it.

    def under_way(self, phase, polls):
        if phase == "registering":
            return self.clients.in_flight > 0
        if phase == "polling":
            return self.polls() > polls
        if phase == "saving":
            return any(True for _ in self.daemon_.pictures.rglob("*.part"))
        if phase == "delivering":
            return self.receiver_.working.count > 0
        return True

    def polls(self):
        stats = self.gateway_.stats()
        return stats.get("list", 0) + stats.get("fetch", 0)

    def kill_in(self, phase):
        """Waits a random while, then for the phase, but not for ever: not all phases come at all times."""
        time.sleep(self.rng.uniform(0.05, 0.9))
        polls = self.polls()
        end = time.monotonic() + 1.2
        while not (hit := self.under_way(phase, polls)) and time.monotonic() < end:
            time.sleep(0.0005)
        self.daemon_.kill()
        self.hits[phase] += hit

    def restart(self):
        acknowledged = set(self.clients.acknowledged)
        self.start(self.daemon_)
        there = {task["id"] for task in self.daemon_.control.tasks()}
        self.assertEqual(acknowledged - there, set(), "registered, answered, and gone")
        self.assertEqual(self.clients.troubles, [])

    def test_nothing_is_lost_doubled_or_half_when_the_daemon_is_killed(self):
        begin = time.monotonic()
        self.start(self.daemon_)
        phases = [PHASES[i % len(PHASES)] for i in range(self.options.kills)]
        self.rng.shuffle(phases)
        self.clients = Clients(self, self.plans, seconds=0.8 * self.options.kills)
        for phase in phases:
            self.kill_in(phase)
            self.restart()
        killed = time.monotonic()
        wait_until(self.clients.done, 60, "all registrations are answered")
        self.assertEqual(self.clients.troubles, [])
        wait_until(self.all_ended, 60, "all tasks have ended")
        wait_until(self.all_delivered, 60, "all webhooks are delivered")
        print(f"{sum(self.hits.values())} of {self.options.kills} kills hit what they aimed at: {dict(self.hits)}; "
              f"{killed - begin:.1f} s of killing, {time.monotonic() - killed:.1f} s to the end, "
              f"{len(self.receiver_.taken())} requests at the receiver", flush=True)
        for phase in PHASES:
            self.assertGreater(self.hits[phase], 0, f"no kill came while {phase}")
        self.check_endings()
        self.check_files()
        self.check_events()
        self.check_end()

    def all_ended(self):
        self.open = [task for task in self.daemon_.control.tasks() if task["phase"] != "done"]
        return not self.open

    def all_delivered(self):
        return not self.daemon_.control.deliveries("?state=pending")

    def check_endings(self):
        self.views = {task["id"]: task for task in self.daemon_.control.tasks()}
        self.assertEqual(set(self.views), {plan.id for plan in self.plans})
        for plan in self.plans:
            with self.subTest(plan.kind, id=plan.id):
                view = self.daemon_.control.task(plan.id)
                self.assertEqual("task." + view["ending"], plan.final, view)
                self.assertEqual(view["metadata"], plan.registration["metadata"])
                self.assertIsNone(view["image_error"])
                self.assertEqual(len(view["images"]), plan.files, view["images"])
                self.views[plan.id] = view

    def check_files(self):
        """Every file that a task names is what the gateway serves, and no other file looks like one."""
        self.gateway_.misbehave("")
        named, kinds = set(), collections.Counter()
        for plan in self.plans:
            for image in self.views[plan.id]["images"]:
                path = Path(image["path"])
                data = path.read_bytes()
                self.assertEqual(hashlib.sha256(data).hexdigest(), image["sha256"], path)
                self.assertEqual(len(data), image["bytes"], path)
                self.assertEqual(hashlib.sha256(self.gateway_.download(image["url"])).hexdigest(), image["sha256"], path)
                kinds[pictures.kind_of(data)] += 1
                self.assertNotIn(path, named, "two pictures under one name")
                named.add(path)
        for path in self.daemon_.pictures.rglob("*"):
            if path.is_file() and not path.name.endswith(".part"):
                self.assertIn(path, named, "a file that no task names")
        self.assertEqual(set(kinds), {"png", "jpeg", "webp", "mp4"}, "all kinds of pictures were drawn")
        print(f"pictures: {dict(kinds)}", flush=True)

    def check_events(self):
        identity, bodies, first, finals = {}, {}, collections.defaultdict(list), collections.defaultdict(set)
        for arrival in self.receiver_.taken():
            self.assertTrue(arrival.verified, f"{arrival.path}: {arrival.body[:200]!r}")
            event = arrival.json()
            data = event["data"]
            kind = event["type"].removeprefix("ai.mjwatchd.")
            key = (data["id"], data["sequence"])
            self.assertEqual(identity.setdefault(key, arrival.webhook_id), arrival.webhook_id, f"{key} changed its id")
            form = "cloudevents" if arrival.path == "/ledger" else "standard"
            self.assertEqual(bodies.setdefault((key, form), arrival.body), arrival.body, f"{key} changed its bytes")
            arrived = first[arrival.path, data["id"]]
            if data["sequence"] not in arrived:
                self.assertGreater(data["sequence"], max(arrived, default=0), f"{key} came out of order at {arrival.path}")
                arrived.append(data["sequence"])
            if kind in FINAL:
                finals[arrival.path, data["id"]].add((kind, arrival.webhook_id))
        self.assertEqual(len(set(identity.values())), len(identity), "one id for two events")
        for plan in self.plans:
            for path in plan.paths:
                self.assertEqual([kind for kind, _ in finals[path, plan.id]], [plan.final], f"{plan.id} at {path}")
        self.assertEqual(set(finals), {(path, plan.id) for plan in self.plans for path in plan.paths})

    def check_end(self):
        """What the daemon says was delivered has arrived; it stops in order, and leaves no junk."""
        arrived = {arrival.webhook_id for arrival in self.receiver_.taken()}
        states = collections.Counter()
        for delivery in self.daemon_.control.deliveries():
            states[delivery["state"]] += 1
            if delivery["state"] == "delivered":
                self.assertIn(delivery["webhook_id"], arrived)
        self.assertLessEqual(set(states), {"delivered", "superseded"}, states)
        code, seconds = self.daemon_.stop()
        self.assertEqual(code, 0)
        self.assertLess(seconds, 10)
        before = len(self.receiver_.taken())
        self.start(self.daemon_)
        wait_until(lambda: not any(self.daemon_.pictures.rglob("*.part")), 10, "part files of killed runs are gone")
        self.assertEqual(self.daemon_.stop()[0], 0)
        self.assertEqual(len(self.receiver_.taken()), before, "something was sent again without need")
        self.assert_no_secret(self.daemon_.program.output(), self.daemon_.token,
                              *[secret for [secret] in self.receiver_.secrets.values()])
        self.assertNotIn("whsec_", self.daemon_.program.output())
        self.assertEqual(self.gateway_.stats()["cdn_with_token"], 0, "the token went to picture links")
        print(f"deliveries: {dict(states)}", flush=True)


def main():
    import unittest

    words = argparse.ArgumentParser()
    words.add_argument("--seed", type=int)
    words.add_argument("--tasks", type=int, default=500)
    words.add_argument("--kills", type=int, default=25)
    CrashTest.options = words.parse_args()
    unittest.main(argv=sys.argv[:1], verbosity=2)


if __name__ == "__main__":
    main()
