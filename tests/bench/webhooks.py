"""How fast webhooks go out, and what a slow receiver or a long backlog changes.

    webhooks.py [--only speed,stream,hole,backlog] [--deliveries N] [--seconds S] [--backlog N]

The receiver (webhook_receiver) runs on the same machine, and so does the stand-in gateway. Prints tables; ends
with 1 when an aim is missed.
"""

import argparse
import http.client
import json
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from rig.daemon import Daemon  # noqa: E402
from rig.gateway import Gateway  # noqa: E402
from rig.program import Program, path_of, wait_until  # noqa: E402

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SHARE_AIM = 0.5       # of what the bare libcurl loop posts, AIMED_AT requests at once
AIMED_AT = 64
WIDTHS = (AIMED_AT, 128, 256, 512)  # of the last, all that there may be, one receiver gets 448
CONTENT_TYPE = "content-type: application/json"
# As many bytes as mjwatchd posts: libcurl prints headers character by character.
SAME_HEADERS = (CONTENT_TYPE, f"webhook-id: evt_{'0' * 32}", "user-agent: mjwatchd/0.0.0",
                "webhook-timestamp: 1790000000", f"webhook-signature: v1,{'0' * 43}=")
STREAM_AIM_MS = 50    # p99 from commit to 2xx at 200 a second
HOLE_AIM = 1.10       # the healthy ones' p99 with a black hole, to that without
START_AIM_S, MEMORY_AIM_MB = 5, 150
WIDTH = 80


def row(name, value):
    print(f"{name:<{WIDTH}} {value}", flush=True)


class Receiver:
    def __init__(self, folder):
        self.program = Program(["webhook_receiver"], folder / "receiver.log")
        found = wait_until(lambda: re.search(r"listening on (\S+)", self.program.output()), 20, "the receiver listens")
        self.url = found[1]

    def ask(self, method, path):
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        connection.request(method, path)
        text = connection.getresponse().read()
        connection.close()
        return json.loads(text) if text else None

    def count(self):
        return self.ask("GET", "/count")

    def report(self):
        return self.ask("GET", "/report")

    def forget(self):
        self.ask("POST", "/forget")


class Bench:
    """A folder, a receiver and a daemon that is started and stopped. `short` is a folder for the control socket,
    whose path has at most 107 bytes."""

    def __init__(self, folder, short, trace=None):
        folder.mkdir(exist_ok=True)
        self.folder, self.short = folder, short
        self.receiver = Receiver(folder)
        self.trace_at = time.monotonic()
        more = ["--trace", str(trace)] if trace else []
        self.gateway = Gateway(folder, "--picture", "none", *more)
        self.daemon = Daemon(folder, self.gateway.url, images={"save": "none"}, log={"level": "warn"},
                             control={"socket": str(short / "s")}, watch={"store_max_size": "100GiB"})
        self.daemon.control.path = short / "s"

    def endpoint(self, name, path, **more):
        self.daemon.add_endpoint(name, self.receiver.url + path, SECRET, **more)

    def close(self):
        if self.daemon.program and self.daemon.program.running():
            self.daemon.kill()
        self.gateway.program.kill()
        self.receiver.program.kill()

    # A backlog: one real task's event, again and again, written while the daemon is down.

    def model(self):
        """Lets a task end and its webhook be delivered; answers that event's row."""
        self.daemon.start()
        self.gateway.make("0", duration="1ms")
        self.daemon.control.register("0")
        self.daemon.control.call("POST", "/v1/tasks/0/refresh")
        wait_until(lambda: self.receiver.count() == 1, 30, "one webhook came")
        wait_until(lambda: self.daemon.control.deliveries("?state=delivered"), 30, "and is recorded")
        self.daemon.stop()
        self.receiver.forget()

    def pile_up(self, count, each):
        """`count` deliveries, `each` of every task, none of them tried; answers the bodies in their order."""
        self.model()
        with sqlite3.connect(self.folder / "state" / "mjwatchd.db") as store:
            gateway, kind, at, body = store.execute("SELECT gateway, type, at, body FROM events").fetchone()
            (receiver,) = store.execute("SELECT receiver FROM deliveries").fetchone()
            store.execute("DELETE FROM attempts")
            store.execute("DELETE FROM deliveries")
            store.execute("DELETE FROM events")

            def bodies():
                for number in range(count):
                    task, sequence = number // each + 1, number % each + 1
                    text = body.replace('"id":"0"', f'"id":"{task}"')
                    yield task, sequence, re.sub(r'"sequence":\d+', f'"sequence":{sequence}', text)

            for number, (task, sequence, text) in enumerate(bodies(), 1):
                store.execute("INSERT INTO events VALUES (?,?,?,?,?,?,?,?,?)",
                              (number, 1000 + task, gateway, str(task), kind, sequence, at, f"evt_{number:032x}", text))
                store.execute("INSERT INTO deliveries VALUES (?,?,?,NULL,0,0,0,?,'',?,?,?,?)",
                              (number, number, receiver, at, at, 1000 + task, sequence, kind))
        return bodies


