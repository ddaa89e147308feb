"""A server that does to each connection what a test wants, with TLS if it is given a context."""

import socket
import threading


class RawReceiver:
    """`script` takes a connection whose request was read, and the request; it runs on a thread of its own, and the
    connection is closed after it, unless it answers something true. With `tls` the handshake comes first; with a
    `greeting` it speaks first, whoever is there."""

    def __init__(self, script, tls=None, greeting=b""):
        self.script = script
        self.greeting = greeting
        self.tls = tls
        self.requests = []
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            with connection:
                connection.sendall(self.greeting)
                if not self.tls:
                    return self.talk(connection)
                with self.tls.wrap_socket(connection, server_side=True) as secure:
                    return self.talk(secure)
        except OSError:
            pass  # its sender went, or did not like the certificate: ssl.SSLError is one, too

    def talk(self, connection):
        while request := self.read(connection):
            with self.lock:
                self.requests.append(request)
            if not self.script(connection, request):
                return

    @staticmethod
    def read(connection):
        """One request with its body; nothing at the end."""
        data = b""
        while True:
            head, gap, body = data.partition(b"\r\n\r\n")
            if gap:
                length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                               if line.startswith(b"content-length:")), 0)
                if len(body) >= length:
                    return data
            piece = connection.recv(65536)
            if not piece:
                return b""
            data += piece

    def close(self):
        self.over.set()
        self.listener.close()
