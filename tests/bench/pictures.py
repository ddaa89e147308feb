"""What saving pictures costs, beside aria2c and curl that fetch the same files from the same nginx.

    pictures.py [--only speed,memory,soon] [--files N] [--size MB] [--rounds N] [--alone N]

Our picture is verified, hashed, synced, named and told; theirs are files. Prints tables; ends with 1 when an aim
is missed. Needs nginx, curl, openssl and aria2c: `apt-get install nginx-light curl openssl aria2` (without aria2c it is
left out).
"""

import argparse
import os
import random
import resource
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from latency import Receiver  # noqa: E402
from rig import pictures  # noqa: E402
from rig.daemon import Daemon  # noqa: E402
from rig.gateway import Gateway  # noqa: E402
from rig.program import wait_until  # noqa: E402

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SHARE_AIM = 0.90       # of the others' throughput
MEMORY_AIM_MB = 20     # over idle
SOON_AIM_MS = 30       # from nginx's taking the request for 100 KB to the webhook
WIDTH = 58
CONFIGURATION = """daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log; user root;
events {{ worker_connections 512; }}
http {{
  log_format times '$msec $request_time $uri';
  access_log {folder}/access.log times;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  sendfile on; tcp_nopush on; keepalive_requests 100000;
  server {{ listen 127.0.0.1:{port}; root {root}; rewrite ^/attachments/([^/]+)/ /$1.png break; }}
}}
"""


def row(name, value):
    print(f"{name:<{WIDTH}} {value}", flush=True)


class Nginx:
    def __init__(self, folder, root):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.log = folder / "access.log"
        text = CONFIGURATION.format(folder=folder, root=root, port=self.port)
        if os.getuid() != 0:
            text = text.replace("user root;", "")
        (folder / "nginx.conf").write_text(text)
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "--", program, "-e", folder / "error.log",
                                         "-p", folder, "-c", folder / "nginx.conf"])
        self.url = f"http://127.0.0.1:{self.port}"
        wait_until(self.listens, 20, "nginx listens")

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        except OSError:
            return False

    def begun(self, names):
        """When it took the first request of each, in seconds."""
        begun = {}
        for line in self.log.read_text().splitlines():
            end, took, path = line.split()
            name = Path(path).stem
            if name in names:
                begun[name] = min(begun.get(name, 1e18), float(end) - float(took))
        return begun

    def close(self):
        self.process.terminate()
        self.process.wait()


