"""Stands between a daemon and PostgreSQL, reads their protocol, and cuts the connection at a COMMIT."""

import socket
import socketserver
import threading

BEFORE, AFTER = "before", "after"


class Handler(socketserver.BaseRequestHandler):
    """One connection: what the client sends is read message by message, what the server sends is passed on."""

    def handle(self):
        self.names, self.deaf, self.committed = set(), False, threading.Event()
        with socket.create_connection(self.server.target) as onward:
            self.onward = onward
            back = threading.Thread(target=self.pass_back, daemon=True)
            back.start()
            try:
                self.read_client()
            except OSError:
                pass  # one side hung up
            for side in (self.request, onward):
                try:
                    side.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            back.join()

    def pass_back(self):
        try:
            while piece := self.onward.recv(1 << 16):
                if not self.deaf:
                    self.request.sendall(piece)
                elif b"COMMIT\0" in piece:
                    self.committed.set()
        except OSError:
            pass
        self.committed.set()
        try:
            self.request.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def read_client(self):
        waiting, started = b"", False
        while piece := self.request.recv(1 << 16):
            waiting += piece
            while True:
                head = 1 if started else 0  # the first message has no letter
                if len(waiting) < head + 4:
                    break
                size = head + int.from_bytes(waiting[head:head + 4], "big")
                if len(waiting) < size:
                    break
                message, waiting = waiting[:size], waiting[size:]
                if started and not self.pass_on(message):
                    return
                if not started:
                    self.onward.sendall(message)
                started = True

    def pass_on(self, message):
        """False: it is cut here."""
        kind, body = message[:1], message[5:]
        if kind == b"P":  # a statement is prepared
            name, text = body.split(b"\0")[:2]
            if text == b"COMMIT":
                self.names.add(name)
        if kind == b"B" and body.split(b"\0")[1] in self.names:
            how = self.server.cutter.next_cut()
            if how == BEFORE:
                return False
            self.deaf = how == AFTER
        self.onward.sendall(message)
        if kind == b"S" and self.deaf:
            self.committed.wait(20)
            return False
        return True


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


class CommitCutter:
    """Connections through `port` are as direct ones, until cut() says how the next COMMITs end."""

    def __init__(self, host, port):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.target = (host, port)
        self.server.cutter = self
        self.port = self.server.server_address[1]
        self.lock = threading.Lock()
        self.planned, self.done = [], 0
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def cut(self, *how):
        """BEFORE: it never reaches the server. AFTER: it is done, and the answer is lost."""
        with self.lock:
            self.planned += how

    def next_cut(self):
        with self.lock:
            if not self.planned:
                return None
            self.done += 1
            return self.planned.pop(0)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
