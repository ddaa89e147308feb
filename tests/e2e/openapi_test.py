"""The API's description: a validator of other people takes it, each of its operations answers as it says, and so
did every exchange that the tests before this one recorded (MJWATCHD_EXCHANGES)."""

import http.client
import json
import os
import subprocess
from pathlib import Path

from rig import npm
from rig.case import Case, main
from rig.control import Answer, record
from rig.daemon import write_private
from rig.program import free_port, wait_until

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "tests" / "control" / "npm"
PACKAGES = Path(os.environ.get("MJWATCHD_NPM", "build/release/npm") + "-openapi").resolve()
EXCHANGES = Path(os.environ.setdefault("MJWATCHD_EXCHANGES", str(PACKAGES.parent / "exchanges")))


TOKEN = "page-token-5d1f7a20c3"


class OpenApiTest(Case):
    def ask_everything(self, daemon, gateway, receiver):
        """Each operation, well and badly."""
        control = daemon.control
        gateway.make("pic", duration="1ms")
        gateway.make("bad", ending="FAILURE", duration="1ms")
        own = {"url": receiver.url + "/own", "secret": receiver.secrets["/own"][0], "events": ["task.failed"]}
        for task, body in (("pic", {"metadata": {"order": 1}}), ("pic", {"metadata": {"order": 1}}),
                           ("pic", {"metadata": {"order": 2}}), ("bad", {"webhooks": ["app", own]}), ("bad!", {}),
                           ("typo", {"sve": "all"})):
            control.register(task, body)
        control.call("POST", "/v1/tasks", {"ids": ["a", "b", "not/good"], "save": "none"})
        control.call("POST", "/v1/tasks", '{"id":"c"}\n{"id":7}\nnonsense\n', {"content-type": "application/x-ndjson"})
        control.call("POST", "/v1/tasks", "{")
        for task in ("pic", "bad"):
            self.assertIn(control.get(f"/v1/tasks/{task}?wait=30s").json()["ending"], ("succeeded", "failed"))
        wait_until(lambda: len(control.deliveries("?state=delivered")) >= 3, 30, "webhooks are delivered")
        [first, *_] = control.deliveries()
        gets = ["/v1/tasks", "/v1/tasks?active=true&limit=2", "/v1/tasks?status=SUCCESS", "/v1/tasks?limit=0", "/v1/tasks/a",
                "/v1/tasks/nobody", "/v1/tasks/pic/image", "/v1/tasks/pic/images/0", "/v1/tasks/pic/images/7", "/v1/tasks/pic/images/0/thumbnail", "/v1/tasks/pic/images/7/thumbnail",
                "/v1/tasks?q=pic&since=1h&until=2000000000000&brief=true", "/v1/tasks?ending=failed,lost&pictures=true",
                "/v1/tasks?ending=x", "/v1/history",
                "/v1/tasks/bad/image", "/v1/deliveries", "/v1/deliveries?state=delivered", "/v1/deliveries?state=x",
                f"/v1/deliveries/{first['id']}", "/v1/deliveries/999999", "/v1/endpoints", "/v1/gateways", "/v1/status",
                "/healthz", "/readyz", "/metrics", "/openapi.json", "/v1/nothing"]
        for target in gets:
            control.get(target)
        control.call("GET", "/v1/tasks/pic/image", None, {"Range": "bytes=0-9"})
        control.call("GET", "/v1/tasks/pic/image", None, {"Range": "bytes=99999999-"})
        etag = control.get("/v1/tasks/pic/image").headers["etag"]
        control.call("GET", "/v1/tasks/pic/image", None, {"If-None-Match": etag})
        control.call("GET", "/v1/status", None, {"Origin": "https://evil.example"})
        control.call("GET", "/v1/events", None, {"Last-Event-ID": "x"})
        for method, target, body in (
                ("POST", "/v1/tasks/a/refresh", None), ("POST", "/v1/tasks/pic/refresh", None),
                ("POST", "/v1/tasks/nobody/refresh", None), ("POST", "/v1/tasks/bad/webhooks", '"app"'),
                ("POST", "/v1/tasks/pic/webhooks", own | {"events": ["task.succeeded"]}),
                ("POST", "/v1/tasks/pic/webhooks", {"name": "nobody"}), ("DELETE", "/v1/tasks/b", None),
                ("DELETE", "/v1/tasks/b", None), ("POST", f"/v1/deliveries/{first['id']}/replay", {}),
                ("POST", "/v1/deliveries/999999/replay", {}), ("POST", "/v1/deliveries/replay", {"state": "dead"}),
                ("POST", "/v1/deliveries/replay", {}), ("POST", "/v1/endpoints/app/test", {}),
                ("POST", "/v1/endpoints/nobody/test", {}), ("POST", "/v1/endpoints/app/disable", {"reason": "a test"}),
                ("POST", "/v1/endpoints/app/disable", {"why": 1}), ("GET", "/v1/endpoints", None),
                ("POST", "/v1/endpoints/app/enable", {}), ("PATCH", "/v1/tasks/a", {}), ("DELETE", "/v1/status", None)):
            control.call(method, target, body)
        control.call("POST", "/v1/page/links", {})
        self.sign_in_and_out(daemon)
        # A stream has no end of its own: what is asked for alone, and then the daemon stops.
        made = control.raw(b"GET /v1/events?task=pic HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 0\r\n"
                           b"Accept: application/x-ndjson\r\nConnection: close\r\n\r\n", timeout=20, until=b"succeeded")
        self.assertIn(b"task.succeeded", made)
        lines = [line for line in made.decode().splitlines() if line.startswith("{")]
        with open(EXCHANGES / "stream.ndjson", "w", encoding="utf-8") as out:
            out.write(json.dumps({"method": "GET", "target": "/v1/events", "status": 200, "type": "application/x-ndjson",
                                  "body": "\n".join(lines)}) + "\n")

    def sign_in_and_out(self, daemon):
        """As the page does, over TCP; badly first."""
        host = daemon.config["control"]["listen"]
        cookie = proof = ""
        for method, body in (("POST", {"token": "wrong"}), ("POST", {"token": TOKEN}), ("DELETE", None)):
            connection = http.client.HTTPConnection(host, timeout=20)
            connection.request(method, "/v1/page/session", json.dumps(body) if body else None,
                               {"origin": "http://" + host, "cookie": cookie, "x-mjwatchd-proof": proof})
            answer = connection.getresponse()
            cookie = (answer.headers["set-cookie"] or "").split(";")[0]
            made = Answer(answer.status, answer.headers, answer.read())
            proof = made.json()["proof"] if made.status == 200 else proof
            record(method, "/v1/page/session", made)
            connection.close()

    def test_answers_are_as_described(self):
        gateway = self.gateway("--picture", "png", "--picture-size", "20KB")
        receiver = self.receiver("/app", "/own")
        daemon = self.daemon(gateway, webhooks={"allow": ["127.0.0.0/8"]})
        daemon.add_endpoint("app", receiver.url + "/app", receiver.secrets["/app"][0])
        write_private(self.folder / "control.token", TOKEN + "\n")
        daemon.config["control"].update({"listen": f"127.0.0.1:{free_port()}", "token_file": "control.token"})
        self.start(daemon)
        self.ask_everything(daemon, gateway, receiver)
        description = self.folder / "openapi.json"
        description.write_bytes(daemon.control.get("/openapi.json").body)
        self.assertEqual(json.loads(description.read_text("utf-8")),
                         json.loads((ROOT / "config" / "openapi.json").read_text("utf-8")))
        recorded = sorted(EXCHANGES.glob("*.ndjson"))
        lines = b"".join(file.read_bytes() for file in recorded)
        words = ["node", str(PACKAGES / "check.mjs"), str(description)]
        (PACKAGES / "check.mjs").write_bytes((SOURCE / "check.mjs").read_bytes())  # beside its node_modules
        made = subprocess.run(words, input=lines, capture_output=True, timeout=120)
        self.assertEqual(made.returncode, 0, made.stderr.decode())
        verdict = json.loads(made.stdout)
        for file in recorded:  # of this version of the programs; the next run makes its own
            file.unlink()
        self.assertEqual(verdict["problems"], [])
        self.assertGreater(verdict["count"], 50)
        answered = {" ".join(one.split(" ")[:2]) for one in verdict["covered"] if one.split(" ")[2] < "400"}
        self.assertEqual(set(verdict["operations"]) - answered, set(), "operations that never answered well")


if __name__ == "__main__":
    npm.need(SOURCE, PACKAGES)
    EXCHANGES.mkdir(parents=True, exist_ok=True)
    main()
