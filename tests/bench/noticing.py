"""How late ends are noticed in truth, beside what `mjwatch simulate` says of the same tasks.

    noticing.py [--tasks N] [--rate PER_SECOND] [--call-cost 2s] [--speed 1]

The stand-in gateway replays an invented trace, and mjwatchd watches it, cold, each task registered at its
submission. A delay runs from the moment that the trace says to the line in the daemon's event stream: call,
commit and telling included. Beside it stands what the daemon says of itself in /v1/gateways. A time-lapse
(--speed) is one of both: the trace is shortened for the simulation too.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from rig.control import UnixConnection  # noqa: E402
from rig.daemon import Daemon  # noqa: E402
from rig.gateway import Gateway  # noqa: E402
from rig.program import run, wait_until  # noqa: E402

LEAD_MS = 8000  # from the gateway's start to the first submission
BATCH = 50
FINAL = {"task.succeeded", "task.failed", "task.cancelled"}


def invent(count, rate, dice):
    """Tasks as the recorded ones are: a short queue, 12 s to the first of six steps, some refused early."""
    tasks, clock = [], 0.0
    for number in range(count):
        queue, run_s, first = dice.lognormvariate(0.4, 0.7), 43 * dice.lognormvariate(0, 0.3), 0.3
        action = "IMAGINE"
        if dice.random() < 0.25:
            action, first = "UPSCALE", 0.14
            queue, run_s = dice.lognormvariate(-0.7, 0.5), 6 * dice.lognormvariate(0, 0.6)
        points = [(0, "SUBMITTED", "0%"), (queue, "IN_PROGRESS", "0%")]
        for step, percent in enumerate((15, 31, 46, 62, 78, 93)):
            share = first + (1 - first) * (step + dice.uniform(-0.2, 0.2)) / 6 * 0.98
            points.append((queue + run_s * max(share, 0.02), "IN_PROGRESS", f"{percent}%"))
        points.append((queue + run_s, "SUCCESS", "100%"))
        if dice.random() < 0.04:
            fails = dice.lognormvariate(0.4, 0.5)
            points = [point for point in points if point[0] < fails] + [(fails, "FAILURE", "")]
        tasks.append({"id": str(1712158000000000 + number), "action": action,
                      "submit_ms": LEAD_MS + round(clock * 1000),
                      "timeline": [[round(at * 1000), status, progress] for at, status, progress in sorted(points)]})
        clock += dice.expovariate(rate)
    return tasks


def write(path, tasks, speed=1.0):
    def faster(task):
        return {**task, "submit_ms": round(task["submit_ms"] / speed),
                "timeline": [[round(at / speed), *rest] for at, *rest in task["timeline"]]}
    path.write_text("".join(json.dumps(faster(task)) + "\n" for task in tasks), "utf-8")
    return path


class Run:
    """The real thing, from the daemon's start to the last end."""

    def __init__(self, folder, short, tasks, given):
        self.tasks, self.speed = tasks, given.speed
        self.noticed = {}  # id of the task -> seconds since the epoch
        trace = write(folder / "trace.jsonl", tasks)
        self.gateway = Gateway(folder, "--picture", "none", "--trace", trace, "--speed", f"{given.speed}x")
        self.daemon = Daemon(folder, self.gateway.url, images={"save": "none"}, log={"level": "warn"},
                             control={"socket": str(short / "s")}, watch={"max_gap": "60s", "missing_grace": "60s"})
        self.daemon.config["gateways"]["gw"].update(batch=BATCH, call_cost=given.call_cost)
        self.daemon.control.path = short / "s"
        self.daemon.start()
        self.began = self.beginning()

    def beginning(self):
        """When the gateway's timelines began, by its own word on the first task."""
        first = self.tasks[0]

        def submitted():
            words = {"authorization": "Bearer " + self.gateway.token}
            status, body = self.gateway.call("GET", f"/mj/task/{first['id']}/fetch", None, words)
            told = json.loads(body) if status == 200 and body else None
            return told and told.get("submitTime")

        return wait_until(submitted, 60, "the first task is submitted") / 1e3 - first["submit_ms"] / 1e3 / self.speed

    def listen(self):
        connection = UnixConnection(self.daemon.control.path, 600)
        connection.request("GET", "/v1/events", None, {"accept": "application/x-ndjson"})
        stream = connection.getresponse()
        threading.Thread(target=self.hear, args=(stream,), daemon=True).start()

    def hear(self, stream):
        try:
            for line in stream:
                now = time.time()
                event = json.loads(line) if line.strip() else {}
                if event.get("type") in FINAL:
                    self.noticed.setdefault(event["data"]["id"], now)
        except (OSError, ValueError):
            pass  # the daemon was stopped

    def watch(self):
        self.listen()
        for task in self.tasks:
            due = self.began + task["submit_ms"] / 1e3 / self.speed
            time.sleep(max(0.0, due - time.time()))
            wish = {"action": task["action"], "submitted_at": round(due * 1000)}
            answer = self.daemon.control.register(task["id"], wish)
            if answer.status != 201:
                raise AssertionError(repr(answer))
        wait_until(lambda: len(self.noticed) == len(self.tasks), 600, "all ends are noticed")
        [view] = self.daemon.control.need("GET", "/v1/gateways")["gateways"]
        self.daemon.stop()
        self.gateway.program.kill()
        return view

    def delays(self):
        ends = {task["id"]: self.began + (task["submit_ms"] + task["timeline"][-1][0]) / 1e3 / self.speed
                for task in self.tasks}
        return sorted(self.noticed[task] - end for task, end in ends.items())