def memory(pid, what="VmRSS"):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) / 1024
    raise AssertionError(what)


def drained(bench, count, limit):
    wait_until(lambda: time.sleep(0.2) or bench.receiver.count() >= count, limit, f"{count} webhooks came")
    report = bench.receiver.report()["app"]
    if report["count"] != count or report["ids"] != count:
        raise AssertionError(f"{report} for {count} deliveries")
    return report


def speed(folder, short, count, at_once):
    """Durable, signed deliveries a second beside a bare libcurl loop with as many requests at once: the share of it."""
    bench = Bench(folder / f"speed{at_once}", short)
    bench.endpoint("app", "/app", max_in_flight=at_once)
    bodies = bench.pile_up(count, 1)
    lines = bench.folder / "bodies"
    lines.write_text("".join(text + "\n" for _, _, text in bodies()), "utf-8")

    def bare(*headers):
        made = subprocess.run([path_of("bare_poster"), bench.receiver.url + "/bare", lines, str(at_once), *headers],
                              stdout=subprocess.PIPE, text=True, check=True)
        return float(made.stdout)

    loops = ((CONTENT_TYPE,), SAME_HEADERS)
    before = [bare(*headers) for headers in loops]
    bench.daemon.start()
    wait_until(lambda: time.sleep(0.1) or bench.receiver.count() >= 3 * count, 600, "all webhooks came")
    report = bench.receiver.report()["app"]
    if report["ids"] != count:
        raise AssertionError(report)
    ours = (report["count"] - 1) / ((report["last_us"] - report["first_us"]) / 1e6)
    after = [bare(*headers) for headers in loops]
    wait_until(lambda: not bench.daemon.control.deliveries("?state=pending"), 60, "all are recorded")
    bench.close()
    loop, same = (statistics.mean(both) for both in zip(before, after))
    size = lines.stat().st_size // count
    row(f"bare libcurl loop, {at_once} at once, {size} bytes each", f"{loop:10,.0f} a second")
    row("  with as many headers as mjwatchd sends", f"{same:10,.0f} a second")
    row(f"durable signed deliveries, {at_once} at once",
        f"{ours:10,.0f} a second: {ours / loop:.0%} and {ours / same:.0%}")
    return ours / loop


def make_trace(path, count, rate):
    """Tasks that end after two seconds, `rate` a second."""
    with open(path, "w", encoding="utf-8") as file:
        for number in range(count):
            print(json.dumps({"id": str(number + 1), "action": "IMAGINE", "submit_ms": 5000 + int(number * 1000 / rate),
                              "timeline": [[0, "IN_PROGRESS", "10%"], [2000, "SUCCESS", "100%"]]}), file=file)


