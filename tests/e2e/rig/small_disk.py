"""A file system of a test's own that is small, and can be full, grown, and read-only: a tmpfs."""

import os
import subprocess
import sys
import unittest


def mount(*words):
    return subprocess.run(["mount", *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def become_able_to_mount():
    """Whoever is not root is root in a namespace of its own, where that is allowed. Call it before any thread is made."""
    if os.getuid() != 0 and subprocess.run(["unshare", "-rm", "true"], stderr=subprocess.DEVNULL).returncode == 0:
        os.execvp("unshare", ["unshare", "-rm", sys.executable, "-B", *sys.argv])


class SmallDisk:
    def __init__(self, path, mib):
        path.mkdir()
        self.path = path
        made = mount("-t", "tmpfs", "-o", f"size={mib}m", "small", str(path))
        if made.returncode != 0:
            raise unittest.SkipTest(f"SKIPPED: nothing can be mounted here: {made.stdout.strip()}")

    def change(self, options):
        """"size=64m", "ro", "rw"."""
        made = mount("-o", "remount," + options, str(self.path))
        if made.returncode != 0:
            raise AssertionError(f"remount,{options}: {made.stdout}")

    def leave(self, mib):
        """Fills all but so much."""
        room = os.statvfs(self.path)
        with open(self.path / "filler", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - (mib << 20))

    def make_room(self):
        (self.path / "filler").unlink()

    def close(self):
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)