def row(name, calls, mean, p95):
    print(f"{name:<52} {calls:>6.3f} {mean:>8.2f} {p95:>8.2f}", flush=True)


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--tasks", type=int, default=150)
    words.add_argument("--rate", type=float, default=1.5)
    words.add_argument("--call-cost", default="2s")
    words.add_argument("--speed", type=float, default=1.0)
    words.add_argument("--seed", type=int, default=1)
    given = words.parse_args()
    tasks = invent(given.tasks, given.rate, random.Random(given.seed))
    place = Path(os.environ.get("MJWATCHD_PROGRAMS", "build/release"))
    with (tempfile.TemporaryDirectory(prefix="bench-", dir=place) as name,
          tempfile.TemporaryDirectory(prefix="mj-", dir="/tmp") as short):
        folder = Path(name)
        real = Run(folder, Path(short), tasks, given)
        view = real.watch()
        faster = write(folder / "faster.jsonl", tasks, given.speed)
        answer = run(["mjwatch", "--json", "simulate", faster, "--batch", BATCH, "--call-cost", given.call_cost])
        if answer.returncode != 0:
            raise AssertionError(answer.stderr)
        foretold = json.loads(answer.stdout)
    delays, own = real.delays(), view["detection_delay"]
    print(f"{len(tasks)} tasks, {given.rate:g} a second, batches of {BATCH}, a call worth {given.call_cost}; seconds:")
    print(f"{'':<52} {'calls':>6} {'mean':>8} {'p95':>8}   (calls: a task)")
    row("measured, to the line in the event stream", view["calls"] / len(tasks), sum(delays) / len(delays),
        delays[int(len(delays) * 0.95)])
    row("as the daemon measures itself, from finishTime", view["calls"] / len(tasks), own["mean_s"], own["p95_s"])
    row("as mjwatch simulate foretells it", foretold["calls_per_task"], foretold["delay_mean_s"],
        foretold["delay_p95_s"])
    row(f"a fixed interval of {foretold['fixed_interval_s']:.2f} s", foretold["calls_per_task"],
        foretold["fixed_delay_mean_s"], foretold["fixed_delay_p95_s"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
