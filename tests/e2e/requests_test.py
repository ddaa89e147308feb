"""Bad input over the control socket: each a clear refusal, the daemon lives on, and nothing that was there is lost."""

import json
import socket
import time

from rig.case import Case, main
from rig.program import wait_until


class RequestsTest(Case):
    def setUp(self):
        super().setUp()
        self.daemon_ = self.start(self.daemon())
        self.control = self.daemon_.control
        self.assertEqual(self.control.register("kept").status, 201)
        self.addCleanup(self.check_survival)

    def check_survival(self):
        """Runs first of all clean-ups, after each test."""
        self.assertEqual(self.control.get("/healthz").status, 200)
        self.assertIn("kept", [task["id"] for task in self.control.tasks()])
        self.assertTrue(self.daemon_.program.running())
        self.assertNotIn(self.daemon_.token, self.daemon_.program.output())

    def assert_refused(self, answer, status, *words):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["content-type"], "application/problem+json")
        problem = answer.json()
        self.assertEqual(problem["status"], status)
        self.assertTrue(problem["title"])
        for word in words:
            self.assertIn(word, problem["detail"])

    def raw_refused(self, request, *statuses):
        answer = self.control.raw(request)
        self.assertRegex(answer[:13].decode("latin-1"), r"^HTTP/1\.1 \d{3} ", request[:100])
        self.assertIn(int(answer[9:12]), statuses, (request[:100], answer[:300]))
        return answer

    def test_ids_that_are_none(self):
        for path in ["a%2Fb", "a%2fb", "..%2f..%2fetc%2fpasswd", "%00", "a%00b", "a%0d%0ab", "a%1bb", "a%20b", "%2e%2e",
                     "%2e", "ä", "%c3%a4", "%ff", "a%5cb", "a~b", "a*b", "x" * 129, "x" * 10_000, "a%2Fb%2F" * 500]:
            target = "/v1/tasks/" + path.encode().decode("latin-1")
            request = f"PUT {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            answer = self.raw_refused(request.encode("latin-1"), 400, 404, 414, 431)
            self.assertNotIn(b"\x1b", answer)
        for task in ["x" * 128, "A-z_0.9:x", "...", "-", "1712158011464906"]:
            self.assertEqual(self.control.register(task).status, 201, task)
        answer = self.control.call("POST", "/v1/tasks", {"ids": ["ok", "a/b", "", "..", "x" * 129, "a\nb", "ok"]})
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.json()["accepted"], 1)
        self.assertEqual(len(answer.json()["rejected"]), 4 + 1, answer)

    def test_targets_that_are_none(self):
        for target, statuses in [("/", (404,)), ("/v1", (404,)), ("/v2/tasks", (404,)), ("/v1/tasks/", (404, 400)),
                                 ("/v1/tasks/a/b/c", (404,)), ("//", (404, 400)), ("/v1/tasks/%", (400, 404)),
                                 ("/v1/tasks/%zz", (400, 404)), ("/v1/tasks?limit=x", (400,)),
                                 ("/v1/tasks?limit=-1", (400,)), ("/v1/tasks?cursor=;DROP", (400,)),
                                 ("/v1/tasks?status=NOPE", (400,)), ("/v1/tasks?active=perhaps", (400,)),
                                 ("/v1/tasks/kept?wait=soon", (400,)), ("/v1/deliveries/abc", (400, 404)),
                                 ("/v1/deliveries?state=lost", (400,)), ("/v1/deliveries/99999999999999999999", (400, 404)),
                                 ("/v1/tasks/kept/images/x", (400, 404)), ("/v1/tasks/kept/image", (404,)),
                                 ("/v1/tasks/nobody", (404,))]:
            with self.subTest(target):
                answer = self.control.get(target)
                self.assertIn(answer.status, statuses, answer)
                self.assert_refused(answer, answer.status)

    def test_methods_that_are_none(self):
        for method, target in [("POST", "/v1/tasks/kept"), ("PUT", "/v1/tasks"), ("DELETE", "/v1/status"),
                               ("PATCH", "/v1/tasks/kept"), ("GET", "/v1/tasks/kept/refresh")]:
            answer = self.control.call(method, target)
            self.assert_refused(answer, 405)
            self.assertTrue(answer.headers["allow"])

    def test_bodies_that_are_none(self):
        for body in [b"{", b"not json", b"[]", b'"text"', b"17", b"null", b'{"gateway":7}', b'{"gateway":"nope"}',
                     b'{"metadata":1e999}', b'{"save":"everything"}', b'{"events":["task.finished"]}', b'{"evnts":[]}',
                     b'{"expire_after":60}', b'{"expire_after":"60"}', b'{"submitted_at":"now"}', b'{"webhooks":["nobody"]}',
                     b'{"webhooks":[{"url":"http://127.0.0.1/"}]}', b'{"webhooks":[{"url":"https://example.com/"}]}',
                     b'{"webhooks":[{"url":"https://example.com/","secret":"short"}]}',
                     b'{"webhooks":[{"url":"ftp://example.com/","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}]}',
                     b'{"metadata":"\xff\xfe"}', b"\xef\xbb\xbf{}x", b"[" * 100_000, b'{"a":' * 50_000,
                     b'{"metadata":"' + b"x" * 16_385 + b'"}']:
            with self.subTest(body[:60]):
                answer = self.control.call("PUT", "/v1/tasks/fresh", body)
                self.assertIn(answer.status, (400, 413, 422), answer)
                self.assert_refused(answer, answer.status)
                self.assertNotIn("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", answer.body.decode())
        self.assertEqual(self.control.get("/v1/tasks/fresh").status, 404)

    def test_bodies_that_are_too_large(self):
        huge = json.dumps({"metadata": "x" * (2 << 20)})
        self.assert_refused(self.control.call("PUT", "/v1/tasks/fresh", huge), 413)
        for told in (1 << 21, 1 << 40, 1 << 62):  # refused by what is said, before anything is sent
            request = f"PUT /v1/tasks/fresh HTTP/1.1\r\nHost: localhost\r\nContent-Length: {told}\r\n\r\n"
            self.raw_refused(request.encode(), 413, 400)
        lines = b'{"id":"n"}\n' + b" " * (65 << 20)
        answer = self.control.call("POST", "/v1/tasks", lines, {"content-type": "application/x-ndjson"})
        self.assert_refused(answer, 413)

    def test_requests_that_break_off(self):
        for request in [b"", b"G", b"GET /v1/st", b"GET /v1/status HTTP/1.1\r\nHo",
                        b"PUT /v1/tasks/half HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{\"metadata\":",
                        b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n20\r\n{\"id\":\"half\"}\n{\"id\":"]:
            answer = self.control.raw(request)
            self.assertNotIn(b"HTTP/1.1 201", answer)
        self.assertEqual(self.control.get("/v1/tasks/half2").status, 404)

    def test_requests_that_are_no_http(self):
        for request in [b"\0" * 1000 + b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n",
                        b"HELO localhost\r\n\r\n", b"GET /v1/status HTTP/9.9\r\n\r\n",
                        b"GET /v1/status HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                        b"PUT /v1/tasks/x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                        b"PUT /v1/tasks/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
                        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-Long: " + b"y" * 200_000 + b"\r\n\r\n",
                        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
                        b"GET /" + b"z" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"]:
            answer = self.control.raw(request)
            self.assertTrue(answer == b"" or answer[9:10] in (b"4", b"5"), (request[:60], answer[:200]))

    def test_a_line_that_is_wrong_leaves_the_others_alone(self):
        lines = ['{"id":"n1"}', "", "nonsense", '{"id":7}', '{"id":"n2","save":"nope"}', '{"id":"a/b"}', '{"id":"n1"}',
                 '{"id":"n1","save":"all"}', '{"id":"n3"}', '{"metadata":1}', "\x00", '{"id":"n4"']
        answer = self.control.call("POST", "/v1/tasks", "\n".join(lines), {"content-type": "application/x-ndjson"})
        self.assertEqual(answer.status, 200, answer)
        told = answer.json()
        self.assertEqual((told["accepted"], told["existing"]), (2, 1), told)
        self.assertEqual(len(told["rejected"]), 8, told)
        self.assertTrue(all(one["reason"] for one in told["rejected"]))
        there = {task["id"] for task in self.control.tasks()}
        self.assertEqual(there, {"kept", "n1", "n3"})

    def test_the_same_again_differs_from_something_else(self):
        wish = {"metadata": {"a": 1, "b": [1, 2.50]}, "save": "all"}
        self.assertEqual(self.control.register("same", wish).status, 201)
        self.assertEqual(self.control.register("same", wish).status, 200)
        self.assertEqual(self.control.register("same", {"save": "all"}).status, 200)
        self.assertEqual(self.control.register("same", {"metadata": {"b": [1, 2.50], "a": 1}}).status, 200)
        self.assert_refused(self.control.register("same", {"metadata": {"a": 2}}), 409, "metadata")
        self.assert_refused(self.control.register("same", {"save": "none"}), 409, "save")
        self.assertEqual(self.control.call("DELETE", "/v1/tasks/same").status // 100, 2)
        self.assertEqual(self.control.get("/v1/tasks/same").status, 404)

    def test_many_idle_and_slow_clients_keep_nobody_out(self):
        clients = []
        try:
            for number in range(200):
                client = socket.socket(socket.AF_UNIX)
                client.settimeout(10)
                client.connect(str(self.daemon_.socket))
                if number % 2:
                    client.sendall(b"GET /v1/status HTTP/1.1\r\nHost: loc")
                clients.append(client)
            begin = time.monotonic()
            self.assertEqual(self.control.register("through").status, 201)
            self.assertLess(time.monotonic() - begin, 5)
        finally:
            for client in clients:
                client.close()
        wait_until(lambda: self.control.need("GET", "/v1/status")["clients"]["connections"] < 10, 20, "they are let go")


if __name__ == "__main__":
    main()
