"""Gateways as they really are: whatever goes wrong there, no task is failed for it, and all end as they should."""

import signal
import time

from rig.case import Case, main
from rig.daemon import write_private
from rig.program import wait_until


class GatewayTest(Case):
    def setUp(self):
        super().setUp()
        self.gateway_ = self.gateway("--picture", "png", "--picture-size", "10KB")
        self.daemon_ = self.daemon(self.gateway_)
        self.daemon_.config["gateways"]["gw"]["timeout"] = "1s"
        self.daemon_.config["watch"]["missing_grace"] = "1s"

    def run_through(self, vices, count=10):
        """Tasks that begin while the gateway misbehaves, and end though it goes on."""
        self.gateway_.misbehave(vices)
        self.start(self.daemon_)
        endings = ["SUCCESS", "SUCCESS", "FAILURE", "SUCCESS", "CANCEL"]
        for number in range(count):
            self.gateway_.make(f"{900 + number}", ending=endings[number % 5], duration="700ms")
            self.assertEqual(self.daemon_.control.register(f"{900 + number}").status, 201)
        wait_until(self.all_ended, 40, vices)
        words = {"SUCCESS": "succeeded", "FAILURE": "failed", "CANCEL": "cancelled"}
        for number in range(count):
            task = self.daemon_.control.task(f"{900 + number}")
            self.assertEqual(task["ending"], words[endings[number % 5]], task)
            self.assertEqual(len(task["images"]), 1 if task["ending"] == "succeeded" else 0, task)
            self.assertIsNone(task["image_error"])

    def all_ended(self):
        return all(task["phase"] == "done" for task in self.daemon_.control.tasks())

    def state(self):
        [gateway] = self.daemon_.control.need("GET", "/v1/gateways")["gateways"]
        return gateway["state"]

    def test_replies_in_every_shape(self):
        self.run_through("wrapped:0.5,absent:0.3,numbers,seconds,strings,lower,no-progress")

    def test_errors_of_every_kind(self):
        self.run_through("500:0.2,502:0.1,html:0.2,429:0.05")

    def test_a_gateway_without_batches(self):
        self.run_through("nobatch")
        self.assertGreater(self.gateway_.stats().get("fetch", 0), 0)

    def test_a_poison_id_spoils_no_batch(self):
        self.run_through("poison:903")

    def test_calls_that_are_never_answered(self):
        self.run_through("hang:0.2")

    def test_links_that_have_expired_and_a_content_network_that_is_down(self):
        self.run_through("expired")

    def test_links_that_lead_nowhere(self):
        self.run_through("nocdn")

    def test_pictures_that_break_off(self):
        self.run_through("cut:0.5")

    def test_a_modal_task_goes_on_under_its_id(self):
        self.run_through("modal:1s", count=5)

    def test_a_wrong_token_is_said_loudly_ends_nothing_and_is_cured_by_a_reload(self):
        receiver = self.receiver("/app")
        self.daemon_.add_endpoint("app", receiver.url + "/app", receiver.secrets["/app"][0])
        right = self.daemon_.token
        write_private(self.daemon_.folder / "gateway.token", "tok-wrong-0000\n")
        self.secrets.add("tok-wrong-0000")
        self.start(self.daemon_)
        self.gateway_.make("t", duration="1ms")
        self.daemon_.control.register("t")
        wait_until(lambda: self.state() == "refused", 20, "the gateway refuses")
        self.assertRegex(self.daemon_.program.output(), r"(warn|error).*gw.*token")
        troubles = self.daemon_.control.need("GET", "/v1/status")["troubles"]
        self.assertEqual([trouble["part"] for trouble in troubles], ["gateway:gw"])
        self.assertEqual(self.daemon_.control.get("/healthz").status, 200)
        calls = self.gateway_.stats()["unauthorized"]
        time.sleep(1)  # no sleep for luck: it would show a daemon that goes on hammering
        self.assertLessEqual(self.gateway_.stats()["unauthorized"] - calls, 1)
        self.assertEqual(self.daemon_.control.task("t")["phase"], "watching")
        write_private(self.daemon_.folder / "gateway.token", right + "\n")
        self.daemon_.program.signal(signal.SIGHUP)
        wait_until(lambda: receiver.taken("/app"), 20, "the task is asked for again")
        self.assertEqual(receiver.taken("/app")[0].json()["type"], "task.succeeded")

    def test_a_gateway_that_lost_its_memory_loses_nobody_his_tasks(self):
        self.start(self.daemon_)
        for number in range(30):
            self.gateway_.make(f"m{number}", ending="NEVER")
            self.daemon_.control.register(f"m{number}")
        wait_until(lambda: all(task["status"] == "IN_PROGRESS" or task["status"] == "SUBMITTED"
                               for task in self.daemon_.control.tasks()), 20, "all are seen")
        self.gateway_.steer("restart", {"forget": True})
        wait_until(lambda: "no longer knows 30 of 30 tasks" in self.daemon_.program.output(), 20, "it is warned about")
        self.assertEqual({task["phase"] for task in self.daemon_.control.tasks()}, {"watching"})

    def test_a_gateway_that_is_down_for_a_while(self):
        self.start(self.daemon_)
        for number in range(5):
            self.gateway_.make(f"d{number}", duration="200ms")
            self.daemon_.control.register(f"d{number}")
        self.gateway_.steer("restart", {"down": "2s"})
        wait_until(self.all_ended, 40, "all have ended")
        self.assertEqual({task["ending"] for task in self.daemon_.control.tasks()}, {"succeeded"})

    def test_an_id_that_nobody_knows_is_lost_and_one_that_comes_back_is_not(self):
        self.start(self.daemon_)
        self.daemon_.control.register("nobody")
        self.gateway_.make("there", ending="NEVER")
        self.daemon_.control.register("there")
        wait_until(lambda: self.daemon_.control.task("nobody")["ending"] == "lost", 20, "it is lost")
        self.assertEqual(self.daemon_.control.task("there")["phase"], "watching")

    def test_two_gateways_are_two_worlds(self):
        other = self.gateway("--picture", "none", "--auth", "mj-api-secret", "--prefix", "/mj-fast/mj")
        self.daemon_.config["gateways"]["second"] = {"url": other.url, "token_file": "gateway.token", "prefix": "/mj-fast/mj",
                                                     "auth": "mj-api-secret", "call_cost": "100ms"}
        self.start(self.daemon_)
        self.gateway_.make("same", ending="FAILURE", duration="1ms")
        other.make("same", ending="CANCEL", duration="1ms")
        self.assertEqual(self.daemon_.control.register("same").status, 201)
        self.assertEqual(self.daemon_.control.register("same", {"gateway": "second"}).status, 201)
        wait_until(self.all_ended, 20, "both have ended")
        self.assertEqual(self.daemon_.control.task("same")["ending"], "failed")
        self.assertEqual(self.daemon_.control.need("GET", "/v1/tasks/same?gateway=second")["ending"], "cancelled")
        self.assertEqual(other.stats().get("unauthorized", 0), 0)


if __name__ == "__main__":
    main()
