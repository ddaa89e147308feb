"""The pictures' disk is full, nearly full or read-only: saving pauses and says so, polling goes on, and saving goes on
by itself when the disk takes pictures again."""

import hashlib
from pathlib import Path

from rig import pictures
from rig.case import Case, main
from rig.picture_server import PictureServer
from rig.program import run, wait_until
from rig.small_disk import SmallDisk, become_able_to_mount

PICTURE = pictures.make_png(5 << 20)


class DiskTest(Case):
    def prepare(self, mib, **images):
        self.gateway_ = self.gateway("--picture", "png")
        self.server = PictureServer(self.answer)
        self.addCleanup(self.server.close)
        self.receiver_ = self.receiver("/app")
        self.daemon_ = self.daemon(self.gateway_)
        self.daemon_.add_endpoint("app", self.receiver_.url + "/app", self.receiver_.secrets["/app"][0])
        self.server.serve(self.daemon_, self.gateway_)
        self.disk = SmallDisk(self.daemon_.pictures, mib)
        self.addCleanup(self.disk.close)
        self.daemon_.config["images"].update(keep_free="1KiB", **images)

    def answer(self, handler):
        handler.send(PICTURE, Content_Type="image/png")

    def without_telling_its_size(self, handler):
        handler.begin(Content_Type="image/png")
        for at in range(0, len(PICTURE), 1 << 18):
            handler.wfile.write(PICTURE[at:at + (1 << 18)])

    def add(self, task, **wish):
        self.gateway_.make(task, **{"duration": "1ms", **wish})
        self.assertEqual(self.daemon_.control.register(task).status, 201)
        self.daemon_.control.need("POST", f"/v1/tasks/{task}/refresh")

    def trouble(self):
        troubles = self.daemon_.control.need("GET", "/v1/status")["troubles"]
        return [trouble["text"] for trouble in troubles if trouble["part"] == "pictures"]

    def told(self):
        return [arrival.json() for arrival in self.receiver_.taken("/app")]

    def polls(self):
        stats = self.gateway_.stats()
        return stats.get("list", 0) + stats.get("fetch", 0)

    def assert_paused(self, why):
        wait_until(self.trouble, 30, "the pause is told")
        [text] = self.trouble()
        self.assertIn("saving is paused", text)
        self.assertIn(why, text)
        self.assertIn(why, run(["mjwatch", "--socket", self.daemon_.socket, "status"]).stdout)
        self.assertEqual(self.daemon_.control.get("/readyz").status, 503)
        self.assertEqual(self.daemon_.control.get("/healthz").status, 200)
        before = self.polls()
        self.add("other", ending="NEVER")
        wait_until(lambda: self.polls() > before + 2, 30, "polling goes on")

    def files(self):
        return [path for path in self.daemon_.pictures.rglob("*") if path.is_file() and path.name != "filler"]

    def assert_saved(self, task="t"):
        """Success is told once, with the whole picture."""
        wait_until(self.told, 60, "success is told")
        [event] = self.told()
        self.assertEqual((event["type"], event["data"]["id"]), ("task.succeeded", task))
        self.assertIsNone(event["data"]["image_error"])
        [image] = event["data"]["images"]
        self.assertEqual(image["sha256"], hashlib.sha256(PICTURE).hexdigest())
        self.assertEqual(Path(image["path"]).read_bytes(), PICTURE)
        wait_until(lambda: len(self.files()) == 1, 20, "nothing else is left in the folder")
        self.assertEqual(self.trouble(), [])
        self.assertIn("can be saved again", self.daemon_.program.output())

    def test_a_disk_that_is_full_in_the_middle_of_a_picture(self):
        self.prepare(24)
        self.server.answer = self.without_telling_its_size
        self.start(self.daemon_)
        self.disk.leave(3)
        self.add("t")
        wait_until(lambda: "No space left on device" in self.daemon_.program.output(), 30, "a write failed")
        self.assert_paused("too little free space")
        self.assertEqual(self.files(), [])
        self.disk.change("size=64m")
        self.assert_saved()

    def test_a_disk_with_less_than_is_to_be_kept_free(self):
        self.prepare(40)
        self.daemon_.config["images"]["keep_free"] = "16MiB"
        self.start(self.daemon_)
        self.disk.leave(18)
        self.add("t")
        self.assert_paused("too little free space")
        self.assertEqual(self.files(), [])
        self.disk.make_room()
        self.assert_saved()

    def test_a_disk_that_becomes_read_only(self):
        self.prepare(40)
        self.start(self.daemon_)
        self.disk.change("ro")
        self.add("t")
        self.assert_paused("Read-only file system")
        self.disk.change("rw")
        self.assert_saved()

    def test_what_was_told_without_its_picture_is_told_again_with_it(self):
        self.prepare(40, give_up="1s")
        self.start(self.daemon_)
        self.disk.leave(0)
        self.add("t")
        wait_until(self.told, 30, "success is told without the picture")
        [event] = self.told()
        self.assertEqual(event["data"]["images"], [])
        self.assertIn("free space", event["data"]["image_error"])
        self.disk.make_room()
        wait_until(lambda: len(self.told()) == 2, 60, "the picture is told")
        event = self.told()[1]
        self.assertEqual((event["type"], event["data"]["image_error"]), ("task.images", None))
        self.assertEqual(Path(event["data"]["images"][0]["path"]).read_bytes(), PICTURE)


if __name__ == "__main__":
    become_able_to_mount()
    main()
