"""A million tasks on one machine: each figure beside its aim, and what others take in the same run.

    million.py [--tasks N] [--puts N] [--seconds S] [--growth FILE.svg]

The load comes from programs of this folder that cost less than the daemon. Ends with 1 when an aim is missed.
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

PROGRAMS = Path(os.environ.get("MJWATCHD_PROGRAMS", "build/release")).resolve()
FIRST = 1712158000000000
PIECE = 20_000  # registrations in one call
missed = []


def row(name, value, unit, aim="", met=True):
    print(f"{name:<60} {value:>12,.3f} {unit:<9} {aim:<14} {'' if met else 'MISSED'}", flush=True)
    if not met:
        missed.append(name)


def numbers(words):
    """What a program printed, as numbers."""
    words = [str(PROGRAMS / words[0]), *map(str, words[1:])]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, timeout=600)
    return [float(word) for word in done.stdout.split()]


def status(pid, name):
    """Bytes of /proc/PID/status."""
    return int(re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("utf-8"), re.M)[1]) * 1024


def cpu(pid):
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wakeups(pid):
    """Of all its threads."""
    return sum(int(line.split()[1]) for task in Path(f"/proc/{pid}/task").iterdir()
               for line in (task / "status").read_text("utf-8").splitlines()
               if line.startswith("voluntary_ctxt_switches"))


class Place:
    """A daemon beside its world: a gateway that knows `count` tasks, each with `size` bytes."""

    def __init__(self, count, size=1000, changed=10, gateway=None, **watch):
        self.folder = Path(tempfile.mkdtemp(prefix="bench-", dir=PROGRAMS))
        self.short = Path(tempfile.mkdtemp(prefix="mj-", dir="/tmp"))
        self.world = subprocess.Popen([PROGRAMS / "bench_world", str(count), str(size), str(changed)],
                                      stdout=subprocess.PIPE, text=True)
        self.port = int(self.world.stdout.readline())
        self.daemon = Daemon(self.folder, f"http://127.0.0.1:{self.port}", log={"level": "warn"},
                             images={"save": "none"}, control={"socket": str(self.short / "s")},
                             watch={"max_gap": "30s", "missing_grace": "24h", "store_max_size": "100GiB", **watch})
        self.daemon.control = Control(self.short / "s")
        self.daemon.config["gateways"]["gw"].update({"max_calls_per_minute": 24000, "max_in_flight": 8, "batch": 100,
                                                     "call_cost": "60s", **(gateway or {})})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.daemon.program:
            self.daemon.kill()
        self.world.kill()
        self.world.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.short, ignore_errors=True)

    @property
    def pid(self):
        return self.daemon.program.pid

    @property
    def database(self):
        return self.folder / "state" / "mjwatchd.db"

    def bulk(self, count):
        """Registers as NDJSON; answers seconds."""
        begin = time.monotonic()
        for start in range(0, count, PIECE):
            lines = "".join(f'{{"id":"{FIRST + number}","metadata":{{"order":{number}}}}}\n'
                            for number in range(start, min(count, start + PIECE)))
            # What the first looks bring is written meanwhile: a full queue rejects, and is asked again.
            while self.send(lines):
                time.sleep(0.2)
        return time.monotonic() - begin

    def send(self, lines):
        answer = self.daemon.control.call("POST", "/v1/tasks", lines, {"content-type": "application/x-ndjson"})
        if answer.status not in (200, 503):
            raise AssertionError(repr(answer))
        return answer.status == 503 or answer.json()["rejected"]

    def ask(self, path, method="GET"):
        words = ["curl", "-sS", "-X", method, f"http://127.0.0.1:{self.port}{path}"]
        return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.split()

    def restart(self):
        self.daemon.kill()
        begin = time.monotonic()
        self.daemon.start()
        return time.monotonic() - begin


def codec():
    size, rate, _ = numbers(["codec_speed"])
    row(f"reply of 100 tasks with buttons ({size / 1000:.0f} KB), parsed", rate, "MB/s", "> 400", rate > 400)


def beanstalkd(puts):
    """Nothing when it is not installed."""
    program = shutil.which("beanstalkd") or "/usr/bin/beanstalkd"
    if not Path(program).exists():
        return None
    folder = tempfile.mkdtemp(prefix="bench-", dir=PROGRAMS)
    port = 21300 + os.getpid() % 1000
    server = subprocess.Popen([program, "-b", folder, "-f", "0", "-l", "127.0.0.1", "-p", str(port)])
    try:
        time.sleep(1)
        return numbers(["bench_clients", "beanstalk", port, puts, 64])
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder)


def postgresql(seconds=10):
    """Single-row inserts by 64 clients, each its own transaction. Nothing when it is not installed."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not places or not (places[-1] / "pgbench").exists():
        return None
    folder = Path(tempfile.mkdtemp(prefix="mj-pg-", dir="/var/tmp"))
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres", "postgres")

    def run(program, *words):
        return subprocess.run([*as_user, places[-1] / program, *map(str, words)], check=True, cwd=folder,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120).stdout

    try:
        run("initdb", "-D", folder / "data", "-A", "trust", "-U", "postgres")
        run("pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log", "-o",
            f"-k {folder} -h '' -c max_connections=100", "start")
        where = ["-h", folder, "-U", "postgres"]
        run("psql", *where, "-c", "CREATE TABLE tasks(no bigserial PRIMARY KEY, gateway text, id text, texts text, "
                                  "UNIQUE(id, gateway))")
        script = folder / "insert.sql"
        script.write_text("INSERT INTO tasks(gateway, id, texts) VALUES ('gw', gen_random_uuid(), "
                          "'{\"metadata\":{\"order\":1}}');\n", "utf-8")
        script.chmod(0o644)
        told = run("pgbench", *where, "-n", "-c", 64, "-j", 2, "-T", seconds, "-f", script, "postgres")
        return float(re.search(r"tps = ([\d.]+)", told)[1])
    finally:
        subprocess.run([*as_user, places[-1] / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def registrations(puts):
    with Place(1, gateway={"max_calls_per_minute": 1}) as place:
        place.daemon.start()
        rate, _, p99, _ = numbers(["bench_clients", "put", place.short / "s", puts, 64, 0])
    row("registered by PUT, 64 clients", rate, "a second", ">= 15,000", rate >= 15000)
    row("  p99 of an answer", p99, "ms", "< 20", p99 < 20)
    other = beanstalkd(puts)
    if other:
        row("  beside: beanstalkd -b -f0, 64 clients", other[0], "a second", "less", other[0] < rate)
        row("  its p99", other[2], "ms")
    else:
        print("  beside: beanstalkd is not installed")
    inserts = postgresql()
    if inserts:
        row("  beside: PostgreSQL, single-row inserts, 64 clients", inserts, "a second", "less", inserts < rate)
    else:
        print("  beside: PostgreSQL (with pgbench) is not installed")


def together(count):
    with Place(1, gateway={"max_calls_per_minute": 1}) as place:
        place.daemon.start()
        ours = count / place.bulk(count)
        place.daemon.stop()
        rows, seconds = numbers(["bench_rows", place.database, place.folder / "bare.db"])
        bare = rows / seconds
    row(f"registered as NDJSON, {count:,} tasks", ours, "a second", ">= half", ours >= bare / 2)
    row("  beside: a bare SQLite loop of the same rows", bare, "a second")


def changes(count):
    """All end at once; what is committed is counted in the store."""
    with Place(count, gateway={"batch": 1000, "call_cost": "10ms", "max_in_flight": 4}, max_gap="2s") as place:
        place.daemon.start()
        place.bulk(count)
        place.ask("/_/end/0", "POST")
        before = place.daemon.control.need("GET", "/v1/status")["tasks"]
        begin = time.monotonic()
        first = before.get("done", 0)
        while time.monotonic() < begin + 300:
            done = place.daemon.control.need("GET", "/v1/status")["tasks"].get("done", 0)
            if done >= count * 0.95:
                break
            time.sleep(0.05)
        rate = (done - first) / (time.monotonic() - begin)
    row("status changes to committed events", rate, "a second", ">= 20,000", rate >= 20000)


def completions(seconds, order, rate=1000):
    """Each ends at its moment; from the reply that tells it to its webhook. Answers p50 and p99."""
    count = rate * seconds
    with Place(count, changed=0, gateway={"call_cost": "100ms"}, max_gap="1s") as place:
        place.daemon.add_endpoint("app", f"http://127.0.0.1:{place.port}/hook", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        place.daemon.start()
        place.bulk(count)
        while int(place.ask("/_/stats")[1]) < 2 * count:  # the first look at each changes it
            time.sleep(0.1)
        place.ask(f"/_/end/{rate}{order}", "POST")
        end = time.monotonic() + seconds + 60
        while time.monotonic() < end and int(place.ask("/_/delays")[0]) < count:
            time.sleep(0.5)
        found, p50, p99, _ = map(float, place.ask("/_/delays"))
    if found < count:
        raise AssertionError(f"{found:.0f} of {count} webhooks came")
    return p50, p99


def reply_to_webhook(seconds):
    """Ends come as they do, in no order; and found together, as after an outage."""
    p50, p99 = completions(seconds, "")
    row("reply to webhook, 1,000 completions a second, p50", p50, "ms", "< 10", p50 < 10)
    row("  p99", p99, "ms", "< 50", p99 < 50)
    p50, p99 = completions(seconds, "/in-order")
    row("  found a hundred and more at a time instead, p50", p50, "ms")
    row("  p99", p99, "ms")


def idle(seconds):
    with Place(1) as place:
        place.daemon.start()
        time.sleep(95)  # it rests when it has had nothing to do for 90 s
        before, woken = cpu(place.pid), wakeups(place.pid)
        time.sleep(seconds)
        used = (cpu(place.pid) - before) / seconds * 3600
        woken = wakeups(place.pid) - woken
        memory = status(place.pid, "RssAnon") / 1e6
    row(f"idle: wake-ups in {seconds} s", woken, "", "0", woken == 0)
    row("idle: anonymous memory", memory, "MB", "< 8", memory < 8)
    row("idle: CPU", used, "s an hour", "< 0.05", used < 0.05)


def live(count, seconds):
    with Place(count, gateway={"max_calls_per_minute": 1, "max_in_flight": 4}) as place:
        place.daemon.start()
        place.bulk(count)
        place.daemon.config["gateways"]["gw"]["max_calls_per_minute"] = 24000
        ready = place.restart()
        row(f"READY again with {count:,} live tasks", ready, "s", "< 3", ready < 3)
        # The first look at each changes it; then the budget has let through all of them twice.
        while int(place.ask("/_/stats")[1]) < 2 * count:
            time.sleep(1)
        before, at = cpu(place.pid), time.monotonic()
        asked = list(map(int, place.ask("/_/stats")))
        _, _, p99, worst = numbers(["bench_clients", "ping", place.short / "s", seconds])
        used = (cpu(place.pid) - before) / (time.monotonic() - at)
        calls, ids, changed = (int(now) - then for now, then in zip(place.ask("/_/stats"), asked))
        resident = status(place.pid, "VmRSS") / 1e6
    row(f"steady: calls a second ({ids / seconds:,.0f} ids, {changed / seconds:,.0f} changed)", calls / seconds, "")
    row("steady: of one core", used, "", "< 0.6", used < 0.6)
    row("steady: loop lag, p99", p99, "ms", "< 5", p99 < 5)
    row("  the worst", worst, "ms")
    row(f"resident with {count:,} live tasks", resident, "MB", "< 200", resident < 200)


def growth(file, most):
    """Time and memory for a task, from a thousand up; as a picture."""
    points = []
    count = 1000
    while count <= most:
        with Place(1, gateway={"max_calls_per_minute": 1}) as place:
            place.daemon.start()
            empty, spent = status(place.pid, "RssAnon"), cpu(place.pid)
            place.bulk(count)
            micros = (cpu(place.pid) - spent) / count * 1e6
            place.restart()
            size = (status(place.pid, "RssAnon") - empty) / count
        points.append((count, micros, size))
        row(f"registering one of {count:,}: CPU", micros, "us")
        row("  its memory after a restart", size, "bytes")
        count *= 10
    Path(file).write_text(picture(points), "utf-8")
    print(f"The plot is in {file}")


def picture(points):
    most = [max(point[which] for point in points) for which in (1, 2)]

    def line(which, colour, label):
        places = [(80 + 160 * i, 260 - 200 * point[which] / most[which - 1]) for i, point in enumerate(points)]
        words = "".join(f'<circle cx="{x}" cy="{y:.0f}" r="4" fill="{colour}"/>'
                        f'<text x="{x}" y="{y - 8:.0f}" text-anchor="middle">{point[which]:.0f}</text>'
                        for (x, y), point in zip(places, points))
        path = " ".join(f"{x},{y:.0f}" for x, y in places)
        return (f'<polyline points="{path}" fill="none" stroke="{colour}"/>{words}'
                f'<text x="80" y="{18 * which}" fill="{colour}">{label}</text>')

    ticks = "".join(f'<text x="{80 + 160 * i}" y="285" text-anchor="middle">{point[0]:,}</text>'
                    for i, point in enumerate(points))
    return ('<svg xmlns="http://www.w3.org/2000/svg" width="680" height="300" font-family="sans-serif" font-size="12">'
            f'<rect width="680" height="300" fill="white"/><path d="M60 50V260H640" stroke="black" fill="none"/>{ticks}'
            f'{line(1, "#1f77b4", "CPU to register a task, microseconds")}'
            f'{line(2, "#d62728", "memory for a watched task, bytes (from 10,000 on; below, what is shared weighs)")}'
            "</svg>\n")


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--tasks", type=int, default=1_000_000)
    words.add_argument("--puts", type=int, default=50_000)
    words.add_argument("--seconds", type=int, default=30)
    words.add_argument("--growth", default=str(PROGRAMS / "growth.svg"))
    words.add_argument("--only", default="codec,registrations,together,changes,completions,idle,live,growth")
    given = words.parse_args()
    parts = {
        "codec": codec,
        "registrations": lambda: registrations(given.puts),
        "together": lambda: together(min(given.tasks, 200_000)),
        "changes": lambda: changes(min(given.tasks, 200_000)),
        "completions": lambda: reply_to_webhook(given.seconds),
        "idle": lambda: idle(given.seconds),
        "live": lambda: live(given.tasks, given.seconds),
        "growth": lambda: growth(given.growth, given.tasks),
    }
    for part in given.only.split(","):
        parts[part]()
    if missed:
        print("Missed: " + "; ".join(name.strip() for name in missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
