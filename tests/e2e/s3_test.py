"""Pictures in a bucket, against an S3 server that nobody here wrote: npm's s3rver, with signatures checked by aws4."""

import hashlib
import json
import re
import subprocess
import time
from pathlib import Path

from rig import npm
from rig.case import Case, main
from rig.program import clean_environment, run, wait_until
from rig.daemon import write_private

SOURCE = Path(__file__).resolve().parent.parent / "images" / "s3"
PACKAGES = npm.FOLDER.with_name(npm.FOLDER.name + "-s3")
KEY = "S3RVER"  # both keys that s3rver knows, for a test
MIB = 1 << 20


class Bucket:
    def __init__(self, folder, port=0):
        self.log = folder / "s3rver.log"
        self.data = folder / "bucket"
        self.data.mkdir(exist_ok=True)
        told = len(self.log.read_text()) if self.log.exists() else 0
        with open(self.log, "ab") as out:
            command = ["setpriv", "--pdeathsig", "KILL", "--", "node", str(SOURCE / "server.js"), str(self.data), str(port)]
            self.process = subprocess.Popen(command, cwd=PACKAGES, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            env=clean_environment())
        self.url = wait_until(lambda: self.address(told), 30, "s3rver listens: " + self.log.read_text())

    def address(self, told):
        if self.process.poll() is not None:
            raise AssertionError("s3rver ended: " + self.log.read_text())
        found = re.search(r"listening on (\S+)", self.log.read_text()[told:])
        return found and found[1]

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def requests(self, method=None):
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{") and line.endswith("}")]
        return [line for line in lines if method in (None, line["method"])]

    def all_bodies_were_as_signed(self):
        return all(line["hashed"] for line in self.requests())

    def close(self):
        self.process.kill()
        self.process.wait()


