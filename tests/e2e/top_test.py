"""mjwatch top, and the tables, on a real terminal of several widths."""

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

from rig.case import Case, main
from rig.program import PATIENCE, clean_environment, path_of, run, wait_until

STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class OnTerminal:
    """A program whose input and output are a terminal of this size."""

    def __init__(self, words, columns, rows=40, **environment):
        self.ours, theirs = pty.openpty()
        self.resize(columns, rows)
        self.text = ""
        command = ["setpriv", "--pdeathsig", "KILL", "--", path_of(words[0]), *map(str, words[1:])]
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                                        env=clean_environment({"TERM": "xterm", **environment}))
        os.close(theirs)

    def resize(self, columns, rows):
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        while select.select([self.ours], [], [], 0)[0]:
            try:
                piece = os.read(self.ours, 65536)
            except OSError:  # nobody has the other end any more
                break
            if not piece:
                break
            self.text += piece.decode("utf-8", "replace")
        return self.text

    def screens(self):
        """Each whole picture that was drawn, as lines of text."""
        return [[STEERING.sub("", line) for line in part.split("\x1b[J")[0].split("\r\n")]
                for part in self.read().split("\x1b[H")[1:] if "\x1b[J" in part]

    def press(self, key):
        os.write(self.ours, key.encode())

    def end(self):
        """Its exit code."""
        limit = time.monotonic() + 20 * PATIENCE
        while self.process.poll() is None and time.monotonic() < limit:
            self.read()
            time.sleep(0.01)
        self.read()
        os.close(self.ours)
        return self.process.wait(1)


class TopTest(Case):
    def setUp(self):
        super().setUp()
        gateway = self.gateway("--picture", "png", "--picture-size", "20KB")
        receiver = self.receiver("/app")
        self.daemon_ = self.daemon(gateway)
        self.daemon_.add_endpoint("app", receiver.url + "/app", receiver.secrets["/app"][0])
        self.start(self.daemon_)
        gateway.make("finished", duration="1ms")
        gateway.make("still-running", ending="NEVER")
        for task in ("finished", "still-running"):
            self.daemon_.control.register(task)
        wait_until(lambda: self.daemon_.control.deliveries("?state=delivered"), 30, "a webhook is delivered")

    def words(self, *more):
        return ["mjwatch", "--socket", self.daemon_.socket, *more]

    def on_terminal(self, *words, columns=80, rows=40, **environment):
        program = OnTerminal(self.words(*words), columns, rows, **environment)
        self.addCleanup(program.process.kill)
        return program

    def test_it_shows_what_goes_on_follows_the_windows_size_and_leaves_at_q(self):
        program = self.on_terminal("top", "--interval", "200ms", columns=120)
        wait_until(program.screens, 20, "it draws")
        whole = "\n".join(program.screens()[-1])
        for piece in ("mjwatchd 0.", "GATEWAY", "gw", "WATCHED", "still-running", "MADE", "finished", "succeeded",
                      "WEBHOOK", "delivered", "task.succeeded", "q: leave"):
            self.assertIn(piece, whole)
        self.daemon_.control.register("later")
        wait_until(lambda: any("later" in line for line in program.screens()[-1]), 20, "it follows")
        for columns, rows in ((40, 20), (80, 12)):
            program.resize(columns, rows)
            wait_until(lambda: len(program.screens()[-1]) <= rows and
                       max(map(len, program.screens()[-1])) <= columns, 20, f"it fits {columns}x{rows}")
        program.press("q")
        self.assertEqual(program.end(), 0)
        self.assertTrue(program.text.endswith("\x1b[?25h\x1b[?1049l"), "the terminal is as it was")

    def test_it_survives_the_daemons_end_and_says_so(self):
        program = self.on_terminal("top", "--interval", "200ms")
        wait_until(program.screens, 20, "it draws")
        self.daemon_.kill()
        wait_until(lambda: "trying again" in "\n".join(program.screens()[-1]), 20, "it says so")
        program.press("\x03")  # Ctrl-C
        program.press("q")
        self.assertEqual(program.end(), 0)

    def test_in_a_pipe_or_once_it_is_a_snapshot(self):
        made = run(self.words("top"))
        self.assertEqual(made.returncode, 0, made)
        self.assertNotIn("\x1b", made.stdout)
        self.assertIn("still-running", made.stdout)
        program = self.on_terminal("top", "--once", columns=80)
        self.assertEqual(program.end(), 0)
        self.assertNotIn("\x1b[?1049h", program.text)
        made = run(self.words("--json", "top"))
        shown = json.loads(made.stdout)
        self.assertEqual(set(shown), {"status", "gateways", "endpoints", "watched", "made", "deliveries"})
        self.assertEqual([task["id"] for task in shown["watched"]], ["still-running"])
        self.assertEqual(run(self.words("top", "--interval", "1ms")).returncode, 2)
        self.assertEqual(run(["mjwatch", "--socket", self.folder / "nobody", "top"]).returncode, 5)

    def test_tables_fit_the_terminal_and_colours_can_be_refused(self):
        for command in ("list", "deliveries", "endpoints", "status", "top"):
            more = ["--once"] if command == "top" else []
            for columns in (40, 80, 120):
                program = self.on_terminal(command, *more, columns=columns)
                self.assertEqual(program.end(), 0)
                for line in STEERING.sub("", program.text).split("\r\n"):
                    self.assertLessEqual(len(line), columns, f"{command} at {columns}: {line!r}")
                self.assertIn("\x1b[", program.text, f"{command} has colours on a terminal")
            program = self.on_terminal(command, *more, NO_COLOR="1")
            program.end()
            self.assertNotIn("\x1b", program.text, command)


if __name__ == "__main__":
    main()
