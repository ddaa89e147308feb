"""What faults/faults.c reads: a system that fails when it is told to."""

import errno
import mmap
import os
import struct
from pathlib import Path

from rig.program import PROGRAMS

LIBRARY = PROGRAMS / "tests" / "libmjwatchd_faults.so"
POINTS = ["none", "before-sync", "after-sync", "before-rename", "after-rename", "before-write", "after-write",
          "before-send", "before-picture", "after-picture", "picture-written", "picture-synced", "folder-synced"]
ERRORS = {"": 0, "ENOSPC": errno.ENOSPC, "EIO": errno.EIO}


class Faults:
    """One file for all lives of a daemon."""

    def __init__(self, folder):
        self.path = Path(folder) / "faults"
        self.path.write_bytes(bytes(mmap.PAGESIZE))
        with open(self.path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    def environment(self):
        return {"LD_PRELOAD": str(LIBRARY), "MJWATCHD_FAULTS": str(self.path)}

    def _put(self, at, form, value):
        self.memory[at:at + struct.calcsize(form)] = struct.pack(form, value)

    def writes(self, error=""):
        self._put(0, "i", ERRORS[error])

    def syncs(self, error="", delay_ms=0):
        self._put(8, "i", delay_ms)
        self._put(4, "i", ERRORS[error])

    def die_at(self, point, nth):
        self._put(16, "i", nth)
        self._put(12, "i", POINTS.index(point))

    def killed(self):
        return struct.unpack("i", self.memory[20:24])[0]

    def clock(self, off_ms):
        self._put(24, "q", off_ms)

    def mend(self):
        """All but the clock, and what was counted."""
        self.die_at("none", 0)
        self.writes()
        self.syncs()

    def close(self):
        self.memory.close()
        os.unlink(self.path)
