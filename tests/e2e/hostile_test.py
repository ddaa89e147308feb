"""Receivers that do their worst, and URLs and secrets that mean no good."""

import base64
import json
import os
import socket
import ssl
import subprocess
import time
import unittest

from rig.case import Case, main
from rig.daemon import write_private
from rig.program import run, wait_until
from rig.raw_receiver import RawReceiver
from rig.receiver import new_secret


def can_mount():
    """A mount namespace of its own, which only root gets."""
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


def with_hosts(file):
    """Words before a program that sees this as /etc/hosts; nobody else does."""
    return ["unshare", "--mount", "sh", "-c", 'mount --bind "$1" /etc/hosts && shift && exec "$@"', "sh", str(file)]


def openssl(*words, text=None):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, input=text, text=True)


class HostileTest(Case):
    def setUp(self):
        super().setUp()
        self.gateway_ = self.gateway("--picture", "none")
        self.daemon_ = self.daemon(self.gateway_)
        self.secret = new_secret(self.random)
        self.secrets.add(self.secret)

    def raw(self, script, tls=None, greeting=b""):
        receiver = RawReceiver(script, tls, greeting)
        self.addCleanup(receiver.close)
        return receiver

    def endpoint(self, name, url, **more):
        self.daemon_.add_endpoint(name, url, self.secret, **more)

    def end_tasks(self, count):
        for number in range(count):
            self.gateway_.make(f"t{number}", duration="1ms")
            self.assertEqual(self.daemon_.control.register(f"t{number}", {"save": "none"}).status, 201)
            self.daemon_.control.need("POST", f"/v1/tasks/t{number}/refresh")

    def attempts(self, endpoint):
        """Of every delivery to it."""
        rows = self.daemon_.control.deliveries(f"?endpoint={endpoint}")
        return [attempt for row in rows
                for attempt in self.daemon_.control.need("GET", f"/v1/deliveries/{row['id']}")["attempts"]]

    def certificates(self):
        """An authority, a receiver's certificate and one of ours, as PEM files."""
        at = self.folder
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=authority", "-keyout",
                at / "ca.key", "-out", at / "ca.pem")
        for name, more in (("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")):
            openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", at / f"{name}.key",
                    "-out", at / f"{name}.csr")
            (at / "more").write_text(more)
            openssl("x509", "-req", "-in", at / f"{name}.csr", "-CA", at / "ca.pem", "-CAkey", at / "ca.key",
                    "-CAcreateserial", "-days", "2", "-extfile", at / "more", "-out", at / f"{name}.pem")
        write_private(at / "client-both.pem", (at / "client.pem").read_text() + (at / "client.key").read_text())

    def server_tls(self, version=ssl.TLSVersion.TLSv1_2):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
        context.minimum_version = version
        return context

    def test_receivers_that_do_their_worst_block_nobody(self):
        sent = []

        def gigabytes(connection, request):
            connection.sendall(b"HTTP/1.1 500 X\r\n\r\n")
            sent.append(0)
            mine = len(sent) - 1
            while True:  # until its sender hangs up
                sent[mine] += connection.send(b"x" * 65536)

        def drip(connection, request):
            for byte in b"HTTP/1.1 500 Slow\r\ncontent-length: 0\r\n\r\n":
                connection.sendall(bytes([byte]))
                if worst["drip"].over.wait(1):
                    return False

        def half_closed(connection, request):
            connection.shutdown(socket.SHUT_WR)
            worst["half"].over.wait(60)

        def in_a_circle(connection, request):
            connection.sendall(b"HTTP/1.1 302 X\r\nlocation: " + worst["circle"].url.encode() +
                               b"/\r\ncontent-length: 0\r\n\r\n")
            return True

        worst = {}
        for name, script in {
                "never": lambda connection, request: worst["never"].over.wait(60) and False,
                "drip": drip, "gigabytes": gigabytes, "circle": in_a_circle, "half": half_closed,
                "chunks": lambda connection, request: connection.sendall(
                    b"HTTP/1.1 500 X\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nnonsense"),
                "reset": lambda connection, request: connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"),
        }.items():
            worst[name] = self.raw(script)
            self.endpoint(name, worst[name].url, timeout="2s" if name in ("drip", "half") else "30s")
        self.certificates()
        worst["tls"] = self.raw(drip, self.server_tls())  # nobody vouches for it
        self.endpoint("tls", worst["tls"].url, timeout="30s")
        worst["noise"] = self.raw(lambda connection, request: False, greeting=b"220 mail.example.com ESMTP\r\n")
        self.endpoint("noise", worst["noise"].url, timeout="30s")
        self.endpoint("plain", worst["noise"].url.replace("http:", "https:"), timeout="30s")
        good = self.receiver("/good")
        self.daemon_.add_endpoint("good", good.url + "/good", good.secrets["/good"][0])
        self.daemon_.config["webhooks"]["retry"] = ["100ms", "1h"]
        self.start(self.daemon_)
        begin = time.monotonic()
        self.end_tasks(12)
        wait_until(lambda: len(good.taken("/good")) == 12, 25, "the good one got all of its own")
        if time.monotonic() - begin < 25:  # a sanitized daemon may need longer for the tasks alone
            self.assertEqual(self.attempts("never"), [], "and nobody had to wait for the one that never answers")
        self.assertLessEqual(len(worst["never"].requests), 8)
        for name, faults in {"drip": {"timeout"}, "gigabytes": {"broken"}, "half": {"broken", "timeout"},
                             "chunks": {"broken"}, "reset": {"broken"}, "noise": {"broken"}, "tls": {"tls"},
                             "plain": {"tls"}}.items():
            made = wait_until(lambda name=name: self.attempts(name), 25, f"{name} was tried")
            self.assertLessEqual({attempt["fault"] for attempt in made}, faults, (name, made[0]))
        circle = wait_until(lambda: self.attempts("circle"), 25, "the circle was tried")
        self.assertEqual({attempt["http_status"] for attempt in circle}, {302})
        self.assertIn("not followed", circle[0]["detail"])
        self.assertLess(max(sent), 32 << 20, "what is read of an answer is bounded")
        self.assertEqual(self.daemon_.control.get("/healthz").status, 200)
        self.daemon_.kill()

    def test_a_receiver_that_asks_for_a_certificate_gets_ours(self):
        self.certificates()
        context = self.server_tls()
        context.load_verify_locations(self.folder / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        names = []

        def take(connection, request):
            names.append(dict(part[0] for part in connection.getpeercert()["subject"])["commonName"])
            connection.sendall(b"HTTP/1.1 204 X\r\n\r\n")
            return True

        strict = self.raw(take, context)
        self.endpoint("ours", strict.url, ca_file="ca.pem", client_cert_file="client-both.pem")
        self.endpoint("without", strict.url, ca_file="ca.pem")
        self.endpoint("distrusting", strict.url, client_cert_file="client-both.pem")
        self.daemon_.config["webhooks"]["retry"] = ["1h"]
        self.start(self.daemon_)
        self.end_tasks(1)
        wait_until(lambda: self.daemon_.control.deliveries("?endpoint=ours&state=delivered"), 20, "it was delivered")
        self.assertEqual(names, ["client"])
        [attempt] = self.attempts("ours")
        self.assertGreaterEqual(attempt["timings_ms"]["tls"], attempt["timings_ms"]["connect"])
        for name in ("without", "distrusting"):
            [refused] = wait_until(lambda name=name: self.attempts(name), 20, f"{name} was tried")
            self.assertIn(refused["fault"], ("tls", "broken"), refused)
            self.assertIsNone(refused["http_status"])
        self.assertEqual(len(strict.requests), 1)

    @unittest.skipUnless(can_mount(), "SKIPPED: mounting needs root")
    def test_a_name_that_leads_inside_is_refused_where_it_is_connected_to(self):
        receiver = self.receiver("/inside")
        port = receiver.url.rsplit(":")[-1]
        hosts = self.folder / "hosts"
        hosts.write_text("127.0.0.1 localhost\n127.0.0.1 app.example.test\n::1 six.example.test\n"
                         "10.99.0.1 ten.example.test\n")
        self.daemon_.config["webhooks"]["retry"] = ["50ms"] * 10
        self.start(self.daemon_, words_before=with_hosts(hosts))
        for name in ("app", "six", "ten"):
            self.gateway_.make(name, duration="1ms")
            wish = {"save": "none", "webhooks": [
                {"url": f"https://{name}.example.test:{port}/inside", "secret": receiver.secrets["/inside"][0]}]}
            self.assertEqual(self.daemon_.control.register(name, wish).status, 201)
            self.daemon_.control.need("POST", f"/v1/tasks/{name}/refresh")
        dead = wait_until(lambda: len(rows := self.daemon_.control.deliveries("?state=dead")) == 3 and rows, 30,
                          "all are given up")
        for row in dead:
            self.assertEqual(row["attempts_made"], 3, row)
            self.assertIn("webhooks.allow", row["reason"])
        self.assertEqual(receiver.taken(), [])

    @unittest.skipUnless(can_mount(), "SKIPPED: mounting needs root")
    def test_a_picture_link_whose_name_leads_inside_is_refused_where_it_is_connected_to(self):
        """A name is harmless until it is looked up, and may be looked up to something else each time."""
        pictures = self.gateway("--picture", "png", "--picture-size", "20KB")
        hosts = self.folder / "hosts"
        hosts.write_text("127.0.0.1 localhost\n127.0.0.1 pictures.example.test\n")
        self.daemon_.config["gateways"]["gw"]["url"] = pictures.url
        self.daemon_.config["images"]["give_up"] = "3s"
        with socket.create_server(("127.0.0.1", 0)) as inside:
            inside.settimeout(0)
            link = f"https://pictures.example.test:{inside.getsockname()[1]}/mj/cdn"
            self.daemon_.config["gateways"]["gw"]["rewrite_urls"] = {pictures.url + "/mj/cdn": link}
            self.start(self.daemon_, words_before=with_hosts(hosts))
            pictures.make("p", duration="1ms")
            self.daemon_.control.register("p", {"save": "all"})
            task = self.daemon_.control.need("GET", "/v1/tasks/p?wait=30s")
            self.assertEqual(task["ending"], "succeeded")
            self.assertIn("images.allow", task["image_error"])
            with self.assertRaises(BlockingIOError):
                inside.accept()
        # The gateway itself hands out the first one; it is none of the others' ways.
        self.assertLessEqual({file.name for file in self.daemon_.pictures.rglob("*") if file.is_file()}, {"p.png"})

    def test_the_own_control_port_is_refused_though_its_range_is_allowed(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        write_private(self.folder / "control.token", "tok-control-2f6e8a\n")
        self.secrets.add("tok-control-2f6e8a")
        self.daemon_.config["control"].update(listen=f"127.0.0.1:{port}", token_file="control.token")
        self.daemon_.config["webhooks"]["allow"] = ["127.0.0.0/8"]
        self.start(self.daemon_)
        for host, status in ((f"127.0.0.1:{port}", 400), (f"0x7f000001:{port}", 400), (f"127.0.0.1:{port ^ 1}", 201)):
            answer = self.daemon_.control.register("own", {"webhooks": [
                {"url": f"http://{host}/v1/tasks", "secret": self.secret}]})
            self.assertEqual(answer.status, status, answer)
            if status == 400:
                self.assertIn("control.listen", answer.body.decode())

    def test_urls_and_secrets_that_are_none_are_refused_with_a_sentence(self):
        self.start(self.daemon_)
        good = "https://app.example.com/hook"
        for url in ("https://user:pw@example.com/", "https://user@example.com/", "https://exa mple.com/",
                    "https://example.com/a b", "https://example.com/\r\nX-Injected: 1", "ftp://example.com/",
                    "file:///etc/passwd", "javascript:alert(1)", "http://example.com/", "https://0177.0.0.1/",
                    "https://2130706433/", "https://0x7f.1/", "https://localhost./", "https://a.localhost/",
                    "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://10.1/",
                    "//example.com/", "example.com", "", "https://" + "a" * 3000 + ".example.com/"):
            self.refuses(url, self.secret)
        short = "whsec_" + "QUJD" * 7  # 21 bytes
        long = "whsec_" + "QUJD" * 22  # 66 bytes
        for secret in ("", "whsec_", short, long, "whsec_not base64 at all, though of a length that would do",
                       self.secret + "\r\nX-Injected: 1", "whpk_" + "QUJD" * 11, None, 7):
            self.refuses(good, secret)
        self.assertEqual(self.daemon_.control.tasks(), [])

    def refuses(self, url, secret):
        answer = self.daemon_.control.register("bad", {"webhooks": [{"url": url, "secret": secret}]})
        self.assertEqual(answer.status, 400, (url, secret, answer))
        problem = answer.json()
        self.assertIn("webhooks", json.dumps(problem))
        if isinstance(secret, str) and len(secret) > 20:
            self.assertNotIn(secret.strip(), answer.body.decode())

    def test_headers_that_would_inject_or_replace_are_mistakes_of_the_configuration(self):
        for name, value in (("X-A", "a\r\nX-B: b"), ("X-A\r\nX-B", "b"), ("Webhook-Id", "mine"), ("host", "elsewhere"),
                            ("Content-Length", "1"), ("transfer-encoding", "chunked"), ("X A", "b")):
            self.endpoint("app", "https://app.example.com/", headers={name: value}, default=False)
            self.daemon_.write_config()
            checked = run(["mjwatchd", "--config", self.daemon_.config_file, "--check"])
            self.assertNotEqual(checked.returncode, 0, (name, value))
            self.assertIn("webhooks.endpoints.app.headers", checked.stderr + checked.stdout)

    def test_a_secret_given_with_a_task_is_nowhere_in_clear(self):
        self.daemon_.config["webhooks"]["allow"] = ["127.0.0.0/8"]
        receiver = self.receiver("/own")
        secret = receiver.secrets["/own"][0]
        self.start(self.daemon_)
        self.gateway_.make("t", duration="1ms")
        self.daemon_.control.register("t", {"save": "none", "webhooks": [
            {"url": receiver.url + "/own", "secret": secret, "events": ["task.succeeded"], "format": "cloudevents"}]})
        self.daemon_.control.need("POST", "/v1/tasks/t/refresh")
        wait_until(lambda: receiver.taken("/own"), 20, "it came")
        [arrival] = receiver.taken("/own")
        self.assertTrue(arrival.verified)
        self.assertEqual(arrival.json()["type"], "ai.mjwatchd.task.succeeded")
        shown = self.daemon_.control.get("/v1/tasks/t").body + self.daemon_.control.get("/v1/deliveries").body
        self.assertNotIn(secret.removeprefix("whsec_").encode(), shown)
        self.assertEqual(self.daemon_.stop()[0], 0)
        for file in (self.folder / "state").rglob("*"):
            if file.is_file():
                kept = file.read_bytes()
                self.assertNotIn(secret.removeprefix("whsec_").encode(), kept, file)
                self.assertNotIn(base64.b64decode(secret.removeprefix("whsec_")), kept, file)
        self.assertEqual(os.stat(self.folder / "state" / "secrets.key").st_mode & 0o777, 0o600)


if __name__ == "__main__":
    main()
