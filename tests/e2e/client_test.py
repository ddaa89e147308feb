"""mjwatch against the real daemon: every command, its exit code, and --json as an object a line."""

import http.server
import json
import os
import pty
import re
import signal
import socketserver
import subprocess
import threading
import time

from rig.case import Case, main
from rig.daemon import write_private
from rig.pictures import kind_of
from rig.program import Program, path_of, run, wait_until


class ClientTest(Case):
    def setUp(self):
        super().setUp()
        self.gateway_ = self.gateway("--picture", "png", "--picture-size", "20KB")
        self.receiver_ = self.receiver("/app")
        self.secret = self.receiver_.secrets["/app"][0]
        self.daemon_ = self.daemon(self.gateway_)
        self.daemon_.add_endpoint("app", self.receiver_.url + "/app", self.secret)
        self.start(self.daemon_)

    def watch(self, *words, code=0, **options):
        made = run(["mjwatch", "--socket", self.daemon_.socket, *words], cwd=self.folder, **options)
        self.assertEqual(made.returncode, code, f"{words}: {made}")
        return made

    def objects(self, *words, **options):
        """What --json prints: each line an object."""
        made = self.watch("--json", *words, **options)
        rows = [json.loads(line) for line in made.stdout.splitlines()]
        for row in rows:
            self.assertIsInstance(row, dict)
        return rows

    def ended(self, task, ending="SUCCESS", **wish):
        self.gateway_.make(task, ending=ending, duration="1ms", **wish)
        self.watch("add", task)
        self.watch("refresh", task)  # not when its turn comes, but now
        self.watch("wait", task, "--timeout", "30s", code=0 if ending == "SUCCESS" else 3)

    def test_add(self):
        self.assertEqual(self.objects("add", "a", "b"), [{"accepted": 2, "existing": 0, "rejected": []}])
        self.assertEqual(self.watch("add", "a", "c").stdout, "1 added, 1 known already\n")
        self.watch("add", "m", "--meta", "order=42", "--meta", "who=Ada", "--meta", 'box={"w":1}', "--save", "none",
                   "--action", "IMAGINE", "--event", "task.succeeded", "--gateway", "gw", "--no-webhooks")
        [task] = self.objects("show", "m")
        self.assertEqual(task["metadata"], {"order": 42, "who": "Ada", "box": {"w": 1}})
        self.assertEqual((task["save"], task["action"], task["webhooks"]), ("none", "IMAGINE", []))
        made = self.watch("add", "good", "not/good", code=1)
        self.assertIn("not/good", made.stderr)
        self.assertIn("1 added", made.stdout)

    def test_add_from_a_file_and_from_standard_input(self):
        file = self.folder / "ids"
        file.write_text("f1\n\n  f2  \n{\"id\":\"f3\",\"metadata\":{\"n\":3}}\n")
        [told] = self.objects("add", "--from", file)
        self.assertEqual(told["accepted"], 3)
        [told] = self.objects("add", "--from", "-", input="\n".join(f"s{number}" for number in range(5000)))
        self.assertEqual(told["accepted"], 5000)
        self.assertEqual(len(self.objects("list", "--all")), 5003)
        self.watch("add", "--from", self.folder / "none", code=1)

    def test_add_with_a_receiver_of_its_own(self):
        write_private(self.folder / "own.secret", self.secret)
        made = self.watch("add", "u", "--webhook", "https://example.com/hook", code=2)
        self.assertIn("--secret-file", made.stderr)
        self.watch("add", "u", "--webhook", "https://example.com/hook", "--secret-file", "own.secret", "--webhook", "app")
        shown = self.watch("show", "u").stdout
        self.assertIn("https://example.com/hook", shown)
        self.assertNotIn(self.secret[6:], shown)

    def test_list_and_show(self):
        self.assertEqual(self.watch("list").stdout, "No tasks.\n")
        self.ended("done")
        self.gateway_.make("running", ending="NEVER")  # what it never heard of is soon lost
        self.watch("add", "running")
        self.assertEqual([task["id"] for task in self.objects("list")], ["running", "done"])
        self.assertEqual([task["id"] for task in self.objects("list", "--active")], ["running"])
        self.assertEqual([task["id"] for task in self.objects("list", "--ended")], ["done"])
        self.assertEqual([task["id"] for task in self.objects("list", "--status", "SUCCESS")], ["done"])
        self.assertEqual(len(self.objects("list", "--limit", "1")), 1)
        text = self.watch("list").stdout
        self.assertRegex(text, r"done +gw +IMAGINE +succeeded +100% +/.*/done\.png")
        [task] = self.objects("show", "done")
        self.assertEqual(task["ending"], "succeeded")
        self.assertEqual(json.loads(self.watch("show", "done").stdout), task)
        self.assertIn("nobody", self.watch("show", "nobody", code=1).stderr)

    def test_wait_tells_by_its_exit_code_how_it_went(self):
        self.ended("good")
        self.ended("bad", ending="FAILURE")
        self.ended("gone", ending="CANCEL")
        self.watch("wait", "good")
        self.watch("wait", "good", "bad", code=3)
        [task] = self.objects("wait", "bad", code=3)
        self.assertEqual(task["ending"], "failed")
        self.gateway_.make("slow", ending="NEVER")
        self.watch("add", "slow")
        begin = time.monotonic()
        made = self.watch("wait", "good", "slow", "--timeout", "1s", code=4)
        self.assertGreaterEqual(time.monotonic() - begin, 1)
        self.assertIn("1 of 2", made.stderr)
        self.watch("wait", "nobody", code=1)
        self.watch("wait", "good", "--timeout", "5", code=2)

    def test_wait_outlives_a_daemon_that_comes_back(self):
        self.gateway_.make("patient", duration="4s")
        self.watch("add", "patient")
        waiting = Program(["mjwatch", "--socket", self.daemon_.socket, "wait", "patient"], self.folder / "waiting.log")
        wait_until(lambda: "patient" in waiting.output(), 10, "it waits")
        self.daemon_.stop()
        wait_until(lambda: "waiting for the daemon: " in waiting.output(), 10, "it says that it is gone")
        time.sleep(1)  # without anybody there
        self.daemon_.start()
        self.assertEqual(waiting.wait(30), 0, waiting.output())
        self.assertEqual(waiting.output().count("waiting for the daemon"), 1)
        self.assertIn("the daemon is back\n", waiting.output())
        self.assertIn("succeeded", waiting.output())

    def test_wait_for_a_daemon_that_does_not_come_back_ends_with_its_time(self):
        self.gateway_.make("slow", ending="NEVER")
        self.watch("add", "slow")
        waiting = Program(["mjwatch", "--socket", self.daemon_.socket, "wait", "slow", "--timeout", "3s"],
                          self.folder / "waiting.log")
        wait_until(lambda: "slow" in waiting.output(), 10, "it waits")
        self.daemon_.kill()
        self.assertEqual(waiting.wait(20), 4, waiting.output())
        self.assertIn("waiting for the daemon: ", waiting.output())
        self.watch("wait", "slow", code=5)  # that it never met

    def test_wait_ends_with_its_task_and_copies_the_pictures(self):
        self.gateway_.make("later", duration="1500ms")
        self.watch("add", "later")
        made = self.watch("wait", "later", "--save", self.folder / "out")
        self.assertNotIn("\x1b", made.stdout, "no colours in a pipe")
        [file] = (self.folder / "out").iterdir()
        self.assertEqual(file.read_bytes(), (self.daemon_.pictures / "gw" / "later.png").read_bytes())

    def test_wait_on_a_terminal_draws_bars(self):
        self.ended("drawn")
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        waiting = subprocess.Popen([path_of("mjwatch"), "--socket", self.daemon_.socket, "wait", "drawn"], stdout=theirs,
                                   env={**os.environ, "TERM": "xterm", "COLUMNS": "60"})
        os.close(theirs)
        self.assertEqual(waiting.wait(20), 0)
        shown = os.read(ours, 65536).decode()
        self.assertIn("drawn", shown)
        self.assertIn("100", shown)
        self.assertIn("\x1b", shown)

    def test_save(self):
        self.ended("pic")
        original = (self.daemon_.pictures / "gw" / "pic.png").read_bytes()
        self.watch("save", "pic")
        self.assertEqual((self.folder / "pic.png").read_bytes(), original)
        [told] = self.objects("save", "pic", self.folder / "other.png")
        self.assertEqual((told["bytes"], told["file"]), (len(original), str(self.folder / "other.png")))
        out = subprocess.run([path_of("mjwatch"), "--socket", self.daemon_.socket, "save", "pic", "-"], capture_output=True)
        self.assertEqual((out.returncode, out.stdout), (0, original))
        self.assertEqual(kind_of(out.stdout), "png")
        self.watch("save", "pic", "none/such/folder.png", code=1)
        self.ended("failed", ending="FAILURE")
        self.watch("save", "failed", code=1)
        self.assertEqual(list(self.folder.glob("*.part")), [])

    def test_rm_and_refresh(self):
        self.gateway_.make("r", ending="NEVER")
        self.watch("add", "r")
        calls = self.gateway_.stats().get("list", 0) + self.gateway_.stats().get("fetch", 0)
        self.assertEqual(self.objects("refresh", "r"), [{"id": "r", "refreshing": True}])
        wait_until(lambda: sum(self.gateway_.stats().get(key, 0) for key in ("list", "fetch")) > calls, 10, "it asks")
        self.assertEqual(self.objects("rm", "r"), [{"id": "r", "removed": True}])
        self.watch("rm", "r", code=1)
        self.watch("refresh", "r", code=1)
        self.assertEqual(self.objects("list"), [])

    def test_events(self):
        self.ended("one")
        events = self.objects("events")
        self.assertEqual(events[-1]["type"], "task.succeeded")
        self.assertEqual(events[-1]["data"]["id"], "one")
        text = self.watch("events", "--task", "one").stdout
        self.assertRegex(text, r"T.*Z  task\.succeeded  gw/one  SUCCESS")
        self.assertEqual(self.objects("events", "--task", "another"), [])

    def test_events_that_are_followed_come_as_they_happen(self):
        log = self.folder / "follow.log"
        follower = Program(["mjwatch", "--socket", self.daemon_.socket, "--json", "events", "--follow", "--type",
                            "task.succeeded"], log)
        self.started.append(follower)
        wait_until(lambda: self.daemon_.control.need("GET", "/v1/status")["clients"]["streams"], 10, "it follows")
        self.ended("first")
        self.ended("fails", ending="FAILURE")
        self.ended("second")
        wait_until(lambda: len(follower.output().splitlines()) >= 2, 10, "two events came")
        self.assertEqual([json.loads(line)["data"]["id"] for line in follower.output().splitlines()], ["first", "second"])
        follower.signal(signal.SIGINT)
        follower.wait(10)

    def test_events_that_are_followed_go_on_after_the_daemon_came_back(self):
        log = self.folder / "follow.log"
        follower = Program(["mjwatch", "--socket", self.daemon_.socket, "events", "--follow", "--type", "task.succeeded"],
                           log)
        self.started.append(follower)
        wait_until(lambda: self.daemon_.control.need("GET", "/v1/status")["clients"]["streams"], 10, "it follows")
        shown = ["first"]
        self.ended("first")
        for end in (self.daemon_.stop, self.daemon_.kill):
            wait_until(lambda: f"gw/{shown[-1]}" in follower.output(), 10, "an event came")
            name = f"after-{len(shown)}"
            self.gateway_.make(name, duration="1ms")
            self.watch("add", name)
            wait_until(lambda: self.objects("show", name)[0]["ending"] == "succeeded", 20, "it ended")
            shown.append(name)
            end()
            wait_until(lambda: follower.output().count("waiting for the daemon: ") == len(shown) - 1, 10, "it says so")
            self.daemon_.start()
        self.ended("last")
        shown.append("last")
        wait_until(lambda: "gw/last" in follower.output(), 10, "it goes on")
        self.assertEqual(re.findall("gw/([a-z0-9-]+)", follower.output()), shown)
        follower.signal(signal.SIGINT)
        follower.wait(10)

    def test_events_that_are_followed_are_not_missed_by_who_had_none_yet(self):
        self.ended("before")
        self.daemon_.stop()
        self.daemon_.start()  # this one has told nobody of anything
        follower = Program(["mjwatch", "--socket", self.daemon_.socket, "events", "--follow", "--type", "task.succeeded"],
                           self.folder / "follow.log")
        self.started.append(follower)
        wait_until(lambda: self.daemon_.control.need("GET", "/v1/status")["clients"]["streams"], 10, "it follows")
        follower.signal(signal.SIGSTOP)
        self.daemon_.kill()
        self.daemon_.start()
        self.ended("meanwhile")
        follower.signal(signal.SIGCONT)
        wait_until(lambda: "gw/meanwhile" in follower.output(), 10, "it came")
        self.assertNotIn("gw/before", follower.output())
        follower.signal(signal.SIGINT)
        follower.wait(10)

    def test_events_that_are_followed_go_on_after_a_gap_that_is_not_kept(self):
        asked = []

        class Forgetful(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                after = self.headers["Last-Event-ID"]
                asked.append(after)
                self.send_response(410 if after else 200)
                self.send_header("Content-Type", "application/x-ndjson")
                if not after:
                    self.send_header("Last-Event-ID", str(len(asked)))
                self.end_headers()
                event = {"id": 9, "type": "task.succeeded", "data": {"gateway": "gw", "id": "came", "status": "SUCCESS"}}
                self.wfile.write(b'{"detail": "no longer kept"}' if after else
                                 json.dumps(event).encode() + b"\n" if len(asked) > 1 else b"\n")

            def log_message(self, *words):
                pass

            def address_string(self):
                return "here"

        path = str(self.folder / "forgetful.sock")
        server = socketserver.ThreadingUnixStreamServer(path, Forgetful)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        follower = Program(["mjwatch", "--socket", path, "events", "--follow"], self.folder / "gap.log")
        self.started.append(follower)
        wait_until(lambda: "gw/came" in follower.output(), 10, "it went on")
        self.assertEqual(asked[:3], [None, "1", None])
        self.assertIn("no longer kept", follower.output())
        follower.signal(signal.SIGINT)
        follower.wait(10)

    def test_deliveries_and_replay(self):
        self.ended("d")
        wait_until(lambda: self.receiver_.taken(), 20, "the webhook came")
        wait_until(lambda: self.daemon_.control.deliveries("?state=delivered"), 20, "and is on record")
        [row] = self.objects("deliveries")
        self.assertEqual((row["task"], row["state"], row["endpoint"]), ("d", "delivered", "app"))
        self.assertEqual(self.objects("deliveries", "--state", "dead"), [])
        self.assertEqual(len(self.objects("deliveries", "--task", "d", "--endpoint", "app")), 1)
        self.assertRegex(self.watch("deliveries").stdout, r"delivered +task\.succeeded +d +app +1\b")
        [whole] = self.objects("deliveries", str(row["id"]))
        self.assertEqual([attempt["http_status"] for attempt in whole["attempts"]], [204])
        told = self.watch("deliveries", str(row["id"])).stdout
        self.assertRegex(told, rf"webhook_id +{row['webhook_id']}\n")
        self.assertRegex(told, r"\n1 +\S+Z +204 +\d+ms +\d+ms +\d+ms +\d+ms +\d+ms\b")
        self.objects("replay", str(row["id"]))
        wait_until(lambda: len(self.receiver_.taken()) == 2, 20, "it came again")
        first, second = self.receiver_.taken()
        self.assertEqual((first.webhook_id, first.body), (second.webhook_id, second.body))
        wait_until(lambda: not self.daemon_.control.deliveries("?state=pending"), 20, "and is on record")
        self.watch("replay", "--endpoint", "app", "--state", "delivered")
        wait_until(lambda: len(self.receiver_.taken()) == 3, 20, "it came by range")
        wait_until(lambda: not self.daemon_.control.deliveries("?state=pending"), 20, "and is on record")
        self.watch("replay", "--until", row["created_at"])  # nothing is older than the oldest
        self.watch("replay", "--since", "2999-01-01T00:00:00Z")
        self.assertEqual(self.daemon_.control.deliveries("?state=pending"), [])
        self.watch("replay", "--since", row["created_at"], "--until", "2999-01-01T00:00:00Z", "--state", "delivered")
        wait_until(lambda: len(self.receiver_.taken()) == 4, 20, "it came by its time")
        self.watch("replay", "--since", "yesterday", code=1)
        self.watch("replay", code=2)
        self.watch("replay", "999999", code=1)

    def test_endpoints(self):
        [row] = self.objects("endpoints")
        self.assertEqual((row["name"], row["state"], row["url"]), ("app", "up", self.receiver_.url + "/app"))
        self.assertIn("mjwatch deliveries --endpoint app", self.watch("endpoints", "test", "app").stdout)
        wait_until(self.receiver_.taken, 20, "the test came")
        self.assertEqual(self.receiver_.taken()[0].json()["type"], "webhook.test")
        self.assertIn("mjwatch endpoints enable app", self.watch("endpoints", "disable", "app").stdout)
        self.assertIn("In trouble: endpoint:app: disabled", self.watch("status").stdout)
        self.assertEqual(self.objects("endpoints")[0]["state"], "disabled")
        self.ended("held")
        wait_until(lambda: self.daemon_.control.deliveries("?state=held"), 20, "its webhook is held")
        self.assertEqual(len(self.receiver_.taken()), 1)
        self.watch("endpoints", "enable", "app")
        wait_until(lambda: len(self.receiver_.taken()) == 2, 20, "what was held is sent")
        self.watch("endpoints", "test", "nobody", code=1)
        self.watch("endpoints", "test", code=2)
        self.watch("endpoints", "paint", "app", code=2)

    def test_status(self):
        [status] = self.objects("status")
        self.assertTrue(status["ready"])
        self.assertIn("deliveries.pending", self.watch("status").stdout)
        self.assertNotIn("trouble", self.watch("status").stdout)

    def test_listen_verifies_and_runs_a_command(self):
        write_private(self.folder / "app.secret2", self.secret)
        listener = Program(["mjwatch", "listen", "0", "--secret-file", self.folder / "app.secret2", "--count", "2", "--exec",
                            f'cat >> {self.folder}/bodies; echo "$MJWATCH_TYPE $MJWATCH_ID" >> {self.folder}/types'],
                           self.folder / "listen.log")
        self.started.append(listener)
        wait_until(lambda: "listening on http" in listener.output(), 10, "it listens")
        url = listener.output().split()[2]
        self.daemon_.config["webhooks"]["endpoints"]["app"]["url"] = url + "/"
        self.daemon_.write_config()
        self.daemon_.program.signal(signal.SIGHUP)
        wait_until(lambda: "is in force" in self.daemon_.program.output(), 10, "the new address is in force")
        self.ended("l1")
        self.ended("l2", ending="CANCEL")
        self.assertEqual(listener.wait(20), 0)
        self.assertEqual((self.folder / "types").read_text(), "task.succeeded l1\ntask.cancelled l2\n")
        self.assertIn('"type":"task.succeeded"', (self.folder / "bodies").read_text())
        self.assertEqual(listener.output().count("verified"), 2)
        self.assertNotIn("NOT VERIFIED", listener.output())

    def test_listen_refuses_what_another_secret_signed(self):
        write_private(self.folder / "wrong", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
        listener = Program(["mjwatch", "--json", "listen", "0", "--secret-file", self.folder / "wrong"],
                           self.folder / "listen.log")
        self.started.append(listener)
        wait_until(lambda: "listening on http" in listener.output(), 10, "it listens")
        self.daemon_.config["webhooks"]["endpoints"]["app"]["url"] = listener.output().split()[2]
        self.daemon_.write_config()
        self.daemon_.program.signal(signal.SIGHUP)
        wait_until(lambda: "is in force" in self.daemon_.program.output(), 10, "the new address is in force")
        self.watch("endpoints", "test", "app")
        wait_until(lambda: '"verified":false' in listener.output(), 10, "it is not verified")
        self.assertTrue(self.daemon_.control.deliveries("?state=pending"), "401 is a failure, to be tried again")

    def test_an_option_takes_one_word_and_leaves_the_ids_alone(self):
        self.watch("add", "--meta", "a=1", "--event", "task.failed", "--webhook", "app", "t1", "t2")
        self.assertEqual({task["id"] for task in self.objects("list")}, {"t1", "t2"})
        self.assertEqual(self.objects("events", "--type", "task.failed", "--task", "t1"), [])

    def test_replay_by_range_tells_people_how_many(self):
        self.ended("again")
        wait_until(lambda: self.daemon_.control.deliveries("?state=delivered"), 20, "it is on record")
        self.assertEqual(self.watch("replay", "--state", "delivered").stdout, "1 are sent again\n")

    def test_usage(self):
        for words in ([], ["paint"], ["add"], ["show"], ["wait"], ["list", "--limit", "none"], ["add", "a", "--meta", "x"]):
            self.watch(*words, code=2)
        self.assertEqual(self.watch("paint", code=2).stderr, 'mjwatch: there is no command "paint"\nSee: mjwatch --help\n')
        self.assertIn("See: mjwatch list --help", self.watch("list", "extra", code=2).stderr)
        self.assertIn("mjwatch add", self.watch("show", "nobody", code=1).stderr)
        self.assertIn("mjwatch deliveries", self.watch("deliveries", "999999", code=1).stderr)
        self.assertIn("mjwatch deliveries", self.watch("replay", "--state", "dead").stdout)
        self.assertIn("Exit codes", self.watch("--help").stdout)
        self.assertRegex(self.watch("--version").stdout, r"^mjwatch \d")

    def test_without_a_daemon_it_is_5_and_says_where_it_looked(self):
        made = run(["mjwatch", "--socket", self.folder / "nobody", "list"])
        self.assertEqual(made.returncode, 5)
        self.assertIn(str(self.folder / "nobody"), made.stderr)
        made = run(["mjwatch", "status"], environment={"MJWATCH_SOCKET": str(self.folder / "elsewhere")})
        self.assertEqual(made.returncode, 5)
        self.assertIn("elsewhere", made.stderr)
        self.assertEqual(run(["mjwatch", "--socket", "/tmp/" + "x" * 200, "list"]).returncode, 5)
        self.daemon_.kill()
        self.watch("list", code=5)

    def test_what_a_gateway_says_cannot_play_with_the_terminal(self):
        self.gateway_.make("evil", ending="FAILURE", duration="1ms", prompt="\x1b]0;owned\x07\x1b[2J")
        self.watch("add", "evil", "--meta", "x=\x1b[31m")
        self.watch("wait", "evil", code=3)
        for words in (["list"], ["show", "evil"], ["events"], ["deliveries"]):
            self.assertNotIn("\x1b", self.watch(*words).stdout)


if __name__ == "__main__":
    os.environ.pop("MJWATCH_SOCKET", None)
    main()
