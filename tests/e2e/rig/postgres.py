"""A PostgreSQL of the test's own, from Debian's packages, on a socket in a short folder and on loopback TCP."""

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from rig.program import free_port, wait_until

PASSWORD = "pg-3f1b7c2a9d"


def programs():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if not found:
        raise FileNotFoundError("PostgreSQL is not installed: sh daemon/install-packages.sh tests")
    return found[-1].parent


@functools.cache
def shared():
    """One for the whole test program."""
    return Postgres()


class Postgres:
    """Run as "postgres" when the test is root, for it refuses root. Its durability is the machine's own."""

    def __init__(self, address="127.0.0.1", of=None):
        """`of`: another, whose hot standby this is."""
        self.bin = programs()
        self.folder = Path(tempfile.mkdtemp(prefix="mjpg-", dir="/tmp"))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.address = address
        self.port = free_port()
        self.lists = 0
        self.process = None
        self.as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if self.as_user:
            shutil.chown(self.folder, "postgres", "postgres")
        secret = self.folder / "password"
        secret.write_text(PASSWORD + "\n", "utf-8")
        if self.as_user:
            shutil.chown(secret, "postgres", "postgres")
        if of:
            self.run("pg_basebackup", "-D", self.data, "-R", "-X", "stream", "-c", "fast", "--no-sync", "-h", of.folder,
                     "-p", of.port, "-U", "postgres")
        else:
            self.run("initdb", "-D", self.data, "-A", "scram-sha-256", "-U", "postgres", "-E", "UTF8", "--no-sync",
                     f"--pwfile={secret}")
        if address == "0.0.0.0":
            with open(self.data / "pg_hba.conf", "a", encoding="utf-8") as rules:
                rules.write("host all all 10.0.0.0/8 scram-sha-256\n")
        atexit.register(self.close)
        self.start()

    def run(self, program, *words):
        done = subprocess.run([*self.as_user, self.bin / program, *map(str, words)], cwd="/tmp", text=True, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              env={**os.environ, "PGPASSWORD": PASSWORD})
        if done.returncode != 0:
            raise AssertionError(f"{program}: {done.stdout}")
        return done.stdout

    def start(self):
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(
                [*self.as_user, "setpriv", "--pdeathsig", "KILL", "--", self.bin / "postgres", "-D", self.data, "-k",
                 self.folder, "-p", str(self.port), "-h", self.address, "-c", "max_connections=100"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        wait_until(self.answers, 60, "PostgreSQL answers")

    def answers(self):
        try:
            return self.sql("SELECT 1") == "1"
        except AssertionError:
            return False

    def stop(self, mode="fast"):
        """"immediate" is as a crash."""
        self.run("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")
        self.process.wait()

    def sql(self, text, schema="public"):
        return self.run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-p", self.port,
                        "-U", "postgres", "-c", f"SET search_path = {schema}", "-c", text, "postgres").strip()

    def use_tls(self, key, certificate):
        for source, name in ((key, "server.key"), (certificate, "server.crt")):
            shutil.copyfile(source, self.data / name)
            if self.as_user:
                shutil.chown(self.data / name, "postgres", "postgres")
            (self.data / name).chmod(0o600)
        self.set_tls("on")

    def set_tls(self, value):
        self.sql(f"ALTER SYSTEM SET ssl = {value}")
        self.sql("SELECT pg_reload_conf()")
        wait_until(lambda: self.sql("SHOW ssl") == value, 20, f"TLS is {value}")

    def standby(self):
        return Postgres(self.address, of=self)

    def new_list(self, host=None):
        """The URL of a new, empty watch list, and its schema."""
        self.lists += 1
        schema = f"list{self.lists}"
        self.sql(f"CREATE SCHEMA {schema}")
        where = f"postgresql://postgres@{host or self.address}:{self.port}/postgres"
        return f"{where}?options=-csearch_path%3D{schema}", schema

    def close(self):
        if self.process and self.process.poll() is None:
            subprocess.run([*self.as_user, self.bin / "pg_ctl", "-D", self.data, "-m", "immediate", "stop"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
