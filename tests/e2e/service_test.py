"""The daemon as a service: its socket, systemd's protocols, and how it ends."""

import os
import shutil
import signal
import socket
import stat
import threading
import time
import unittest

from rig.case import Case, main
from rig.control import UnixConnection
from rig.program import PATIENCE, wait_until


class Manager:
    """What systemd's end of sd_notify(3) hears."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1))
        self.socket.setblocking(False)
        self.heard = []

    def lines(self):
        while True:
            try:
                self.heard += self.socket.recv(65536).decode().splitlines()
            except BlockingIOError:
                return self.heard

    def wait_for(self, line, count=1):
        wait_until(lambda: self.lines().count(line) >= count, 15, f"{count} × {line}; heard: {self.heard}")


class ServiceTest(Case):
    def refuses(self, daemon, *pieces):
        self.launch(daemon)
        self.assertEqual(daemon.program.wait(20), 1, daemon.tail())
        for piece in pieces:
            self.assertIn(str(piece), daemon.program.output())

    def test_a_socket_of_a_live_daemon_is_left_to_it(self):
        first = self.start(self.daemon())
        second = self.daemon(folder=self.folder / "second")
        second.config["control"]["socket"] = str(first.socket)
        self.refuses(second, first.socket)
        self.assertEqual(first.control.get("/healthz").status, 200)

    def test_a_socket_that_a_killed_daemon_left_is_taken_over(self):
        daemon = self.start(self.daemon())
        daemon.kill()
        self.assertTrue(daemon.socket.exists())
        self.start(daemon)
        self.assertEqual(daemon.control.get("/healthz").status, 200)

    def test_a_file_where_the_socket_should_be_is_not_removed(self):
        daemon = self.daemon()
        daemon.socket.write_text("mine")
        self.refuses(daemon, daemon.socket)
        self.assertEqual(daemon.socket.read_text(), "mine")

    def test_a_folder_for_the_socket_that_is_not_there_is_told(self):
        daemon = self.daemon()
        daemon.config["control"]["socket"] = str(self.folder / "none" / "s")
        self.refuses(daemon, self.folder / "none" / "s")

    def test_the_socket_has_the_mode_of_the_configuration(self):
        daemon = self.daemon()
        daemon.config["control"]["mode"] = "0640"
        self.start(daemon)
        found = daemon.socket.stat().st_mode
        self.assertTrue(stat.S_ISSOCK(found))
        self.assertEqual(stat.S_IMODE(found), 0o640)

    def test_tcp_needs_the_token(self):
        daemon = self.daemon()
        reserved = socket.socket()
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        reserved.close()
        (self.folder / "control.token").write_text("let-me-in-please\n")
        (self.folder / "control.token").chmod(0o600)
        daemon.config["control"].update(listen=f"127.0.0.1:{port}", token_file="control.token", hosts=["known.example"])
        self.start(daemon)

        def ask(*lines, host="localhost"):
            with socket.create_connection(("127.0.0.1", port), 10) as connection:
                text = "\r\n".join(["GET /v1/status HTTP/1.1", f"Host: {host}", "Connection: close", *lines, "", ""])
                connection.sendall(text.encode())
                answer = b""
                while piece := connection.recv(65536):
                    answer += piece
                return answer

        self.assertTrue(ask().startswith(b"HTTP/1.1 401 "))
        self.assertTrue(ask("Authorization: Bearer wrong").startswith(b"HTTP/1.1 401 "))
        token = "Authorization: Bearer let-me-in-please"
        self.assertTrue(ask(token).startswith(b"HTTP/1.1 200 "))
        self.assertTrue(ask(token, host="known.example:7780").startswith(b"HTTP/1.1 200 "))
        self.assertTrue(ask(token, host="rebound.example").startswith(b"HTTP/1.1 421 "))
        self.assertNotIn("let-me-in-please", daemon.program.output())

    def test_systemd_is_told_of_start_life_reload_and_end(self):
        for address in (str(self.folder / "notify"), f"@mjwatchd-e2e-{os.getpid()}"):
            manager = Manager(address)
            daemon = self.daemon(folder=self.folder / address.strip("@").replace("/", "_")[-8:])
            daemon.control.timeout = 10
            self.launch(daemon, environment={"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "300000"})
            manager.wait_for("READY=1")
            self.assertEqual(daemon.control.get("/readyz").status != 503, True)
            manager.wait_for("WATCHDOG=1", 4)
            self.assertNotIn("STOPPING=1", manager.lines())
            daemon.program.signal(signal.SIGHUP)
            manager.wait_for("RELOADING=1")
            manager.wait_for("READY=1", 2)
            stamps = [line for line in manager.lines() if line.startswith("MONOTONIC_USEC=")]
            self.assertEqual(len(stamps), 1)
            self.assertLess(abs(time.clock_gettime(time.CLOCK_MONOTONIC) - int(stamps[0][15:]) / 1e6), 60)
            self.assertEqual(daemon.stop()[0], 0)
            manager.wait_for("STOPPING=1")

    @unittest.skipUnless(shutil.which("systemd-socket-activate"), "SKIPPED: systemd-socket-activate is not installed")
    def test_a_socket_passed_by_systemd_is_served_and_survives(self):
        daemon = self.daemon()
        passed = self.folder / "passed"
        self.launch(daemon, words_before=["systemd-socket-activate", "-l", str(passed), "--fdname=control"])
        wait_until(passed.exists, 10, "systemd-socket-activate listens")
        daemon.control.path = passed
        # The first call waits in the socket until the daemon is up: nobody is turned away at a start.
        answer = wait_until(lambda: self.quiet_call(daemon), 20, "the daemon answers")
        self.assertIn(answer.status, (200, 503))
        daemon.wait_ready()
        self.assertEqual(daemon.control.register("t").status, 201)
        self.assertFalse(daemon.socket.exists(), "a passed socket replaces the one of the configuration")
        self.assertEqual(daemon.stop()[0], 0)
        self.assertTrue(passed.exists(), "a passed socket is not the daemon's to remove")

    def quiet_call(self, daemon):
        try:
            return daemon.control.get("/healthz")
        except OSError:
            return None

    def test_sigterm_ends_it_in_time_with_0_whoever_hangs_on(self):
        """A stream, a waiting client, a half request, a gateway and a receiver that never answer."""
        let_go = threading.Event()
        self.addCleanup(let_go.set)
        receiver = self.receiver("/app", decide=lambda arrival: let_go.wait(60) and 204)
        gateway = self.gateway("--picture", "none")
        daemon = self.daemon(gateway)
        daemon.add_endpoint("app", receiver.url + "/app", receiver.secrets["/app"][0], timeout="30s")
        self.start(daemon)
        gateway.make("t", duration="1ms")
        daemon.control.register("t", {"save": "none"})
        wait_until(lambda: receiver.working.count, 20, "the receiver holds a webhook")
        gateway.misbehave("hang")
        gateway.make("u", ending="NEVER")
        daemon.control.register("u")
        held = []
        for target in ("/v1/events", "/v1/tasks/u?wait=60s"):
            connection = UnixConnection(daemon.socket, 60)
            connection.request("GET", target)
            held.append(connection)
        half = socket.socket(socket.AF_UNIX)
        half.connect(str(daemon.socket))
        half.sendall(b"PUT /v1/tasks/v HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        code, seconds = daemon.stop()
        self.assertEqual(code, 0)
        self.assertLess(seconds, 10 if PATIENCE == 1 else 15)
        for connection in held:
            connection.close()
        half.close()
        self.assertFalse(daemon.socket.exists(), "its socket goes with it")
        let_go.set()
        self.start(daemon)
        wait_until(lambda: not daemon.control.deliveries("?state=pending"), 20, "what was under way is sent again")
        self.assertEqual(len({arrival.webhook_id for arrival in receiver.taken()}), 1)

    def test_without_anything_under_way_it_ends_at_once(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            daemon = self.start(self.daemon())
            begin = time.monotonic()
            daemon.program.signal(number)
            self.assertEqual(daemon.program.wait(20), 0)
            self.assertLess(time.monotonic() - begin, 2 * PATIENCE)

    def test_a_second_signal_does_not_wait(self):
        let_go = threading.Event()
        self.addCleanup(let_go.set)
        receiver = self.receiver("/app", decide=lambda arrival: let_go.wait(60) and 204)
        daemon = self.daemon()
        daemon.add_endpoint("app", receiver.url + "/app", receiver.secrets["/app"][0], timeout="30s")
        self.start(daemon)
        daemon.control.need("POST", "/v1/endpoints/app/test", {})
        wait_until(lambda: receiver.working.count, 20, "the receiver holds a webhook")
        begin = time.monotonic()
        daemon.program.signal(signal.SIGTERM)
        wait_until(lambda: "stopping" in daemon.program.output(), 10, "it stops")
        daemon.program.signal(signal.SIGTERM)
        self.assertEqual(daemon.program.wait(20), 0)
        self.assertLess(time.monotonic() - begin, 5 * PATIENCE)


if __name__ == "__main__":
    main()
