"""A secret is in its file and on its way to whom it is for, and nowhere else: however much is logged, whatever is asked."""

import json
import signal
import socket

from rig.case import Case, main
from rig.daemon import write_private
from rig.program import run, wait_until

CALLS = ("/v1/status", "/v1/tasks", "/v1/tasks/good", "/v1/tasks/own", "/v1/deliveries", "/v1/endpoints", "/v1/gateways",
         "/healthz", "/readyz", "/metrics", "/openapi.json")
WORDS = (("list",), ("show", "good"), ("show", "own"), ("events",), ("deliveries",), ("endpoints",), ("status",),
         ("top", "--once"))


class SecretsTest(Case):
    def test_no_secret_is_told_at_any_level_in_any_format(self):
        for text in ("text", "json"):
            with self.subTest(format=text):
                self.look_everywhere(self.folder / text, text)

    def look_everywhere(self, folder, log_format):
        folder.mkdir()
        receiver = self.receiver("/app", "/moved?sig=query-secret-7f31", "/own?key=query-secret-91ab", "/down",
                                 decide=lambda arrival: {"/app": 204, "/down": 500}.get(arrival.path,
                                     (302, {"location": "http://user:pass-secret-02@elsewhere.example/?k=query-secret-44"})
                                     if "moved" in arrival.path else 204))
        gateway = self.gateway("--picture", "png", "--picture-size", "20KB")
        daemon = self.daemon(gateway, folder=folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        secrets = {"control": "control-token-5d1e", "wrong": "wrong-token-c3a9", "header": "header-secret-6b20",
                   "bad": "bad-gateway-token-11f0"}
        write_private(folder / "control.token", secrets["control"])
        write_private(folder / "bad.token", secrets["bad"])
        daemon.config["control"].update(listen=f"127.0.0.1:{port}", token_file="control.token")
        daemon.config["gateways"]["bad"] = {**daemon.config["gateways"]["gw"], "token_file": "bad.token"}
        daemon.config["webhooks"]["allow"] = ["127.0.0.0/8"]
        daemon.config["log"] = {"level": "trace", "format": log_format}
        daemon.add_endpoint("app", receiver.url + "/app", receiver.secrets["/app"][0],
                            headers={"authorization": "Basic " + secrets["header"]})
        for name, path in (("moved", "/moved?sig=query-secret-7f31"), ("down", "/down")):
            daemon.add_endpoint(name, receiver.url + path, receiver.secrets[path][0])
        own_secret = receiver.secrets["/own?key=query-secret-91ab"][0]
        self.start(daemon)

        # Everything that has to do with a secret, well and badly.
        for task in ("good", "own", "refused"):
            gateway.make(task, duration="1ms", ending="SUCCESS")
        control = daemon.control
        control.register("good", {"metadata": {"order": 1}})
        own = {"url": receiver.url + "/own?key=query-secret-91ab", "secret": own_secret}
        control.register("own", {"webhooks": [own]})
        for wrong in ({**own, "secret": "whsec_!" + secrets["wrong"]}, {**own, "url": "ftp://u:" + secrets["wrong"] + "@h/"},
                      {**own, "url": "http://10.0.0.1/?k=" + secrets["wrong"]}):
            self.assertEqual(control.register("never", {"webhooks": [wrong]}).status, 400)
        control.register("refused", {"gateway": "bad"})
        for task in ("good", "own"):
            self.assertEqual(control.need("GET", f"/v1/tasks/{task}?wait=60s")["ending"], "succeeded")
        self.over_tcp(port, secrets)
        wait_until(lambda: [row for row in control.need("GET", "/v1/gateways")["gateways"] if row["state"] == "refused"], 30,
                   "a gateway refuses its token")
        wait_until(lambda: control.deliveries("?state=delivered&endpoint=app"), 30, "it was delivered")
        wait_until(lambda: receiver.taken("/own?key=query-secret-91ab"), 30, "so was the other")
        wait_until(lambda: len(receiver.taken("/down")) > 2, 30, "and it failed, and was tried again")
        wait_until(lambda: receiver.taken("/moved?sig=query-secret-7f31"), 30, "and it was sent elsewhere")
        changed = daemon.config_file.read_text()
        write_private(folder / "mjwatchd.yaml", changed.replace('"max_gap"', '"max_gapp"'))
        daemon.program.signal(signal.SIGHUP)
        wait_until(lambda: "stays in force" in daemon.program.output(), 20, "a reload is refused")
        write_private(folder / "mjwatchd.yaml", changed)

        told = {target: control.get(target).body.decode() for target in CALLS}
        rows = control.deliveries()
        told["deliveries"] = json.dumps([control.need("GET", f"/v1/deliveries/{row['id']}") for row in rows])
        told["events"] = control.raw(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 0\r\n\r\n",
                                     until=b"task.succeeded").decode()
        for words in (*WORDS, ("deliveries", rows[0]["id"])):
            for json_or_not in ([], ["--json"]):
                done = run(["mjwatch", "--socket", daemon.socket, *json_or_not, *map(str, words)])
                told["mjwatch " + " ".join(map(str, words))] = done.stdout + done.stderr
        for option in ("--print-config", "--check"):
            done = run(["mjwatchd", "--config", daemon.config_file, option])
            told["mjwatchd " + option] = done.stdout + done.stderr
        self.assertEqual(daemon.stop()[0], 0)
        told["log"] = daemon.program.output()
        self.assertIn("debug", told["log"], "it was really told to say much")
        hidden = [*secrets.values(), daemon.token,
                  *(secret.removeprefix("whsec_") for those in receiver.secrets.values() for secret in those)]
        for where, words in told.items():
            for secret in hidden:
                self.assertNotIn(secret, words, where)
        # A URL's query may be a secret, too, and where a receiver redirects to. Who asks for the configuration or a
        # delivery gets to see it; a log is read by others.
        for secret in ("query-secret-7f31", "query-secret-91ab", "query-secret-44", "pass-secret-02"):
            self.assertNotIn(secret, told["log"])
            self.assertNotIn(secret, told["/metrics"])

    def over_tcp(self, port, secrets):
        for token, status in ((secrets["wrong"], b"401"), (secrets["control"], b"200")):
            with socket.create_connection(("127.0.0.1", port), 20) as connection:
                connection.sendall(b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                                   b"Authorization: Bearer " + token.encode() + b"\r\n\r\n")
                answer = b""
                while piece := connection.recv(65536):
                    answer += piece
            self.assertEqual(answer.split()[1], status)
            self.assertNotIn(token.encode(), answer)


if __name__ == "__main__":
    main()