def stream(folder, short, rate, seconds, endpoints, holes):
    """Tasks that end, `rate` a second, each for one of the endpoints; answers the report of the healthy ones."""
    count = rate * seconds
    trace = folder / f"trace{rate}-{seconds}.jsonl"
    make_trace(trace, count, rate)
    bench = Bench(Path(tempfile.mkdtemp(prefix="stream-", dir=folder)), short, trace)
    for number in range(endpoints):
        bench.endpoint(f"e{number}", f"/{'hole' if number < holes else 'ok'}/e{number}", default=False)
    bench.daemon.start()

    def register(part):
        for number in range(part, count, 4):
            time.sleep(max(0.0, bench.trace_at + 5 + number / rate - time.monotonic()))
            bench.daemon.control.register(str(number + 1), {"webhooks": [f"e{number % endpoints}"]})

    threads = [threading.Thread(target=register, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    healthy = count - len([1 for number in range(count) if number % endpoints < holes])
    wait_until(lambda: bench.receiver.report().get("ok", {}).get("ids", 0) >= healthy, 60, "the healthy ones got all")
    report = bench.receiver.report()
    bench.close()
    if holes and not report.get("hole"):
        raise AssertionError("nothing was sent into the hole")
    return report["ok"]


def backlog(folder, short, count):
    bench = Bench(folder / "backlog", short)
    bench.endpoint("app", "/app", max_in_flight=64)
    bench.pile_up(count, 2)
    begin = time.monotonic()
    bench.daemon.start()
    took = time.monotonic() - begin
    resident = memory(bench.daemon.program.pid)
    report = drained(bench, count, 3600)
    wait_until(lambda: bench.daemon.control.need("GET", "/v1/status")["deliveries"]["pending"] == 0, 60, "recorded")
    peak = memory(bench.daemon.program.pid, "VmHWM")
    bench.close()
    row(f"start with {count:,} pending deliveries", f"{took:10.1f} seconds")
    row("resident then, and at most until all were delivered", f"{resident:10.0f} and {peak:.0f} MB")
    row("drained", f"{count / ((report['last_us'] - report['first_us']) / 1e6):10,.0f} a second")
    row("of one task out of order; overtaken by so many younger tasks at most",
        f"{report['out_of_order']:10}; {report['overtaken']}")
    return took < START_AIM_S and peak < MEMORY_AIM_MB and report["out_of_order"] == 0


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--only", default="speed,stream,hole,backlog")
    words.add_argument("--deliveries", type=int, default=50_000)
    words.add_argument("--seconds", type=int, default=20)
    words.add_argument("--backlog", type=int, default=1_000_000)
    given = words.parse_args()
    only = given.only.split(",")
    place = Path(os.environ.get("MJWATCHD_PROGRAMS", "build/release")).resolve()
    missed = []
    with (tempfile.TemporaryDirectory(prefix="bench-", dir=place) as name,
          tempfile.TemporaryDirectory(prefix="mj-", dir="/tmp") as short_name):
        folder, short = Path(name), Path(short_name)
        if "speed" in only:
            shares = {width: speed(folder, short, given.deliveries, width) for width in WIDTHS}
            if shares[AIMED_AT] < SHARE_AIM:
                missed.append(f"at least {SHARE_AIM:.0%} of a bare libcurl loop")
        if "stream" in only:
            p99 = stream(folder, short, 200, given.seconds, 1, 0)
            row("200 ends a second, from commit to 2xx: p50, p99, max",
                f"{p99['p50_us'] / 1e3:10.1f} {p99['p99_us'] / 1e3:.1f} {p99['max_us'] / 1e3:.1f} ms")
            if p99["p99_us"] >= STREAM_AIM_MS * 1000:
                missed.append(f"p99 below {STREAM_AIM_MS} ms")
        if "hole" in only:
            # One run's p99 is up to a sixth off, so there are eight of each, in turn.
            p99s = ([], [])
            for holes in (0, 1, 1, 0) * 4:
                p99s[holes].append(stream(folder, short, 200, given.seconds, 20, holes)["p99_us"])
            well, hole = (statistics.median(column) / 1e3 for column in p99s)
            row("20 endpoints, 200 a second: p99 without and with one black hole, medians of eight",
                f"{well:10.1f} and {hole:.1f} ms: {hole / well - 1:+.0%}")
            if hole / well > HOLE_AIM:
                missed.append("a black hole moves the others' p99 by less than 10 %")
        if "backlog" in only and not backlog(folder, short, given.backlog):
            missed.append(f"{given.backlog:,} pending: start in {START_AIM_S} s, {MEMORY_AIM_MB} MB, in order")
    for aim in missed:
        print("Missed: " + aim)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
