"""A stop or a reload in the middle of anything: it ends in time with 0, nothing is lost, nothing is half."""

import json
import signal
import threading
import time
from urllib.parse import urlsplit

from rig.case import Case, main
from rig.control import UnixConnection
from rig.forwarder import Forwarder
from rig.pictures import kind_of
from rig.program import PATIENCE, run, wait_until


class StopTest(Case):
    def setUp(self):
        super().setUp()
        self.let_go = threading.Event()
        self.addCleanup(self.let_go.set)
        self.holds = False
        self.receiver_ = self.receiver("/app", decide=self.decide)
        self.gateway_ = self.gateway("--picture", "png", "--picture-size", "1MB")
        target = urlsplit(self.gateway_.url)
        self.pictures = Forwarder(target.hostname, target.port)
        self.addCleanup(self.pictures.close)
        self.daemon_ = self.daemon(self.gateway_)
        self.daemon_.add_endpoint("app", self.receiver_.url + "/app", self.receiver_.secrets["/app"][0], timeout="30s")
        # However slow the machine is, no success is announced before its pictures.
        self.daemon_.config["images"].update(allow=["127.0.0.0/8"], give_up="10m")
        self.daemon_.config["gateways"]["gw"].update(
            timeout="30s", rewrite_urls={self.gateway_.url + "/mj/cdn": self.pictures.url + "/mj/cdn"})

    def decide(self, arrival):
        if self.holds:
            self.let_go.wait(60)
        return 204

    def stops_in_time(self):
        code, seconds = self.daemon_.stop()
        self.assertEqual(code, 0, self.daemon_.tail())
        self.assertLess(seconds, 10 * PATIENCE)
        for picture in self.saved():
            kind_of(picture.read_bytes())
        checked = run(["mjwatchd", "--config", self.daemon_.config_file, "--check-store"])
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def saved(self):
        return [file for file in self.daemon_.pictures.rglob("*.png") if not file.name.startswith(".")]

    def part_files(self):
        return [file for file in self.daemon_.pictures.rglob(".*.part") if file.stat().st_size > 0]

    def goes_on(self, tasks):
        """Started again, each has its picture and was told once, however often it was sent."""
        self.let_go.set()
        self.start(self.daemon_)
        for task in tasks:
            answer = self.daemon_.control.need("GET", f"/v1/tasks/{task}?wait=60s")
            self.assertEqual(answer["ending"], "succeeded", answer)
        wait_until(lambda: not self.daemon_.control.deliveries("?state=pending"), 30, "all is delivered")
        told = {}
        for arrival in self.receiver_.taken():
            self.assertTrue(arrival.verified)
            told.setdefault(arrival.json()["data"]["id"], set()).add(arrival.webhook_id)
        self.assertEqual({task: len(ids) for task, ids in told.items()}, dict.fromkeys(tasks, 1))
        self.assertEqual(len(self.saved()), len(tasks))
        self.assertEqual(self.part_files(), [])

    def test_in_the_middle_of_a_poll(self):
        self.gateway_.misbehave("hang")
        self.start(self.daemon_)
        self.gateway_.make("t", duration="1ms")
        self.assertEqual(self.daemon_.control.register("t").status, 201)
        wait_until(lambda: self.daemon_.control.need("GET", "/v1/gateways")["gateways"][0]["in_flight"], 20, "it is asked")
        self.stops_in_time()
        self.gateway_.misbehave("")
        self.goes_on(["t"])

    def test_in_the_middle_of_a_download(self):
        self.pictures.hold_after(200_000, self.let_go)
        self.start(self.daemon_)
        self.gateway_.make("t", duration="1ms")
        self.daemon_.control.register("t")
        wait_until(self.part_files, 30, "half of the picture is there")
        self.assertEqual(self.daemon_.control.task("t")["phase"], "saving")
        self.stops_in_time()
        self.assertEqual(self.saved(), [], "what is not whole has no name")
        self.assertEqual(self.receiver_.taken(), [], "and nobody was told")
        self.goes_on(["t"])

    def test_a_reload_in_the_middle_of_a_download_harms_no_picture(self):
        self.pictures.hold_after(200_000, self.let_go)
        self.start(self.daemon_)
        self.gateway_.make("t", duration="1ms")
        self.daemon_.control.register("t")
        wait_until(self.part_files, 30, "half of the picture is there")
        part = self.part_files()
        for turn in range(3):
            self.daemon_.config["gateways"]["gw"]["batch"] = 10 + turn
            self.reload()
        self.assertEqual(self.part_files(), part)
        self.let_go.set()
        self.assertEqual(self.daemon_.control.need("GET", "/v1/tasks/t?wait=60s")["ending"], "succeeded")
        self.assertEqual(len(self.saved()), 1)
        self.assertNotIn("not saved yet", self.daemon_.program.output())
        self.stops_in_time()

    def reload(self):
        before = self.daemon_.program.output().count("is in force")
        self.daemon_.write_config()
        self.daemon_.program.signal(signal.SIGHUP)
        wait_until(lambda: self.daemon_.program.output().count("is in force") > before, 20, "it is reloaded")

    def test_in_the_middle_of_a_delivery(self):
        self.holds = True
        self.start(self.daemon_)
        self.gateway_.make("t", duration="1ms")
        self.daemon_.control.register("t")
        wait_until(lambda: self.receiver_.working.count, 30, "the receiver holds a webhook")
        self.stops_in_time()
        self.goes_on(["t"])

    def test_in_the_middle_of_much(self):
        self.start(self.daemon_)
        tasks = [f"t{number}" for number in range(60)]
        for number, task in enumerate(tasks):
            self.gateway_.make(task, duration=f"{20 * number}ms")
            self.daemon_.control.register(task)
        for _ in range(2):
            time.sleep(0.3)  # it is at different things each time
            self.stops_in_time()
            self.start(self.daemon_)
        self.stops_in_time()
        self.goes_on(tasks)

    def test_reloads_under_load_drop_no_connection_and_no_task(self):
        self.start(self.daemon_)
        done, failures, tasks = threading.Event(), [], []

        def apply_load(name):
            """One connection for all of its calls: that it is dropped would show."""
            connection = UnixConnection(self.daemon_.socket, 60)
            connection.connect()
            connection.auto_open = False
            number = 0
            try:
                while not done.is_set() and number < 40:
                    task = f"{name}-{number}"
                    self.gateway_.make(task, duration="1ms")
                    connection.request("PUT", "/v1/tasks/" + task, "{}", {"content-type": "application/json"})
                    answer = connection.getresponse()
                    body = answer.read()
                    if answer.status != 201:
                        failures.append((task, answer.status, body))
                    tasks.append(task)
                    connection.request("GET", f"/v1/tasks/{task}?wait=60s")
                    ended = json.loads(connection.getresponse().read())
                    if ended.get("ending") != "succeeded":
                        failures.append((task, ended))
                    number += 1
            except Exception as error:  # told by the main thread
                failures.append((name, repr(error)))
            finally:
                connection.close()

        stream = UnixConnection(self.daemon_.socket, 60)
        stream.request("GET", "/v1/events?type=task.succeeded", headers={"accept": "application/x-ndjson"})
        events = stream.getresponse()
        load = [threading.Thread(target=apply_load, args=(f"load{number}",)) for number in range(3)]
        for thread in load:
            thread.start()
        for turn in range(6):
            self.daemon_.config["gateways"]["gw"].update(max_in_flight=2 + turn % 3, batch=10 + turn)
            self.daemon_.config["webhooks"]["endpoints"]["app"]["max_in_flight"] = 1 + turn
            self.daemon_.config["log"]["level"] = ("info", "debug")[turn % 2]
            self.reload()
            known = len(tasks)
            wait_until(lambda: len(tasks) > known or not any(thread.is_alive() for thread in load), 30, "it goes on")
        done.set()
        for thread in load:
            thread.join(60)
        self.assertEqual(failures, [])
        wait_until(lambda: not self.daemon_.control.deliveries("?state=pending"), 30, "all is delivered")
        self.assertEqual({arrival.json()["data"]["id"] for arrival in self.receiver_.taken()}, set(tasks))
        self.assertNotIn("not saved yet", self.daemon_.program.output(), "no reload harmed a picture on its way")
        seen = set()
        while len(seen) < len(tasks):
            line = events.readline()
            self.assertTrue(line, "the stream ended")
            if line.strip():  # else a sign of life, where nothing happens for a while
                seen.add(json.loads(line)["data"]["id"])
        self.assertEqual(seen, set(tasks), "the stream lived through all of it")
        stream.close()
        self.assertEqual(self.daemon_.stop()[0], 0)


if __name__ == "__main__":
    main()
