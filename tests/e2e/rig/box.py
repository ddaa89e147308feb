"""A Debian of its own, booted by the real systemd in namespaces: no virtual machine, no container engine.

Its root is made once by mmdebstrap and kept in the build folder; every boot works on a layer in memory above it.
"""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import unittest
from pathlib import Path

from rig.program import PROGRAMS, wait_until

# The root's recipe: change it and a new root is made.
BASE = ["systemd", "systemd-sysv", "iproute2"]
LEFT_OUT = ["/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*"]
MASKED = ["console-getty.service", "getty@.service", "systemd-timesyncd.service", "apt-daily.timer",
          "apt-daily-upgrade.timer", "systemd-networkd.service", "systemd-resolved.service"]

# Runs as the first process of the new namespaces. $1 the root, $2 a folder for the layer, $3 what appears as /mnt.
BOOT = r"""
root=$1 layer=$2 shared=$3
mount -t tmpfs layer "$layer"
mkdir "$layer/upper" "$layer/work" "$layer/all"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$layer/upper,workdir=$layer/work" "$layer/all"
cd "$layer/all"
mount --rbind "$shared" mnt
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm dev/mqueue
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
for node in null zero full random urandom tty; do
  : > "dev/$node"
  mount --bind "/dev/$node" "dev/$node"
done
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
: > dev/console
ip link set lo up
mkdir .before
pivot_root . .before
umount -l .before
rmdir .before
mount --make-rshared /   # without it systemd can't hand over credentials
exec /lib/systemd/systemd systemd.show_status=0 systemd.log_target=journal </dev/null
"""


def skip(why):
    raise unittest.SkipTest(f"SKIPPED: {why}")


def packages_of(package):
    """What the package depends on, the first of each alternative."""
    depends = subprocess.run(["dpkg-deb", "-f", str(package), "Depends"], text=True, check=True,
                             stdout=subprocess.PIPE).stdout
    return sorted({re.split(r"[\s(|]", part.strip())[0] for part in depends.split(",")})


def root_for(package):
    """The root with everything that the package needs; made when it is not there yet."""
    wanted = sorted({*BASE, *packages_of(package)})
    name = hashlib.sha256(repr((wanted, LEFT_OUT, MASKED)).encode()).hexdigest()[:16]
    root = PROGRAMS / "box" / name
    if (root / "etc/mjwatchd-box").exists():
        return root
    if not shutil.which("mmdebstrap"):
        skip("mmdebstrap is not installed")
    for old in (PROGRAMS / "box").glob("*"):
        shutil.rmtree(old)
    root.parent.mkdir(exist_ok=True)
    codename = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    sources = [str(file) for file in (Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("debian*"))
               if file.exists() and file.suffix in (".list", ".sources")]
    made = subprocess.run(["mmdebstrap", "--mode=root", "--variant=minbase", "--include=" + ",".join(wanted),
                           "--aptopt=Acquire::Languages \"none\"", *(f"--dpkgopt=path-exclude={p}" for p in LEFT_OUT),
                           codename[1], str(root), *sources], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1200)
    if made.returncode != 0:
        shutil.rmtree(root, ignore_errors=True)
        skip("no Debian root could be made here:\n" + "\n".join(made.stdout.splitlines()[-8:]))
    (root / "etc/machine-id").write_text("")
    (root / "etc/hostname").write_text("box\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    for unit in MASKED:
        link = root / "etc/systemd/system" / unit
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")
    (root / "etc/mjwatchd-box").write_text("\n".join(wanted) + "\n")
    return root


class Box:
    """A running system. `shared` appears in it as /mnt."""

    def __init__(self, root, folder, shared):
        if os.getuid() != 0:
            skip("only root can make the namespaces")
        found = subprocess.run(["findmnt", "-nt", "cgroup2", "-o", "TARGET"], text=True, stdout=subprocess.PIPE)
        if not found.stdout.strip():
            skip("there is no cgroup2 here")
        self.cgroup = Path(found.stdout.splitlines()[0]) / f"mjwatchd-box-{os.getpid()}"
        layer = folder / "layer"
        layer.mkdir()
        self.log = folder / "box.log"
        try:
            self.cgroup.mkdir()
        except OSError as error:
            skip(f"no cgroup can be made here: {error}")
        with open(self.log, "wb") as log:
            self.top = subprocess.Popen(
                ["unshare", "--pid", "--mount", "--uts", "--ipc", "--net", "--cgroup", "--fork", "--kill-child=KILL",
                 "--propagation", "private", "sh", "-ec", BOOT, "box", str(root), str(layer), str(shared)],
                env={"container": "box", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
                preexec_fn=lambda: (self.cgroup / "cgroup.procs").write_text(str(os.getpid())))
        self.leader = None
        try:
            wait_until(self.running, 60, "systemd is up")
        except AssertionError:
            if self.leader is None or self.top.poll() is not None:
                skip("namespaces can't be made here:\n" + self.log.read_text("utf-8", "replace")[-600:])
            raise

    def running(self):
        if self.top.poll() is not None:
            raise AssertionError("the box has died")
        if self.leader is None:
            children = Path(f"/proc/{self.top.pid}/task/{self.top.pid}/children").read_text().split()
            if not children or Path(f"/proc/{children[0]}/comm").read_text().strip() != "systemd":
                return False
            self.leader = children[0]
        return self.try_run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded")

    def try_run(self, *words, seconds=60, **more):
        """Runs in the box; answers subprocess.CompletedProcess."""
        return subprocess.run(
            ["timeout", "-s", "KILL", str(seconds), "nsenter", "-t", self.leader, "-a", "env", "-i",
             "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "TERM=dumb", "SYSTEMD_PAGER=cat",
             "DEBIAN_FRONTEND=noninteractive", *map(str, words)],
            text=True, encoding="utf-8", errors="replace", stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

    def run(self, *words, **more):
        """The same, and it must succeed; answers what it wrote."""
        done = self.try_run(*words, **more)
        if done.returncode != 0:
            raise AssertionError(f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def write(self, path, text, mode="644"):
        self.run("sh", "-c", 'cat > "$1" && chmod "$2" "$1"', "sh", path, mode, input=text)

    def close(self):
        try:
            os.killpg(self.top.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.top.wait()
        if self.leader:
            try:
                os.kill(int(self.leader), signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_until(self.remove_cgroup, 20, "the box's processes have gone")

    def remove_cgroup(self):
        try:
            for folder, _, _ in os.walk(self.cgroup, topdown=False):
                os.rmdir(folder)
        except OSError:
            return False
        return not self.cgroup.exists()
