"""A program under test: started in the background, its output kept in a file."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

# CMake says where the programs are; a person may say it too.
PROGRAMS = Path(os.environ.get("MJWATCHD_PROGRAMS", "build/release")).resolve()
SANITIZED = bool(os.environ.get("MJWATCHD_SANITIZE"))
# Everything is slower under a sanitizer; limits are stretched, expectations are not.
PATIENCE = 4 if SANITIZED else 1


def path_of(name):
    path = PROGRAMS / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there; set MJWATCHD_PROGRAMS to the build folder")
    return str(path)


def clean_environment(extra=None):
    """The environment without what would change the programs' behaviour by chance."""
    dropped = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
               "CREDENTIALS_DIRECTORY", "STATE_DIRECTORY", "JOURNAL_STREAM", "MJWATCH_SOCKET", "http_proxy",
               "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, **(extra or {})}


def run(words, **options):
    """Runs a program to its end; answers subprocess.CompletedProcess with text."""
    words = [path_of(words[0]), *map(str, words[1:])]
    environment = clean_environment(options.pop("environment", None))
    options.setdefault("timeout", 30 * PATIENCE)
    return subprocess.run(words, env=environment, text=True, encoding="utf-8", errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def wait_until(condition, seconds, what):
    """Asks until the condition is true, and answers what it answered. AssertionError when time is up."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds * PATIENCE} s: {what}")
        time.sleep(0.01)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Program:
    """Runs until stopped. It dies with the test, however that ends. Start it from the main thread:
    the kernel sends the signal when the thread that started it ends."""

    def __init__(self, words, log, environment=None, words_before=(), **options):
        self.log = Path(log)
        command = [*words_before, "setpriv", "--pdeathsig", "KILL", "--", path_of(words[0]), *map(str, words[1:])]
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            env=clean_environment(environment), **options)

    @property
    def pid(self):
        return self.process.pid

    def output(self):
        return self.log.read_text("utf-8", "replace")

    def running(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds):
        return self.process.wait(seconds * PATIENCE)

    def kill(self):
        """Without any warning, as a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; answers the exit code and how many seconds it took."""
        begin = time.monotonic()
        self.signal(signal.SIGTERM)
        code = self.wait(30)
        return code, time.monotonic() - begin
