"""The Debian package of this build."""

import os
import subprocess

from rig.program import PROGRAMS

EPOCH = "1795000000"


def build_package(folder):
    """Packs what is built into the folder; answers the file."""
    done = subprocess.run(["cpack", "--config", str(PROGRAMS / "CPackConfig.cmake"), "-B", str(folder)], text=True,
                          cwd=folder, env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH, "LC_ALL": "C.UTF-8"},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240)
    assert done.returncode == 0, done.stdout
    (package,) = folder.glob("*.deb")
    return package
