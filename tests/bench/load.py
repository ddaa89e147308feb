"""What many tasks cost: registering them, holding them, coming back with them after a crash.

    load.py [--tasks N] [--alone N]

The daemon watches N tasks of a gateway that knows none of their ends yet. Prints a table.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from rig.daemon import Daemon  # noqa: E402
from rig.gateway import Gateway  # noqa: E402

PIECE = 20_000  # registrations in one call


def memory(pid):
    """Resident bytes that are the process's own."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no RssAnon")


def row(name, value, unit):
    print(f"{name:<58} {value:>12,.1f} {unit}", flush=True)


class Load:
    def __init__(self, folder, short):
        self.gateway = Gateway(folder, "--picture", "none")
        # The gateway knows none of the ids; long graces keep them from being called lost meanwhile.
        self.daemon = Daemon(folder, self.gateway.url, log={"level": "warn"}, control={"socket": str(short / "s")},
                             watch={"max_gap": "1h", "missing_grace": "24h", "store_max_size": "100GiB"})
        self.daemon.config["gateways"]["gw"].update(batch=1000, call_cost="2s", max_calls_per_minute=120)
        self.daemon.control.path = short / "s"
        self.daemon.start()

    def together(self, count):
        """As application/x-ndjson, PIECE in a call."""
        begin = time.monotonic()
        for start in range(0, count, PIECE):
            lines = "".join(f'{{"id":"1712158{number:09}","metadata":{{"order":{number}}}}}\n'
                            for number in range(start, min(count, start + PIECE)))
            answer = self.daemon.control.call("POST", "/v1/tasks", lines, {"content-type": "application/x-ndjson"})
            if answer.status != 200 or answer.json()["rejected"]:
                raise AssertionError(repr(answer))
        return count / (time.monotonic() - begin)

    def alone(self, count, clients):
        """By PUT, each answered when it is on disk; `clients` at a time, who share the syncs."""
        def work(client):
            for number in range(client, count, clients):
                answer = self.daemon.control.register(f"alone-{clients}-{number}")
                if answer.status != 201:
                    raise AssertionError(repr(answer))

        threads = [threading.Thread(target=work, args=(client,)) for client in range(clients)]
        begin = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return count / (time.monotonic() - begin)

    def come_back(self):
        """Killed and started: seconds until it is ready."""
        self.daemon.kill()
        begin = time.monotonic()
        self.daemon.start()
        return time.monotonic() - begin


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--tasks", type=int, default=200_000)
    words.add_argument("--alone", type=int, default=1000)
    given = words.parse_args()
    place = Path(os.environ.get("MJWATCHD_PROGRAMS", "build/release"))
    with (tempfile.TemporaryDirectory(prefix="bench-", dir=place) as name,
          tempfile.TemporaryDirectory(prefix="mj-", dir="/tmp") as short):
        load = Load(Path(name), Path(short))
        empty = memory(load.daemon.program.pid)
        row("registered by PUT, one client", load.alone(given.alone, 1), "a second")
        row("registered by PUT, 16 clients (of this Python)", load.alone(given.alone, 16), "a second")
        row(f"registered as a stream of lines, {given.tasks:,} tasks", load.together(given.tasks), "a second")
        row("memory of the daemon without tasks", empty / 2**20, "MiB")
        row("memory for a watched task", (memory(load.daemon.program.pid) - empty) / given.tasks, "bytes")
        database = sum(file.stat().st_size for file in (Path(name) / "state").glob("mjwatchd.db*"))
        row("disk for a watched task", database / given.tasks, "bytes")
        row(f"ready again after kill -9, {given.tasks:,} tasks", load.come_back(), "seconds")
        row("memory for a watched task, after the restart",
            (memory(load.daemon.program.pid) - empty) / given.tasks, "bytes")
        load.daemon.stop()
        load.gateway.program.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
