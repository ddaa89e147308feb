"""Pictures and live views: what is saved, how it is served, and what is said when it can't be had."""

import hashlib
import json
import threading
import time
from pathlib import Path

from rig.case import Case, main, of_sqlite
from rig.control import UnixConnection
from rig.picture_server import PictureServer
from rig.program import wait_until


class PicturesTest(Case):
    def setUp(self):
        super().setUp()
        self.gateway_ = self.gateway("--picture", "png", "--picture-size", "30KB")
        self.receiver_ = self.receiver("/app")
        self.daemon_ = self.daemon(self.gateway_)
        self.daemon_.add_endpoint("app", self.receiver_.url + "/app", self.receiver_.secrets["/app"][0])

    def add(self, task, body=None, **wish):
        self.gateway_.make(task, **{"duration": "1ms", **wish})
        self.assertEqual(self.daemon_.control.register(task, body).status, 201)
        self.daemon_.control.need("POST", f"/v1/tasks/{task}/refresh")

    def ended(self, task):
        return wait_until(lambda: (view := self.daemon_.control.task(task))["ending"] and view, 30, f"{task} ends")

    def types(self):
        return [arrival.json()["type"] for arrival in self.receiver_.taken("/app")]

    def test_a_picture_is_served_with_its_type_its_mark_and_in_parts(self):
        self.start(self.daemon_)
        self.add("t")
        [image] = self.ended("t")["images"]
        whole = self.daemon_.control.get("/v1/tasks/t/image")
        self.assertEqual(whole.status, 200)
        self.assertEqual(whole.headers["content-type"], "image/png")
        self.assertEqual(hashlib.sha256(whole.body).hexdigest(), image["sha256"])
        self.assertEqual(self.daemon_.control.get("/v1/tasks/t/images/0").body, whole.body)
        again = self.daemon_.control.call("GET", "/v1/tasks/t/image", headers={"If-None-Match": whole.headers["etag"]})
        self.assertEqual((again.status, again.body), (304, b""))
        part = self.daemon_.control.call("GET", "/v1/tasks/t/image", headers={"Range": "bytes=100-199"})
        self.assertEqual((part.status, part.body), (206, whole.body[100:200]))
        self.assertEqual(part.headers["content-range"], f"bytes 100-199/{len(whole.body)}")
        beyond = self.daemon_.control.call("GET", "/v1/tasks/t/image", headers={"Range": "bytes=99999999-"})
        self.assertEqual(beyond.status, 416)
        self.assertEqual(self.daemon_.control.get("/v1/tasks/t/images/7").status, 404)
        head = self.daemon_.control.call("HEAD", "/v1/tasks/t/image")
        self.assertEqual((head.status, head.body, int(head.headers["content-length"])), (200, b"", len(whole.body)))

    def test_a_picture_that_someone_replaced_or_removed_is_not_served_as_ours(self):
        self.start(self.daemon_)
        self.add("t")
        [image] = self.ended("t")["images"]
        (self.folder / "private").write_text("not for apps")
        path = self.daemon_.pictures / "gw" / "t.png"
        self.assertEqual(str(path), image["path"])
        path.unlink()
        self.assertIn(self.daemon_.control.get("/v1/tasks/t/image").status, (404, 410))
        path.symlink_to(self.folder / "private")
        self.assertNotIn(b"not for apps", self.daemon_.control.get("/v1/tasks/t/image").body)

    def test_without_its_picture_in_time_success_is_told_and_the_picture_follows(self):
        self.daemon_.config["images"]["give_up"] = "2s"
        self.gateway_.misbehave("cut")
        self.start(self.daemon_)
        self.add("t")
        view = self.ended("t")
        self.assertEqual((view["ending"], view["images"]), ("succeeded", []))
        self.assertTrue(view["image_error"])
        wait_until(lambda: self.types() == ["task.succeeded"], 20, "success is told")
        self.assertTrue(self.receiver_.taken("/app")[0].json()["data"]["image_error"])
        self.assertEqual([path for path in self.daemon_.pictures.rglob("*.png") if not path.name.startswith(".")], [])
        self.gateway_.misbehave("")
        self.daemon_.control.need("POST", "/v1/tasks/t/refresh")
        wait_until(lambda: self.types() == ["task.succeeded", "task.images"], 20, "the picture is told later")
        self.assertEqual(len(self.daemon_.control.task("t")["images"]), 1)
        self.assertIsNone(self.daemon_.control.task("t")["image_error"])

    def test_a_crash_between_success_and_picture_tells_success_once(self):
        self.daemon_.config["images"]["give_up"] = "60s"
        self.gateway_.misbehave("cut")
        self.start(self.daemon_)
        self.add("t")
        wait_until(lambda: self.daemon_.control.task("t")["phase"] == "saving", 20, "it is saving")
        self.daemon_.kill()
        self.gateway_.misbehave("")
        self.start(self.daemon_)
        self.assertIsNone(self.ended("t")["image_error"])
        wait_until(self.types, 20, "it is told")
        self.assertEqual(self.types(), ["task.succeeded"])

    def test_little_space_pauses_saving_and_says_so(self):
        self.daemon_.config["images"].update(keep_free="1000TiB", give_up="2s")
        self.start(self.daemon_)
        self.add("t")
        view = self.ended("t")
        self.assertIn("free", view["image_error"])
        parts = {trouble["part"] for trouble in self.daemon_.control.need("GET", "/v1/status")["troubles"]}
        self.assertIn("pictures", parts)
        self.assertEqual(self.daemon_.control.get("/healthz").status, 200)
        self.assertEqual(self.daemon_.control.get("/readyz").status, 503)

    def prune_after(self, prune):
        """Saves three pictures, one of which is then replaced; answers what the next start leaves of them."""
        self.daemon_.config["images"]["prune"] = prune
        self.start(self.daemon_)
        for task in ("a", "b", "c"):
            self.add(task)
        paths = {task: Path(self.ended(task)["images"][0]["path"]) for task in ("a", "b", "c")}
        self.daemon_.program.stop()
        paths["b"].write_bytes(b"somebody's own")
        (paths["a"].parent / "mine.png").write_bytes(b"not the daemon's")
        self.daemon_.config["watch"]["retain"] = "1s"
        time.sleep(1.1)
        self.start(self.daemon_)
        wait_until(lambda: self.daemon_.control.get("/v1/tasks").json()["tasks"] == [], 30, "the tasks have gone")
        return {path.name for path in self.daemon_.pictures.rglob("*") if path.is_file()}

    def test_pictures_go_with_their_tasks_when_that_is_wanted_and_others_files_stay(self):
        self.assertEqual(self.prune_after(True), {"b.png", "mine.png"})

    def test_pictures_outlive_their_tasks_by_default(self):
        self.assertEqual(self.prune_after(False), {"a.png", "b.png", "c.png", "mine.png"})

    @of_sqlite("watch.store_max_size")
    def test_pictures_of_tasks_that_go_early_for_want_of_room_go_with_them(self):
        self.daemon_.config["images"]["prune"] = True
        self.daemon_.config["watch"]["store_max_size"] = "2MiB"
        self.start(self.daemon_)
        fat = "x" * 16_000
        for number in range(120):
            self.add(f"t{number}", {"metadata": {"fat": fat}})

        def left():
            return {task["id"] for task in self.daemon_.control.tasks() if task["phase"] == "done"}

        wait_until(lambda: self.pictures_ == left() if self.see() else False, 120, "pictures and tasks are the same")
        self.assertLess(len(self.pictures_), 100)
        self.assertIn("t119", self.pictures_)

    def see(self):
        """Which pictures are there once all tasks have ended."""
        self.pictures_ = {path.stem for path in self.daemon_.pictures.rglob("*.png")}
        return all(task["phase"] == "done" for task in self.daemon_.control.tasks())

    def links_lead_to(self, answer):
        server = PictureServer(answer)
        self.addCleanup(server.close)
        server.serve(self.daemon_, self.gateway_)
        return server

    def test_a_page_served_as_a_picture_is_told_by_its_first_line_and_another_way_is_taken(self):
        self.links_lead_to(lambda handler: handler.send(b"<html><title>Busy</title>\n<p>Secrets below", Content_Type="image/png"))
        self.start(self.daemon_)
        self.add("t")
        [image] = self.ended("t")["images"]
        self.assertEqual(image["url"], self.gateway_.url + "/mj/image/t")
        log = self.daemon_.program.output()
        self.assertIn("not a picture but an HTML page: <html><title>Busy</title>", log)
        self.assertNotIn("Secrets below", log)

    def test_an_error_object_served_as_a_picture_is_told_by_its_first_line(self):
        self.gateway_.misbehave("cut")  # the gateway's own way does not help
        self.daemon_.config["images"]["give_up"] = "1s"
        self.links_lead_to(lambda handler: handler.send(b'{"code":5,"description":"no capacity"}', Content_Type="image/png"))
        self.start(self.daemon_)
        self.add("t")
        self.assertIn('JSON: {"code":5,"description":"no capacity"}', self.ended("t")["image_error"])
        self.assertIn('JSON: {"code":5,"description":"no capacity"}', self.daemon_.program.output())

    def test_a_link_that_has_expired_and_a_gateway_without_the_picture_are_told_at_once(self):
        self.daemon_.config["images"]["give_up"] = "2h"
        self.daemon_.config["gateways"]["gw"]["url"] = self.links_lead_to_a_gateway_without_pictures()
        self.gateway_.misbehave("expired")
        self.start(self.daemon_)
        self.add("t")
        view = self.ended("t")
        self.assertEqual((view["ending"], view["images"]), ("succeeded", []))
        self.assertIn("answered 404", view["image_error"])
        wait_until(self.types, 20, "it is told")
        self.assertEqual(self.types(), ["task.succeeded"])

    def links_lead_to_a_gateway_without_pictures(self):
        def pass_on(handler):
            if "/image/" in handler.path or "/cdn/" in handler.path:
                return handler.send_error(404)
            length = int(handler.headers.get("content-length", 0))
            kept = {name: handler.headers[name] for name in ("authorization", "content-type") if name in handler.headers}
            status, body = self.gateway_.call(handler.command, handler.path, handler.rfile.read(length), kept)
            handler.begin(status, Content_Type="application/json", Content_Length=len(body))
            handler.wfile.write(body)

        server = PictureServer(pass_on)
        self.addCleanup(server.close)
        self.daemon_.config["gateways"]["gw"]["rewrite_urls"] = {self.gateway_.url: server.url}
        return server.url

    def test_what_is_saved_is_said_by_the_configuration_and_by_each_registration(self):
        self.daemon_.config["images"]["save"] = "none"
        self.start(self.daemon_)
        for task, save, action in (("t", None, "IMAGINE"), ("i", "image", "IMAGINE"), ("a", "all", "VIDEO"), ("v", "video", "VIDEO")):
            self.add(task, {"save": save} if save else {}, action=action)
        kinds = {task: sorted(image["content_type"] for image in self.ended(task)["images"]) for task in "tiav"}
        self.assertEqual(kinds["t"], [])
        self.assertEqual(kinds["i"], ["image/png"])
        self.assertEqual(kinds["v"], ["video/mp4"])
        self.assertIn("video/mp4", kinds["a"])
        self.assertIn("image/jpeg", kinds["a"])

    def test_the_seed_comes_along_when_it_is_wanted(self):
        self.daemon_.config["images"]["seed"] = True
        self.start(self.daemon_)
        self.add("t", seed="1234567890")
        self.assertEqual(self.ended("t")["seed"], "1234567890")
        wait_until(self.types, 20, "it is told")
        self.assertEqual(self.receiver_.taken("/app")[0].json()["data"]["seed"], "1234567890")

    def test_a_client_that_waits_is_answered_when_the_task_ends(self):
        self.start(self.daemon_)
        self.add("t", duration="1s")
        answers = []
        waiting = [threading.Thread(target=lambda: answers.append(self.daemon_.control.get("/v1/tasks/t?wait=30s").json()))
                   for _ in range(20)]
        for thread in waiting:
            thread.start()
        for thread in waiting:
            thread.join(30)
        self.assertEqual([answer["ending"] for answer in answers], ["succeeded"] * 20)
        self.assertTrue(all(answer["images"] for answer in answers), "ended means: with its picture")
        early = self.daemon_.control.need("GET", "/v1/tasks/t?wait=30s")
        self.assertEqual(early["ending"], "succeeded")

    def test_an_event_stream_goes_on_after_a_crash_where_it_was(self):
        self.start(self.daemon_)
        self.add("before")
        self.ended("before")
        self.add("failed", ending="FAILURE")
        self.ended("failed")
        seen = self.stream(2, last="0")
        self.assertEqual([event["data"]["id"] for event in seen][-1], "failed")
        self.daemon_.kill()
        self.start(self.daemon_)
        self.add("after", ending="CANCEL")
        self.ended("after")
        more = self.stream(1, last=str(seen[-1]["id"]))
        self.assertEqual([(event["type"], event["data"]["id"]) for event in more], [("task.cancelled", "after")])
        self.assertGreater(more[0]["id"], seen[-1]["id"])
        self.assertEqual(self.stream(1, last="0", query="?type=task.failed&task=failed")[0]["type"], "task.failed")

    def stream(self, count, last, query=""):
        connection = UnixConnection(self.daemon_.socket, 20)
        connection.request("GET", "/v1/events" + query, headers={"Accept": "application/x-ndjson", "Last-Event-ID": last})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        events = []
        while len(events) < count:
            line = answer.readline()
            self.assertTrue(line, "the stream ended")
            if line.strip():
                events.append(json.loads(line))
        connection.close()
        return events


if __name__ == "__main__":
    main()
