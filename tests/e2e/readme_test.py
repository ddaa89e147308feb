"""The README's own snippets, taken from it and run: who copies them gets what they promise."""

import hashlib
import hmac
import base64
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest
from pathlib import Path

from rig.case import Case, main
from rig.daemon import write_private
from rig.program import PATIENCE, Program, clean_environment, path_of, run, wait_until

README = Path(__file__).resolve().parents[2] / "README.md"
SOCKET = "/run/mjwatchd/mjwatchd.sock"
TASK = "1712158011464906"


def section(title):
    """The text under a heading, up to the next of its kind."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README.read_text("utf-8"), re.S | re.M)
    if not found:
        raise AssertionError(f"README.md has no section {title!r}")
    return found[1]


def snippet(title, language, after=""):
    """The first code block of a language in a section, at or after a mark."""
    text = section(title)
    found = re.search(rf"```{language}\n(.*?)```", text[text.index(after):], re.S)
    if not found:
        raise AssertionError(f"README.md, {title!r}: no {language} block")
    return found[1]


def free_port():
    """Below the range that the system gives out by itself, so that nobody gets it by chance."""
    for port in range(20000 + os.getpid() % 5000, 32000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


def has_php():
    if shutil.which("php") is None:
        return False
    made = subprocess.run(["php", "-r", "exit(function_exists('curl_init') ? 0 : 1);"], capture_output=True)
    return made.returncode == 0


class RegisteringTest(Case):
    def setUp(self):
        super().setUp()
        self.daemon_ = self.start(self.daemon())

    def check(self, code, command, name):
        file = self.folder / name
        self.assertIn(SOCKET, code)
        file.write_text(code.replace(SOCKET, str(self.daemon_.socket)), "utf-8")
        outputs = []
        for _ in range(2):
            made = subprocess.run([*command, str(file)], capture_output=True, text=True, timeout=60, env=clean_environment())
            self.assertEqual(made.returncode, 0, made)
            outputs.append(made.stdout)
        self.assertEqual(self.daemon_.control.task(TASK)["metadata"], {"order": 42})
        return outputs

    def test_curl(self):
        first, second = self.check(snippet("Registering a task", "sh"), ["sh"], "s.sh")
        self.assertEqual(json.loads(first)["id"], TASK)
        self.assertEqual(json.loads(second)["id"], TASK)

    def test_python(self):
        first, second = self.check(snippet("Registering a task", "python"), ["python3", "-B"], "s.py")
        self.assertTrue(first.startswith("201 "), first)
        self.assertTrue(second.startswith("200 "), second)

    @unittest.skipUnless(shutil.which("node"), "SKIPPED: node is not installed")
    def test_node(self):
        first, second = self.check(snippet("Registering a task", "js"), ["node"], "s.js")
        self.assertTrue(first.startswith("201\n"), first)
        self.assertTrue(second.startswith("200\n"), second)

    @unittest.skipUnless(has_php(), "SKIPPED: php with curl is not installed")
    def test_php(self):
        first, second = self.check(snippet("Registering a task", "php"), ["php"], "s.php")
        self.assertTrue(first.rstrip().endswith(" 201"), first)
        self.assertTrue(second.rstrip().endswith(" 200"), second)


class ReceivingTest(Case):
    """Each receiver takes a real webhook, and refuses it spoilt, old, unsigned, or signed by another."""

    def check(self, language, command, name):
        secret = "whsec_" + base64.b64encode(self.random.randbytes(32)).decode()
        port = free_port()
        write_private(self.folder / "app.secret", secret + "\n")
        code = snippet("Receiving a webhook", language)
        (self.folder / name).write_text(code.replace("8000", str(port)), "utf-8")
        log = self.folder / "receiver.log"
        with open(log, "wb") as out:
            words = ["setpriv", "--pdeathsig", "KILL", "--", *[word.replace("PORT", str(port)) for word in command]]
            receiver = subprocess.Popen(words, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                        env=clean_environment({"PYTHONUNBUFFERED": "1"}))
        self.addCleanup(receiver.wait)
        self.addCleanup(receiver.kill)
        wait_until(lambda: self.post(port, {}, b"") == 401, 20, "the receiver answers: " + log.read_text())
        self.check_by_hand(port, secret)
        daemon = self.daemon()
        daemon.add_endpoint("app", f"http://127.0.0.1:{port}/", secret)
        self.start(daemon)
        daemon.control.need("POST", "/v1/endpoints/app/test", {})
        wait_until(lambda: daemon.control.deliveries("?state=delivered"), 20, "it took the real one: " + log.read_text())
        [delivery] = daemon.control.deliveries()
        wait_until(lambda: delivery["webhook_id"] in log.read_text("utf-8", "replace"), 10, "and printed it")

    def check_by_hand(self, port, secret):
        body = '{"a": "ü"}'.encode()
        now = int(time.time())
        self.assertEqual(self.post(port, self.signed(secret, now, body), body), 204)
        self.assertEqual(self.post(port, self.signed(secret, now, body), body + b" "), 401)
        self.assertEqual(self.post(port, self.signed(secret, now - 600, body), body), 401)
        self.assertEqual(self.post(port, self.signed(secret, now + 600, body), body), 401)
        self.assertEqual(self.post(port, self.signed("whsec_" + "A" * 43 + "=", now, body), body), 401)
        good = self.signed(secret, now, body)
        self.assertEqual(self.post(port, {**good, "webhook-signature": "v1,AAAA " + good["webhook-signature"]}, body), 204)
        for missing in good:
            self.assertEqual(self.post(port, {key: good[key] for key in good if key != missing}, body), 401, missing)
        self.assertEqual(self.post(port, {**good, "webhook-timestamp": "soon"}, body), 401)

    def signed(self, secret, moment, body):
        key = base64.b64decode(secret.removeprefix("whsec_"))
        text = hmac.new(key, f"msg_1.{moment}.".encode() + body, hashlib.sha256).digest()
        return {"webhook-id": "msg_1", "webhook-timestamp": str(moment),
                "webhook-signature": "v1," + base64.b64encode(text).decode()}

    def post(self, port, headers, body):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10 * PATIENCE)
        try:
            connection.request("POST", "/", body, headers)
            return connection.getresponse().status
        except OSError:
            return None
        finally:
            connection.close()

    def test_python(self):
        self.check("python", ["python3", "-B", "r.py"], "r.py")

    @unittest.skipUnless(shutil.which("node"), "SKIPPED: node is not installed")
    def test_node(self):
        self.check("js", ["node", "r.js"], "r.js")

    @unittest.skipUnless(has_php(), "SKIPPED: php is not installed")
    def test_php(self):
        self.check("php", ["php", "-S", "127.0.0.1:PORT", "r.php"], "r.php")


class QuickStartTest(Case):
    def test_the_quick_start_runs_as_it_is_written(self):
        port = free_port()
        gateway = self.gateway("--make-up-unknown", "--speed", "200x", "--picture", "png", "--picture-size", "20KB", token="t0k3n")
        script = snippet("Quick start", "sh").replace("8000", str(port)).replace("https://octopusx.ai", gateway.url)
        script = script.replace("\nEND\n", "\nwatch: {max_gap: 1s}\nEND\n")
        # The daemon and the receiver run on; what follows them must wait until they listen.
        script = script.replace("\nexport MJWATCH_SOCKET", "\nsleep_until_up\nexport MJWATCH_SOCKET")
        script = ("set -e\n"
                  f"sleep_until_up() {{ until mjwatch --socket {self.folder}/mjwatchd/mjwatchd.sock status >/dev/null 2>&1; "
                  "do sleep 0.05; done; }\n" + script)
        path = f"{Path(path_of('mjwatchd')).parent}:{os.environ['PATH']}"
        log = self.folder / "quick-start.log"
        with open(log, "wb") as out:
            shell = subprocess.Popen(["sh", "-c", script], cwd=self.folder, stdout=out, stderr=out, start_new_session=True,
                                     env=clean_environment({"PATH": path, "YOUR_TOKEN": "t0k3n"}))
        # What it left in the background goes with its group.
        self.addCleanup(lambda: os.killpg(shell.pid, signal.SIGKILL))
        self.assertEqual(shell.wait(60 * PATIENCE), 0, log.read_text())
        self.assertIn("1 added", log.read_text())
        self.assertTrue((self.folder / "mjwatchd" / "images" / "octopusx" / f"{TASK}.png").exists(), log.read_text())
        wait_until(lambda: re.search(rf"task\.succeeded +{TASK} +evt_\S+ +verified", log.read_text()), 20,
                   "the receiver verified and printed it")

    def test_every_message_that_is_explained_is_still_one(self):
        sources = [file.read_text("utf-8") for file in (README.parent / "daemon").rglob("*.cpp")]
        code = re.sub(r'"\s*\n\s*"', "", "\n".join(sources)).replace('\\"', '"')
        rows = re.findall(r"^\| (.+?) \| .+ \|$", section("When something goes wrong"), re.M)
        messages = [text for row in rows for text in re.findall(r"`([^`]+)`", row) if " " in text.strip("… ")]
        self.assertGreater(len(messages), 15)
        for message in messages:
            for piece in filter(None, (part.strip() for part in re.split(r"…|app\.secret|file:line.*", message))):
                if piece != "Permission denied":  # the system's own words
                    self.assertIn(piece, code, f"no part of mjwatchd says {message!r} any more")

    def test_the_example_of_the_configuration_is_good(self):
        made = run(["mjwatchd", "--config", README.parent / "config" / "mjwatchd.yaml", "--print-config"])
        self.assertEqual(made.returncode, 0, made.stderr)

    def test_the_stand_in_takes_the_options_that_are_named(self):
        self.assertIn("mjwatch-gateway --port 9000 --make-up-unknown --speed 5x", section("Quick start"))
        program = Program(["mjwatch-gateway", "--port", "0", "--make-up-unknown", "--speed", "5x"], self.folder / "g.log")
        self.started.append(program)
        wait_until(lambda: "listening on" in program.output(), 10, "it listens")


if __name__ == "__main__":
    main()