def big_png(path, mib):
    """In parts of 4 MiB, so that no memory is needed."""
    rows, width = 1400, 1000  # of a part
    noise = random.Random(7)
    with open(path, "wb") as file:
        def part(name, body):
            file.write(struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)))

        file.write(b"\x89PNG\r\n\x1a\n")
        count = max(1, (mib << 20) // (rows * (3 * width + 1)))
        part(b"IHDR", struct.pack(">IIBBBBB", width, rows * count, 8, 2, 0, 0, 0))
        deflate = zlib.compressobj(0)
        for _ in range(count):
            lines = b"".join(b"\0" + noise.randbytes(3 * width) for _ in range(rows))
            part(b"IDAT", deflate.compress(lines))
        part(b"IDAT", deflate.flush())
        part(b"IEND", b"")


class Bench:
    """nginx, and a daemon whose tasks' links lead there. `short` is a folder for the control socket."""

    def __init__(self, folder, short, **images):
        self.folder = folder
        self.site = folder / "site"
        self.site.mkdir(parents=True)
        self.nginx = Nginx(folder, self.site)
        self.gateway = Gateway(folder, "--picture", "png")
        self.receiver = Receiver()
        self.daemon = Daemon(folder, self.gateway.url, log={"level": "warn"}, control={"socket": str(short / "s")},
                             images={"allow": ["127.0.0.0/8"], "keep_free": "1MiB", **images})
        self.daemon.control.path = short / "s"
        self.daemon.config["gateways"]["gw"]["rewrite_urls"] = {self.gateway.url + "/mj/cdn": self.nginx.url}
        self.daemon.add_endpoint("app", self.receiver.url + "/", SECRET)
        self.daemon.start()

    def save(self, names, seconds=300):
        """Has the tasks' pictures saved; answers their paths when all webhooks came."""
        for name in names:
            self.gateway.make(name, duration="1ms")
        self.daemon.control.need("POST", "/v1/tasks", {"ids": names})
        wait_until(lambda: time.sleep(0.05) or all(name in self.receiver.arrived for name in names), seconds,
                   "all webhooks came")
        saved = [self.daemon.pictures / "gw" / (name + ".png") for name in names]
        for path, name in zip(saved, names):
            if path.stat().st_size != (self.site / (name + ".png")).stat().st_size:
                raise AssertionError(f"{path} is not whole")
        return saved

    def cpu(self):
        fields = Path(f"/proc/{self.daemon.program.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, what):
        for line in Path(f"/proc/{self.daemon.program.pid}/status").read_text().splitlines():
            if line.startswith(what + ":"):
                return int(line.split()[1]) / 1024
        raise AssertionError(what)

    def forget_peak(self):
        Path(f"/proc/{self.daemon.program.pid}/clear_refs").write_text("5")

    def close(self):
        self.daemon.kill()
        self.gateway.program.kill()
        self.nginx.close()


def run(words, **options):
    """Seconds, and seconds of the processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, **options)
    took = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Others:
    def __init__(self, bench, names, folder):
        self.out = folder / "theirs"
        urls = [f"{bench.nginx.url}/{name}.png" for name in names]
        (folder / "urls").write_text("".join(url + "\n" for url in urls))
        (folder / "curl").write_text("".join(f'url = "{url}"\noutput = "{self.out}/{number}"\n'
                                             for number, url in enumerate(urls)))
        self.files = [bench.site / (name + ".png") for name in names]
        self.folder = folder

    def fetch(self, words):
        self.out.mkdir()
        took = run(words)
        if len(list(self.out.iterdir())) != len(self.files):
            raise AssertionError(f"{words[0]} did not get all")
        shutil.rmtree(self.out)
        return took

    def aria2(self):
        return self.fetch(["aria2c", "-q", "-j8", "-d", self.out, "-i", self.folder / "urls"])

    def curl(self):
        return self.fetch(["curl", "-s", "-Z", "-K", self.folder / "curl"])

    def hashing(self):
        return run(["openssl", "dgst", "-sha256", *self.files])


def touch_memory(folder, size):
    """Everyone finds memory for his files that was used before: in a virtual machine, writing to a page that its host
    has not backed yet takes ten times as long, and whose turn meets such pages is chance."""
    piece = bytes(1 << 20)
    with open(folder / "touched", "wb") as file:
        for _ in range(size >> 20):
            file.write(piece)
    (folder / "touched").unlink()
    os.sync()  # nobody pays for what another wrote


def ours(bench, names):
    before = bench.cpu()
    saved = bench.save(names)
    took = max(path.stat().st_ctime for path in saved) - min(bench.nginx.begun(set(names)).values())
    wait_until(lambda: not bench.daemon.control.deliveries("?state=pending"), 60, "all is recorded")
    used = bench.cpu() - before
    for path in saved:
        path.unlink()
    return took, used


def speed(folder, short, files, size, rounds):
    bench = Bench(folder / "speed", short)
    # Each round has tasks of its own; their files are the same.
    names = [[f"r{turn}-{number}" for number in range(files)] for turn in range(rounds)]
    for number in range(files):
        data = pictures.make_png(size << 20, number)
        first = bench.site / f"r0-{number}.png"
        first.write_bytes(data)
        for turn in range(1, rounds):
            os.link(first, bench.site / f"r{turn}-{number}.png")
    total = sum((bench.site / (name + ".png")).stat().st_size for name in names[0])
    others = Others(bench, names[0], folder)
    made = {"mjwatchd": [], "aria2c -j8": [], "curl -Z": [], "openssl dgst -sha256": []}
    for turn in range(rounds):
        touch_memory(folder, 2 * total)
        made["mjwatchd"].append(ours(bench, names[turn]))
        for name, fetch in (("aria2c -j8", others.aria2), ("curl -Z", others.curl),
                            ("openssl dgst -sha256", others.hashing)):
            touch_memory(folder, 2 * total)
            if name[:5] != "aria2" or shutil.which("aria2c"):
                made[name].append(fetch())
    bench.close()
    print(f"{files} files of {size} MB, {rounds} rounds in turn, medians:")
    rate, cpu = {}, {}
    for name, results in made.items():
        if not results:
            row(name, "not installed")
            continue
        rate[name] = total / 1e6 / statistics.median(took for took, _ in results)
        cpu[name] = statistics.median(used for _, used in results) / (total / 1e9)
        row(name, f"{rate[name]:8,.0f} MB/s {cpu[name]:8.2f} s of CPU per GB")
    theirs = max(value for name, value in rate.items() if name[:4] in ("aria", "curl"))
    allowed = cpu["curl -Z"] + cpu["openssl dgst -sha256"]
    row("our throughput, to the faster of them", f"{rate['mjwatchd'] / theirs:8.0%}")
    row("our CPU, to curl's and SHA-256's together", f"{cpu['mjwatchd'] / allowed:8.0%}")
    return [f"{SHARE_AIM:.0%} of the others' throughput"] * (rate["mjwatchd"] < SHARE_AIM * theirs) + \
        ["CPU no more than curl's and SHA-256's"] * (cpu["mjwatchd"] > allowed)


def memory(folder, short, files):
    bench = Bench(folder / "memory", short, max_size="2GiB")
    (bench.site / "warm.png").write_bytes(pictures.make_png(1 << 20))
    bench.save(["warm"])
    time.sleep(1)
    idle = bench.memory("VmRSS")
    row("resident when idle", f"{idle:8.1f} MB")
    worst = 0
    for mib, count in ((1, files), (5, files), (50, 12), (500, 1)):
        names = [f"m{mib}-{number}" for number in range(count)]
        big_png(bench.site / f"{names[0]}.png", mib)
        for name in names[1:]:
            os.link(bench.site / f"{names[0]}.png", bench.site / f"{name}.png")
        bench.forget_peak()
        for path in bench.save(names):
            path.unlink()
        peak = bench.memory("VmHWM") - idle
        worst = max(worst, peak)
        row(f"at most over that, {count} of {mib} MB", f"{peak:8.1f} MB")
    bench.close()
    return [f"less than {MEMORY_AIM_MB} MB over idle"] * (worst >= MEMORY_AIM_MB)


def soon(folder, short, count):
    bench = Bench(folder / "soon", short)
    names = [f"s{number}" for number in range(count)]
    delays = []
    for number, name in enumerate(names):
        (bench.site / (name + ".png")).write_bytes(pictures.make_png(100_000, number))
        bench.save([name])
    begun = bench.nginx.begun(set(names))
    delays = sorted((bench.receiver.arrived[name] - begun[name]) * 1e3 for name in names)
    bench.close()
    p50, p90 = delays[count // 2], delays[count * 9 // 10]
    row(f"{count} of 100 KB, from nginx's taking the request to the", "")
    row("  webhook's arrival: p50, p90, max", f"{p50:8.1f} {p90:8.1f} {delays[-1]:8.1f} ms")
    return [f"a webhook {SOON_AIM_MS} ms after the first byte"] * (p50 >= SOON_AIM_MS)


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--only", default="speed,memory,soon")
    words.add_argument("--files", type=int, default=200)
    words.add_argument("--size", type=int, default=5)
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--alone", type=int, default=100)
    given = words.parse_args()
    only = given.only.split(",")
    place = Path(os.environ.get("MJWATCHD_PROGRAMS", "build/release")).resolve()
    missed = []
    with (tempfile.TemporaryDirectory(prefix="bench-", dir=place) as name,
          tempfile.TemporaryDirectory(prefix="mj-", dir="/tmp") as short_name):
        folder, short = Path(name), Path(short_name)
        if "speed" in only:
            missed += speed(folder, short, given.files, given.size, given.rounds)
        if "memory" in only:
            missed += memory(folder, short, given.files)
        if "soon" in only:
            missed += soon(folder, short, given.alone)
    for aim in missed:
        print("Missed: " + aim)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