class S3Test(Case):
    def prepare(self, *gateway_options, size="30KB"):
        self.bucket = Bucket(self.folder)
        self.addCleanup(lambda: self.bucket.close())
        self.gateway_ = self.gateway("--picture", "png", "--picture-size", size, *gateway_options)
        self.receiver_ = self.receiver("/app")
        self.daemon_ = self.daemon(self.gateway_)
        self.daemon_.add_endpoint("app", self.receiver_.url + "/app", self.receiver_.secrets["/app"][0])
        self.daemon_.config["images"].update(directory="s3://pictures/made by/us", s3={
            "endpoint": self.bucket.url, "access_key_file": "s3.access", "secret_key_file": "s3.secret"})
        write_private(self.folder / "s3.access", KEY + "\n")
        write_private(self.folder / "s3.secret", KEY + "\n")

    def add(self, task, body=None, **wish):
        self.gateway_.make(task, **{"duration": "1ms", **wish})
        self.assertEqual(self.daemon_.control.register(task, body).status, 201)
        self.daemon_.control.need("POST", f"/v1/tasks/{task}/refresh")

    def ended(self, task):
        return wait_until(lambda: (view := self.daemon_.control.task(task))["ending"] and view, 60, f"{task} ends")

    def types(self):
        return [arrival.json()["type"] for arrival in self.receiver_.taken("/app")]

    def on_its_way(self):
        return [path for path in (self.folder / "state" / "on-its-way").rglob("*") if path.is_file()]

    def test_a_picture_goes_into_the_bucket_and_comes_back_through_the_control_api(self):
        self.prepare()
        self.start(self.daemon_)
        self.add("t")
        [image] = self.ended("t")["images"]
        self.assertEqual(image["path"], "s3://pictures/made by/us/gw/t.png")
        wait_until(self.types, 20, "it is told")
        [told] = self.receiver_.taken("/app")[0].json()["data"]["images"]
        self.assertEqual(told, image)
        whole = self.daemon_.control.get("/v1/tasks/t/image")
        self.assertEqual((whole.status, whole.headers["content-type"], len(whole.body)), (200, "image/png", image["bytes"]))
        self.assertEqual(hashlib.sha256(whole.body).hexdigest(), image["sha256"])
        part = self.daemon_.control.call("GET", "/v1/tasks/t/image", headers={"Range": "bytes=100-199"})
        self.assertEqual((part.status, part.body), (206, whole.body[100:200]))
        same = self.daemon_.control.call("GET", "/v1/tasks/t/image", headers={"If-None-Match": whole.headers["etag"]})
        self.assertEqual(same.status, 304)
        out = self.folder / "out.png"
        saved = run(["mjwatch", "--socket", self.daemon_.socket, "save", "t", out])
        self.assertEqual((saved.returncode, out.read_bytes()), (0, whole.body), saved.stderr)
        self.assertEqual(self.on_its_way(), [])

    def test_a_large_picture_is_sent_in_parts_and_is_whole(self):
        self.prepare(size="20MB")
        self.start(self.daemon_)
        self.add("large")
        [image] = self.ended("large")["images"]
        self.assertGreater(image["bytes"], 16 * MIB)
        parts = [line for line in self.bucket.requests("PUT") if "partNumber=" in line["url"]]
        self.assertEqual([line["status"] for line in parts], [200] * -(-image["bytes"] // (8 * MIB)))
        self.assertTrue(self.bucket.all_bodies_were_as_signed())
        whole = self.daemon_.control.get("/v1/tasks/large/image")
        self.assertEqual(hashlib.sha256(whole.body).hexdigest(), image["sha256"])
        self.assertEqual(self.on_its_way(), [])

    def test_what_is_in_the_bucket_already_is_not_sent_again(self):
        self.prepare()
        self.start(self.daemon_)
        self.add("t")
        first = self.ended("t")["images"]
        self.assertEqual(self.daemon_.control.call("DELETE", "/v1/tasks/t").status, 204)
        self.assertEqual(self.daemon_.control.register("t", {}).status, 201)
        self.daemon_.control.need("POST", "/v1/tasks/t/refresh")
        self.assertEqual(self.ended("t")["images"], first)
        self.assertEqual(len(self.bucket.requests("PUT")), 1)

    def test_nothing_is_announced_while_the_store_is_away_and_all_of_it_when_it_is_back(self):
        self.prepare()
        port = self.bucket.port
        self.bucket.close()
        self.start(self.daemon_)
        self.add("t")
        wait_until(lambda: [trouble for trouble in self.daemon_.control.need("GET", "/v1/status")["troubles"]
                            if trouble["part"] == "pictures" and "s3://pictures" in trouble["text"]], 40, "status tells")
        self.assertEqual(self.types(), [])
        self.assertEqual(self.daemon_.control.get("/healthz").status, 200)
        self.bucket = Bucket(self.folder, port)
        self.assertEqual(len(self.ended("t")["images"]), 1)
        wait_until(self.types, 20, "it is told")
        self.assertEqual(self.types(), ["task.succeeded"])

    def test_wrong_keys_are_told_in_the_store_s_words_and_a_reload_mends_them(self):
        self.prepare()
        self.daemon_.config["images"]["give_up"] = "2s"
        write_private(self.folder / "s3.secret", "wrong-secret-0815\n")
        self.secrets.add("wrong-secret-0815")
        self.start(self.daemon_)
        self.add("t")
        self.assertIn("SignatureDoesNotMatch", self.ended("t")["image_error"])
        write_private(self.folder / "s3.secret", KEY + "\n")
        self.daemon_.program.signal(1)
        wait_until(lambda: "was read again" in self.daemon_.program.output(), 20, "it is reloaded")
        self.daemon_.control.need("POST", "/v1/tasks/t/refresh")
        wait_until(lambda: self.types() == ["task.succeeded", "task.images"], 30, "the picture is told later")
        self.assertEqual(len(self.daemon_.control.task("t")["images"]), 1)

    def test_keys_come_from_the_environment_and_missing_ones_are_told_at_the_start(self):
        self.prepare()
        for key in ("access_key_file", "secret_key_file"):
            del self.daemon_.config["images"]["s3"][key]
        self.launch(self.daemon_)
        self.assertNotEqual(self.daemon_.program.wait(20), 0)
        self.assertIn("AWS_ACCESS_KEY_ID is not set", self.daemon_.program.output())
        self.start(self.daemon_, environment={"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": KEY})
        self.add("t")
        self.assertEqual(len(self.ended("t")["images"]), 1)

    def test_pictures_in_the_bucket_go_with_their_tasks_when_that_is_wanted_and_others_objects_stay(self):
        self.prepare()
        self.daemon_.config["images"]["prune"] = True
        self.start(self.daemon_)
        for task in ("a", "b", "c"):
            self.add(task)
        self.assertEqual([len(self.ended(task)["images"]) for task in ("a", "b", "c")], [1, 1, 1])
        self.daemon_.program.stop()
        [theirs] = (path for path in self.bucket.data.rglob("*b.png*metadata*"))
        theirs.write_text(json.dumps({**json.loads(theirs.read_text()), "x-amz-meta-sha256": "0" * 64}))
        self.daemon_.config["watch"]["retain"] = "1s"
        time.sleep(1.1)
        self.start(self.daemon_)
        wait_until(lambda: self.daemon_.control.get("/v1/tasks").json()["tasks"] == [], 30, "the tasks have gone")
        deleted = [(line["status"], line["url"].rsplit("/", 1)[1]) for line in self.bucket.requests("DELETE")]
        self.assertEqual(sorted(deleted), [(204, "a.png"), (204, "c.png")])

    def test_a_daemon_killed_while_it_uploads_leaves_nothing_behind_and_finishes_after_its_start(self):
        self.prepare(size="12MB")
        self.start(self.daemon_)
        for number in range(6):
            self.add(f"t{number}")
        wait_until(lambda: self.bucket.requests("PUT"), 60, "an upload is under way")
        self.daemon_.kill()
        self.start(self.daemon_)
        for number in range(6):
            self.assertEqual(len(self.ended(f"t{number}")["images"]), 1)
        wait_until(lambda: len(self.types()) >= 6, 60, "all are told")
        self.assertEqual(len({arrival.webhook_id for arrival in self.receiver_.taken("/app")}), 6)
        wait_until(lambda: self.on_its_way() == [], 20, "the folder is empty")


if __name__ == "__main__":
    npm.need(SOURCE, PACKAGES)
    main()
