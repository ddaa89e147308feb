"""Daemons in network namespaces of their own, whose links can be cut, also in one direction."""

import os
import subprocess
import sys

from rig.program import wait_until

SKIPPED = 77  # what ctest takes for "skipped"


def ip(*words, inside=None):
    before = ["nsenter", f"--net=/proc/{inside}/ns/net", "--"] if inside else []
    done = subprocess.run([*before, "ip", *map(str, words)], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise AssertionError(f"ip {words}: {done.stdout}")


def become_alone():
    """The test itself goes into a new network namespace, so that nothing of the machine's is touched. Call it first."""
    if os.environ.get("MJWATCHD_ALONE"):
        return ip("link", "set", "lo", "up")
    tried = subprocess.run(["unshare", "--net", "ip", "link", "add", "mjtry0", "type", "veth", "peer", "name", "mjtry1"],
                           text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if os.getuid() != 0 or tried.returncode != 0:
        print(f"SKIPPED: network namespaces can't be made here (that takes root): {tried.stdout.strip()}")
        sys.exit(SKIPPED)
    os.execvpe("unshare", ["unshare", "--net", sys.executable, "-B", *sys.argv], {**os.environ, "MJWATCHD_ALONE": "1"})


class Link:
    """Between us and a namespace. `here` and `there` are the addresses of its ends."""

    def __init__(self, name, number, namespace):
        self.name, self.namespace = name, namespace
        self.here, self.there = f"10.77.{number}.1", f"10.77.{number}.2"
        ip("link", "add", f"{name}h", "type", "veth", "peer", "name", f"{name}t")
        ip("link", "set", f"{name}t", "netns", namespace)
        ip("addr", "add", f"{self.here}/24", "dev", f"{name}h")
        ip("addr", "add", f"{self.there}/24", "dev", f"{name}t", inside=namespace)
        ip("link", "set", f"{name}t", "up", inside=namespace)
        self.mend()

    def cut(self):
        ip("link", "set", f"{self.name}h", "down")

    def cut_to_there(self):
        """What is sent from here arrives nowhere: it has an address that no card has."""
        ip("neigh", "replace", self.there, "lladdr", "02:00:00:00:00:01", "dev", f"{self.name}h", "nud", "permanent")

    def cut_from_there(self):
        ip("neigh", "replace", self.here, "lladdr", "02:00:00:00:00:01", "dev", f"{self.name}t", "nud", "permanent",
           inside=self.namespace)

    def mend(self):
        ip("link", "set", f"{self.name}h", "up")
        ip("neigh", "flush", "dev", f"{self.name}h", "nud", "permanent")
        ip("neigh", "flush", "dev", f"{self.name}t", "nud", "permanent", inside=self.namespace)


class Namespace:
    """There as long as its process."""

    def __init__(self):
        self.holder = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", "unshare", "--net", "sleep", "infinity"])
        ours = os.readlink("/proc/self/ns/net")
        wait_until(lambda: os.readlink(f"/proc/{self.pid}/ns/net") != ours, 20, "the namespace is there")
        ip("link", "set", "lo", "up", inside=self.pid)

    @property
    def pid(self):
        return self.holder.pid

    @property
    def words(self):
        """Before a program that is to run in it."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--"]

    def close(self):
        self.holder.kill()
        self.holder.wait()
