"""Receivers as they really are: slow, dead, moved, gone for good. What is theirs waits for them, and for nobody else."""

import threading
import time

from rig.case import Case, main
from rig.daemon import write_private
from rig.program import wait_until
from rig.receiver import new_secret, verify
from rig.store import sql


class DeliveryTest(Case):
    def setUp(self):
        super().setUp()
        self.gateway_ = self.gateway("--picture", "none")
        self.daemon_ = self.daemon(self.gateway_)
        self.replies = {}  # path -> what it answers
        self.receiver_ = self.receiver("/a", "/b", "/c", decide=lambda arrival: self.reply(arrival))
        self.let_go = threading.Event()
        self.addCleanup(self.let_go.set)

    def reply(self, arrival):
        reply = self.replies.get(arrival.path, 204)
        return reply(arrival) if callable(reply) else reply

    def endpoint(self, name, **more):
        self.daemon_.add_endpoint(name, f"{self.receiver_.url}/{name}", self.receiver_.secrets["/" + name][0], **more)

    def end_task(self, task, body=None, ending="SUCCESS"):
        self.gateway_.make(task, ending=ending, duration="1ms")
        answer = self.daemon_.control.register(task, {"save": "none", **(body or {})})
        self.assertEqual(answer.status, 201, answer)
        self.daemon_.control.need("POST", f"/v1/tasks/{task}/refresh")
        wait_until(lambda: self.daemon_.control.task(task)["ending"], 20, f"{task} ends")

    def deliveries(self, state, count=1):
        return wait_until(lambda: len(rows := self.daemon_.control.deliveries(f"?state={state}")) == count and rows, 20,
                          f"{count} {state}")

    def test_one_receiver_that_hangs_delays_no_other(self):
        self.replies["/a"] = lambda arrival: self.let_go.wait(60) and 204
        self.endpoint("a", timeout="30s")
        self.endpoint("b")
        self.start(self.daemon_)
        for number in range(30):  # more than the eight that may be under way to one
            self.end_task(f"t{number}")
        wait_until(lambda: len(self.receiver_.taken("/b")) == 30, 20, "the other got all of its own")
        self.assertLessEqual(len(self.receiver_.taken("/a")), 8)
        self.assertEqual(self.daemon_.control.get("/healthz").status, 200)
        self.let_go.set()
        wait_until(lambda: len(self.receiver_.taken("/a")) == 30, 20, "the slow one gets all in the end")

    def test_failures_are_tried_again_until_the_ladder_ends_and_a_replay_begins_anew(self):
        self.replies["/a"] = 500
        self.endpoint("a")
        self.daemon_.config["webhooks"]["retry"] = ["50ms", "50ms", "50ms"]
        self.start(self.daemon_)
        self.end_task("t")
        [dead] = self.deliveries("dead")
        self.assertEqual(len(self.receiver_.taken("/a")), 4)
        self.assertTrue(dead["reason"])
        whole = self.daemon_.control.need("GET", f"/v1/deliveries/{dead['id']}")
        self.assertEqual([attempt["http_status"] for attempt in whole["attempts"]], [500] * 4)
        self.replies["/a"] = 204
        self.daemon_.control.need("POST", f"/v1/deliveries/{dead['id']}/replay")
        self.deliveries("delivered")
        self.assertEqual(len({(arrival.webhook_id, arrival.body) for arrival in self.receiver_.taken("/a")}), 1)

    def test_410_disables_the_receiver_holds_what_is_its_own_and_lasts_over_a_restart(self):
        self.replies["/a"] = 410
        self.endpoint("a")
        self.endpoint("b")
        self.daemon_.config["log"]["format"] = "json"
        self.start(self.daemon_)
        self.end_task("t1")
        self.deliveries("held")
        [line] = [line for line in self.daemon_.log_lines() if "disabled" in line["message"]]
        self.assertEqual((line["level"], line.get("endpoint")), ("warn", "a"), line)
        self.end_task("t2")
        self.deliveries("held", 2)
        self.daemon_.kill()
        self.start(self.daemon_)
        self.end_task("t3")
        self.deliveries("held", 3)
        states = {row["name"]: row["state"] for row in self.daemon_.control.need("GET", "/v1/endpoints")["endpoints"]}
        self.assertEqual(states, {"a": "disabled", "b": "up"})
        self.assertEqual(len(self.receiver_.taken("/a")), 1)
        # What it answered right before the kill may not be on record, and then comes again under its id.
        wait_until(lambda: len({arrival.webhook_id for arrival in self.receiver_.taken("/b")}) == 3, 20,
                   "the other got its own")
        self.replies["/a"] = 204
        self.daemon_.control.need("POST", "/v1/endpoints/a/enable", {})
        wait_until(lambda: len(self.receiver_.taken("/a")) == 4, 20, "what was held is sent")
        self.assertEqual(self.daemon_.control.deliveries("?state=held"), [])

    def test_how_long_a_receiver_has_been_failing_outlives_a_restart(self):
        self.replies["/a"] = 500
        self.endpoint("a")
        self.daemon_.config["webhooks"]["retry"] = ["20ms"] * 9 + ["200ms"] * 60
        self.start(self.daemon_)
        self.end_task("t")
        wait_until(lambda: self.on_record("a"), 30, "it is put on record")
        self.assertEqual(self.daemon_.stop()[0], 0)
        sql(self.daemon_, "UPDATE receivers SET failing_since = failing_since - 121 * 3600000 WHERE name = 'a'")
        self.start(self.daemon_)
        [held] = self.deliveries("held")
        self.assertIn("120 h", held["reason"])
        [endpoint] = self.daemon_.control.need("GET", "/v1/endpoints")["endpoints"]
        self.assertEqual(endpoint["state"], "disabled")
        self.replies["/a"] = 204
        self.daemon_.control.need("POST", "/v1/endpoints/a/enable", {})
        self.deliveries("delivered")
        self.assertEqual(self.on_record("a"), "")

    def on_record(self, endpoint):
        """Since when the store says that it fails."""
        rows = sql(self.daemon_, f"SELECT failing_since FROM receivers WHERE name = '{endpoint}'")
        return rows[0][0] if rows else ""  # psql prints no line for a row with nothing in it

    def test_retry_after_is_kept(self):
        self.replies["/a"] = lambda _: (500, {"retry-after": "2"}) if len(self.receiver_.taken("/a")) == 1 else 204
        self.endpoint("a")
        self.start(self.daemon_)
        self.end_task("t")
        wait_until(lambda: len(self.receiver_.taken("/a")) == 2, 20, "it comes again")
        first, second = self.receiver_.taken("/a")
        self.assertGreaterEqual(second.at - first.at, 1.95)

    def test_a_redirect_is_a_failure_and_is_not_followed(self):
        self.replies["/a"] = (307, {"location": self.receiver_.url + "/b"})
        self.endpoint("a")
        self.start(self.daemon_)
        self.end_task("t")
        wait_until(lambda: len(self.receiver_.taken("/a")) >= 2, 20, "it is tried again")
        self.assertEqual(self.receiver_.taken("/b"), [])
        [row] = self.daemon_.control.deliveries()
        attempts = self.daemon_.control.need("GET", f"/v1/deliveries/{row['id']}")["attempts"]
        self.assertIn("/b", attempts[0]["detail"])

    def test_a_receiver_that_breaks_down_is_left_alone_then_probed(self):
        self.replies["/a"] = 500
        self.endpoint("a")
        self.daemon_.config["webhooks"]["retry"] = ["20ms"] * 50
        self.start(self.daemon_)
        self.end_task("t")
        wait_until(lambda: len(self.receiver_.taken("/a")) >= 10, 20, "ten failures in a row")
        states = self.daemon_.control.need("GET", "/v1/endpoints")["endpoints"]
        wait_until(lambda: self.daemon_.control.need("GET", "/v1/endpoints")["endpoints"][0]["breaker"] != "closed", 10,
                   f"the breaker opens: {states}")
        self.assertLessEqual(len(self.receiver_.taken("/a")), 11)

    def test_during_a_rotation_both_secrets_sign(self):
        old, new = new_secret(self.random), new_secret(self.random)
        self.secrets |= {old, new}
        self.endpoint("a")
        write_private(self.folder / "new.secret", new)
        write_private(self.folder / "old.secret", old)
        self.daemon_.config["webhooks"]["endpoints"]["a"]["secret_file"] = ["new.secret", "old.secret"]
        self.start(self.daemon_)
        self.end_task("t")
        wait_until(lambda: self.receiver_.taken("/a"), 20, "it came")
        arrival = self.receiver_.taken("/a")[0]
        self.assertEqual(len(arrival.headers["webhook-signature"].split()), 2)
        for secret in (old, new):
            self.assertTrue(verify([secret], arrival.headers, arrival.body))
        current = {**arrival.headers, "webhook-signature": arrival.headers["webhook-signature"].split()[0]}
        self.assertTrue(verify([new], {key.lower(): value for key, value in current.items()}, arrival.body))

    def test_a_notify_hook_gets_the_gateways_object_alone(self):
        self.daemon_.config["webhooks"]["endpoints"]["a"] = {"url": self.receiver_.url + "/a", "format": "notify-hook"}
        self.daemon_.config["webhooks"]["default"] = ["a"]
        self.start(self.daemon_)
        self.end_task("t")
        wait_until(lambda: self.receiver_.taken("/a"), 20, "it came")
        [arrival] = self.receiver_.taken("/a")
        self.assertEqual(arrival.json(), self.daemon_.control.task("t")["task"])
        self.assertNotIn("webhook-signature", arrival.headers)

    def test_a_receiver_that_comes_late_gets_the_end(self):
        self.daemon_.config["webhooks"]["allow"] = ["127.0.0.0/8"]
        self.endpoint("a", default=False)
        self.start(self.daemon_)
        self.end_task("t")
        self.assertEqual(self.daemon_.control.deliveries(), [])
        answer = self.daemon_.control.call("POST", "/v1/tasks/t/webhooks", {
            "url": self.receiver_.url + "/c", "secret": self.receiver_.secrets["/c"][0]})
        self.assertIn(answer.status, (200, 201, 202), answer)
        wait_until(lambda: self.receiver_.taken("/c"), 20, "it came")
        [arrival] = self.receiver_.taken("/c")
        self.assertTrue(arrival.verified)
        self.assertEqual(arrival.json()["type"], "task.succeeded")

    def test_a_url_into_the_own_network_is_refused_unless_it_is_allowed(self):
        self.endpoint("a", default=False)
        self.start(self.daemon_)
        for url in (self.receiver_.url + "/c", "https://127.0.0.1:1/", "https://localhost:1/", "http://10.0.0.1/",
                    "https://[::1]:1/", "https://169.254.169.254/latest", "https://user:pw@example.com/"):
            answer = self.daemon_.control.register("u", {"webhooks": [{"url": url, "secret": self.receiver_.secrets["/c"][0]}]})
            if answer.status == 201:  # a name: judged when it is connected to
                self.assertEqual(url, "https://localhost:1/")
                self.daemon_.control.call("DELETE", "/v1/tasks/u")
                continue
            self.assertEqual(answer.status, 400, (url, answer))
            self.assert_no_secret(answer.body.decode(), *self.receiver_.secrets["/c"])
        self.assertEqual(self.receiver_.taken(), [])

    def test_a_removed_endpoint_holds_what_is_its_own(self):
        self.replies["/a"] = 500
        self.endpoint("a")
        self.endpoint("b")
        self.daemon_.config["webhooks"]["retry"] = ["1h"]
        self.start(self.daemon_)
        self.end_task("t")
        wait_until(lambda: self.receiver_.taken("/a"), 20, "it was tried")
        self.assertEqual(self.daemon_.stop()[0], 0)
        kept = self.daemon_.config["webhooks"]["endpoints"].pop("a")
        self.daemon_.config["webhooks"]["default"] = ["b"]
        self.start(self.daemon_)
        self.deliveries("held")
        self.assertEqual(self.daemon_.stop()[0], 0)
        self.daemon_.config["webhooks"]["endpoints"]["a"] = kept
        self.replies["/a"] = 204
        self.start(self.daemon_)
        self.daemon_.control.need("POST", "/v1/endpoints/a/enable", {})
        wait_until(lambda: len(self.receiver_.taken("/a")) >= 2, 20, "it is sent after all")

    def test_what_was_registered_without_webhooks_sends_none(self):
        self.endpoint("a")
        self.start(self.daemon_)
        self.end_task("quiet", {"webhooks": []})
        self.end_task("choosy", {"events": ["task.failed"]})
        self.end_task("loud")
        wait_until(lambda: self.receiver_.taken("/a"), 20, "one came")
        self.assertEqual([row["task"] for row in self.daemon_.control.deliveries()], ["loud"])

    def test_a_webhook_a_second_is_what_max_per_second_says(self):
        self.endpoint("a", max_per_second=5)
        self.start(self.daemon_)
        for _ in range(8):
            self.daemon_.control.need("POST", "/v1/endpoints/a/test", {})
        begin = time.monotonic()
        wait_until(lambda: len(self.receiver_.taken("/a")) == 8, 20, "all came")
        arrivals = [arrival.at for arrival in self.receiver_.taken("/a")]
        self.assertGreaterEqual(arrivals[-1] - arrivals[0], 0.35, "a burst of five, then one each fifth of a second")
        self.assertLess(time.monotonic() - begin, 10)


if __name__ == "__main__":
    main()
